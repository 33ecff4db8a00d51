package org.ondol.test.page;

import java.util.function.IntToDoubleFunction;

/** Batch normalisation of docs/arithmetic.md on [n, c, s], and its gradient. */
public final class PageBatchNorm {
  private static final int SEGMENT = 4096;

  private final int n;
  private final int c;
  private final int s;

  public PageBatchNorm(int n, int c, int s) {
    this.n = n;
    this.c = c;
    this.s = s;
  }

  /** chansum of the values at positions of channel k, or of the fused products where b is given. */
  private float chansum(int k, IntToDoubleFunction a, IntToDoubleFunction b) {
    float acc = 0;
    for (int image = 0; image < n; image++) {
      for (int first = 0; first < s; first += SEGMENT) {
        int length = Math.min(SEGMENT, s - first);
        float[] u = new float[length];
        float[] v = new float[length];
        for (int i = 0; i < length; i++) {
          int at = (image * c + k) * s + first + i;
          u[i] = (float) a.applyAsDouble(at);
          v[i] = b == null ? 1 : (float) b.applyAsDouble(at);
        }
        acc = acc + (b == null ? PageSums.sum16(u, 0, 1, length) : PageSums.sum16(u, 0, v, 0, 1, length));
      }
    }
    return acc;
  }

  /** What training gives. */
  public record Forward(float[] y, float[] mean, float[] variance, float[] rstd) {}

  public Forward train(float[] x, float[] gamma, float[] beta, float eps, boolean relu) {
    Forward f = new Forward(new float[n * c * s], new float[c], new float[c], new float[c]);
    for (int k = 0; k < c; k++) {
      float m = (float) ((long) n * s);
      float mean = chansum(k, at -> x[at], null) / m;
      float variance = chansum(k, at -> x[at] - mean, at -> x[at] - mean) / m;
      float rstd = 1f / (float) Math.sqrt(variance + eps);
      float scale = (gamma == null ? 1f : gamma[k]) * rstd;
      f.mean[k] = mean;
      f.variance[k] = variance;
      f.rstd[k] = rstd;
      int channel = k;
      each(k, at -> f.y[at] = relu(Math.fma(x[at] - mean, scale, beta == null ? 0f : beta[channel]), relu));
    }
    return f;
  }

  public float[] infer(float[] x, float[] gamma, float[] beta, float[] mean, float[] variance, float eps, boolean relu) {
    float[] y = new float[n * c * s];
    for (int k = 0; k < c; k++) {
      float scale = (gamma == null ? 1f : gamma[k]) / (float) Math.sqrt(variance[k] + eps);
      float shift = Math.fma(-mean[k], scale, beta == null ? 0f : beta[k]);
      each(k, at -> y[at] = relu(Math.fma(x[at], scale, shift), relu));
    }
    return y;
  }

  private static float relu(float v, boolean relu) {
    return relu && v < 0 ? 0f : v;
  }

  private void each(int k, java.util.function.IntConsumer body) {
    for (int image = 0; image < n; image++) {
      for (int i = 0; i < s; i++) {
        body.accept((image * c + k) * s + i);
      }
    }
  }

  /** old = fma(batch, a, old (1 - a)). */
  public static float[] running(float[] old, float[] batch, double a, boolean unbiased, int m) {
    float[] moved = new float[old.length];
    for (int k = 0; k < old.length; k++) {
      float value = unbiased ? batch[k] * (float) (m / (m - 1.0)) : batch[k];
      moved[k] = Math.fma(value, (float) a, old[k] * (float) (1 - a));
    }
    return moved;
  }

  /** Gradients; mean and rstd are the forward's. */
  public record Gradient(float[] dx, float[] dgamma, float[] dbeta) {}

  public Gradient backward(
      float[] x, float[] gamma, float[] dy, float[] y, float[] mean, float[] rstd, boolean training) {
    Gradient g = new Gradient(new float[n * c * s], new float[c], new float[c]);
    for (int k = 0; k < c; k++) {
      int channel = k;
      float m = (float) ((long) n * s);
      IntToDoubleFunction d = at -> y == null || y[at] > 0 ? dy[at] : 0f;
      IntToDoubleFunction h = at -> (x[at] - mean[channel]) * rstd[channel];
      float dbeta = chansum(k, d, null);
      float dgamma = chansum(k, d, h);
      float a = (gamma == null ? 1f : gamma[k]) * rstd[k];
      g.dgamma[k] = dgamma;
      g.dbeta[k] = dbeta;
      each(k, at -> {
        float v = (float) d.applyAsDouble(at);
        g.dx[at] = training ? a * Math.fma(-(float) h.applyAsDouble(at), dgamma / m, v - dbeta / m) : a * v;
      });
    }
    return g;
  }
}
