package org.ondol.bench;

import java.util.Map;

/** Comparisons of float32 answers. */
public final class Check {
  private Check() {}

  /** Null when a tensor's element lies within {@code bound} of {@code expected}, otherwise the difference in words. */
  public static String within(String tensor, int index, double expected, double actual, double bound) {
    if (Math.abs(actual - expected) <= bound) {
      return null;
    }
    return "%s[%d] is %.9g, expected %.9g within %.2g".formatted(tensor, index, actual, expected, bound);
  }

  /**
   * Compares whole answers with one that agreed with the reference: the reference covers a sample of a large answer,
   * this covers all of it. The bound is relative to the largest magnitude of the tensor.
   */
  public static String same(Map<String, float[]> trusted, Map<String, float[]> answer, double relative) {
    for (var entry : answer.entrySet()) {
      float[] expected = trusted.get(entry.getKey());
      if (expected == null) {
        continue;
      }
      float[] actual = entry.getValue();
      if (expected.length != actual.length) {
        return "%s has %d values, expected %d".formatted(entry.getKey(), actual.length, expected.length);
      }
      double bound = relative * largest(expected);
      for (int i = 0; i < actual.length; i++) {
        String wrong = within(entry.getKey(), i, expected[i], actual[i], bound);
        if (wrong != null) {
          return wrong;
        }
      }
    }
    return null;
  }

  static double largest(float[] values) {
    double largest = 0;
    for (float v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }
}
