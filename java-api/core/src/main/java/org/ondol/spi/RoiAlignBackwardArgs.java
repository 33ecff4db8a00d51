package org.ondol.spi;

import java.util.List;
import org.ondol.Tensor;

/**
 * Gradients of the maps. There is at least one image and one channel.
 *
 * @param x sizes of the maps
 * @param dy [R, channels, rows, columns], contiguous
 * @param indices INT32 of dy's shape, contiguous, with any contents; null of an average
 * @param dx [N, C, H_l, W_l] of each level, contiguous, overwritten
 */
public record RoiAlignBackwardArgs(RoiAlignShape shape, RoiMaps x, RoiList rois, Tensor dy, Tensor indices, List<Tensor> dx) {}
