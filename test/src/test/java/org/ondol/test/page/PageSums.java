package org.ondol.test.page;

/** The orders of summation of docs/arithmetic.md. Rows start at {@code at} and step by {@code step}. */
public final class PageSums {
  private PageSums() {}

  /** Adds up 16 partial sums by the page's tree; the array is left as it is. */
  public static float tree(float[] partials) {
    float[] p = partials.clone();
    for (int half = 8; half >= 1; half /= 2) {
      for (int j = 0; j < half; j++) {
        p[j] = p[j] + p[j + half];
      }
    }
    return p[0];
  }

  public static float sum16(float[] x, int at, int step, int n) {
    float[] p = new float[16];
    for (int i = 0; i < n; i++) {
      p[i % 16] = p[i % 16] + x[at + i * step];
    }
    return tree(p);
  }

  public static float sum16(float[] a, int aAt, float[] b, int bAt, int step, int n) {
    float[] p = new float[16];
    for (int i = 0; i < n; i++) {
      p[i % 16] = Math.fma(a[aAt + i * step], b[bAt + i * step], p[i % 16]);
    }
    return tree(p);
  }

  /** The same shape as a sum, from -inf, with the page's max (running value first). */
  public static float max16(float[] x, int at, int step, int n) {
    float[] p = new float[16];
    java.util.Arrays.fill(p, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i++) {
      p[i % 16] = PageMath.max(p[i % 16], x[at + i * step]);
    }
    for (int half = 8; half >= 1; half /= 2) {
      for (int j = 0; j < half; j++) {
        p[j] = PageMath.max(p[j], p[j + half]);
      }
    }
    return p[0];
  }

  /** Continues {@code acc = fma(a_k, b_k, acc)} over ascending k. */
  public static float chain(float acc, float[] a, int aAt, int aStep, float[] b, int bAt, int bStep, int n) {
    for (int k = 0; k < n; k++) {
      acc = Math.fma(a[aAt + k * aStep], b[bAt + k * bStep], acc);
    }
    return acc;
  }
}
