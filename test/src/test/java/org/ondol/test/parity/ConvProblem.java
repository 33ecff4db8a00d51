package org.ondol.test.parity;

import java.util.Arrays;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;
import org.ondol.spi.ConvShape;

/**
 * Sizes and contents of one convolution, forward or transposed, drawn so that every seam shows up: kernels that hang
 * over the map on both sides, strides longer than the kernel, groups down to single channels, channels around a panel
 * of 16, maps around a vector. Drawn again until the work is small enough for the scalar reference.
 */
final class ConvProblem {
  /** What is computed. */
  enum Kind { CONV, MASKED, DECONV }

  private static final int[] CHANNELS = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 48};
  private static final int[] SIZES = {1, 2, 3, 5, 7, 8, 14, 15, 16, 17, 28, 31, 32, 33, 47, 48};
  private static final int[] KERNELS = {1, 1, 2, 3, 3, 3, 4, 5, 6, 7};
  private static final long WORK = 600_000;

  final Kind kind;
  final ConvShape shape;
  final ConvGeometry geometry;
  final boolean oneDimensional;
  final long outputPaddingH;
  final long outputPaddingW;
  final ConvMask mask;
  final Draw.Fill fill;
  final boolean tiny;
  final float[] x;
  final float[] w;
  final float[] bias;
  final float[] residual;
  final Activation activation;
  final double slope;

  /** The sizes of a problem, without its contents. */
  record Sizes(ConvShape shape, ConvGeometry geometry, long outputPaddingH, long outputPaddingW) {}

  ConvProblem(Draw d, Kind kind) {
    this(d, kind, d.oneIn(5), null, null, false);
  }

  /** A conv of given sizes with drawn contents. */
  ConvProblem(Draw d, Sizes sizes) {
    this(d, Kind.CONV, false, sizes, null, false);
  }

  /** Given sizes with tame contents, as a network has them. */
  ConvProblem(Draw d, Kind kind, Sizes sizes, ConvMask mask) {
    this(d, kind, false, sizes, mask, true);
  }

  private ConvProblem(Draw d, Kind kind, boolean oneDimensional, Sizes given, ConvMask givenMask, boolean tame) {
    this.kind = kind;
    this.oneDimensional = oneDimensional;
    Sizes sizes = given != null ? given : draw(d, kind, oneDimensional);
    shape = sizes.shape;
    geometry = sizes.geometry;
    outputPaddingH = sizes.outputPaddingH;
    outputPaddingW = sizes.outputPaddingW;
    fill = tame ? Draw.Fill.TAME : d.fill();
    tiny = given == null && fill.finite() && d.oneIn(6);
    mask = kind != Kind.MASKED ? null : givenMask != null ? givenMask : ConvMask.draw(d, shape);
    x = contents(d, fill, count(shape.batch(), shape.xChannels(), shape.xHeight(), shape.xWidth()));
    w = contents(d, fill.finite() || d.oneIn(4) ? fill : Draw.Fill.TAME, weightCount());
    if (mask != null && d.oneIn(2)) {
      for (int i = 0; i < w.length; i++) {
        w[i] = mask.live()[i] ? w[i] : d.extreme();
      }
    }
    bias = d.oneIn(2) ? null : d.floats(Draw.Fill.TAME, (int) shape.yChannels());
    residual = d.oneIn(3) ? d.floats(Draw.Fill.TAME, yCount()) : null;
    activation = d.oneIn(2) ? Activation.NONE : d.oneIn(3) ? Activation.RELU : d.of(Activation.values());
    slope = d.oneIn(3) ? 0 : d.of(0.1, -0.5, 1.5, -0.0, 1e-60);
  }

  /** Tiny: products lie at and below the smallest number, so that a padding's or a dead entry's zero shows in signs. */
  private float[] contents(Draw d, Draw.Fill fill, int count) {
    float[] values = d.floats(tiny ? Draw.Fill.INTEGER : fill, count);
    for (int i = 0; tiny && i < count; i++) {
      values[i] *= 0x1p-76f;
    }
    return values;
  }

  private static int count(long... shape) {
    return (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  /** Elements of y, and of a residual. */
  int yCount() {
    return count(shape.batch(), shape.yChannels(), shape.yHeight(), shape.yWidth());
  }

  private int weightCount() {
    return (int) (shape.yChannels() * shape.depth());
  }

  /** The shape of the weight, as the operation takes it. */
  long[] weightShape() {
    ConvShape s = shape;
    long first = kind == Kind.DECONV ? s.xChannels() : s.yChannels();
    long second = kind == Kind.DECONV ? s.yGroup() : s.xGroup();
    return oneDimensional ? new long[] {first, second, s.kernelW()} : new long[] {first, second, s.kernelH(),
        s.kernelW()};
  }

  long[] xShape() {
    return map(shape.xChannels(), shape.xHeight(), shape.xWidth());
  }

  long[] yShape() {
    return map(shape.yChannels(), shape.yHeight(), shape.yWidth());
  }

  private long[] map(long channels, long height, long width) {
    long n = shape.batch();
    return oneDimensional ? new long[] {n, channels, width} : new long[] {n, channels, height, width};
  }

  /** The shape of the linear map that goes from y to x; its x is this one's y. */
  ConvShape back() {
    ConvShape s = shape;
    return new ConvShape(s.batch(), s.groups(), s.yChannels(), s.yHeight(), s.yWidth(), s.xChannels(), s.xHeight(),
        s.xWidth(), s.kernelH(), s.kernelW(), s.strideH(), s.strideW(), s.dilationH(), s.dilationW(), s.padTop(),
        s.padLeft());
  }

  String describe() {
    return (kind + (oneDimensional ? " 1-D " : " ")).toLowerCase(java.util.Locale.ROOT) + shape + " pad end "
        + geometry.padBottom() + "," + geometry.padRight() + " " + (mask == null ? "" : mask.name() + " ")
        + (kind == Kind.DECONV ? "output padding " + outputPaddingH + "," + outputPaddingW + " " : "") + activation
        + (activation == Activation.RELU ? " slope " + slope : "") + (bias == null ? "" : " bias")
        + (residual == null ? "" : " residual") + " " + fill + (tiny ? " tiny" : "");
  }

  // ---- drawing sizes

  private static Sizes draw(Draw d, Kind kind, boolean oneDimensional) {
    while (true) {
      long groups = d.oneIn(3) ? d.between(2, 5) : 1;
      boolean depthwise = d.oneIn(6);
      boolean wide = d.oneIn(2); // many channels on a small map, or few on a large one
      long xGroup = depthwise ? 1 : channels(d, wide);
      long yGroup = depthwise ? d.between(1, 3) : channels(d, wide);
      groups = depthwise ? channels(d, true) : groups;
      Axis h = oneDimensional ? Axis.NONE : Axis.draw(d, kind, wide);
      Axis w = Axis.draw(d, kind, wide);
      long batch = d.oneIn(12) ? 0 : d.between(1, 3);
      ConvShape s = new ConvShape(batch, groups, xGroup * groups, h.x, w.x, yGroup * groups, h.y, w.y, h.kernel,
          w.kernel,
          h.stride, w.stride, h.dilation, w.dilation, h.padBegin, w.padBegin);
      long work = Math.max(1, batch) * s.yChannels() * h.y * w.y * s.depth();
      if (work <= WORK && h.y > 0 && w.y > 0 && h.y <= 200 && w.y <= 200) {
        return new Sizes(s, new ConvGeometry(h.stride, w.stride, h.padBegin, w.padBegin, h.padEnd, w.padEnd, h.dilation,
            w.dilation, groups), h.outputPadding, w.outputPadding);
      }
    }
  }

  private static long channels(Draw d, boolean wide) {
    return CHANNELS[d.below(wide ? CHANNELS.length : 6)];
  }

  /** One direction of a convolution. */
  private record Axis(long x, long y, long kernel, long stride, long dilation, long padBegin, long padEnd,
      long outputPadding) {
    static final Axis NONE = new Axis(1, 1, 1, 1, 1, 0, 0, 0);

    static Axis draw(Draw d, Kind kind, boolean wideChannels) {
      long x = SIZES[d.below(wideChannels ? 8 : SIZES.length)];
      long kernel = KERNELS[d.below(KERNELS.length)];
      long stride = d.oneIn(2) ? 1 : d.between(1, 4);
      long dilation = d.oneIn(3) ? d.between(1, 3) : 1;
      long span = dilation * (kernel - 1) + 1;
      long begin = padding(d, span);
      long end = padding(d, span);
      boolean transposed = kind == Kind.DECONV;
      long extra = transposed && d.oneIn(2) ? d.below((int) Math.max(stride, dilation)) : 0;
      long y = transposed ? (x - 1) * stride + span + extra - begin - end
          : x + begin + end < span ? 0 : (x + begin + end - span) / stride + 1;
      return new Axis(x, y, kernel, stride, dilation, begin, end, extra);
    }

    /** None, what the kernel's reach allows, or more than that. */
    private static long padding(Draw d, long span) {
      return d.oneIn(3) ? 0 : d.oneIn(8) ? span + d.below(4) : d.below((int) span);
    }
  }
}
