package org.ondol.grad;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/** Checks that this package's classes share. */
final class Require {
  private Require() {}

  static <T> T present(String argument, T value) {
    if (value == null) throw new InvalidArgumentException(argument, "null", "a value");
    return value;
  }

  /** An open FLOAT32 tensor. */
  static Tensor floats(String argument, Tensor t) {
    open(argument, t);
    if (t.dtype() != DType.FLOAT32) throw new DTypeException(argument, "of type " + t.dtype(), "FLOAT32");
    return t;
  }

  static Tensor open(String argument, Tensor t) {
    present(argument, t);
    if (t.isClosed()) t.acquire(); // throws the ClosedException that names it
    return t;
  }

  static void on(String argument, Tensor t, Device device) {
    if (!t.device().equals(device)) throw new DeviceMismatchException(argument, t.device(), device);
  }

  static void shape(String argument, Tensor t, long... expected) {
    if (!Arrays.equals(t.shape(), expected)) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(t.shape()), Arrays.toString(expected));
    }
  }

  static double finite(String argument, double value) {
    if (!(Math.abs(value) <= Float.MAX_VALUE)) {
      throw new InvalidArgumentException(argument, value, "a finite float32 number");
    }
    return value;
  }

  static double notNegative(String argument, double value) {
    if (!(value >= 0 && value <= Float.MAX_VALUE)) {
      throw new InvalidArgumentException(argument, value, "a finite number of at least 0");
    }
    return value;
  }

  static double positive(String argument, double value) {
    if (!(value > 0 && value <= Float.MAX_VALUE)) {
      throw new InvalidArgumentException(argument, value, "a finite number above 0");
    }
    return value;
  }

  /** At least 0 and below 1. */
  static double fraction(String argument, double value) {
    if (!(value >= 0 && value < 1)) throw new InvalidArgumentException(argument, value, "at least 0 and less than 1");
    return value;
  }
}
