package org.ondol.test.gradient;

import static org.ondol.test.gradient.GradientTest.close;
import static org.ondol.test.gradient.GradientTest.differences;
import static org.ondol.test.gradient.GradientTest.dot;
import static org.ondol.test.gradient.GradientTest.onEveryDevice;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Nade;
import org.ondol.test.oracle.NadeCase;
import org.ondol.test.oracle.NadeOracle;

/** The gradients of nade against central differences of the float64 oracle, with the gradient of the last state. */
class NadeGradientTest {
  private final Random random = new Random(31);

  private float[] values(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (random.nextInt(1 << 14) - (1 << 13)) * 0x1p-13f;
    }
    return x;
  }

  private NadeCase draw(boolean relu, boolean scaled, boolean ownStart, int outputs) {
    NadeCase c = new NadeCase();
    c.rows = 3;
    c.variables = 5;
    c.outputs = outputs;
    c.hidden = 18;
    c.relu = relu;
    c.x = values(15);
    c.w = values(5 * 18);
    c.v = values(5 * outputs * 18);
    c.bias = values(5 * outputs);
    c.scale = scaled ? values(5) : null;
    c.ownStart = ownStart;
    c.start = values((ownStart ? 3 : 1) * 18);
    c.dy = values(15 * outputs);
    c.dstate = values(3 * 18);
    return c;
  }

  @TestFactory
  List<DynamicNode> gradients() {
    List<DynamicNode> tests = new ArrayList<>();
    tests.add(onEveryDevice("sigmoid", device -> check(device, draw(false, false, false, 1))));
    tests.add(onEveryDevice("sigmoid, scale, outputs, own start", device -> check(device, draw(false, true, true, 4))));
    tests.add(onEveryDevice("relu, scale", device -> check(device, smooth())));
    return tests;
  }

  /** Rectified units whose arguments stay away from 0 by more than a step can move them. */
  private NadeCase smooth() {
    NadeCase c = draw(true, true, false, 3);
    for (int i = 0; i < c.start.length; i++) {
      c.start[i] += c.start[i] < 0 ? -6 : 6;
    }
    for (int d = 0; d < c.scale.length; d++) {
      c.scale[d] += c.scale[d] < 0 ? -0.5f : 0.5f;
    }
    return c;
  }

  private static double loss(NadeCase c) {
    NadeOracle oracle = new NadeOracle(c, c.x);
    return dot(oracle.y().value(), c.dy) + dot(oracle.state().value(), c.dstate);
  }

  private static void check(Device device, NadeCase c) {
    Nade.Weights weights = new Nade.Weights(Tensor.of(device, c.w, 5, 18), Tensor.of(device, c.v, 5, c.outputs, 18),
        Tensor.of(device, c.bias, 5, c.outputs), c.scale == null ? null : Tensor.of(device, c.scale, 5),
        c.relu ? Activation.RELU : Activation.SIGMOID);
    Tensor start = c.ownStart ? Tensor.of(device, c.start, 3, 18) : Tensor.of(device, c.start, 18);
    Nade.Gradients g = Nade.backward(Tensor.of(device, c.x, 3, 5), weights, start, Tensor.of(device, c.dy, 3, 5, c.outputs),
        Tensor.of(device, c.dstate, 3, 18), true);
    close("dx", device, g.dx(), differences(c.x, changed -> loss(c)));
    close("dw", device, g.dw(), differences(c.w, changed -> loss(c)));
    close("dv", device, g.dv(), differences(c.v, changed -> loss(c)));
    close("dbias", device, g.dbias(), differences(c.bias, changed -> loss(c)));
    close("dstart", device, g.dstart(), differences(c.start, changed -> loss(c)));
    if (c.scale != null) {
      close("dscale", device, g.dscale(), differences(c.scale, changed -> loss(c)));
    }
  }
}
