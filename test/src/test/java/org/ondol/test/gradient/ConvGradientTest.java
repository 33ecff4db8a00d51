package org.ondol.test.gradient;

import static org.ondol.test.gradient.GradientTest.close;
import static org.ondol.test.gradient.GradientTest.differences;
import static org.ondol.test.gradient.GradientTest.dot;
import static org.ondol.test.gradient.GradientTest.onEveryDevice;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.spi.ConvShape;
import org.ondol.test.oracle.ConvOracle;

/**
 * Gradients of convolutions against central differences of the float64 oracle's forward pass, element by element of the
 * map, the filters and the bias. The forward pass is linear in each of them, so the difference quotient is exact but
 * for float32 roundings of the gradient itself.
 */
class ConvGradientTest {
  private final Random random = new Random(11);

  /** Values of magnitude up to 2 that stay exact when a step is added. */
  private float[] values(long n) {
    float[] x = new float[(int) n];
    for (int i = 0; i < x.length; i++) {
      x[i] = (random.nextInt(1 << 15) - (1 << 14)) * 0x1p-13f;
    }
    return x;
  }

  /** Sizes of a map and its filters: batch, channels in and out, height, width, kernel. */
  private record Sizes(long n, long in, long out, long h, long w, long kh, long kw) {}

  private record Case(String name, ConvGeometry geometry, Sizes sizes, boolean transposed, long extra) {}

  private static final List<Case> CASES = List.of(
      new Case("plain", ConvGeometry.UNIT, new Sizes(2, 3, 4, 5, 6, 3, 2), false, 0),
      new Case("strided past the end", ConvGeometry.UNIT.stride(3, 2), new Sizes(1, 2, 3, 8, 6, 2, 1), false, 0),
      new Case("padded beyond the kernel", ConvGeometry.UNIT.padding(4, 0, 1, 3), new Sizes(2, 2, 2, 3, 4, 3, 3),
          false, 0),
      new Case("dilated", ConvGeometry.UNIT.dilation(2, 3).padding(2, 3), new Sizes(1, 2, 2, 6, 7, 3, 3), false, 0),
      new Case("grouped", ConvGeometry.UNIT.groups(2).padding(1), new Sizes(2, 4, 6, 4, 4, 3, 3), false, 0),
      new Case("depthwise with a multiplier", ConvGeometry.UNIT.groups(3).stride(2), new Sizes(2, 3, 6, 7, 5, 3, 3),
          false, 0),
      new Case("transposed", ConvGeometry.UNIT, new Sizes(2, 3, 2, 4, 3, 3, 2), true, 0),
      new Case("transposed with a stride longer than the kernel", ConvGeometry.UNIT.stride(4, 3),
          new Sizes(1, 2, 2, 3, 4, 2, 2), true, 0),
      new Case("transposed with output padding", ConvGeometry.UNIT.stride(2).padding(2),
          new Sizes(2, 2, 3, 3, 3, 5, 5), true, 1),
      new Case("transposed and dilated, output padding beyond the stride",
          ConvGeometry.UNIT.dilation(3).stride(2).padding(1, 2),
          new Sizes(1, 2, 2, 4, 4, 3, 2), true, 2),
      new Case("transposed in groups", ConvGeometry.UNIT.groups(2).stride(2).padding(1, 0, 0, 1),
          new Sizes(2, 4, 6, 3, 4, 3, 3), true, 1));

