package org.ondol.vector;

/**
 * Loops over lines of images in arrays, for resize and batchnorm. Lengths are multiples of 16: the caller pads tables with 0 and
 * gives arrays room.
 */
interface Lines {
  /** Input rows whose gradients are added up side by side. */
  int ROWS = 16;

  /** to[j] = from[cells[j]]. */
  void pick(float[] from, int[] cells, float[] to, int n);

  /** to[j] = fma(v1[j], from[x1[j]], v0[j] from[x0[j]]). */
  void mix(float[] from, int[] x0, float[] v0, int[] x1, float[] v1, float[] to, int n);

  /** to = fma(u1, b, u0 a). */
  void blend(float[] a, float u0, float[] b, float u1, float[] to, int toAt, int n);

  /** acc = fma(w, x, acc). */
  void accumulate(float[] acc, float[] x, float w, int n);

  /**
   * For {@link #ROWS} rows side by side and ascending j below n, which is any: acc[x0[j]] = fma(v0[j], g[j], acc[x0[j]]), then the
   * same with x1 and v1 unless they are null.
   */
  void spread(float[] g, int n, int[] x0, float[] v0, int[] x1, float[] v1, float[] acc);

  /** x = fma(x - minus, scale, shift), then relu where wanted. */
  void affine(float[] x, int n, float minus, float scale, float shift, boolean relu);
}
