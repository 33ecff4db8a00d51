package org.ondol.vector;

/** {@link PoolLoops} with scalar code. */
final class ScalarPoolLoops implements PoolLoops {
  @Override
  public void later(float[] values, int[] at, float[] row, int base, int n) {
    later(values, at, row, base, 0, n);
  }

  /** Elements from {@code from} on. */
  static void later(float[] values, int[] at, float[] row, int base, int from, int n) {
    for (int i = from; i < n; i++) {
      float m = values[i];
      float v = row[i];
      if (v > m || v != v && m == m) {
        values[i] = v;
        at[i] = base + i;
      }
    }
  }

  @Override
  public void evens(float[] from, int fromAt, float[] to, int toAt, int n) {
    for (int i = 0; i < n; i++) {
      to[toAt + i] = from[fromAt + 2 * i];
    }
  }
}
