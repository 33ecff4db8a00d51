package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.RoiWarp;

/**
 * Boxes of contiguous images x [batch, channels, xHeight, xWidth] as contiguous y [R, channels, yHeight, yWidth]; no result is
 * empty. Boxes may hold anything, and an image that is not there gives the fill value.
 *
 * @param pixel 1 where corners are the first and the last pixel, 0 where they lie between pixels
 * @param context less than half of either output size
 * @param fill [channels] or null for zeros
 */
public record RoiWarpArgs(RoiWarp.Mode mode, int pixel, int context, RoiList rois, long batch, long channels, long xHeight,
    long xWidth, long yHeight, long yWidth, Tensor fill, Tensor x, Tensor y) {}
