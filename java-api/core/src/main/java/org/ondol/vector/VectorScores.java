package org.ondol.vector;

import static jdk.incubator.vector.VectorOperators.GT;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.SPECIES;
import static org.ondol.vector.VectorMath.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** {@link Scores} on vectors. */
final class VectorScores implements Scores {
  private static final VectorSpecies<Integer> INTS = SPECIES.withLanes(int.class);

  @Override
  public void weights(float[] s, int keys, float[] m, int mAt, float[] l, int lAt, float[] a) {
    for (int h = 0; h < ROWS; h += LANES) {
      FloatVector before = load(m, mAt + h);
      FloatVector after = maximum(s, keys, h, before);
      FloatVector u = after.blend(0f, after.eq(Float.NEGATIVE_INFINITY));
      FloatVector scale = VectorMath.exp2w(before.sub(u));
      after.intoArray(m, mAt + h);
      scale.intoArray(a, h);
      for (int p = 0; p < 16; p++) {
        load(l, lAt + ROWS * p + h).mul(scale).intoArray(l, lAt + ROWS * p + h);
      }
      exponentials(s, keys, h, u, l, lAt + h);
    }
  }

  /** Two chains: one waits for its compare and blend half of the time. NaN is ignored. */
  private static FloatVector maximum(float[] s, int keys, int h, FloatVector from) {
    FloatVector even = from;
    FloatVector odd = from;
    for (int j = h; j < ROWS * keys; j += 2 * ROWS) {
      FloatVector x = load(s, j);
      FloatVector y = load(s, j + ROWS);
      even = even.blend(x, x.compare(GT, even));
      odd = odd.blend(y, y.compare(GT, odd));
    }
    return even.blend(odd, odd.compare(GT, even));
  }

  private static void exponentials(float[] s, int keys, int h, FloatVector u, float[] l, int lAt) {
    for (int j = h; j < ROWS * keys; j += ROWS) {
      FloatVector w = VectorMath.exp2w(load(s, j).sub(u));
      w.intoArray(s, j);
      int partial = lAt + (j & 15 * ROWS);
      load(l, partial).add(w).intoArray(l, partial);
    }
  }

  @Override
  public void softcap(float[] s, int keys, float in, float out) {
    for (int j = 0; j < ROWS * keys; j += LANES) {
      VectorMath.tanh(load(s, j).mul(in)).mul(out).intoArray(s, j);
    }
  }

  @Override
  public void alibi(float[] s, int keys, int first, int[] position, float[] slope) {
    for (int h = 0; h < ROWS; h += LANES) {
      IntVector at = IntVector.fromArray(INTS, position, h);
      FloatVector factor = load(slope, h);
      for (int j = 0; j < keys; j++) {
        int i = ROWS * j + h;
        IntVector distance = IntVector.broadcast(INTS, first + j).sub(at).abs();
        FloatVector d = (FloatVector) distance.convert(VectorOperators.I2F, 0);
        factor.fma(d, load(s, i)).intoArray(s, i);
      }
    }
  }

  @Override
  public void probabilities(float[] s, int keys, float[] shift) {
    for (int h = 0; h < ROWS; h += LANES) {
      FloatVector by = load(shift, h);
      for (int j = h; j < ROWS * keys; j += ROWS) {
        FloatVector z = load(s, j);
        VectorMath.exp2w(z.sub(by)).blend(0f, z.eq(Float.NEGATIVE_INFINITY)).intoArray(s, j);
      }
    }
  }

  @Override
  public void gradients(float[] p, float[] dp, int keys, float[] delta) {
    for (int h = 0; h < ROWS; h += LANES) {
      FloatVector by = load(delta, h);
      for (int j = h; j < ROWS * keys; j += ROWS) {
        FloatVector weight = load(p, j);
        weight.mul(load(dp, j).sub(by)).blend(0f, weight.eq(0f)).intoArray(dp, j);
      }
    }
  }

  @Override
  public boolean finite(float[] x, int at, int n) {
    // x * 0 is a zero for a finite x and NaN otherwise, and NaN stays in the sum.
    FloatVector sum = FloatVector.zero(SPECIES);
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      sum = load(x, at + i).mul(0f).add(sum);
    }
    boolean finite = sum.eq(0f).allTrue();
    for (; i < n; i++) {
      finite &= Float.isFinite(x[at + i]);
    }
    return finite;
  }
}
