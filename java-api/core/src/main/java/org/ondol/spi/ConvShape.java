package org.ondol.spi;

/**
 * Sizes of a convolution. For conv x is the map that the filters slide over, for deconv x is the small map and y the large
 * one. Channels of group g of x are [g * xChannels / groups, (g + 1) * xChannels / groups), and of y likewise. All products
 * that index a map or the filters fit into a long; xChannels / groups * kernelH * kernelW fits into an int.
 *
 * @param padTop rows of zeros before x's first row (deconv: rows cut from y's top)
 * @param padLeft columns likewise
 */
public record ConvShape(long batch, long groups, long xChannels, long xHeight, long xWidth, long yChannels, long yHeight,
    long yWidth, long kernelH, long kernelW, long strideH, long strideW, long dilationH, long dilationW, long padTop,
    long padLeft) {
  /** Channels of x that a filter sees. */
  public long xGroup() {
    return xChannels / groups;
  }

  /** Channels of y in a group. */
  public long yGroup() {
    return yChannels / groups;
  }

  /** Entries of a filter: (c * kernelH + ky) * kernelW + kx. */
  public long depth() {
    return xGroup() * kernelH * kernelW;
  }
}
