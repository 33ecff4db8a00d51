package org.ondol.ops;

import java.util.Arrays;
import java.util.function.Consumer;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.Recording;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.spi.Kernels;

/** Argument checks that the contracts share, and the way from a checked call to a device's kernel. */
final class Check {
  private Check() {}

  static void present(String argument, Object value) {
    if (value == null) throw new InvalidArgumentException(argument, "null", "a value");
  }

  static void tensor(String argument, Tensor t, DType dtype, Device device) {
    present(argument, t);
    if (t.isClosed()) t.acquire(); // throws the ClosedException that names it
    if (t.dtype() != dtype) throw new DTypeException(argument, "of type " + t.dtype(), dtype.toString());
    if (!t.device().equals(device)) throw new DeviceMismatchException(argument, t.device(), device);
  }

  static void floats(String argument, Tensor t, Device device) {
    tensor(argument, t, DType.FLOAT32, device);
  }

  /** An operand of a product: of any floating-point type. */
  static void operand(String argument, Tensor t, Device device) {
    present(argument, t);
    if (!t.dtype().isFloat()) throw new DTypeException(argument, "of type " + t.dtype(), "FLOAT32, BFLOAT16 or FLOAT16");
    tensor(argument, t, t.dtype(), device);
  }

  /** A tensor of exactly this shape, or null. */
  static void optional(String argument, Tensor t, Device device, long... shape) {
    if (t == null) return;
    floats(argument, t, device);
    shape(argument, t, shape);
  }

  static void shape(String argument, Tensor t, long... expected) {
    if (!Arrays.equals(t.shape(), expected)) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(t.shape()), Arrays.toString(expected));
    }
  }

  static void rank(String argument, Tensor t, int low, int high) {
    if (t.rank() < low || t.rank() > high) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(t.shape()),
          low == high ? "rank " + low : "rank " + low + " to " + high);
    }
  }

  /** The last dimension must be dense; other strides are free. */
  static void unitLast(String argument, Tensor t) {
    if (t.rank() > 0 && t.size(-1) > 1 && t.stride(-1) != 1) {
      throw new ShapeException(argument, "with last stride " + t.stride(-1), "last stride 1; use contiguous()");
    }
  }

  static void contiguous(String argument, Tensor t) {
    if (t != null && !t.isContiguous()) {
      throw new ShapeException(argument, "strided " + Arrays.toString(t.strides()), "a contiguous tensor; use contiguous()");
    }
  }

  /** A tensor that is written: no two indices may name one element. */
  static void writable(String argument, Tensor t) {
    if (t.count() == 0 || t.isContiguous()) return;
    if (!Shapes.distinct(t.shape(), t.strides())) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(t.shape()) + " with strides " + Arrays.toString(t.strides()),
          "a tensor whose elements are distinct");
    }
  }

  /** An output that must not touch an input. */
  static void disjoint(String argument, Tensor out, String other, Tensor in) {
    if (in != null && out.overlaps(in)) {
      throw new InvalidArgumentException(argument, "overlapping " + other, "memory of its own");
    }
  }

  /** An output that must not touch an input unless it is exactly that input. */
  static void disjointOrSame(String argument, Tensor out, String other, Tensor in) {
    if (in != null && out.overlaps(in) && !out.sameElements(in)) {
      throw new InvalidArgumentException(argument, "partly overlapping " + other, "the same elements or memory of its own");
    }
  }

  /** A number that kernels use as float32. */
  static void finite(String argument, double value) {
    if (!(Math.abs(value) <= Float.MAX_VALUE)) throw new InvalidArgumentException(argument, value, "a finite float32 number");
  }

  /** Calls a kernel with its operands held open; null operands are skipped. */
  static void launch(Device device, Consumer<Kernels> kernel, Tensor... operands) {
    Recording.admit(device);
    int held = 0;
    try {
      for (; held < operands.length; held++) if (operands[held] != null) operands[held].acquire();
      kernel.accept(device.kernels());
    } finally {
      while (--held >= 0) if (operands[held] != null) operands[held].release();
    }
  }
}
