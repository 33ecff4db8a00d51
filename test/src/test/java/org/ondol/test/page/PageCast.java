package org.ondol.test.page;

import org.ondol.DType;

/** Conversions between float32 and the bits of 16-bit types, one number at a time. */
public final class PageCast {
  private PageCast() {}

  /** The bits of x in a 16-bit type. */
  public static short narrow(DType type, float x) {
    int b = Float.floatToRawIntBits(x);
    int a = b & 0x7FFFFFFF;
    if (type == DType.BFLOAT16) {
      return (short) (a > 0x7F800000 ? (b >>> 16) | 0x40 : (b + 0x7FFF + (b >>> 16 & 1)) >>> 16);
    }
    int h = a > 0x7F800000 ? 0x7E00
        : a >= 0x477FF000 ? 0x7C00
        : a < 0x38800000 ? Float.floatToRawIntBits(Math.abs(x) + 0.5f) - Float.floatToRawIntBits(0.5f)
        : ((a + 0xFFF + (a >>> 13 & 1)) >>> 13) - (112 << 10);
    return (short) (h | b >>> 16 & 0x8000);
  }

  /** The number that 16 bits stand for. */
  public static float widen(DType type, short h) {
    if (type == DType.BFLOAT16) {
      return Float.intBitsToFloat(h << 16);
    }
    int m = h & 0x7FFF;
    float magnitude = m < 0x400 ? m * 0x1p-24f : Float.intBitsToFloat((m << 13) + ((m < 0x7C00 ? 112 : 224) << 23));
    return h < 0 ? -magnitude : magnitude;
  }

  public static float[] widen(DType type, short[] bits) {
    float[] out = new float[bits.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = widen(type, bits[i]);
    }
    return out;
  }
}
