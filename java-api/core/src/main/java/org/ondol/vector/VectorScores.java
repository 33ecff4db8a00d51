package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static org.ondol.vector.VectorMath.INTS;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.MAGIC;
import static org.ondol.vector.VectorMath.NEGATIVE_INFINITY;
import static org.ondol.vector.VectorMath.ONE;
import static org.ondol.vector.VectorMath.ONE_BITS;
import static org.ondol.vector.VectorMath.SPECIES;
import static org.ondol.vector.VectorMath.W1;
import static org.ondol.vector.VectorMath.W2;
import static org.ondol.vector.VectorMath.W3;
import static org.ondol.vector.VectorMath.W4;
import static org.ondol.vector.VectorMath.W5;
import static org.ondol.vector.VectorMath.WEIGHT_LOW;
import static org.ondol.vector.VectorMath.ZERO;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link Scores} on vectors. */
final class VectorScores implements Scores {
  @Override
  public void weights(float[] s, int keys, float[] m, int mAt, float[] l, int lAt, float[] a) {
    for (int h = 0; h < ROWS; h += LANES) {
      maximum(s, keys, h, m, mAt + h, a);
      exponentials(s, keys, h, m, mAt + h, a);
      sums(s, keys, h, l, lAt + h, a);
    }
  }

  /** Raises m to the maximum, the old one goes to a; NaN is ignored. Two chains, to wait less for compare and blend. */
  private static void maximum(float[] s, int keys, int h, float[] m, int at, float[] a) {
    FloatVector even = fromArray(SPECIES, m, at);
    FloatVector odd = even;
    even.intoArray(a, h);
    for (int j = h; j < ROWS * keys; j += 2 * ROWS) {
      FloatVector x = fromArray(SPECIES, s, j);
      FloatVector y = fromArray(SPECIES, s, j + ROWS);
      even = even.blend(x, x.compare(GT, even));
      odd = odd.blend(y, y.compare(GT, odd));
    }
    even.blend(odd, odd.compare(GT, even)).intoArray(m, at);
  }

  /** s = exp2w(s - u) for the finite u of m, and a likewise. */
  private static void exponentials(float[] s, int keys, int h, float[] m, int at, float[] a) {
    FloatVector top = fromArray(SPECIES, m, at);
    top.blend(ZERO, top.eq(NEGATIVE_INFINITY)).intoArray(s, ROWS * keys + h);
    shifted(a, h, h + ROWS, s, ROWS * keys + h);
    shifted(s, h, ROWS * keys, s, ROWS * keys + h);
  }

  /** s = exp2w(s - shift) in the lanes from h on of every row of 16, up to end. */
  private static void shifted(float[] s, int h, int end, float[] shift, int at) {
    FloatVector by = fromArray(SPECIES, shift, at);
    for (int j = h; j < end; j += ROWS) {
      FloatVector z = fromArray(SPECIES, s, j).sub(by);
      FloatVector t = z.add(MAGIC);
      FloatVector r = z.sub(t.sub(MAGIC));
      FloatVector p = W5.fma(r, W4).fma(r, W3).fma(r, W2).fma(r, W1).fma(r, ONE);
      FloatVector power = t.reinterpretAsInts().lanewise(LSHL, 23).add(ONE_BITS).reinterpretAsFloats();
      p.mul(power).blend(ZERO, z.compare(LT, WEIGHT_LOW)).intoArray(s, j);
    }
  }

  private static void sums(float[] s, int keys, int h, float[] l, int at, float[] a) {
    FloatVector scale = fromArray(SPECIES, a, h);
    for (int p = 0; p < 16 * ROWS; p += ROWS) {
      fromArray(SPECIES, l, at + p).mul(scale).intoArray(l, at + p);
    }
    for (int j = 0; j < ROWS * keys; j += ROWS) {
      int partial = at + (j & 15 * ROWS);
      fromArray(SPECIES, l, partial).add(fromArray(SPECIES, s, j + h)).intoArray(l, partial);
    }
  }

  @Override
  public void softcap(float[] s, int keys, float in, float out) {
    int n = ROWS * keys;
    float[] t = new float[4 * ROWS];
    for (int j = 0; j < n; j += LANES) {
      fromArray(SPECIES, s, j).mul(in).intoArray(s, j);
    }
    for (int j = 0; j < n; j += t.length) {
      VectorMath.tanh(s, j, t.length, t);
    }
    for (int j = 0; j < n; j += LANES) {
      fromArray(SPECIES, s, j).mul(out).intoArray(s, j);
    }
  }

  @Override
  public void alibi(float[] s, int keys, int first, int[] position, float[] slope) {
    for (int h = 0; h < ROWS; h += LANES) {
      IntVector at = IntVector.fromArray(INTS, position, h);
      FloatVector factor = fromArray(SPECIES, slope, h);
      for (int j = 0; j < keys; j++) {
        int i = ROWS * j + h;
        IntVector distance = IntVector.broadcast(INTS, first + j).sub(at).abs();
        FloatVector d = (FloatVector) distance.convert(VectorOperators.I2F, 0);
        factor.fma(d, fromArray(SPECIES, s, i)).intoArray(s, i);
      }
    }
  }

  @Override
  public void probabilities(float[] s, int keys, float[] shift) {
    for (int h = 0; h < ROWS; h += LANES) {
      shifted(s, h, ROWS * keys, shift, h);
    }
  }

  @Override
  public void gradients(float[] p, float[] dp, int keys, float[] delta) {
    for (int h = 0; h < ROWS; h += LANES) {
      FloatVector by = fromArray(SPECIES, delta, h);
      for (int j = h; j < ROWS * keys; j += ROWS) {
        FloatVector weight = fromArray(SPECIES, p, j);
        weight.mul(fromArray(SPECIES, dp, j).sub(by)).blend(ZERO, weight.eq(ZERO)).intoArray(dp, j);
      }
    }
  }

  @Override
  public boolean finite(float[] x, int at, int n) {
    // x * 0 is a zero for a finite x and NaN otherwise, and NaN stays in the sums. Four: none waits for another.
    FloatVector a = FloatVector.zero(SPECIES);
    FloatVector b = FloatVector.zero(SPECIES);
    FloatVector c = FloatVector.zero(SPECIES);
    FloatVector d = FloatVector.zero(SPECIES);
    int i = 0;
    for (; i <= n - 4 * LANES; i += 4 * LANES) {
      a = fromArray(SPECIES, x, at + i).fma(ZERO, a);
      b = fromArray(SPECIES, x, at + i + LANES).fma(ZERO, b);
      c = fromArray(SPECIES, x, at + i + 2 * LANES).fma(ZERO, c);
      d = fromArray(SPECIES, x, at + i + 3 * LANES).fma(ZERO, d);
    }
    boolean finite = a.add(b).add(c.add(d)).eq(ZERO).allTrue();
    for (; i < n; i++) {
      finite &= Float.isFinite(x[at + i]);
    }
    return finite;
  }
}
