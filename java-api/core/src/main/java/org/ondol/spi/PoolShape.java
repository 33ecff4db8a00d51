package org.ondol.spi;

/**
 * Sizes of a pooling. Every window holds at least one element of x. All sizes of an axis are below 2^31.
 *
 * @param kernelH 0 (and kernelW 0) for adaptive windows, whose bounds follow from the sizes of x and y alone
 * @param countPadding whether an average divides by the positions within the padded map; false for adaptive windows
 */
public record PoolShape(long batch, long channels, long xHeight, long xWidth, long yHeight, long yWidth, long kernelH,
    long kernelW, long strideH, long strideW, long dilationH, long dilationW, long padTop, long padLeft, long padBottom,
    long padRight, boolean countPadding) {
  /** Planes of x and y. */
  public long planes() {
    return batch * channels;
  }
}
