package org.ondol.spi;

import org.ondol.ops.RoiAlign;

/**
 * What is taken of each region.
 *
 * @param aligned whether corners of boxes are less half an element
 * @param samplingH samples of a bin along the height, 0 for an adaptive number
 * @param samplingW likewise along the width
 * @param positionSensitive whether bin (i, j) of channel c reads channel (c * rows + i) * columns + j
 * @param rows bins along the height
 * @param columns bins along the width
 */
public record RoiAlignShape(RoiAlign.Op op, boolean aligned, long samplingH, long samplingW, boolean positionSensitive, long rows,
    long columns) {
  /** Channels of the result. */
  public long channels(RoiMaps maps) {
    return positionSensitive ? maps.channels() / (rows * columns) : maps.channels();
  }
}
