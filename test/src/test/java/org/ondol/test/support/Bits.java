package org.ondol.test.support;

/** Comparison of float32 results bit by bit; every NaN equals every NaN, as the contract leaves its payload open. */
public final class Bits {
  private Bits() {}

  public static boolean same(float a, float b) {
    return Float.floatToRawIntBits(a) == Float.floatToRawIntBits(b) || a != a && b != b;
  }

  /** Null if all are the same, else where the first difference is and how many there are. */
  public static String difference(float[] actual, float[] expected) {
    if (actual.length != expected.length) {
      return "length " + actual.length + ", expected " + expected.length;
    }
    int first = -1;
    int count = 0;
    for (int i = 0; i < actual.length; i++) {
      if (!same(actual[i], expected[i])) {
        first = first < 0 ? i : first;
        count++;
      }
    }
    return count == 0 ? null
        : "%d of %d differ, the first at %d: %s (%08x), expected %s (%08x)".formatted(count, actual.length, first,
            actual[first], Float.floatToRawIntBits(actual[first]),
            expected[first], Float.floatToRawIntBits(expected[first]));
  }
}
