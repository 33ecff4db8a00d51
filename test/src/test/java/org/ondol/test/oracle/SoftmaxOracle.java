package org.ondol.test.oracle;

import static org.ondol.test.oracle.Bound.U;

import org.ondol.test.oracle.Bound.Values;

/** Softmax and log softmax over the middle of a contiguous [outer, n, inner], with gradients, in float64. */
public final class SoftmaxOracle {
  private SoftmaxOracle() {}

  public static Values softmax(float[] x, int outer, int n, int inner, boolean log) {
    Values y = new Values(x.length);
    for (int row = 0; row < outer * inner; row++) {
      int at = row / inner * n * inner + row % inner;
      double max = Double.NEGATIVE_INFINITY;
      for (int i = 0; i < n; i++) {
        max = Math.max(max, x[at + i * inner]);
      }
      double sum = 0;
      double spread = 0; // sum of e^t |t|: t = x - max is rounded once, which moves e^t by a relative u |t|
      for (int i = 0; i < n; i++) {
        double t = x[at + i * inner] - max;
        sum += Math.exp(t);
        spread += t == Double.NEGATIVE_INFINITY ? 0 : Math.exp(t) * Math.abs(t);
      }
      double sumError = Bound.sum16(n) + 6 * U + U * spread / sum;
      for (int i = 0; i < n; i++) {
        int k = at + i * inner;
        double t = x[k] - max;
        if (log) {
          y.value()[k] = t - Math.log(sum);
          y.bound()[k] = U * Math.abs(t) + sumError * 1.01 + 6 * U * Math.log(sum) + U * Math.abs(y.value()[k]);
        } else {
          y.value()[k] = Math.exp(t) / sum;
          y.bound()[k] = y.value()[k] * (U * Math.max(Math.abs(t), 0) + sumError + 9 * U) * 1.01;
        }
        if (t == Double.NEGATIVE_INFINITY) {
          y.bound()[k] = 0;
        }
      }
    }
    return y;
  }

  /** From the forward's output y, as the operation computes it. */
  public static Values backward(float[] y, float[] dy, int outer, int n, int inner, boolean log) {
    Values dx = new Values(y.length);
    for (int row = 0; row < outer * inner; row++) {
      int at = row / inner * n * inner + row % inner;
      double s = 0;
      double magnitude = 0;
      for (int i = 0; i < n; i++) {
        int k = at + i * inner;
        double term = log ? dy[k] : (double) y[k] * dy[k];
        s += term;
        magnitude += Math.abs(term);
      }
      double sError = Bound.sum16(n) * magnitude;
      for (int i = 0; i < n; i++) {
        int k = at + i * inner;
        if (log) {
          double p = Math.exp(y[k]);
          dx.value()[k] = dy[k] - p * s;
          dx.bound()[k] = p * sError + 7 * U * p * Math.abs(s) + U * Math.abs(dx.value()[k]);
        } else {
          dx.value()[k] = y[k] * (dy[k] - s);
          dx.bound()[k] = Math.abs(y[k]) * (sError + 2 * U * (Math.abs(dy[k]) + Math.abs(s)));
        }
        dx.bound()[k] *= 1.01;
      }
    }
    return dx;
  }
}
