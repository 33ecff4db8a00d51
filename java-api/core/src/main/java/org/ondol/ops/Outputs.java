package org.ondol.ops;

import org.ondol.Tensor;

/** New result tensors: closed again if the operation that should fill them fails. */
final class Outputs {
  private Outputs() {}

  static Tensor finish(Tensor out, Runnable operation) {
    boolean done = false;
    try {
      operation.run();
      done = true;
      return out;
    } finally {
      if (!done) out.close();
    }
  }

  static void closeAll(Tensor... tensors) {
    for (Tensor t : tensors) if (t != null) t.close();
  }
}
