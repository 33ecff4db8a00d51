package org.ondol.vector;

/** {@link Tiles} with scalar code: two rows by four columns, so that eight chains hide the latency of the FMA. */
final class ScalarTiles implements Tiles {
  @Override
  public void quads(float[] a, int aAt, int quads, float[] b, int bAt, int k, float[] c, int cAt, int stride,
      boolean fresh) {
    for (int row = 0; row < QUAD * quads; row += 2) {
      int quad = aAt + (row & -QUAD) * k + (row & QUAD - 1);
      for (int h = 0; h < PANEL; h += 4) {
        int at = cAt + row * stride + h;
        if (fresh) {
          clear(c, at);
          clear(c, at + stride);
        }
        quad(a, quad, b, bAt + h, k, c, at, at + stride);
      }
    }
  }

  private static void clear(float[] c, int at) {
    for (int j = 0; j < 4; j++) {
      c[at + j] = 0;
    }
  }

  @Override
  public void half(float[] a, int aAt, int quads, float[] b, int bAt, int k, float[] c, int cAt, int stride) {
    quads(a, aAt, quads, b, bAt, k, c, cAt, stride, true);
  }

  @Override
  public void panel(float[] a, int aAt, float[] b, int bAt, int bStep, int k, float[] c, int cAt, int stride, int rows,
      float[] scale) {
    for (int row = 0; row < (rows + 1 & -2); row++) {
      for (int j = 0; j < PANEL; j++) {
        c[cAt + row * stride + j] *= scale[row];
      }
    }
    for (int row = 0; row < rows; row += 2) {
      for (int h = 0; h < PANEL; h += 4) {
        int at = cAt + row * stride + h;
        panel(a, aAt + row, b, bAt + h, bStep, k, c, at, at + stride);
      }
    }
  }

  private static void quad(float[] a, int aAt, float[] b, int bAt, int k, float[] c, int c0, int c1) {
    float x0 = c[c0];
    float x1 = c[c0 + 1];
    float x2 = c[c0 + 2];
    float x3 = c[c0 + 3];
    float y0 = c[c1];
    float y1 = c[c1 + 1];
    float y2 = c[c1 + 2];
    float y3 = c[c1 + 3];
    for (int i = 0; i < k; i++) {
      float s = a[aAt + QUAD * i];
      float t = a[aAt + QUAD * i + 1];
      x0 = Math.fma(s, b[bAt + PANEL * i], x0);
      y0 = Math.fma(t, b[bAt + PANEL * i], y0);
      x1 = Math.fma(s, b[bAt + PANEL * i + 1], x1);
      y1 = Math.fma(t, b[bAt + PANEL * i + 1], y1);
      x2 = Math.fma(s, b[bAt + PANEL * i + 2], x2);
      y2 = Math.fma(t, b[bAt + PANEL * i + 2], y2);
      x3 = Math.fma(s, b[bAt + PANEL * i + 3], x3);
      y3 = Math.fma(t, b[bAt + PANEL * i + 3], y3);
    }
    store(x0, x1, x2, x3, c, c0);
    store(y0, y1, y2, y3, c, c1);
  }

  private static void panel(float[] a, int aAt, float[] b, int bAt, int bStep, int k, float[] c, int c0,
      int c1) {
    float x0 = c[c0];
    float x1 = c[c0 + 1];
    float x2 = c[c0 + 2];
    float x3 = c[c0 + 3];
    float y0 = c[c1];
    float y1 = c[c1 + 1];
    float y2 = c[c1 + 2];
    float y3 = c[c1 + 3];
    for (int i = 0; i < k; i++) {
      float s = a[aAt + PANEL * i];
      float t = a[aAt + PANEL * i + 1];
      x0 = Math.fma(s, b[bAt + bStep * i], x0);
      y0 = Math.fma(t, b[bAt + bStep * i], y0);
      x1 = Math.fma(s, b[bAt + bStep * i + 1], x1);
      y1 = Math.fma(t, b[bAt + bStep * i + 1], y1);
      x2 = Math.fma(s, b[bAt + bStep * i + 2], x2);
      y2 = Math.fma(t, b[bAt + bStep * i + 2], y2);
      x3 = Math.fma(s, b[bAt + bStep * i + 3], x3);
      y3 = Math.fma(t, b[bAt + bStep * i + 3], y3);
    }
    store(x0, x1, x2, x3, c, c0);
    store(y0, y1, y2, y3, c, c1);
  }

  private static void store(float x0, float x1, float x2, float x3, float[] c, int at) {
    c[at] = x0;
    c[at + 1] = x1;
    c[at + 2] = x2;
    c[at + 3] = x3;
  }
}
