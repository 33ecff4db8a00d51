package org.ondol.vector;

import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;

import org.ondol.DType;

/** {@link Casts} with scalar code: the formulas of docs/arithmetic.md, Types. */
final class ScalarCasts implements Casts {
  @Override
  public void widen(DType type, short[] from, float[] to, int n) {
    if (type == DType.BFLOAT16) {
      for (int i = 0; i < n; i++) {
        to[i] = intBitsToFloat(from[i] << 16);
      }
    } else {
      for (int i = 0; i < n; i++) {
        to[i] = fromFloat16(from[i]);
      }
    }
  }

  @Override
  public void narrow(DType type, float[] from, short[] to, int n) {
    if (type == DType.BFLOAT16) {
      for (int i = 0; i < n; i++) {
        to[i] = toBfloat16(from[i]);
      }
    } else {
      for (int i = 0; i < n; i++) {
        to[i] = toFloat16(from[i]);
      }
    }
  }

  private static short toBfloat16(float x) {
    int b = floatToRawIntBits(x);
    if (x != x) {
      return (short) (b >> 16 | 0x40);
    }
    return (short) (b + 0x7FFF + (b >> 16 & 1) >> 16);
  }

  private static short toFloat16(float x) {
    int b = floatToRawIntBits(x);
    int a = b & 0x7FFFFFFF;
    int h;
    if (a < 0x38800000) {
      h = floatToRawIntBits(intBitsToFloat(a) + 0.5f) - 0x3F000000;
    } else if (a < 0x477FF000) {
      h = (a + 0xFFF + (a >> 13 & 1) >> 13) - (112 << 10);
    } else {
      h = a > 0x7F800000 ? 0x7E00 : 0x7C00;
    }
    return (short) (h | b >> 16 & 0x8000);
  }

  private static float fromFloat16(short s) {
    int m = s & 0x7FFF;
    int bits;
    if (m < 0x400) {
      bits = floatToRawIntBits(m * 0x1p-24f);
    } else {
      bits = (m << 13) + (m < 0x7C00 ? 112 << 23 : 224 << 23);
    }
    return intBitsToFloat(bits | (s & 0x8000) << 16);
  }
}
