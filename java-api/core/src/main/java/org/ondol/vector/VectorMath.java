package org.ondol.vector;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The functions of docs/arithmetic.md on vectors; {@link ScalarMath} has the same formulas on floats.
 *
 * <p>Every method stays below C2's FreqInlineSize (325 bytecodes): one that is not inlined boxes its vectors.
 */
final class VectorMath {
  /**
   * Eight lanes where the machine has them, else four. Not sixteen: the tiles are built from pairs of vectors, and
   * a 16-column panel must hold a whole number of pairs.
   */
  static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() >= 8 ? FloatVector.SPECIES_256 : FloatVector.SPECIES_128;

  /** Lanes per vector; divides 16, so that the 16 partial sums are a whole number of vectors. */
  static final int LANES = SPECIES.length();

  private static final float MAGIC = ScalarMath.MAGIC;

  private VectorMath() {}

  static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(SPECIES, x, at);
  }

  static FloatVector all(float value) {
    return FloatVector.broadcast(SPECIES, value);
  }

  /** {@code acc * r + c}: one step of Horner's rule. */
  private static FloatVector step(FloatVector acc, FloatVector r, float c) {
    return acc.fma(r, all(c));
  }

  /** a > b or a is NaN ? a : b. FloatVector.max orders zeros and NaNs as Java does, which costs five instructions. */
  static FloatVector max(FloatVector a, FloatVector b) {
    return b.blend(a, a.compare(GT, b)).blend(a, a.compare(NE, a));
  }

  static FloatVector min(FloatVector a, FloatVector b) {
    return b.blend(a, a.compare(LT, b)).blend(a, a.compare(NE, a));
  }

  static FloatVector exp2w(FloatVector x) {
    FloatVector t = x.add(MAGIC);
    FloatVector r = x.sub(t.sub(MAGIC));
    FloatVector p = step(all(0x1.5bba0ep-10f), r, 0x1.3cea88p-7f);
    p = step(p, r, 0x1.c6b752p-5f);
    p = step(p, r, 0x1.ebf9bcp-3f);
    p = step(p, r, 0x1.62e42ap-1f);
    p = step(p, r, 1);
    FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).add(0x3F800000).reinterpretAsFloats();
    return p.mul(s).blend(0f, x.compare(LT, -126f));
  }

  static FloatVector exp(FloatVector x) {
    x = x.blend(-104f, x.compare(LT, -104f));
    x = x.blend(89f, x.compare(GT, 89f));
    FloatVector t = x.fma(all(0x1.715476p+0f), all(MAGIC));
    FloatVector n = t.sub(MAGIC);
    FloatVector r = n.fma(all(-0x1.62e4p-1f), x);
    r = n.fma(all(-0x1.7f7d1cp-20f), r);
    FloatVector p = step(all(0x1.6a243p-10f), r, 0x1.1239e4p-7f);
    p = step(p, r, 0x1.5558f2p-5f);
    p = step(p, r, 0x1.555492p-3f);
    p = step(p, r, 0x1.fffffcp-2f);
    p = step(p, r, 1);
    p = step(p, r, 1);
    IntVector i = t.reinterpretAsInts().sub(0x4B400000);
    IntVector i1 = i.lanewise(ASHR, 1);
    return p.mul(power(i1)).mul(power(i.sub(i1)));
  }

  /** 2^i for i in [-126, 127]. */
  private static FloatVector power(IntVector i) {
    return i.add(127).lanewise(LSHL, 23).reinterpretAsFloats();
  }

  static FloatVector log(FloatVector x) {
    var tiny = x.compare(LT, 0x1p-126f);
    FloatVector y = x.blend(x.mul(0x1p23f), tiny);
    IntVector i = y.reinterpretAsInts().sub(0x3F3504F3);
    // The exponent as a float, exactly, without a conversion: its bits above those of MAGIC.
    FloatVector e = i.lanewise(ASHR, 23).add(0x4B400000).reinterpretAsFloats().sub(MAGIC);
    e = e.blend(e.sub(23f), tiny);
    FloatVector f = i.and(0x7FFFFF).add(0x3F3504F3).reinterpretAsFloats().sub(1f);
    FloatVector s = f.mul(f);
    FloatVector z = f.mul(s).mul(logTail(f));
    z = e.fma(all(-0x1.bd0106p-13f), z);
    z = f.add(s.fma(all(-0.5f), z));
    return logSpecial(x, e.fma(all(0x1.63p-1f), z));
  }

  private static FloatVector logTail(FloatVector f) {
    FloatVector q = step(all(0x1.14573ep-4f), f, -0x1.de3bf8p-4f);
    q = step(q, f, 0x1.e6f08cp-4f);
    q = step(q, f, -0x1.fc220ep-4f);
    q = step(q, f, 0x1.233766p-3f);
    q = step(q, f, -0x1.555c4ep-3f);
    q = step(q, f, 0x1.99a4b6p-3f);
    q = step(q, f, -0x1.000006p-2f);
    return step(q, f, 0x1.555548p-2f);
  }

  private static FloatVector logSpecial(FloatVector x, FloatVector y) {
    y = y.blend(Float.NaN, x.compare(LT, 0f)).blend(x, x.compare(NE, x));
    y = y.blend(Float.NEGATIVE_INFINITY, x.eq(0f));
    return y.blend(Float.POSITIVE_INFINITY, x.eq(Float.POSITIVE_INFINITY));
  }

  /** |magnitude| with the sign of x; the magnitude is not negative. */
  private static FloatVector withSign(FloatVector magnitude, FloatVector x) {
    return magnitude.reinterpretAsInts().or(x.reinterpretAsInts().and(0x80000000)).reinterpretAsFloats();
  }

  static FloatVector tanh(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector large = all(1).sub(all(2).div(exp(a.add(a)).add(1f)));
    return withSign(large, x).blend(tanhSmall(x), a.compare(LT, 0.625f));
  }

  private static FloatVector tanhSmall(FloatVector x) {
    FloatVector s = x.mul(x);
    FloatVector q = step(all(-0x1.75e1a8p-8f), s, 0x1.522692p-6f);
    q = step(q, s, -0x1.b83c58p-5f);
    q = step(q, s, 0x1.110726p-3f);
    q = step(q, s, -0x1.555532p-2f);
    return x.mul(s).fma(q, x);
  }

  static FloatVector erf(FloatVector x) {
    FloatVector a = x.abs();
    return withSign(erfLarge(a), x).blend(erfSmall(x), a.compare(LT, 1f));
  }

  private static FloatVector erfSmall(FloatVector x) {
    FloatVector s = x.mul(x);
    FloatVector q = step(all(0x1.496a28p-14f), s, -0x1.a3f6fcp-11f);
    q = step(q, s, 0x1.5405b2p-8f);
    q = step(q, s, -0x1.b7f90cp-6f);
    q = step(q, s, 0x1.ce2cf8p-4f);
    q = step(q, s, -0x1.81273ep-2f);
    return x.mul(step(q, s, 0x1.20dd74p+0f));
  }

  private static FloatVector erfLarge(FloatVector a) {
    FloatVector b = a.blend(4f, a.compare(GT, 4f));
    FloatVector g = step(all(-0x1.86de0cp-13f), b, 0x1.825b48p-9f);
    g = step(g, b, -0x1.65cb9ep-6f);
    g = step(g, b, 0x1.a65356p-4f);
    g = step(g, b, 0x1.46bae8p-1f);
    g = step(g, b, 0x1.2088ecp+0f);
    g = step(g, b, 0x1.661a16p-12f);
    return all(1).sub(exp(g.neg()));
  }

  static FloatVector sigmoid(FloatVector x) {
    return all(1).div(exp(x.neg()).add(1f));
  }

  static FloatVector silu(FloatVector x) {
    return x.mul(sigmoid(x));
  }

  static FloatVector relu(FloatVector x) {
    return x.blend(0f, x.compare(LT, 0f));
  }

  static FloatVector gelu(FloatVector x) {
    return x.mul(0.5f).mul(erf(x.mul(0x1.6a09e6p-1f)).add(1f));
  }

  static FloatVector geluTanh(FloatVector x) {
    FloatVector t = x.mul(x).mul(0x1.6e4e26p-5f);
    FloatVector u = t.fma(x, x).mul(0x1.988454p-1f);
    return x.mul(0.5f).mul(tanh(u).add(1f));
  }

  static FloatVector reluGrad(FloatVector x, FloatVector dy) {
    return all(0).blend(dy, x.compare(GT, 0f));
  }

  static FloatVector sigmoidGrad(FloatVector y, FloatVector dy) {
    return dy.mul(y.mul(all(1).sub(y)));
  }

  static FloatVector tanhGrad(FloatVector y, FloatVector dy) {
    return dy.mul(y.neg().fma(y, all(1)));
  }

  static FloatVector siluGrad(FloatVector x, FloatVector dy) {
    FloatVector s = sigmoid(x);
    return dy.mul(s.mul(x.fma(all(1).sub(s), all(1))));
  }

  static FloatVector geluGrad(FloatVector x, FloatVector dy) {
    FloatVector c = erf(x.mul(0x1.6a09e6p-1f)).add(1f).mul(0.5f);
    FloatVector d = exp(x.mul(-0.5f).mul(x)).mul(0x1.988454p-2f);
    return dy.mul(x.fma(d, c));
  }

  static FloatVector geluTanhGrad(FloatVector x, FloatVector dy) {
    FloatVector s = x.mul(x).mul(0x1.6e4e26p-5f);
    FloatVector h = tanh(s.fma(x, x).mul(0x1.988454p-1f));
    FloatVector du = s.fma(all(3), all(1)).mul(0x1.988454p-1f);
    FloatVector a = h.add(1f).mul(0.5f);
    FloatVector b = x.mul(0.5f).mul(h.neg().fma(h, all(1)));
    return dy.mul(b.fma(du, a));
  }
}
