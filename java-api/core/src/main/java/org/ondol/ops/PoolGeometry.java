package org.ondol.ops;

import org.ondol.InvalidArgumentException;

/**
 * How windows slide over a map: kernel, stride, dilation and padding. A one-dimensional map uses the values for the width.
 *
 * @param padTop rows before the map that windows may begin in; they hold no element
 * @param ceil whether a last window that reaches beyond the padding counts, if it starts before the padding behind the map:
 *     PyTorch's ceil_mode, and ONNX's since opset 19
 * @param countPadding whether averages divide by the positions within the padded map instead of those within the map
 */
public record PoolGeometry(long kernelH, long kernelW, long strideH, long strideW, long padTop, long padLeft, long padBottom,
    long padRight, long dilationH, long dilationW, boolean ceil, boolean countPadding) {
  private static final long LIMIT = Integer.MAX_VALUE;

  public PoolGeometry {
    atLeast("kernelH", kernelH, 1);
    atLeast("kernelW", kernelW, 1);
    atLeast("strideH", strideH, 1);
    atLeast("strideW", strideW, 1);
    atLeast("dilationH", dilationH, 1);
    atLeast("dilationW", dilationW, 1);
    atLeast("padTop", padTop, 0);
    atLeast("padLeft", padLeft, 0);
    atLeast("padBottom", padBottom, 0);
    atLeast("padRight", padRight, 0);
  }

  private static void atLeast(String name, long value, long minimum) {
    if (value < minimum || value > LIMIT) throw new InvalidArgumentException(name, value, minimum + " to " + LIMIT);
  }

  /** Square windows that touch without overlapping: PyTorch's default, whose stride is the kernel. */
  public static PoolGeometry tiles(long kernel) {
    return window(kernel, kernel).stride(kernel);
  }

  /** Windows of this size at every position: ONNX's default, whose stride is 1. */
  public static PoolGeometry window(long kernelH, long kernelW) {
    return new PoolGeometry(kernelH, kernelW, 1, 1, 0, 0, 0, 0, 1, 1, false, false);
  }

  public PoolGeometry stride(long both) {
    return stride(both, both);
  }

  public PoolGeometry stride(long h, long w) {
    return new PoolGeometry(kernelH, kernelW, h, w, padTop, padLeft, padBottom, padRight, dilationH, dilationW, ceil, countPadding);
  }

  /** The same padding on all sides. */
  public PoolGeometry padding(long all) {
    return padding(all, all, all, all);
  }

  /** ONNX's pads: begin of height and width, then their ends. */
  public PoolGeometry padding(long top, long left, long bottom, long right) {
    return new PoolGeometry(kernelH, kernelW, strideH, strideW, top, left, bottom, right, dilationH, dilationW, ceil, countPadding);
  }

  public PoolGeometry dilation(long h, long w) {
    return new PoolGeometry(kernelH, kernelW, strideH, strideW, padTop, padLeft, padBottom, padRight, h, w, ceil, countPadding);
  }

  public PoolGeometry ceil(boolean mode) {
    return new PoolGeometry(kernelH, kernelW, strideH, strideW, padTop, padLeft, padBottom, padRight, dilationH, dilationW, mode,
        countPadding);
  }

  public PoolGeometry countPadding(boolean include) {
    return new PoolGeometry(kernelH, kernelW, strideH, strideW, padTop, padLeft, padBottom, padRight, dilationH, dilationW, ceil,
        include);
  }

  /**
   * ONNX's auto_pad SAME: paddings for which a map of this size gives ceil(size / stride) rows and columns. VALID is no
   * padding.
   *
   * @param upper where an odd padding puts its larger half: true at the end (SAME_UPPER), false at the beginning
   */
  public PoolGeometry same(long height, long width, boolean upper) {
    long h = samePadding(height, kernelH, strideH, dilationH);
    long w = samePadding(width, kernelW, strideW, dilationW);
    return upper ? padding(h / 2, w / 2, h - h / 2, w - w / 2) : padding(h - h / 2, w - w / 2, h / 2, w / 2);
  }

  private static long samePadding(long size, long kernel, long stride, long dilation) {
    long results = (size + stride - 1) / stride;
    return Math.max(0, (results - 1) * stride + (kernel - 1) * dilation + 1 - size);
  }

  /** Only the values for the width. */
  PoolGeometry flat() {
    return new PoolGeometry(1, kernelW, 1, strideW, 0, padLeft, 0, padRight, 1, dilationW, ceil, countPadding);
  }
}
