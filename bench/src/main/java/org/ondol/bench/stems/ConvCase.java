package org.ondol.bench.stems;

import java.util.Map;
import org.ondol.bench.Case;

/**
 * A convolution or its transpose: square maps [N, C, size, size], square filters, the same padding on all sides. Answers:
 * "y" with a bias; or with gradients "y" without a bias, "dx", "dw" and "db", as far as a contender gives them.
 */
final class ConvCase implements Case {
  /** PixelCNN's masks in raster order; A hides a pixel's own colour, B shows it. */
  enum Mask { NONE, A, B }

  /**
   * Sizes.
   *
   * @param in channels of x
   * @param out channels of y
   */
  record Sizes(int batch, int in, int out, int size, int kernel, int stride, int pad, int groups) {}

  final Sizes s;
  final boolean transposed;
  final Mask mask;
  final int colours;
  final boolean backward;
  private float[] x, w, bias, dy;
  private ConvReference reference;

  private ConvCase(Sizes sizes, boolean transposed, Mask mask, int colours, boolean backward) {
    s = sizes;
    this.transposed = transposed;
    this.mask = mask;
    this.colours = colours;
    this.backward = backward;
  }

  static ConvCase conv(int batch, int in, int out, int size, int kernel, int stride) {
    return new ConvCase(new Sizes(batch, in, out, size, kernel, stride, kernel / 2, 1), false, Mask.NONE, 1, false);
  }

  static ConvCase depthwise(int channels, int size, int kernel, int stride) {
    return new ConvCase(new Sizes(1, channels, channels, size, kernel, stride, kernel / 2, channels), false, Mask.NONE, 1, false);
  }

  static ConvCase masked(Mask mask, int colours, int batch, int in, int out, int size, int kernel) {
    return new ConvCase(new Sizes(batch, in, out, size, kernel, 1, kernel / 2, 1), false, mask, colours, false);
  }

  /** Enlarges by the stride: the kernel is twice as wide, the padding half a stride. */
  static ConvCase deconv(int batch, int in, int out, int size, int stride) {
    return new ConvCase(new Sizes(batch, in, out, size, 2 * stride, stride, stride / 2, 1), true, Mask.NONE, 1, false);
  }

  /** The same, forward and with all gradients. */
  ConvCase withGradients() {
    return new ConvCase(s, transposed, mask, colours, true);
  }

  @Override
  public String name() {
    String kind = mask != Mask.NONE ? mask + " " : s.groups > 1 ? "depthwise " : "";
    String stride = s.stride > 1 ? " s" + s.stride : "";
    String colour = colours > 1 ? " colours " + colours : "";
    return "%s%dx%d%s%s%s %d-%d %dx%d N%d".formatted(kind, s.kernel, s.kernel, stride, colour, backward ? " fwd+bwd" : "",
        s.in, s.out, s.size, s.size, s.batch);
  }

  /** Height and width of y. */
  int outSize() {
    return transposed ? (s.size - 1) * s.stride - 2 * s.pad + s.kernel : (s.size + 2 * s.pad - s.kernel) / s.stride + 1;
  }

  /**
   * A multiply-add for every pair of an element and a live entry that meet, and as often again for each of the two large
   * gradients. Zeros of the padding are not counted, so who skips them does not get past the peak.
   */
  @Override
  public double flops() {
    double pairs = 0;
    for (int i = 0; i < weightCount(); i++) {
      pairs += live(i) ? (double) places(i / s.kernel % s.kernel) * places(i % s.kernel) : 0;
    }
    return 2 * s.batch * pairs * (backward ? 3 : 1);
  }

  /** Rows (or columns) of the smaller map for which a row (or column) k of the filters lies inside the larger one. */
  private int places(int k) {
    int large = transposed ? outSize() : s.size;
    int small = transposed ? s.size : outSize();
    int count = 0;
    for (int i = 0; i < small; i++) {
      int at = i * s.stride - s.pad + k;
      count += at >= 0 && at < large ? 1 : 0;
    }
    return count;
  }

  @Override
  public double bytes() {
    return 4.0 * ((double) s.batch * s.in * s.size * s.size + weightCount());
  }

  int weightCount() {
    return s.in * s.out / s.groups * s.kernel * s.kernel;
  }

  /** Whether entry i of the filters [out, in, kernel, kernel] takes part, by the definition of the masks. */
  boolean live(int i) {
    if (mask == Mask.NONE) {
      return true;
    }
    int kx = i % s.kernel;
    int ky = i / s.kernel % s.kernel;
    int centre = s.kernel / 2;
    if (ky != centre || kx != centre) {
      return ky < centre || ky == centre && kx < centre;
    }
    int channel = i / s.kernel / s.kernel;
    int from = channel % s.in * colours / s.in;
    int to = channel / s.in * colours / s.out;
    return mask == Mask.A ? from < to : from <= to;
  }

  long[] xShape() {
    return new long[] {s.batch, s.in, s.size, s.size};
  }

  long[] yShape() {
    return new long[] {s.batch, s.out, outSize(), outSize()};
  }

  long[] weightShape() {
    return transposed ? new long[] {s.in, s.out / s.groups, s.kernel, s.kernel}
        : new long[] {s.out, s.in / s.groups, s.kernel, s.kernel};
  }

  float[] x() {
    return x == null ? x = Inputs.normal(1, s.batch * s.in * s.size * s.size) : x;
  }

  /** The filters, with values also where they are dead. */
  float[] w() {
    return w == null ? w = Inputs.normal(2, weightCount()) : w;
  }

  float[] bias() {
    return bias == null ? bias = Inputs.normal(3, s.out) : bias;
  }

  float[] dy() {
    return dy == null ? dy = Inputs.normal(4, s.batch * s.out * outSize() * outSize()) : dy;
  }

  /** The filters with zeros where they are dead, for who knows no masks. */
  float[] zeroed(float[] filters) {
    float[] zeroed = filters.clone();
    for (int i = 0; i < zeroed.length; i++) {
      zeroed[i] = live(i) ? zeroed[i] : 0;
    }
    return zeroed;
  }

  @Override
  public String check(Map<String, float[]> answer) {
    if (reference == null) {
      reference = new ConvReference(this);
    }
    return reference.check(answer);
  }
}
