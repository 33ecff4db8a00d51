package org.ondol.test.oracle;

import org.ondol.DType;

/** Rounding by its definition: the nearest multiple of the unit in the last place, of two the even one (IEEE 754-2019, 4.3.1). */
public final class CastOracle {
  private CastOracle() {}

  /** The number of a floating-point type that x becomes. */
  public static double value(DType type, double x) {
    if (x == 0 || !Double.isFinite(x)) {
      return x;
    }
    int fraction = switch (type) {
      case FLOAT32 -> 23;
      case BFLOAT16 -> 7;
      case FLOAT16 -> 10;
      default -> throw new IllegalArgumentException(type.toString());
    };
    int highest = type == DType.FLOAT16 ? 15 : 127;
    double unit = Math.scalb(1.0, Math.max(Math.getExponent(x), 1 - highest) - fraction);
    double rounded = Math.rint(x / unit) * unit;
    boolean overflow = Math.abs(rounded) >= Math.scalb(1.0, highest) * 2;
    return overflow ? Math.copySign(Double.POSITIVE_INFINITY, x) : rounded;
  }
}
