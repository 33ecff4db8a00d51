package org.ondol.ops;

import java.util.List;
import org.ondol.Tensor;

/**
 * Pooling of regions of interest: the bins of a grid over each region, whatever its size (Fast R-CNN, Girshick 2015). Over one
 * map or over the levels of a feature pyramid in one call. Formulas: docs/arithmetic.md, Regions.
 *
 * <p>A bin without an element gives 0 and the index -1. {@link Spp} pools whole pyramids of grids, {@link PsRoiPool}
 * position-sensitive maps.
 */
public final class RoiPool {
  /** How corners and bins become whole elements; the order is the C ABI's. */
  public enum Rounding {
    /** Fast R-CNN's, also of ONNX's MaxRoiPool and torchvision's roi_pool. */
    ROUND,
    /** SPPNet's. */
    SPP,
    /** R-FCN's. */
    RFCN,
    /** torchvision's ps_roi_pool, which never reads the last row and column of a map. */
    GRID
  }

  private RoiPool() {}

  private static RoiCall call(Pool.Op op, long height, long width) {
    return RoiCall.grid(op, Rounding.ROUND, false, height, width);
  }

  /**
   * The greatest element of each bin, [R, C, height, width].
   *
   * @param scale from the boxes' coordinates to the map's, 1/16 for a map of stride 16
   */
  public static Tensor max(Tensor x, Rois rois, double scale, long height, long width) {
    return max(Pyramid.of(x, scale), rois, height, width);
  }

  public static Tensor max(Pyramid x, Rois rois, long height, long width) {
    return call(Pool.Op.MAX, height, width).apply(x, rois);
  }

  /** The same with the elements' positions in their planes, INT32, for {@link #maxBackward}. */
  public static Pool.Max maxWithIndices(Tensor x, Rois rois, double scale, long height, long width) {
    return maxWithIndices(Pyramid.of(x, scale), rois, height, width);
  }

  public static Pool.Max maxWithIndices(Pyramid x, Rois rois, long height, long width) {
    return call(Pool.Op.MAX, height, width).withIndices(x, rois);
  }

  /** The average of each bin, [R, C, height, width]. */
  public static Tensor average(Tensor x, Rois rois, double scale, long height, long width) {
    return average(Pyramid.of(x, scale), rois, height, width);
  }

  public static Tensor average(Pyramid x, Rois rois, long height, long width) {
    return call(Pool.Op.AVERAGE, height, width).apply(x, rois);
  }

  /** dx of {@link #maxWithIndices}; the numbers of bins are dy's. */
  public static Tensor maxBackward(Tensor dy, Tensor indices, Rois rois, double scale, long... xShape) {
    return maxBackward(dy, indices, rois, Pyramid.Shape.of(scale, xShape)).get(0);
  }

  /** dx of each level. */
  public static List<Tensor> maxBackward(Tensor dy, Tensor indices, Rois rois, Pyramid.Shape x) {
    return RoiCall.like(dy, Pool.Op.MAX, Rounding.ROUND, false).backward(dy, indices, rois, x);
  }

  /** dx of {@link #average}. */
  public static Tensor averageBackward(Tensor dy, Rois rois, double scale, long... xShape) {
    return averageBackward(dy, rois, Pyramid.Shape.of(scale, xShape)).get(0);
  }

  /** dx of each level. */
  public static List<Tensor> averageBackward(Tensor dy, Rois rois, Pyramid.Shape x) {
    return RoiCall.like(dy, Pool.Op.AVERAGE, Rounding.ROUND, false).backward(dy, null, rois, x);
  }
}
