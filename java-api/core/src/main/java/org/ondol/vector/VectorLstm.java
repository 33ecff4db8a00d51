package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.ONE;
import static org.ondol.vector.VectorMath.SPECIES;

import jdk.incubator.vector.FloatVector;

/** {@link LstmLoops} on vectors. */
final class VectorLstm implements LstmLoops {
  @Override
  public void activate(float[] z, int at, int n, float[] t) {
    VectorMath.sigmoid(z, at, z, at, 2 * n);
    VectorMath.tanh(z, at + 2 * n, n, t);
    VectorMath.sigmoid(z, at + 3 * n, z, at + 3 * n, n);
  }

  @Override
  public void cell(float[] z, int at, float[] c, int cAt, int n, float[] t) {
    for (int j = 0; j < n; j += LANES) {
      FloatVector input = fromArray(SPECIES, z, at + j).mul(fromArray(SPECIES, z, at + 2 * n + j));
      FloatVector value = fromArray(SPECIES, z, at + n + j).fma(fromArray(SPECIES, c, cAt + j), input);
      value.intoArray(c, cAt + j);
      value.intoArray(z, at + j);
    }
    VectorMath.tanh(z, at, n, t);
    for (int j = 0; j < n; j += LANES) {
      fromArray(SPECIES, z, at + 3 * n + j).mul(fromArray(SPECIES, z, at + j)).intoArray(z, at + j);
    }
  }

  @Override
  public void gradient(float[] z, int at, float[] u, float[] d, int dAt, float[] before, float[] dc, int dcAt, int n) {
    outputs(z, at + 3 * n, u, d, dAt, dc, dcAt, n);
    for (int j = 0; j < n; j += LANES) {
      FloatVector s = fromArray(SPECIES, dc, dcAt + j);
      FloatVector i = fromArray(SPECIES, z, at + j);
      FloatVector f = fromArray(SPECIES, z, at + n + j);
      FloatVector g = fromArray(SPECIES, z, at + 2 * n + j);
      s.mul(g).mul(i.mul(ONE.sub(i))).intoArray(z, at + j);
      s.mul(fromArray(SPECIES, before, j)).mul(f.mul(ONE.sub(f))).intoArray(z, at + n + j);
      s.mul(i).mul(g.neg().fma(g, ONE)).intoArray(z, at + 2 * n + j);
      s.mul(f).intoArray(dc, dcAt + j);
    }
  }

  /** The gradient of the output gate, and dc becomes s. */
  private static void outputs(float[] z, int at, float[] u, float[] d, int dAt, float[] dc, int dcAt, int n) {
    for (int j = 0; j < n; j += LANES) {
      FloatVector o = fromArray(SPECIES, z, at + j);
      FloatVector x = fromArray(SPECIES, u, j);
      FloatVector dh = fromArray(SPECIES, d, dAt + j);
      fromArray(SPECIES, dc, dcAt + j).add(dh.mul(o).mul(x.neg().fma(x, ONE))).intoArray(dc, dcAt + j);
      dh.mul(x).mul(o.mul(ONE.sub(o))).intoArray(z, at + j);
    }
  }
}
