package org.ondol.vector;

/** Rows laid side by side, and back: values keep their bits, so that integers may pass as floats. */
interface Turns {
  /** Elements of the memory that turning needs. */
  int SQUARE = 256;

  /**
   * {@code count} rows of n, {@code step} apart, side by side: to[toAt + i * toStep + c] = from[fromAt + c * step + i]. Where nothing
   * lies between these, toStep being the count, up to 16 elements behind the last may be overwritten.
   *
   * @param square room for {@link #SQUARE} elements
   */
  void turn(float[] from, int fromAt, int step, int count, int n, float[] to, int toAt, int toStep, float[] square);

  /** The way back: to[toAt + c * step + i] = from[fromAt + i * fromStep + c]. */
  default void turnBack(float[] from, int fromAt, int fromStep, int count, int n, float[] to, int toAt, int step,
      float[] square) {
    turn(from, fromAt, fromStep, n, count, to, toAt, step, square);
  }

  /** Whether there is a NaN among n values; perhaps also where there is none. */
  boolean nan(float[] values, int at, int n);
}
