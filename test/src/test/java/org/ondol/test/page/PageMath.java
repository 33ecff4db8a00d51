package org.ondol.test.page;

/**
 * The functions of docs/arithmetic.md, written down from that page one scalar operation at a time. Java's float
 * arithmetic is strict and {@link Math#fma(float, float, float)} is exact, so this is the page made executable; it shares
 * nothing with the library.
 */
public final class PageMath {
  static final float MAGIC = 12582912f;

  private PageMath() {}

  private static float fma(float a, float b, float c) {
    return Math.fma(a, b, c);
  }

  private static float horner(float r, float... c) {
    float p = c[c.length - 1];
    for (int i = c.length - 2; i >= 0; i--) {
      p = fma(p, r, c[i]);
    }
    return p;
  }

  private static int bits(float x) {
    return Float.floatToRawIntBits(x);
  }

  private static float fromBits(int i) {
    return Float.intBitsToFloat(i);
  }

  public static float exp2w(float x) {
    float t = x + MAGIC;
    float n = t - MAGIC;
    float r = x - n;
    float p = horner(r, 1f, 0x1.62e42ap-1f, 0x1.ebf9bcp-3f, 0x1.c6b752p-5f, 0x1.3cea88p-7f, 0x1.5bba0ep-10f);
    float s = fromBits((bits(t) << 23) + 0x3F800000);
    return x < -126f ? 0f : p * s;
  }

  public static float exp(float x) {
    x = x < -104f ? -104f : x;
    x = x > 89f ? 89f : x;
    float t = fma(x, 0x1.715476p+0f, MAGIC);
    float n = t - MAGIC;
    float r = fma(n, -0x1.62e4p-1f, x);
    r = fma(n, -0x1.7f7d1cp-20f, r);
    float p = horner(r, 1f, 1f, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239e4p-7f, 0x1.6a243p-10f);
    int i = bits(t) - 0x4B400000;
    int i1 = i >> 1;
    int i2 = i - i1;
    return (p * fromBits((i1 + 127) << 23)) * fromBits((i2 + 127) << 23);
  }

  public static float log(float x) {
    if (x == 0f) {
      return Float.NEGATIVE_INFINITY;
    }
    if (x < 0f || x != x) {
      return Float.NaN;
    }
    if (x == Float.POSITIVE_INFINITY) {
      return x;
    }
    int e0 = 0;
    if (x < 0x1p-126f) {
      x = x * 0x1p23f;
      e0 = -23;
    }
    int i = bits(x) - 0x3F3504F3;
    float e = (float) ((i >> 23) + e0);
    float m = fromBits((i & 0x7FFFFF) + 0x3F3504F3);
    float f = m - 1f;
    float s = f * f;
    float q = horner(f, 0x1.555548p-2f, -0x1.000006p-2f, 0x1.99a4b6p-3f, -0x1.555c4ep-3f, 0x1.233766p-3f,
        -0x1.fc220ep-4f, 0x1.e6f08cp-4f, -0x1.de3bf8p-4f, 0x1.14573ep-4f);
    float y = (f * s) * q;
    y = fma(e, -0x1.bd0106p-13f, y);
    y = fma(-0.5f, s, y);
    float z = f + y;
    return fma(e, 0x1.63p-1f, z);
  }

  public static float tanh(float x) {
    float a = Math.abs(x);
    if (a < 0.625f) {
      float s = x * x;
      float q = horner(s, -0x1.555532p-2f, 0x1.110726p-3f, -0x1.b83c58p-5f, 0x1.522692p-6f, -0x1.75e1a8p-8f);
      return fma(x * s, q, x);
    }
    return Math.copySign(1f - 2f / (exp(a + a) + 1f), x);
  }

  public static float erf(float x) {
    float a = Math.abs(x);
    if (a < 1f) {
      float s = x * x;
      return x * horner(s, 0x1.20dd74p+0f, -0x1.81273ep-2f, 0x1.ce2cf8p-4f, -0x1.b7f90cp-6f, 0x1.5405b2p-8f,
          -0x1.a3f6fcp-11f, 0x1.496a28p-14f);
    }
    float b = a > 4f ? 4f : a;
    float g = horner(b, 0x1.661a16p-12f, 0x1.2088ecp+0f, 0x1.46bae8p-1f, 0x1.a65356p-4f, -0x1.65cb9ep-6f,
        0x1.825b48p-9f, -0x1.86de0cp-13f);
    return Math.copySign(1f - exp(-g), x);
  }

  public static float sigmoid(float x) {
    return 1f / (1f + exp(-x));
  }

  public static float silu(float x) {
    return x * sigmoid(x);
  }

  public static float relu(float x) {
    return x < 0f ? 0f : x;
  }

  public static float gelu(float x) {
    return (0.5f * x) * (1f + erf(x * 0x1.6a09e6p-1f));
  }

  public static float geluTanh(float x) {
    float t = (x * x) * 0x1.6e4e26p-5f;
    float u = fma(t, x, x) * 0x1.988454p-1f;
    return (0.5f * x) * (1f + tanh(u));
  }

  public static float max(float a, float b) {
    return a > b || a != a ? a : b;
  }

  public static float min(float a, float b) {
    return a < b || a != a ? a : b;
  }

  public static float reluGrad(float x, float dy) {
    return x > 0f ? dy : 0f;
  }

  public static float sigmoidGrad(float y, float dy) {
    return dy * (y * (1f - y));
  }

  public static float tanhGrad(float y, float dy) {
    return dy * fma(-y, y, 1f);
  }

  public static float siluGrad(float x, float dy) {
    float s = sigmoid(x);
    return dy * (s * fma(x, 1f - s, 1f));
  }

  public static float geluGrad(float x, float dy) {
    float c = 0.5f * (1f + erf(x * 0x1.6a09e6p-1f));
    float d = exp((-0.5f * x) * x) * 0x1.988454p-2f;
    return dy * fma(x, d, c);
  }

  public static float geluTanhGrad(float x, float dy) {
    float s = (x * x) * 0x1.6e4e26p-5f;
    float u = fma(s, x, x) * 0x1.988454p-1f;
    float h = tanh(u);
    float du = fma(3f, s, 1f) * 0x1.988454p-1f;
    float a = 0.5f * (1f + h);
    float b = (0.5f * x) * fma(-h, h, 1f);
    return dy * fma(b, du, a);
  }
}
