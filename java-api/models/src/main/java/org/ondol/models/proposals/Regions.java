package org.ondol.models.proposals;

import java.util.Arrays;

/** The regions of a segmentation, with what their similarities are made of. Never changed once it is made. */
final class Regions {
  final int count;
  /** Pixels of the image. */
  final int pixels;
  /** Pixels of each region. */
  final int[] sizes;
  /** Of each region the box [x1, y1, x2, y2], its end exclusive. */
  final int[] boxes;
  /** Pairs of touching regions, ascending; the lower number in the upper half. */
  final long[] borders;
  final int colourBins;
  final int textureBins;
  /** Of each region {@link #colourBins} and {@link #textureBins} numbers of pixels. */
  final int[] histograms;

  /**
   * Describes the regions of an image.
   *
   * @param bins null where neither colours nor textures are compared
   */
  Regions(GraphSegmentation segmentation, int width, Bins bins) {
    int[] labels = segmentation.labelArray();
    count = segmentation.count();
    pixels = labels.length;
    borders = segmentation.borders();
    sizes = new int[count];
    boxes = new int[4 * count];
    for (int r = 0; r < count; r++) {
      Arrays.fill(boxes, 4 * r, 4 * r + 2, Integer.MAX_VALUE);
    }
    for (int y = 0; y < pixels / width; y++) measure(labels, width, y);
    colourBins = bins == null ? 0 : bins.colourBins();
    textureBins = bins == null ? 0 : bins.textureBins();
    histograms = bins == null ? new int[0] : bins.histograms(labels, sizes);
  }

  private void measure(int[] labels, int width, int y) {
    for (int x = 0; x < width; x++) {
      int r = labels[y * width + x];
      sizes[r]++;
      boxes[4 * r] = Math.min(boxes[4 * r], x);
      boxes[4 * r + 1] = Math.min(boxes[4 * r + 1], y);
      boxes[4 * r + 2] = Math.max(boxes[4 * r + 2], x + 1);
      boxes[4 * r + 3] = y + 1;
    }
  }
}
