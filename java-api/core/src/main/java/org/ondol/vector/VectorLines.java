package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.LT;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.SPECIES;
import static org.ondol.vector.VectorMath.ZERO;

import jdk.incubator.vector.FloatVector;

/** {@link Lines} on vectors. */
final class VectorLines implements Lines {
  @Override
  public void pick(float[] from, int[] cells, float[] to, int n) {
    for (int j = 0; j < n; j += LANES) {
      fromArray(SPECIES, from, 0, cells, j).intoArray(to, j);
    }
  }

  @Override
  public void mix(float[] from, int[] x0, float[] v0, int[] x1, float[] v1, float[] to, int n) {
    for (int j = 0; j < n; j += LANES) {
      FloatVector first = fromArray(SPECIES, from, 0, x0, j).mul(fromArray(SPECIES, v0, j));
      fromArray(SPECIES, from, 0, x1, j).fma(fromArray(SPECIES, v1, j), first).intoArray(to, j);
    }
  }

  @Override
  public void blend(float[] a, float u0, float[] b, float u1, float[] to, int toAt, int n) {
    FloatVector weight = broadcast(SPECIES, u1);
    for (int j = 0; j < n; j += LANES) {
      fromArray(SPECIES, b, j).fma(weight, fromArray(SPECIES, a, j).mul(u0)).intoArray(to, toAt + j);
    }
  }

  @Override
  public void accumulate(float[] acc, float[] x, float w, int n) {
    FloatVector weight = broadcast(SPECIES, w);
    for (int j = 0; j < n; j += LANES) {
      fromArray(SPECIES, x, j).fma(weight, fromArray(SPECIES, acc, j)).intoArray(acc, j);
    }
  }

  @Override
  public void spread(float[] g, int n, int[] x0, float[] v0, int[] x1, float[] v1, float[] acc) {
    for (int r = 0; r < ROWS; r += LANES) {
      for (int j = 0; j < n; j++) {
        FloatVector v = fromArray(SPECIES, g, j * ROWS + r);
        int at = x0[j] * ROWS + r;
        v.fma(broadcast(SPECIES, v0[j]), fromArray(SPECIES, acc, at)).intoArray(acc, at);
        if (x1 != null) {
          at = x1[j] * ROWS + r;
          v.fma(broadcast(SPECIES, v1[j]), fromArray(SPECIES, acc, at)).intoArray(acc, at);
        }
      }
    }
  }

  @Override
  public void affine(float[] x, int n, float minus, float scale, float shift, boolean relu) {
    FloatVector factor = broadcast(SPECIES, scale);
    FloatVector offset = broadcast(SPECIES, shift);
    for (int i = 0; i < n; i += LANES) {
      FloatVector y = fromArray(SPECIES, x, i).sub(minus).fma(factor, offset);
      (relu ? y.blend(ZERO, y.compare(LT, ZERO)) : y).intoArray(x, i);
    }
  }
}
