package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.NE;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.SPECIES;

import jdk.incubator.vector.FloatVector;

/** {@link Rows} on vectors. */
final class VectorRows implements Rows {
  @Override
  public void sum(float[] x, int at, int n, float[] p) {
    // One pass per pair of vectors: with eight lanes that is one pass over the row.
    for (int h = 0; h < 16; h += 2 * LANES) {
      FloatVector a = fromArray(SPECIES, p, h);
      FloatVector b = fromArray(SPECIES, p, h + LANES);
      for (int i = h; i < n; i += 16) {
        a = a.add(fromArray(SPECIES, x, at + i));
        b = b.add(fromArray(SPECIES, x, at + i + LANES));
      }
      a.intoArray(p, h);
      b.intoArray(p, h + LANES);
    }
  }

  @Override
  public void dot(float[] x, int xAt, float[] y, int yAt, int n, float[] p) {
    // One pass per pair of vectors: with eight lanes that is one pass over the row.
    for (int h = 0; h < 16; h += 2 * LANES) {
      FloatVector a = fromArray(SPECIES, p, h);
      FloatVector b = fromArray(SPECIES, p, h + LANES);
      for (int i = h; i < n; i += 16) {
        a = fromArray(SPECIES, x, xAt + i).fma(fromArray(SPECIES, y, yAt + i), a);
        b = fromArray(SPECIES, x, xAt + i + LANES).fma(fromArray(SPECIES, y, yAt + i + LANES), b);
      }
      a.intoArray(p, h);
      b.intoArray(p, h + LANES);
    }
  }

  @Override
  public void max(float[] x, int at, int n, float[] p) {
    // One pass per pair of vectors: with eight lanes that is one pass over the row.
    for (int h = 0; h < 16; h += 2 * LANES) {
      FloatVector a = fromArray(SPECIES, p, h);
      FloatVector b = fromArray(SPECIES, p, h + LANES);
      for (int i = h; i < n; i += 16) {
        FloatVector u = fromArray(SPECIES, x, at + i);
        FloatVector v = fromArray(SPECIES, x, at + i + LANES);
        a = u.blend(a, a.compare(GT, u)).blend(a, a.compare(NE, a));
        b = v.blend(b, b.compare(GT, v)).blend(b, b.compare(NE, b));
      }
      a.intoArray(p, h);
      b.intoArray(p, h + LANES);
    }
  }

  @Override
  public void expMinus(float[] x, int at, int n, float m) {
    for (int i = at; i < at + n; i += LANES) {
      fromArray(SPECIES, x, i).sub(m).intoArray(x, i);
    }
    VectorMath.exp(x, at, x, at, n);
  }

  @Override
  public void minus(float[] x, int at, int n, float a, float b) {
    for (int i = at; i < at + n; i += LANES) {
      fromArray(SPECIES, x, i).sub(a).sub(b).intoArray(x, i);
    }
  }

  @Override
  public void softmaxGradient(float[] y, float[] dy, int at, int n, float s) {
    for (int i = at; i < at + n; i += LANES) {
      fromArray(SPECIES, y, i).mul(fromArray(SPECIES, dy, i).sub(s)).intoArray(dy, i);
    }
  }

  @Override
  public void logSoftmaxGradient(float[] y, float[] dy, int at, int n, float s) {
    VectorMath.exp(y, at, y, at, n);
    for (int i = at; i < at + n; i += LANES) {
      fromArray(SPECIES, y, i).neg().fma(broadcast(SPECIES, s), fromArray(SPECIES, dy, i)).intoArray(dy, i);
    }
  }

  @Override
  public void normalize(float[] x, int at, int n, float rstd, float[] gamma, float[] beta) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, at + i).mul(rstd);
      v.fma(fromArray(SPECIES, gamma, i), fromArray(SPECIES, beta, i)).intoArray(x, at + i);
    }
  }

  @Override
  public void standardize(float[] h, int at, int n, float mean, float rstd) {
    for (int i = at; i < at + n; i += LANES) {
      fromArray(SPECIES, h, i).sub(mean).mul(rstd).intoArray(h, i);
    }
  }

  @Override
  public void layernormGradient(float[] h, float[] g, int at, int n, float rstd, float s1, float s2) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, g, i).sub(s1);
      fromArray(SPECIES, h, i).neg().fma(broadcast(SPECIES, s2), v).mul(rstd).intoArray(g, i);
    }
  }

  @Override
  public void multiplyAdd(float[] acc, int accAt, float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, acc, accAt + i);
      fromArray(SPECIES, x, xAt + i).fma(fromArray(SPECIES, y, yAt + i), v).intoArray(acc, accAt + i);
    }
  }
}