  @TestFactory
  List<DynamicNode> gradients() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Case c : CASES) {
      tests.add(onEveryDevice(c.name, device -> check(device, c, null)));
    }
    Case pixels = new Case("masked", ConvGeometry.UNIT.padding(1), new Sizes(2, 6, 6, 4, 5, 3, 3), false, 0);
    for (FilterMask.Type type : FilterMask.Type.values()) {
      tests.add(onEveryDevice("masked, raster " + type + " of 3 colours", device ->
          check(device, pixels, FilterMask.raster(device, type, 6, 6, 3, 3, 3))));
      tests.add(onEveryDevice("masked, vertical " + type, device ->
          check(device, pixels, FilterMask.vertical(device, type, 6, 6, 3, 3))));
    }
    Case groups = new Case("", ConvGeometry.UNIT.padding(1).groups(2).stride(2), new Sizes(2, 4, 6, 5, 5, 3, 3),
        false, 0);
    tests.add(onEveryDevice("masked, scattered entries in groups", device -> check(device, groups,
        FilterMask.of(device, 6, 4, 3, 3, 2, (o, i, ky, kx) -> (o * 7 + i * 5 + ky * 3 + kx) % 3 != 0))));
    return tests;
  }

  private static ConvShape shape(Case c) {
    Sizes s = c.sizes;
    ConvGeometry g = c.geometry;
    long spanH = g.dilationH() * (s.kh - 1) + 1;
    long spanW = g.dilationW() * (s.kw - 1) + 1;
    long padH = g.padTop() + g.padBottom();
    long padW = g.padLeft() + g.padRight();
    long y = c.transposed ? (s.h - 1) * g.strideH() + spanH - padH + c.extra : (s.h + padH - spanH) / g.strideH() + 1;
    long x = c.transposed ? (s.w - 1) * g.strideW() + spanW - padW + c.extra : (s.w + padW - spanW) / g.strideW() + 1;
    return new ConvShape(s.n, g.groups(), s.in, s.h, s.w, s.out, y, x, s.kh, s.kw, g.strideH(), g.strideW(),
        g.dilationH(), g.dilationW(), g.padTop(), g.padLeft());
  }

  private void check(Device device, Case c, FilterMask mask) {
    ConvShape s = shape(c);
    float[] x = values(s.batch() * s.xChannels() * s.xHeight() * s.xWidth());
    float[] w = values(s.yChannels() * s.depth());
    float[] b = values(s.yChannels());
    float[] dy = values(s.batch() * s.yChannels() * s.yHeight() * s.yWidth());
    boolean[] live = mask == null ? null : flags(mask, s);
    ToDoubleFunction<float[]> loss = changed -> dot(c.transposed
        ? ConvOracle.deconv(s, x, w, live, b, null, "none", 0).value()
        : ConvOracle.conv(s, x, w, live, b, null, "none", 0).value(), dy);
    long[] weightShape = c.transposed ? new long[] {s.xChannels(), s.yGroup(), s.kernelH(), s.kernelW()}
        : new long[] {s.yChannels(), s.xGroup(), s.kernelH(), s.kernelW()};
    try (FilterMask closed = mask) {
      Tensor tx = Tensor.of(device, x, s.batch(), s.xChannels(), s.xHeight(), s.xWidth());
      Tensor tw = Tensor.of(device, w, weightShape);
      Tensor tdy = Tensor.of(device, dy, s.batch(), s.yChannels(), s.yHeight(), s.yWidth());
      Conv.Gradients g = c.transposed ? Deconv.backward(tx, tw, tdy, c.geometry)
          : mask != null ? MaskedConv.backward(tx, tw, mask, tdy, c.geometry) : Conv.backward(tx, tw, tdy, c.geometry);
      close("dx", device, g.dx(), differences(x, loss));
      close("dw", device, g.dw(), differences(w, loss));
      close("db", device, g.db(), differences(b, loss));
    }
  }

  private static boolean[] flags(FilterMask mask, ConvShape s) {
    boolean[] live = new boolean[(int) (s.yChannels() * s.depth())];
    int i = 0;
    for (long o = 0; o < s.yChannels(); o++) {
      for (long c = 0; c < s.xGroup(); c++) {
        for (long ky = 0; ky < s.kernelH(); ky++) {
          for (long kx = 0; kx < s.kernelW(); kx++) {
            live[i++] = mask.live(o, c, ky, kx);
          }
        }
      }
    }
    return live;
  }
}
