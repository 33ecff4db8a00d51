package org.ondol.test.page;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.ElementwiseOracle;

/** The scalar reference itself against published values and the float64 functions over the whole range of arguments. */
class PageMathTest {
  /** Known answers of the Random123 distribution, kat_vectors: philox4x32 with 10 rounds. */
  @Test
  void philoxGivesThePublishedAnswers() {
    assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, PagePhilox.generate(0, 0, 0, 0, 0, 0));
    assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        PagePhilox.generate(-1, -1, -1, -1, -1, -1));
    assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        PagePhilox.generate(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
  }

  @Test
  void functionsAreAsExactAsThePageSays() {
    for (String op : new String[] {"exp", "log", "tanh", "erf", "sigmoid", "silu", "gelu", "gelu_tanh", "relu"}) {
      // A stride coprime to 2^32 visits every exponent and both signs evenly.
      int bits = 12345;
      for (int i = 0; i < 200_000; i++, bits += 0x9E3779B1) {
        float x = Float.intBitsToFloat(bits);
        if (Float.isFinite(x)) {
          float y = PageElementwise.value(op, x, 0, 0);
          double expected = ElementwiseOracle.value(op, x, 0);
          assertTrue(Bound.within(y, expected, ElementwiseOracle.bound(op, x, 0)),
              () -> op + "(" + x + ") is " + y + ", expected " + expected);
        }
      }
    }
  }

  @Test
  void exp2wIsAsExactAsThePageSays() {
    for (float x = -126; x <= 0; x += 0.00037f) {
      double expected = Math.pow(2, x);
      assertTrue(Math.abs(PageMath.exp2w(x) - expected) <= expected * (9.2e-8 + 4 * Bound.U), "exp2w(" + x + ")");
    }
    assertTrue(PageMath.exp2w(-126.01f) == 0 && Float.isNaN(PageMath.exp2w(Float.NaN)));
  }
}
