package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The functions of docs/arithmetic.md over arrays; {@link ScalarMath} has the same formulas on floats. Larger functions
 * are several passes over arrays that stay in the L1 cache.
 *
 * <p>A rule for every loop on vectors in this package: its body calls nothing but the Vector API, and its
 * coefficients are constants of this class. One operation costs C2 about 400 nodes while it parses. Beyond 18000
 * (NodeCountInliningCutoff, some forty operations) it inlines only what the JDK forces; a helper of our own that
 * takes or returns vectors is then called, and boxes them. Seen: 12 ns a score instead of 0.4 in the softmax of
 * attention.
 *
 * <p>Another: what a loop carries from turn to turn begins as a vector made in the method, {@code zero(SPECIES)}, never as a constant
 * of a class. C2 merges vectors only where it saw both of them made; beside a constant it allocates the other one in every turn.
 * Seen: 17.5 ms instead of 10.9 in RoiAlign, 1.80 instead of 0.66 in soft NMS, for nothing but that word.
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

  static final FloatVector ZERO = broadcast(SPECIES, 0);
  static final FloatVector ONE = broadcast(SPECIES, 1);
  static final FloatVector NEGATIVE_INFINITY = broadcast(SPECIES, Float.NEGATIVE_INFINITY);
  static final FloatVector MAGIC = broadcast(SPECIES, ScalarMath.MAGIC);

  private static final FloatVector TWO = broadcast(SPECIES, 2);
  private static final FloatVector POSITIVE_INFINITY = broadcast(SPECIES, Float.POSITIVE_INFINITY);
  private static final FloatVector NAN = broadcast(SPECIES, Float.NaN);

  static final FloatVector WEIGHT_LOW = broadcast(SPECIES, -126);
  static final FloatVector W1 = broadcast(SPECIES, 0x1.62e42ap-1f);
  static final FloatVector W2 = broadcast(SPECIES, 0x1.ebf9bcp-3f);
  static final FloatVector W3 = broadcast(SPECIES, 0x1.c6b752p-5f);
  static final FloatVector W4 = broadcast(SPECIES, 0x1.3cea88p-7f);
  static final FloatVector W5 = broadcast(SPECIES, 0x1.5bba0ep-10f);
  static final VectorSpecies<Integer> INTS = SPECIES.withLanes(int.class);
  static final IntVector ONE_BITS = IntVector.broadcast(INTS, 0x3F800000);

  private static final FloatVector EXP_LOW = broadcast(SPECIES, -104);
  private static final FloatVector EXP_HIGH = broadcast(SPECIES, 89);
  private static final FloatVector LOG2E = broadcast(SPECIES, 0x1.715476p+0f);
  private static final FloatVector LN2_HIGH = broadcast(SPECIES, -0x1.62e4p-1f);
  private static final FloatVector LN2_LOW = broadcast(SPECIES, -0x1.7f7d1cp-20f);
  private static final FloatVector X2 = broadcast(SPECIES, 0x1.fffffcp-2f);
  private static final FloatVector X3 = broadcast(SPECIES, 0x1.555492p-3f);
  private static final FloatVector X4 = broadcast(SPECIES, 0x1.5558f2p-5f);
  private static final FloatVector X5 = broadcast(SPECIES, 0x1.1239e4p-7f);
  private static final FloatVector X6 = broadcast(SPECIES, 0x1.6a243p-10f);
  private static final IntVector MAGIC_BITS = IntVector.broadcast(INTS, 0x4B400000);
  private static final IntVector EXPONENT_BIAS = IntVector.broadcast(INTS, 127);

  private static final FloatVector TINY = broadcast(SPECIES, 0x1p-126f);
  private static final FloatVector TINY_SCALE = broadcast(SPECIES, 0x1p23f);
  private static final FloatVector TINY_EXPONENT = broadcast(SPECIES, 23);
  private static final IntVector SQRT_HALF_BITS = IntVector.broadcast(INTS, 0x3F3504F3);
  private static final IntVector MANTISSA = IntVector.broadcast(INTS, 0x7FFFFF);
  private static final FloatVector MINUS_HALF = broadcast(SPECIES, -0.5f);
  private static final FloatVector LOG_LOW = broadcast(SPECIES, -0x1.bd0106p-13f);
  private static final FloatVector LOG_HIGH = broadcast(SPECIES, 0x1.63p-1f);
  private static final FloatVector G0 = broadcast(SPECIES, 0x1.555548p-2f);
  private static final FloatVector G1 = broadcast(SPECIES, -0x1.000006p-2f);
  private static final FloatVector G2 = broadcast(SPECIES, 0x1.99a4b6p-3f);
  private static final FloatVector G3 = broadcast(SPECIES, -0x1.555c4ep-3f);
  private static final FloatVector G4 = broadcast(SPECIES, 0x1.233766p-3f);
  private static final FloatVector G5 = broadcast(SPECIES, -0x1.fc220ep-4f);
  private static final FloatVector G6 = broadcast(SPECIES, 0x1.e6f08cp-4f);
  private static final FloatVector G7 = broadcast(SPECIES, -0x1.de3bf8p-4f);
  private static final FloatVector G8 = broadcast(SPECIES, 0x1.14573ep-4f);

  private static final IntVector SIGN = IntVector.broadcast(INTS, 0x80000000);
  private static final FloatVector TANH_SMALL = broadcast(SPECIES, 0.625f);
  private static final FloatVector T0 = broadcast(SPECIES, -0x1.555532p-2f);
  private static final FloatVector T1 = broadcast(SPECIES, 0x1.110726p-3f);
  private static final FloatVector T2 = broadcast(SPECIES, -0x1.b83c58p-5f);
  private static final FloatVector T3 = broadcast(SPECIES, 0x1.522692p-6f);
  private static final FloatVector T4 = broadcast(SPECIES, -0x1.75e1a8p-8f);

  private static final FloatVector ERF_HIGH = broadcast(SPECIES, 4);
  private static final FloatVector S0 = broadcast(SPECIES, 0x1.20dd74p+0f);
  private static final FloatVector S1 = broadcast(SPECIES, -0x1.81273ep-2f);
  private static final FloatVector S2 = broadcast(SPECIES, 0x1.ce2cf8p-4f);
  private static final FloatVector S3 = broadcast(SPECIES, -0x1.b7f90cp-6f);
  private static final FloatVector S4 = broadcast(SPECIES, 0x1.5405b2p-8f);
  private static final FloatVector S5 = broadcast(SPECIES, -0x1.a3f6fcp-11f);
  private static final FloatVector S6 = broadcast(SPECIES, 0x1.496a28p-14f);
  private static final FloatVector B0 = broadcast(SPECIES, 0x1.661a16p-12f);
  private static final FloatVector B1 = broadcast(SPECIES, 0x1.2088ecp+0f);
  private static final FloatVector B2 = broadcast(SPECIES, 0x1.46bae8p-1f);
  private static final FloatVector B3 = broadcast(SPECIES, 0x1.a65356p-4f);
  private static final FloatVector B4 = broadcast(SPECIES, -0x1.65cb9ep-6f);
  private static final FloatVector B5 = broadcast(SPECIES, 0x1.825b48p-9f);
  private static final FloatVector B6 = broadcast(SPECIES, -0x1.86de0cp-13f);

  private VectorMath() {}

  /** y = exp(x); y may be x. */
  static void exp(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      v = v.blend(EXP_LOW, v.compare(LT, EXP_LOW));
      v = v.blend(EXP_HIGH, v.compare(GT, EXP_HIGH));
      FloatVector t = v.fma(LOG2E, MAGIC);
      FloatVector whole = t.sub(MAGIC);
      FloatVector r = whole.fma(LN2_LOW, whole.fma(LN2_HIGH, v));
      FloatVector p = X6.fma(r, X5).fma(r, X4).fma(r, X3).fma(r, X2).fma(r, ONE).fma(r, ONE);
      IntVector e = t.reinterpretAsInts().sub(MAGIC_BITS);
      IntVector half = e.lanewise(ASHR, 1);
      FloatVector a = half.add(EXPONENT_BIAS).lanewise(LSHL, 23).reinterpretAsFloats();
      FloatVector b = e.sub(half).add(EXPONENT_BIAS).lanewise(LSHL, 23).reinterpretAsFloats();
      p.mul(a).mul(b).intoArray(y, yAt + i);
    }
  }

  /** x = log(x). */
  static void log(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      var tiny = v.compare(LT, TINY);
      IntVector bits = v.blend(v.mul(TINY_SCALE), tiny).reinterpretAsInts().sub(SQRT_HALF_BITS);
      // The exponent as a float, exactly, without a conversion: in the low bits of MAGIC.
      FloatVector e = bits.lanewise(ASHR, 23).add(MAGIC_BITS).reinterpretAsFloats().sub(MAGIC);
      e = e.blend(e.sub(TINY_EXPONENT), tiny);
      FloatVector f = bits.and(MANTISSA).add(SQRT_HALF_BITS).reinterpretAsFloats().sub(ONE);
      FloatVector s = f.mul(f);
      FloatVector q = G8.fma(f, G7).fma(f, G6).fma(f, G5).fma(f, G4).fma(f, G3).fma(f, G2).fma(f, G1).fma(f, G0);
      FloatVector y = s.fma(MINUS_HALF, e.fma(LOG_LOW, f.mul(s).mul(q)));
      FloatVector z = e.fma(LOG_HIGH, f.add(y));
      z = z.blend(NAN, v.compare(LT, ZERO)).blend(v, v.compare(NE, v));
      z = z.blend(NEGATIVE_INFINITY, v.eq(ZERO)).blend(POSITIVE_INFINITY, v.eq(POSITIVE_INFINITY));
      z.intoArray(x, i);
    }
  }

  /** x = tanh(x); t has room for n elements. */
  static void tanh(float[] x, int at, int n, float[] t) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = fromArray(SPECIES, x, at + i).abs();
      a.add(a).intoArray(t, i);
    }
    exp(t, 0, t, 0, n);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, at + i);
      FloatVector large = ONE.sub(TWO.div(fromArray(SPECIES, t, i).add(ONE)));
      FloatVector signed = large.reinterpretAsInts().or(v.reinterpretAsInts().and(SIGN)).reinterpretAsFloats();
      FloatVector s = v.mul(v);
      FloatVector small = v.mul(s).fma(T4.fma(s, T3).fma(s, T2).fma(s, T1).fma(s, T0), v);
      signed.blend(small, v.abs().compare(LT, TANH_SMALL)).intoArray(x, at + i);
    }
  }

  /** x = erf(x); t has room for n elements. */
  static void erf(float[] x, int at, int n, float[] t) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = fromArray(SPECIES, x, at + i).abs();
      FloatVector b = a.blend(ERF_HIGH, a.compare(GT, ERF_HIGH));
      B6.fma(b, B5).fma(b, B4).fma(b, B3).fma(b, B2).fma(b, B1).fma(b, B0).neg().intoArray(t, i);
    }
    exp(t, 0, t, 0, n);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, at + i);
      FloatVector large = ONE.sub(fromArray(SPECIES, t, i));
      FloatVector signed = large.reinterpretAsInts().or(v.reinterpretAsInts().and(SIGN)).reinterpretAsFloats();
      FloatVector s = v.mul(v);
      FloatVector q = S6.fma(s, S5).fma(s, S4).fma(s, S3).fma(s, S2).fma(s, S1).fma(s, S0);
      signed.blend(v.mul(q), v.abs().compare(LT, ONE)).intoArray(x, at + i);
    }
  }

  /** y = sigmoid(x); y may be x. */
  static void sigmoid(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      fromArray(SPECIES, x, xAt + i).neg().intoArray(y, yAt + i);
    }
    exp(y, yAt, y, yAt, n);
    for (int i = yAt; i < yAt + n; i += LANES) {
      ONE.div(fromArray(SPECIES, y, i).add(ONE)).intoArray(y, i);
    }
  }
}
