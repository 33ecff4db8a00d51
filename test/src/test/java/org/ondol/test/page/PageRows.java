package org.ondol.test.page;

import static org.ondol.test.page.PageSums.max16;
import static org.ondol.test.page.PageSums.sum16;

/** The row operations of docs/arithmetic.md: softmax, layernorm, reduce and their gradients. */
public final class PageRows {
  private PageRows() {}

  /** Softmax (or log softmax) over the middle dimension of a contiguous [outer, n, inner]. */
  public static float[] softmax(float[] x, int outer, int n, int inner, boolean log) {
    float[] y = new float[x.length];
    for (int o = 0; o < outer; o++) {
      for (int c = 0; c < inner; c++) {
        int at = o * n * inner + c;
        float m = max16(x, at, inner, n);
        float[] e = new float[n];
        for (int i = 0; i < n; i++) {
          e[i] = PageMath.exp(x[at + i * inner] - m);
        }
        float sum = sum16(e, 0, 1, n);
        float factor = 1f / sum;
        float logSum = log ? PageMath.log(sum) : 0f;
        for (int i = 0; i < n; i++) {
          y[at + i * inner] = log ? (x[at + i * inner] - m) - logSum : e[i] * factor;
        }
      }
    }
    return y;
  }

  public static float[] softmaxBackward(float[] y, float[] dy, int outer, int n, int inner, boolean log) {
    float[] dx = new float[y.length];
    for (int o = 0; o < outer; o++) {
      for (int c = 0; c < inner; c++) {
        int at = o * n * inner + c;
        float s = log ? sum16(dy, at, inner, n) : sum16(y, at, dy, at, inner, n);
        for (int i = 0; i < n; i++) {
          int k = at + i * inner;
          dx[k] = log ? Math.fma(-PageMath.exp(y[k]), s, dy[k]) : y[k] * (dy[k] - s);
        }
      }
    }
    return dx;
  }

  /** What layernorm gives for contiguous rows. */
  public record LayerNorm(float[] y, float[] mean, float[] rstd) {}

  public static LayerNorm layernorm(float[] x, int rows, int n, float[] gamma, float[] beta, float eps) {
    float[] y = new float[rows * n];
    float[] mean = new float[rows];
    float[] rstd = new float[rows];
    for (int r = 0; r < rows; r++) {
      int at = r * n;
      mean[r] = sum16(x, at, 1, n) / n;
      float[] d = new float[n];
      for (int i = 0; i < n; i++) {
        d[i] = x[at + i] - mean[r];
      }
      float var = sum16(d, 0, d, 0, 1, n) / n;
      rstd[r] = 1f / (float) Math.sqrt(var + eps);
      for (int i = 0; i < n; i++) {
        y[at + i] = Math.fma(d[i] * rstd[r], gamma == null ? 1f : gamma[i], beta == null ? 0f : beta[i]);
      }
    }
    return new LayerNorm(y, mean, rstd);
  }

  /** Gradients of layernorm; mean and rstd are the forward's outputs. */
  public record LayerNormGradient(float[] dx, float[] dgamma, float[] dbeta) {}

  public static LayerNormGradient layernormBackward(
      float[] x, float[] gamma, float[] dy, float[] mean, float[] rstd, int rows, int n) {
    float[] dx = new float[rows * n];
    float[] dgamma = new float[n];
    float[] dbeta = new float[n];
    for (int r = 0; r < rows; r++) {
      int at = r * n;
      float[] h = new float[n];
      float[] g = new float[n];
      for (int i = 0; i < n; i++) {
        h[i] = (x[at + i] - mean[r]) * rstd[r];
        g[i] = gamma == null ? dy[at + i] * 1f : dy[at + i] * gamma[i];
      }
      float s1 = sum16(g, 0, 1, n) / n;
      float s2 = sum16(g, 0, h, 0, 1, n) / n;
      for (int i = 0; i < n; i++) {
        dx[at + i] = rstd[r] * Math.fma(-h[i], s2, g[i] - s1);
        dgamma[i] = Math.fma(dy[at + i], h[i], dgamma[i]);
        dbeta[i] = dbeta[i] + dy[at + i];
      }
    }
    return new LayerNormGradient(dx, dgamma, dbeta);
  }

  /** Reduces the middle dimension of a contiguous [outer, n, inner] by "sum", "mean", "max" or "sumsq". */
  public static float[] reduce(String op, float[] x, int outer, int n, int inner) {
    float[] y = new float[outer * inner];
    for (int o = 0; o < outer; o++) {
      for (int c = 0; c < inner; c++) {
        int at = o * n * inner + c;
        y[o * inner + c] = switch (op) {
          case "sum" -> sum16(x, at, inner, n);
          case "mean" -> sum16(x, at, inner, n) / n;
          case "max" -> max16(x, at, inner, n);
          case "sumsq" -> sum16(x, at, x, at, inner, n);
          default -> throw new IllegalArgumentException("no page entry for reduction " + op);
        };
      }
    }
    return y;
  }
}
