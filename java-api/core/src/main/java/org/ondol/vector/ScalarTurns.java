package org.ondol.vector;

/** {@link Turns} with scalar code. */
final class ScalarTurns implements Turns {
  @Override
  public void turn(float[] from, int fromAt, int step, int count, int n, float[] to, int toAt, int toStep, float[] square) {
    for (int c = 0; c < count; c++) {
      row(from, fromAt + c * step, n, to, toAt + c, toStep);
    }
  }

  static void row(float[] from, int fromAt, int n, float[] to, int toAt, int toStep) {
    for (int i = 0; i < n; i++) {
      to[toAt + i * toStep] = from[fromAt + i];
    }
  }

  @Override
  public boolean nan(float[] values, int at, int n) {
    boolean nan = false;
    for (int i = at; i < at + n; i++) {
      nan |= values[i] != values[i];
    }
    return nan;
  }
}
