package org.ondol.test.parity;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.test.page.PageElementwise;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Every elementwise operation on a quarter of a million bit patterns that cover all exponents, on every device. */
class FunctionSweepTest {
  private static final int COUNT = 1 << 18;

  @TestFactory
  List<DynamicNode> sweep() {
    float[] x = new float[COUNT];
    float[] y = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      x[i] = Float.intBitsToFloat(i * 0x9E3779B1);      // odd multipliers: all patterns apart, every exponent visited
      y[i] = Float.intBitsToFloat(i * 0x85EBCA6B + 77);
    }
    List<DynamicNode> tests = new ArrayList<>();
    for (Elementwise.Op op : Elementwise.Op.values()) {
      tests.add(DynamicTest.dynamicTest(op.toString(), () -> check(op, x, op.operands() == 2 ? y : null)));
    }
    return tests;
  }

  private static void check(Elementwise.Op op, float[] x, float[] y) {
    float[] expected = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      expected[i] = PageElementwise.value(op.name().toLowerCase(Locale.ROOT), x[i], y == null ? 0 : y[i], 0.75f);
    }
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        Tensor out = Elementwise.apply(op, Tensor.of(device, x, COUNT), y == null ? null : Tensor.of(device, y, COUNT), 0.75);
        float[] actual = out.toFloats();
        for (int i = 0; i < COUNT; i++) {
          if (!Bits.same(actual[i], expected[i])) {
            fail("%s on %s of %s (%08x)%s is %s, expected %s".formatted(op, device, x[i], Float.floatToRawIntBits(x[i]),
                y == null ? "" : " and " + y[i], actual[i], expected[i]));
          }
        }
      }
    }
  }
}
