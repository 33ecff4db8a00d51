package org.ondol.ops;

import org.ondol.Device;
import org.ondol.Scope;
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

  /** Two new tensors outside every scope, or none. */
  static Tensor[] pair(Device device, long[] first, long[] second) {
    Tensor a = Scope.detach(Tensor.empty(device, first));
    try {
      return new Tensor[] {a, Scope.detach(Tensor.empty(device, second))};
    } catch (RuntimeException e) {
      a.close();
      throw e;
    }
  }

  static void closeAll(Tensor... tensors) {
    for (Tensor t : tensors) if (t != null) t.close();
  }
}
