package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Samples of regions. There is at least one region and one channel.
 *
 * @param y [R, channels, rows, columns], contiguous
 * @param indices INT32 of y's shape, contiguous, of a maximum; or null
 */
public record RoiAlignArgs(RoiAlignShape shape, RoiMaps x, RoiList rois, Tensor y, Tensor indices) {}
