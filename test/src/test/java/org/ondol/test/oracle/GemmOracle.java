package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;

/** C[t,i,j] = act(alpha * sum_k A[t,i,k] B[t,k,j] + bias[j]) + residual[t,i,j] in float64. */
public final class GemmOracle {
  private GemmOracle() {}

  /** Contiguous operands; B has no batch dimension when {@code sharedB}; bias and residual may be null. */
  public static Values gemm(int batch, int m, int n, int k, float[] a, float[] b, boolean sharedB, float alpha,
      float[] bias, String activation, float[] residual) {
    Values c = new Values(batch * m * n);
    for (int t = 0; t < batch; t++) {
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          double sum = 0;
          double magnitude = 0;
          for (int x = 0; x < k; x++) {
            double product = (double) a[(t * m + i) * k + x] * b[((sharedB ? 0 : t) * k + x) * n + j];
            sum += product;
            magnitude += Math.abs(product);
          }
          double v = alpha * sum + (bias == null ? 0 : bias[j]);
          double error = Bound.gamma(k + 3) * Math.abs(alpha) * magnitude + 2 * Bound.U * Math.abs(v);
          // Every activation has a slope of at most 1.13 in magnitude, so an error before it grows by no more than that.
          double y = ElementwiseOracle.value(activation, v, 0);
          error = activation.equals("none") ? error : 1.13 * error + ElementwiseOracle.bound(activation, v, 0);
          int at = (t * m + i) * n + j;
          double r = y + (residual == null ? 0 : residual[at]);
          c.value()[at] = r;
          c.bound()[at] = error + Bound.U * (Math.abs(r) + error);
        }
      }
    }
    return c;
  }
}
