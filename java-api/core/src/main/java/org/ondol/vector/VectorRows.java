package org.ondol.vector;

import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.all;
import static org.ondol.vector.VectorMath.load;

import jdk.incubator.vector.FloatVector;

/** {@link Rows} on vectors. */
final class VectorRows implements Rows {
  @Override
  public void sum(float[] x, int at, int n, float[] p) {
    // One pass per pair of vectors: with eight lanes that is one pass over the row.
    for (int h = 0; h < 16; h += 2 * LANES) {
      FloatVector a = load(p, h);
      FloatVector b = load(p, h + LANES);
      for (int i = h; i < n; i += 16) {
        a = a.add(load(x, at + i));
        b = b.add(load(x, at + i + LANES));
      }
      a.intoArray(p, h);
      b.intoArray(p, h + LANES);
    }
  }

  @Override
  public void dot(float[] x, int xAt, float[] y, int yAt, int n, float[] p) {
    // One pass per pair of vectors: with eight lanes that is one pass over the row.
    for (int h = 0; h < 16; h += 2 * LANES) {
      FloatVector a = load(p, h);
      FloatVector b = load(p, h + LANES);
      for (int i = h; i < n; i += 16) {
        a = load(x, xAt + i).fma(load(y, yAt + i), a);
        b = load(x, xAt + i + LANES).fma(load(y, yAt + i + LANES), b);
      }
      a.intoArray(p, h);
      b.intoArray(p, h + LANES);
    }
  }

  @Override
  public void max(float[] x, int at, int n, float[] p) {
    // One pass per pair of vectors: with eight lanes that is one pass over the row.
    for (int h = 0; h < 16; h += 2 * LANES) {
      FloatVector a = load(p, h);
      FloatVector b = load(p, h + LANES);
      for (int i = h; i < n; i += 16) {
        a = VectorMath.max(a, load(x, at + i));
        b = VectorMath.max(b, load(x, at + i + LANES));
      }
      a.intoArray(p, h);
      b.intoArray(p, h + LANES);
    }
  }

  @Override
  public void expMinus(float[] x, int at, int n, float m) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.exp(load(x, i).sub(m)).intoArray(x, i);
    }
  }

  @Override
  public void minus(float[] x, int at, int n, float a, float b) {
    for (int i = at; i < at + n; i += LANES) {
      load(x, i).sub(a).sub(b).intoArray(x, i);
    }
  }

  @Override
  public void softmaxGradient(float[] y, float[] dy, int at, int n, float s) {
    for (int i = at; i < at + n; i += LANES) {
      load(y, i).mul(load(dy, i).sub(s)).intoArray(dy, i);
    }
  }

  @Override
  public void logSoftmaxGradient(float[] y, float[] dy, int at, int n, float s) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.exp(load(y, i)).neg().fma(all(s), load(dy, i)).intoArray(dy, i);
    }
  }

  @Override
  public void normalize(float[] x, int at, int n, float rstd, float[] gamma, float[] beta) {
    for (int i = 0; i < n; i += LANES) {
      load(x, at + i).mul(rstd).fma(load(gamma, i), load(beta, i)).intoArray(x, at + i);
    }
  }

  @Override
  public void standardize(float[] h, int at, int n, float mean, float rstd) {
    for (int i = at; i < at + n; i += LANES) {
      load(h, i).sub(mean).mul(rstd).intoArray(h, i);
    }
  }

  @Override
  public void layernormGradient(float[] h, float[] g, int at, int n, float rstd, float s1, float s2) {
    for (int i = at; i < at + n; i += LANES) {
      load(h, i).neg().fma(all(s2), load(g, i).sub(s1)).mul(rstd).intoArray(g, i);
    }
  }

  @Override
  public void multiplyAdd(float[] acc, int accAt, float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      load(x, xAt + i).fma(load(y, yAt + i), load(acc, accAt + i)).intoArray(acc, accAt + i);
    }
  }
}
