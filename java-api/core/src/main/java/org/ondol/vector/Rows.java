package org.ondol.vector;

import java.util.Arrays;

/**
 * Loops over one row in an array. A row's length is a multiple of 16: the caller pads it with what changes nothing (0
 * under a sum, -inf under a maximum), which is exact because a partial sum that starts from +0 is never -0.
 */
interface Rows {
  /** p[i mod 16] += x[i]. */
  void sum(float[] x, int at, int n, float[] p);

  /** p[i mod 16] = fma(x[i], y[i], p[i mod 16]). */
  void dot(float[] x, int xAt, float[] y, int yAt, int n, float[] p);

  /** p[i mod 16] = max(p[i mod 16], x[i]). */
  void max(float[] x, int at, int n, float[] p);

  /** sum16 of x; p is overwritten. */
  default float sum16(float[] x, int n, float[] p) {
    Arrays.fill(p, 0, 16, 0);
    sum(x, 0, n, p);
    return sumTree(p);
  }

  /** sum16 of the fused products x y; p is overwritten. */
  default float dot16(float[] x, float[] y, int n, float[] p) {
    Arrays.fill(p, 0, 16, 0);
    dot(x, 0, y, 0, n, p);
    return sumTree(p);
  }

  /** max16 of x; p is overwritten. */
  default float max16(float[] x, int n, float[] p) {
    Arrays.fill(p, 0, 16, Float.NEGATIVE_INFINITY);
    max(x, 0, n, p);
    return maxTree(p);
  }

  /** The tree that ends a sum of 16 partials. */
  static float sumTree(float[] p) {
    for (int width = 8; width > 0; width >>= 1) {
      for (int j = 0; j < width; j++) {
        p[j] += p[j + width];
      }
    }
    return p[0];
  }

  /** The tree that ends a maximum of 16 partials. */
  static float maxTree(float[] p) {
    for (int width = 8; width > 0; width >>= 1) {
      for (int j = 0; j < width; j++) {
        p[j] = ScalarMath.max(p[j], p[j + width]);
      }
    }
    return p[0];
  }

  /** x = exp(x - m). */
  void expMinus(float[] x, int at, int n, float m);

  /** x = (x - a) - b. */
  void minus(float[] x, int at, int n, float a, float b);

  /** dy = y (dy - s): the gradient of softmax. */
  void softmaxGradient(float[] y, float[] dy, int at, int n, float s);

  /** dy = fma(-exp(y), s, dy): the gradient of log softmax. Overwrites y. */
  void logSoftmaxGradient(float[] y, float[] dy, int at, int n, float s);

  /** x = fma(x rstd, gamma, beta). */
  void normalize(float[] x, int at, int n, float rstd, float[] gamma, float[] beta);

  /** h = (h - mean) rstd. */
  void standardize(float[] h, int at, int n, float mean, float rstd);

  /** g = rstd fma(-h, s2, g - s1): the gradient of layer normalisation. */
  void layernormGradient(float[] h, float[] g, int at, int n, float rstd, float s1, float s2);

  /** acc = fma(x, y, acc). */
  void multiplyAdd(float[] acc, int accAt, float[] x, int xAt, float[] y, int yAt, int n);
}
