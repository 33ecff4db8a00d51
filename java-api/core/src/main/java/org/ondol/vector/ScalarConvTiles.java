package org.ondol.vector;

/** {@link ConvTiles} with scalar code: two rows by four lanes, so that eight chains hide the latency of the FMA. */
final class ScalarConvTiles implements ConvTiles {
  @Override
  public int sideBySide() {
    return 1;
  }

  @Override
  public int padded(int positions) {
    return positions + 1 & -2;
  }

  @Override
  public int together() {
    return 2;
  }

  @Override
  public int entryPanels() {
    return 1;
  }

  @Override
  public int entries(int panels) {
    return 2;
  }

  @Override
  public void channels(int positions, int panels, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt,
      int wPanel, float[] c, int cAt, int cPanel) {
    for (int i = 0; i < positions; i += 2) {
      for (int h = 0; h < 16; h += 4) {
        int c0 = cAt + 16 * i + h;
        channels(from, to, offset, x, xAt + i, w, wAt + h, c, c0, c0 + 16);
      }
    }
  }

  private static void channels(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c, int c0,
      int c1) {
    float p0 = c[c0];
    float p1 = c[c0 + 1];
    float p2 = c[c0 + 2];
    float p3 = c[c0 + 3];
    float q0 = c[c1];
    float q1 = c[c1 + 1];
    float q2 = c[c1 + 2];
    float q3 = c[c1 + 3];
    for (int k = from, i = wAt; k < to; k++, i += 16) {
      float s = x[xAt + offset[k]];
      float t = x[xAt + offset[k] + 1];
      p0 = Math.fma(s, w[i], p0);
      q0 = Math.fma(t, w[i], q0);
      p1 = Math.fma(s, w[i + 1], p1);
      q1 = Math.fma(t, w[i + 1], q1);
      p2 = Math.fma(s, w[i + 2], p2);
      q2 = Math.fma(t, w[i + 2], q2);
      p3 = Math.fma(s, w[i + 3], p3);
      q3 = Math.fma(t, w[i + 3], q3);
    }
    store(p0, p1, p2, p3, c, c0);
    store(q0, q1, q2, q3, c, c1);
  }

  @Override
  public void positions(int positions, int rows, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt,
      float[] c, int cAt, int cRow) {
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < positions; i += 8) {
        positions(from, to, offset, x, xAt + i, w, wAt + r, c, cAt + r * cRow + i);
      }
    }
  }

  private static void positions(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c, int at) {
    float p0 = c[at];
    float p1 = c[at + 1];
    float p2 = c[at + 2];
    float p3 = c[at + 3];
    float q0 = c[at + 4];
    float q1 = c[at + 5];
    float q2 = c[at + 6];
    float q3 = c[at + 7];
    for (int k = from, i = wAt; k < to; k++, i += 16) {
      float s = w[i];
      int j = xAt + offset[k];
      p0 = Math.fma(s, x[j], p0);
      p1 = Math.fma(s, x[j + 1], p1);
      p2 = Math.fma(s, x[j + 2], p2);
      p3 = Math.fma(s, x[j + 3], p3);
      q0 = Math.fma(s, x[j + 4], q0);
      q1 = Math.fma(s, x[j + 5], q1);
      q2 = Math.fma(s, x[j + 6], q2);
      q3 = Math.fma(s, x[j + 7], q3);
    }
    store(p0, p1, p2, p3, c, at);
    store(q0, q1, q2, q3, c, at + 4);
  }

  @Override
  public void entries(int panels, int from, int to, int[] place, float[] x, int[] base, int first, float[] dy, int dyAt,
      float[] c, int cAt, int cRow) {
    for (int h = 0; h < 16; h += 4) {
      entries(from, to, place, x, base[first], base[first + 1], dy, dyAt + h, c, cAt + h, cAt + cRow + h);
    }
  }

  private static void entries(int from, int to, int[] place, float[] x, int b0, int b1, float[] dy, int dyAt, float[] c, int c0,
      int c1) {
    float p0 = c[c0];
    float p1 = c[c0 + 1];
    float p2 = c[c0 + 2];
    float p3 = c[c0 + 3];
    float q0 = c[c1];
    float q1 = c[c1 + 1];
    float q2 = c[c1 + 2];
    float q3 = c[c1 + 3];
    for (int k = from; k < to; k++) {
      int i = dyAt + 16 * k;
      float s = x[b0 + place[k]];
      float t = x[b1 + place[k]];
      p0 = Math.fma(s, dy[i], p0);
      q0 = Math.fma(t, dy[i], q0);
      p1 = Math.fma(s, dy[i + 1], p1);
      q1 = Math.fma(t, dy[i + 1], q1);
      p2 = Math.fma(s, dy[i + 2], p2);
      q2 = Math.fma(t, dy[i + 2], q2);
      p3 = Math.fma(s, dy[i + 3], p3);
      q3 = Math.fma(t, dy[i + 3], q3);
    }
    store(p0, p1, p2, p3, c, c0);
    store(q0, q1, q2, q3, c, c1);
  }

  private static void store(float x0, float x1, float x2, float x3, float[] c, int at) {
    c[at] = x0;
    c[at + 1] = x1;
    c[at + 2] = x2;
    c[at + 3] = x3;
  }
}
