package org.ondol.vector;

/** {@link Lines} with scalar code. */
final class ScalarLines implements Lines {
  @Override
  public void pick(float[] from, int[] cells, float[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = from[cells[j]];
    }
  }

  @Override
  public void mix(float[] from, int[] x0, float[] v0, int[] x1, float[] v1, float[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = Math.fma(v1[j], from[x1[j]], v0[j] * from[x0[j]]);
    }
  }

  @Override
  public void blend(float[] a, float u0, float[] b, float u1, float[] to, int toAt, int n) {
    for (int j = 0; j < n; j++) {
      to[toAt + j] = Math.fma(u1, b[j], u0 * a[j]);
    }
  }

  @Override
  public void accumulate(float[] acc, float[] x, float w, int n) {
    for (int j = 0; j < n; j++) {
      acc[j] = Math.fma(w, x[j], acc[j]);
    }
  }

  @Override
  public void spread(float[] g, int n, int[] x0, float[] v0, int[] x1, float[] v1, float[] acc) {
    for (int j = 0; j < n; j++) {
      add(g, j * ROWS, v0[j], acc, x0[j] * ROWS);
      if (x1 != null) {
        add(g, j * ROWS, v1[j], acc, x1[j] * ROWS);
      }
    }
  }

  private static void add(float[] g, int gAt, float v, float[] acc, int at) {
    for (int r = 0; r < ROWS; r++) {
      acc[at + r] = Math.fma(v, g[gAt + r], acc[at + r]);
    }
  }

  @Override
  public void affine(float[] x, int n, float minus, float scale, float shift, boolean relu) {
    for (int i = 0; i < n; i++) {
      float y = Math.fma(x[i] - minus, scale, shift);
      x[i] = relu && y < 0 ? 0 : y;
    }
  }
}
