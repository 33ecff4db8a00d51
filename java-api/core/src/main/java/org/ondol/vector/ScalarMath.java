package org.ondol.vector;

/** The functions of docs/arithmetic.md on floats; {@link VectorMath} has the same formulas on vectors. */
final class ScalarMath {
  /** Adding it rounds to an integer, which then sits in the low mantissa bits: 1.5 * 2^23. */
  static final float MAGIC = 12582912f;

  static final float LOG2E = 0x1.715476p+0f;
  static final float LN2 = 0x1.62e43p-1f;

  private ScalarMath() {}

  static float max(float a, float b) {
    return a > b || a != a ? a : b;
  }

  static float min(float a, float b) {
    return a < b || a != a ? a : b;
  }

  static float exp2w(float x) {
    if (x < -126) {
      return 0;
    }
    float t = x + MAGIC;
    float r = x - (t - MAGIC);
    float p = Math.fma(0x1.5bba0ep-10f, r, 0x1.3cea88p-7f);
    p = Math.fma(p, r, 0x1.c6b752p-5f);
    p = Math.fma(p, r, 0x1.ebf9bcp-3f);
    p = Math.fma(p, r, 0x1.62e42ap-1f);
    p = Math.fma(p, r, 1);
    return p * Float.intBitsToFloat((Float.floatToRawIntBits(t) << 23) + 0x3F800000);
  }

  static float exp(float x) {
    x = x < -104 ? -104 : x;
    x = x > 89 ? 89 : x;
    float t = Math.fma(x, 0x1.715476p+0f, MAGIC);
    float n = t - MAGIC;
    float r = Math.fma(n, -0x1.62e4p-1f, x);
    r = Math.fma(n, -0x1.7f7d1cp-20f, r);
    float p = Math.fma(0x1.6a243p-10f, r, 0x1.1239e4p-7f);
    p = Math.fma(p, r, 0x1.5558f2p-5f);
    p = Math.fma(p, r, 0x1.555492p-3f);
    p = Math.fma(p, r, 0x1.fffffcp-2f);
    p = Math.fma(p, r, 1);
    p = Math.fma(p, r, 1);
    int i = Float.floatToRawIntBits(t) - 0x4B400000;
    int i1 = i >> 1;
    return p * power(i1) * power(i - i1);
  }

  /** 2^i for i in [-126, 127]. */
  private static float power(int i) {
    return Float.intBitsToFloat((i + 127) << 23);
  }

  static float log(float x) {
    if (!(x > 0) || x == Float.POSITIVE_INFINITY) {
      return x == 0 ? Float.NEGATIVE_INFINITY : x > 0 ? x : Float.NaN;
    }
    boolean tiny = x < 0x1p-126f;
    int i = Float.floatToRawIntBits(tiny ? x * 0x1p23f : x) - 0x3F3504F3;
    float e = (i >> 23) - (tiny ? 23 : 0);
    float f = Float.intBitsToFloat((i & 0x7FFFFF) + 0x3F3504F3) - 1;
    float s = f * f;
    float q = Math.fma(0x1.14573ep-4f, f, -0x1.de3bf8p-4f);
    q = Math.fma(q, f, 0x1.e6f08cp-4f);
    q = Math.fma(q, f, -0x1.fc220ep-4f);
    q = Math.fma(q, f, 0x1.233766p-3f);
    q = Math.fma(q, f, -0x1.555c4ep-3f);
    q = Math.fma(q, f, 0x1.99a4b6p-3f);
    q = Math.fma(q, f, -0x1.000006p-2f);
    q = Math.fma(q, f, 0x1.555548p-2f);
    float y = f * s * q;
    y = Math.fma(e, -0x1.bd0106p-13f, y);
    y = Math.fma(-0.5f, s, y);
    return Math.fma(e, 0x1.63p-1f, f + y);
  }

  static float tanh(float x) {
    float a = Math.abs(x);
    if (a < 0.625f) {
      float s = x * x;
      float q = Math.fma(-0x1.75e1a8p-8f, s, 0x1.522692p-6f);
      q = Math.fma(q, s, -0x1.b83c58p-5f);
      q = Math.fma(q, s, 0x1.110726p-3f);
      q = Math.fma(q, s, -0x1.555532p-2f);
      return Math.fma(x * s, q, x);
    }
    return Math.copySign(1 - 2 / (exp(a + a) + 1), x);
  }

  static float erf(float x) {
    float a = Math.abs(x);
    if (a < 1) {
      float s = x * x;
      float q = Math.fma(0x1.496a28p-14f, s, -0x1.a3f6fcp-11f);
      q = Math.fma(q, s, 0x1.5405b2p-8f);
      q = Math.fma(q, s, -0x1.b7f90cp-6f);
      q = Math.fma(q, s, 0x1.ce2cf8p-4f);
      q = Math.fma(q, s, -0x1.81273ep-2f);
      return x * Math.fma(q, s, 0x1.20dd74p+0f);
    }
    float b = a > 4 ? 4 : a;
    float g = Math.fma(-0x1.86de0cp-13f, b, 0x1.825b48p-9f);
    g = Math.fma(g, b, -0x1.65cb9ep-6f);
    g = Math.fma(g, b, 0x1.a65356p-4f);
    g = Math.fma(g, b, 0x1.46bae8p-1f);
    g = Math.fma(g, b, 0x1.2088ecp+0f);
    g = Math.fma(g, b, 0x1.661a16p-12f);
    return Math.copySign(1 - exp(-g), x);
  }

  static float sigmoid(float x) {
    return 1 / (1 + exp(-x));
  }

  static float silu(float x) {
    return x * sigmoid(x);
  }

  static float relu(float x) {
    return x < 0 ? 0 : x;
  }

  static float gelu(float x) {
    return 0.5f * x * (1 + erf(x * 0x1.6a09e6p-1f));
  }

  static float geluTanh(float x) {
    float t = x * x * 0x1.6e4e26p-5f;
    float u = Math.fma(t, x, x) * 0x1.988454p-1f;
    return 0.5f * x * (1 + tanh(u));
  }

  static float reluGrad(float x, float dy) {
    return x > 0 ? dy : 0;
  }

  static float sigmoidGrad(float y, float dy) {
    return dy * (y * (1 - y));
  }

  static float tanhGrad(float y, float dy) {
    return dy * Math.fma(-y, y, 1);
  }

  static float siluGrad(float x, float dy) {
    float s = sigmoid(x);
    return dy * (s * Math.fma(x, 1 - s, 1));
  }

  static float geluGrad(float x, float dy) {
    float c = 0.5f * (1 + erf(x * 0x1.6a09e6p-1f));
    float d = exp(-0.5f * x * x) * 0x1.988454p-2f;
    return dy * Math.fma(x, d, c);
  }

  static float geluTanhGrad(float x, float dy) {
    float s = x * x * 0x1.6e4e26p-5f;
    float h = tanh(Math.fma(s, x, x) * 0x1.988454p-1f);
    float du = Math.fma(3, s, 1) * 0x1.988454p-1f;
    float a = 0.5f * (1 + h);
    float b = 0.5f * x * Math.fma(-h, h, 1);
    return dy * Math.fma(b, du, a);
  }
}
