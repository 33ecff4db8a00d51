package org.ondol.test.page;

/** gemm as docs/arithmetic.md defines it, over contiguous operands. */
public final class PageGemm {
  private PageGemm() {}

  /**
   * C [batch, m, n] of A [batch, m, k] and B [batch, k, n] (or [k, n] when {@code sharedB}). A null bias [n] or residual
   * [batch, m, n] is an absent one, which is not the same as adding zero.
   */
  public static float[] gemm(int batch, int m, int n, int k, float[] a, float[] b, boolean sharedB, float alpha,
      float[] bias, String activation, float[] residual) {
    float[] c = new float[batch * m * n];
    for (int t = 0; t < batch; t++) {
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          int bAt = (sharedB ? 0 : t * k * n) + j;
          int at = (t * m + i) * n + j;
          float v = PageSums.chain(0f, a, (t * m + i) * k, 1, b, bAt, n, k);
          if (alpha != 1f) {
            v = v * alpha;
          }
          if (bias != null) {
            v = v + bias[j];
          }
          v = activate(activation, v);
          if (residual != null) {
            v = v + residual[at];
          }
          c[at] = v;
        }
      }
    }
    return c;
  }

  public static float activate(String activation, float v) {
    return switch (activation) {
      case "none" -> v;
      case "relu" -> PageMath.relu(v);
      case "gelu" -> PageMath.gelu(v);
      case "gelu_tanh" -> PageMath.geluTanh(v);
      case "sigmoid" -> PageMath.sigmoid(v);
      case "tanh" -> PageMath.tanh(v);
      case "silu" -> PageMath.silu(v);
      default -> throw new IllegalArgumentException("no page entry for activation " + activation);
    };
  }
}
