package org.ondol.ops;

import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.RoiPool.Rounding;

/**
 * Position-sensitive pooling of regions (R-FCN, Dai et al. 2016): bin (i, j) of output channel c reads channel
 * (c height + i) width + j of the map, which has C height width channels. R-FCN averages with {@link Rounding#RFCN},
 * torchvision's ps_roi_pool with {@link Rounding#GRID}.
 */
public final class PsRoiPool {
  private PsRoiPool() {}

  /** The average of each bin, [R, C, height, width]. */
  public static Tensor apply(Tensor x, Rois rois, double scale, Rounding rounding, long height, long width) {
    return apply(Pyramid.of(x, scale), rois, rounding, height, width);
  }

  public static Tensor apply(Pyramid x, Rois rois, Rounding rounding, long height, long width) {
    return RoiCall.grid(Pool.Op.AVERAGE, rounding, true, height, width).apply(x, rois);
  }

  /** dx of {@link #apply}; the numbers of bins are dy's. */
  public static Tensor backward(Tensor dy, Rois rois, double scale, Rounding rounding, long... xShape) {
    return backward(dy, rois, rounding, Pyramid.Shape.of(scale, xShape)).get(0);
  }

  /** dx of each level. */
  public static List<Tensor> backward(Tensor dy, Rois rois, Rounding rounding, Pyramid.Shape x) {
    return RoiCall.like(dy, Pool.Op.AVERAGE, rounding, true).backward(dy, null, rois, x);
  }

  /** The greatest element of each bin. */
  public static Tensor max(Pyramid x, Rois rois, Rounding rounding, long height, long width) {
    return RoiCall.grid(Pool.Op.MAX, rounding, true, height, width).apply(x, rois);
  }

  /** The same with the elements' positions in their planes. */
  public static Pool.Max maxWithIndices(Pyramid x, Rois rois, Rounding rounding, long height, long width) {
    return RoiCall.grid(Pool.Op.MAX, rounding, true, height, width).withIndices(x, rois);
  }

  /** dx of each level of {@link #maxWithIndices}. */
  public static List<Tensor> maxBackward(Tensor dy, Tensor indices, Rois rois, Rounding rounding, Pyramid.Shape x) {
    return RoiCall.like(dy, Pool.Op.MAX, rounding, true).backward(dy, indices, rois, x);
  }
}
