package org.ondol.test.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.test.oracle.CastOracle;
import org.ondol.test.page.PageCast;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Every number of the 16-bit types, and the float32 numbers at and beside every point where rounding changes, on every device. */
class CastSweepTest {
  private static final int ALL = 1 << 16;

  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void everyNumberIsWidenedAndComesBack(DType type) {
    short[] bits = new short[ALL];
    for (int i = 0; i < ALL; i++) {
      bits[i] = (short) i;
    }
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        Tensor wide = Tensor.of(device, bits, type, ALL).to(DType.FLOAT32);
        float[] numbers = wide.toFloats();
        short[] back = wide.to(type).toShorts();
        for (int i = 0; i < ALL; i++) {
          float expected = type == DType.FLOAT16 ? Float.float16ToFloat(bits[i]) : Float.intBitsToFloat(i << 16);
          if (!Bits.same(numbers[i], expected)) {
            fail("%s %04x on %s is %s, expected %s".formatted(type, i, device, numbers[i], expected));
          }
          if (!Float.isNaN(expected)) {
            assertEquals(bits[i], back[i], () -> type + " on " + device);
          }
        }
      }
    }
  }

  /** Upper halves with lower halves around a tie; one binary16 step is 2^13 float32 steps, so that its ties are among them. */
  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void roundingIsToNearestEven(DType type) {
    int[] lower = {0, 1, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0x3001, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
    float[] x = new float[ALL * lower.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = Float.intBitsToFloat(i / lower.length << 16 | lower[i % lower.length]);
    }
    check(type, x);
  }

  /** Subnormal float16 numbers are multiples of 2^-24: their ties are odd multiples of 2^-25. */
  @Test
  void subnormalNumbersAreRoundedToNearestEven() {
    float[] x = new float[6 * 2100];
    for (int i = 0; i < x.length / 6; i++) {
      float tie = i * 0x1p-25f;
      float[] around = {tie, Math.nextUp(tie), Math.nextDown(tie), -tie, -Math.nextUp(tie), -Math.nextDown(tie)};
      System.arraycopy(around, 0, x, 6 * i, 6);
    }
    check(DType.FLOAT16, x);
    check(DType.BFLOAT16, x);
  }

  private static void check(DType type, float[] x) {
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        short[] actual = Tensor.of(device, x, x.length).to(type).toShorts();
        for (int i = 0; i < x.length; i++) {
          float expected = (float) CastOracle.value(type, x[i]);
          float is = type == DType.FLOAT16 ? Float.float16ToFloat(actual[i]) : Float.intBitsToFloat(actual[i] << 16);
          boolean java = type == DType.BFLOAT16 || Float.isNaN(x[i]) || actual[i] == Float.floatToFloat16(x[i]);
          if (!Bits.same(is, expected) || !java || actual[i] != PageCast.narrow(type, x[i]) && !Float.isNaN(is)) {
            fail("%s (%08x) on %s is %s %04x, expected %s".formatted(x[i], Float.floatToRawIntBits(x[i]), device, type, actual[i],
                expected));
          }
        }
      }
    }
  }
}
