package org.ondol.ops;

import java.util.List;
import org.ondol.Tensor;

/**
 * {@link RoiAlign} of position-sensitive maps (Dai et al. 2016, R-FCN, with the sampling of He et al. 2017): the maps have a channel
 * for each channel of the result and each bin, and bin (i, j) of channel c reads channel (c * rows + i) * columns + j alone.
 *
 * <p>torchvision's ps_roi_align is AVERAGE with {@link RoiAlign.Options#ALIGNED}; where a box without an area leaves an adaptive bin
 * without samples it divides zero by zero, while such a bin is 0 here.
 */
public final class PsRoiAlign {
  private PsRoiAlign() {}

  /**
   * The bins of each region.
   *
   * @param x the map, or the levels of a pyramid, of channels rows * columns * C
   * @return [R, C, rows, columns]
   */
  public static Tensor apply(Pyramid x, Rois rois, long rows, long columns, RoiAlign.Options options) {
    return new RoiAlignCall(x, rois, rows, columns, options, true).apply();
  }

  /** Of one map [N, rows * columns * C, H, W], {@code scale} times as large as the image that boxes are in. */
  public static Tensor apply(Tensor x, double scale, Rois rois, long rows, long columns, RoiAlign.Options options) {
    return apply(Pyramid.of(x, scale), rois, rows, columns, options);
  }

  /** The same of a maximum, with indices; not of maps so large that INT32 could not count their samples. */
  public static Pool.Max maxWithIndices(Pyramid x, Rois rois, long rows, long columns, RoiAlign.Options options) {
    return new RoiAlignCall(x, rois, rows, columns, options, true).withIndices();
  }

  /** The gradients of the maps of an average. */
  public static List<Tensor> averageBackward(Tensor dy, Rois rois, Pyramid.Shape shape, RoiAlign.Options options) {
    return RoiAlignCall.backward(dy, null, rois, shape, options, true);
  }

  /** The gradients of the maps of {@link #maxWithIndices}. */
  public static List<Tensor> maxBackward(Tensor dy, Tensor indices, Rois rois, Pyramid.Shape shape, RoiAlign.Options options) {
    Check.present("indices", indices);
    return RoiAlignCall.backward(dy, indices, rois, shape, options, true);
  }
}
