package org.ondol.vector;

/** Loops over a line of windows. */
interface PoolLoops {
  /**
   * One more row under maxima with their positions: where row[i], at position {@code base + i}, is greater than values[i] or
   * the first NaN, it takes the place.
   */
  void later(float[] values, int[] at, float[] row, int base, int n);

  /** to[i] = from[2 i]. */
  void evens(float[] from, int fromAt, float[] to, int toAt, int n);
}
