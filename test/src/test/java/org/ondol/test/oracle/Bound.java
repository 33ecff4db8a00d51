package org.ondol.test.oracle;

/**
 * Error bounds for float32 results against float64 ones, after Higham, "Accuracy and Stability of Numerical Algorithms",
 * chapter 3: a quantity that went through k roundings carries a relative error of at most gamma(k) = k u / (1 - k u), and
 * a sum of n products computed in any order one of at most gamma(n) * sum |a||b|.
 */
public final class Bound {
  /** Unit roundoff of binary32. */
  public static final double U = 0x1p-24;

  /** Half the smallest subnormal: what a rounding may lose where the result is not normal. */
  public static final double TINY = 0x1p-149;

  private Bound() {}

  public static double gamma(double k) {
    return k * U / (1 - k * U);
  }

  /** Longest path of additions through sum16 of n elements: its partial and the four levels of the tree. */
  public static double sum16(int n) {
    return gamma((n + 15) / 16 + 4);
  }

  /** A value with the bound on how far the float32 result may be from it, element by element. */
  public record Values(double[] value, double[] bound) {
    public Values(int n) {
      this(new double[n], new double[n]);
    }

    /** Null if every element of {@code actual} is within its bound, else what the first one that is not looks like. */
    public String firstOutside(float[] actual) {
      for (int i = 0; i < value.length; i++) {
        if (!within(actual[i], value[i], bound[i])) {
          return "element %d is %s, expected %s within %.3g but it is %.3g away".formatted(
              i, actual[i], value[i], bound[i], Math.abs(actual[i] - value[i]));
        }
      }
      return null;
    }
  }

  /** Infinite and NaN expectations must be met exactly, a huge one may round to infinity. */
  public static boolean within(float actual, double expected, double bound) {
    if (Double.isNaN(expected)) {
      return Float.isNaN(actual);
    }
    if (Double.isInfinite(expected)) {
      return actual == expected;
    }
    if (Float.isInfinite(actual)) {
      return Math.signum(actual) == Math.signum(expected) && Math.abs(expected) + bound >= Float.MAX_VALUE;
    }
    return Math.abs(actual - expected) <= bound + TINY;
  }
}
