package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.CastArgs;

/**
 * Floating-point elements in another type: FLOAT32, BFLOAT16 (the upper half of a FLOAT32) and FLOAT16 (IEEE 754-2019
 * binary16). A value is rounded once, to nearest even; what is too large becomes infinite, small ones subnormal, and a NaN
 * stays one. Widening is exact. See docs/arithmetic.md, Types.
 */
public final class Cast {
  private static final int MAX_RANK = 6;

  private Cast() {}

  /** x in a type as a new contiguous tensor; of its own type a copy. */
  public static Tensor apply(Tensor x, DType type) {
    checkInput(x);
    checkType("type", type);
    Tensor y = Tensor.empty(x.device(), type, x.shape());
    return Outputs.finish(y, () -> into(x, y));
  }

  /** Writes x into y, of x's shape and whatever floating-point type; y overlaps x nowhere, or is exactly x. */
  public static void into(Tensor x, Tensor y) {
    checkInput(x);
    Check.present("y", y);
    checkType("y", y.dtype());
    Check.tensor("y", y, y.dtype(), x.device());
    Check.shape("y", y, x.shape());
    Check.writable("y", y);
    if (y.count() == 0 || x.dtype() == y.dtype() && x.sameElements(y)) return;
    Check.disjoint("y", y, "x", x);
    boolean flat = x.isContiguous() && y.isContiguous();
    if (!flat && x.rank() > MAX_RANK) {
      throw new ShapeException("x", "strided, of shape " + Arrays.toString(x.shape()), "rank of at most " + MAX_RANK
          + ", or contiguous tensors");
    }
    try (Tensor from = flat ? x.reshape(x.count()) : x.expand(x.shape()); Tensor to = flat ? y.reshape(y.count()) : y.expand(y.shape())) {
      Check.launch(y.device(), k -> k.cast(new CastArgs(from, to)), from, to);
    }
  }

  private static void checkInput(Tensor x) {
    Check.present("x", x);
    checkType("x", x.dtype());
    Check.tensor("x", x, x.dtype(), x.device());
  }

  private static void checkType(String argument, DType type) {
    Check.present(argument, type);
    if (!type.isFloat()) throw new DTypeException(argument, "of type " + type, "FLOAT32, BFLOAT16 or FLOAT16");
  }
}
