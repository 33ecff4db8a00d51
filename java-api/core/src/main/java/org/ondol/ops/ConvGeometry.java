package org.ondol.ops;

import org.ondol.InvalidArgumentException;

/**
 * How filters slide over a map: stride, padding, dilation and groups. A one-dimensional convolution uses the values for
 * the width.
 *
 * @param padTop rows of zeros above the map (for deconv: rows cut from the result)
 */
public record ConvGeometry(long strideH, long strideW, long padTop, long padLeft, long padBottom, long padRight,
    long dilationH, long dilationW, long groups) {
  /** Stride 1, no padding, no dilation, one group. */
  public static final ConvGeometry UNIT = new ConvGeometry(1, 1, 0, 0, 0, 0, 1, 1, 1);

  private static final long LIMIT = Integer.MAX_VALUE;

  public ConvGeometry {
    positive("strideH", strideH);
    positive("strideW", strideW);
    positive("dilationH", dilationH);
    positive("dilationW", dilationW);
    positive("groups", groups);
    padding("padTop", padTop);
    padding("padLeft", padLeft);
    padding("padBottom", padBottom);
    padding("padRight", padRight);
  }

  private static void positive(String name, long value) {
    if (value < 1 || value > LIMIT) throw new InvalidArgumentException(name, value, "1 to " + LIMIT);
  }

  private static void padding(String name, long value) {
    if (value < 0 || value > LIMIT) throw new InvalidArgumentException(name, value, "0 to " + LIMIT);
  }

  public ConvGeometry stride(long both) {
    return stride(both, both);
  }

  public ConvGeometry stride(long h, long w) {
    return new ConvGeometry(h, w, padTop, padLeft, padBottom, padRight, dilationH, dilationW, groups);
  }

  /** The same padding on all sides. */
  public ConvGeometry padding(long all) {
    return padding(all, all, all, all);
  }

  /** PyTorch's pair: h rows above and below, w columns on either side. */
  public ConvGeometry padding(long h, long w) {
    return padding(h, w, h, w);
  }

  /** ONNX's pads: begin of height and width, then their ends. */
  public ConvGeometry padding(long top, long left, long bottom, long right) {
    return new ConvGeometry(strideH, strideW, top, left, bottom, right, dilationH, dilationW, groups);
  }

  public ConvGeometry dilation(long both) {
    return dilation(both, both);
  }

  public ConvGeometry dilation(long h, long w) {
    return new ConvGeometry(strideH, strideW, padTop, padLeft, padBottom, padRight, h, w, groups);
  }

  public ConvGeometry groups(long count) {
    return new ConvGeometry(strideH, strideW, padTop, padLeft, padBottom, padRight, dilationH, dilationW, count);
  }

  /**
   * ONNX's auto_pad SAME: paddings for which a conv's result has ceil(size / stride) rows and columns.
   *
   * @param upper where an odd padding puts its larger half: true at the end (SAME_UPPER), false at the beginning
   */
  public ConvGeometry same(long height, long width, long kernelH, long kernelW, boolean upper) {
    positive("height", height);
    positive("width", width);
    positive("kernelH", kernelH);
    positive("kernelW", kernelW);
    long h = samePadding(height, kernelH, strideH, dilationH);
    long w = samePadding(width, kernelW, strideW, dilationW);
    return upper ? padding(h / 2, w / 2, h - h / 2, w - w / 2) : padding(h - h / 2, w - w / 2, h / 2, w / 2);
  }

  private static long samePadding(long size, long kernel, long stride, long dilation) {
    long results = (size + stride - 1) / stride;
    return Math.max(0, (results - 1) * stride + (kernel - 1) * dilation + 1 - size);
  }
}
