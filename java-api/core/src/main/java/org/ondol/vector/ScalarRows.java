package org.ondol.vector;

/** {@link Rows} with scalar code; the sixteen partials keep the additions independent of each other. */
final class ScalarRows implements Rows {
  @Override
  public void sum(float[] x, int at, int n, float[] p) {
    for (int i = 0; i < n; i += 16) {
      for (int j = 0; j < 16; j++) {
        p[j] = p[j] + x[at + i + j];
      }
    }
  }

  @Override
  public void dot(float[] x, int xAt, float[] y, int yAt, int n, float[] p) {
    for (int i = 0; i < n; i += 16) {
      for (int j = 0; j < 16; j++) {
        p[j] = Math.fma(x[xAt + i + j], y[yAt + i + j], p[j]);
      }
    }
  }

  @Override
  public void max(float[] x, int at, int n, float[] p) {
    for (int i = 0; i < n; i += 16) {
      for (int j = 0; j < 16; j++) {
        p[j] = ScalarMath.max(p[j], x[at + i + j]);
      }
    }
  }

  @Override
  public void expMinus(float[] x, int at, int n, float m) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.exp(x[i] - m);
    }
  }

  @Override
  public void minus(float[] x, int at, int n, float a, float b) {
    for (int i = at; i < at + n; i++) {
      x[i] = (x[i] - a) - b;
    }
  }

  @Override
  public void softmaxGradient(float[] y, float[] dy, int at, int n, float s) {
    for (int i = at; i < at + n; i++) {
      dy[i] = y[i] * (dy[i] - s);
    }
  }

  @Override
  public void logSoftmaxGradient(float[] y, float[] dy, int at, int n, float s) {
    for (int i = at; i < at + n; i++) {
      dy[i] = Math.fma(-ScalarMath.exp(y[i]), s, dy[i]);
    }
  }

  @Override
  public void normalize(float[] x, int at, int n, float rstd, float[] gamma, float[] beta) {
    for (int i = 0; i < n; i++) {
      x[at + i] = Math.fma(x[at + i] * rstd, gamma[i], beta[i]);
    }
  }

  @Override
  public void standardize(float[] h, int at, int n, float mean, float rstd) {
    for (int i = at; i < at + n; i++) {
      h[i] = (h[i] - mean) * rstd;
    }
  }

  @Override
  public void layernormGradient(float[] h, float[] g, int at, int n, float rstd, float s1, float s2) {
    for (int i = at; i < at + n; i++) {
      g[i] = rstd * Math.fma(-h[i], s2, g[i] - s1);
    }
  }

  @Override
  public void multiplyAdd(float[] acc, int accAt, float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      acc[accAt + i] = Math.fma(x[xAt + i], y[yAt + i], acc[accAt + i]);
    }
  }
}
