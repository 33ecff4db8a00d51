package org.ondol.ops;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.ondol.DType;
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

  /** A tensor and INT32 indices of its shape, filled by {@code operation}. */
  static Pool.Max indexed(Device device, long[] shape, BiConsumer<Tensor, Tensor> operation) {
    Tensor y = Tensor.empty(device, shape);
    Tensor indices = null;
    boolean done = false;
    try {
      indices = Tensor.empty(device, DType.INT32, shape);
      operation.accept(y, indices);
      done = true;
      return new Pool.Max(y, indices);
    } finally {
      if (!done) closeAll(y, indices);
    }
  }

  /** One tensor for each of several maps, filled by {@code operation} where any has elements. */
  static List<Tensor> maps(Device device, List<long[]> shapes, Consumer<List<Tensor>> operation) {
    List<Tensor> all = new ArrayList<>();
    boolean done = false;
    try {
      for (long[] shape : shapes) all.add(Tensor.empty(device, shape));
      List<Tensor> result = List.copyOf(all);
      if (all.stream().anyMatch(t -> t.count() > 0)) operation.accept(result);
      done = true;
      return result;
    } finally {
      if (!done) all.forEach(Tensor::close);
    }
  }

  /** Closes what was made of a tensor for one call, where that was not the tensor itself. */
  static void closeMade(Tensor made, Tensor given) {
    if (made != null && made != given) made.close();
  }

  /** The tensor itself where it is contiguous, else a copy; see {@link #closeMade}. A view would cost as much as the launch. */
  static Tensor dense(Tensor t) {
    return t == null || t.isContiguous() ? t : t.contiguous();
  }

  static void closeAll(Tensor... tensors) {
    for (Tensor t : tensors) if (t != null) t.close();
  }
}
