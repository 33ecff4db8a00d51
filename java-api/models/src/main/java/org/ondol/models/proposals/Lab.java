package org.ondol.models.proposals;

/** sRGB to CIE L*a*b* in nothing but IEEE operations, so that every machine gets the same bits. */
final class Lab {
  /** sRGB's curve at its 256 levels, and once more for the interpolation at 255. */
  private static final float[] LINEAR = new float[257];

  static {
    for (int i = 0; i < LINEAR.length; i++) {
      double v = Math.min(i, 255) / 255.0;
      LINEAR[i] = (float) (v <= 0.04045 ? v / 12.92 : StrictMath.pow((v + 0.055) / 1.055, 2.4));
    }
  }

  private Lab() {}

  static void convert(float[] rgb, int n, float[][] to) {
    for (int i = 0; i < n; i++) {
      float r = linear(rgb[i]);
      float g = linear(rgb[n + i]);
      float b = linear(rgb[2 * n + i]);
      // The rows of sRGB's matrix divided by the white point, so that white is 1, 1, 1.
      float x = root(0.4339530f * r + 0.3762193f * g + 0.1898277f * b);
      float y = root(0.2126729f * r + 0.7151522f * g + 0.0721750f * b);
      float z = root(0.0177566f * r + 0.1094680f * g + 0.8727754f * b);
      to[0][i] = inRange((116 * y - 16) * 2.55f);
      to[1][i] = inRange(500 * (x - y) + 128);
      to[2][i] = inRange(200 * (y - z) + 128);
    }
  }

  private static float inRange(float v) {
    return Math.max(0, Math.min(255, v));
  }

  /** A level as a share of the light; straight between two levels, which is within 1e-5. */
  private static float linear(float v) {
    int i = (int) v;
    return LINEAR[i] + (v - i) * (LINEAR[i + 1] - LINEAR[i]);
  }

  /** The cube root, straight near zero. */
  private static float root(float t) {
    if (t <= 216f / 24389) return (24389f / 27 * t + 16) / 116;
    // A third of the exponent is within 4 %; each step of Halley's cubes the error.
    float y = Float.intBitsToFloat(Float.floatToRawIntBits(t) / 3 + 0x2A514067);
    for (int i = 0; i < 2; i++) {
      float cube = y * y * y;
      y = y * (cube + 2 * t) / (2 * cube + t);
    }
    return y;
  }
}
