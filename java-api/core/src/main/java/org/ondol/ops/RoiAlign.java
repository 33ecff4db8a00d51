package org.ondol.ops;

import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/**
 * Features of boxes by interpolation (He et al. 2017, Mask R-CNN): a box is cut into rows x columns bins, each bin is sampled at
 * some points, and its samples are averaged, or their maximum is taken. Nothing is rounded to whole elements, unlike RoI pooling.
 * Over one map or all levels of a feature pyramid in one call. Formulas: docs/arithmetic.md, Regions.
 *
 * <p>The conventions of others:
 * <ul>
 * <li>torchvision's roi_align: {@link Op#AVERAGE}, with its {@code aligned}, and its {@code sampling_ratio} where that is positive,
 * else 0;
 * <li>ONNX's RoiAlign: {@code mode} "avg" is AVERAGE and "max" is {@link Op#MAX_CORNERS}; {@code coordinate_transformation_mode}
 * half_pixel (the default since version 16) is aligned, output_half_pixel, and all before version 16, is not; {@code sampling_ratio}
 * as it is;
 * <li>NNAPI's ROI_ALIGN: AVERAGE, not aligned, one over its ratios as the scale, its two numbers of samples.
 * </ul>
 * torchvision has no maximum. ONNX's is over the four corners of each sample, each times its weight, before they are added: a sample in
 * the middle of four equal elements counts as a quarter of one, and one on the lower or right edge as 0 at least, as it has corners of
 * weight 0. What one expects of a maximum of samples is {@link Op#MAX}.
 *
 * <p>A sample more than one element beyond the map counts as 0. Boxes may be anything: of one that is not finite, or beyond 2^22
 * elements, all bins are 0. A reversed box is one of one element where not aligned; where aligned it is sampled backwards by a given
 * number of samples, and is 0 with an adaptive one.
 */
public final class RoiAlign {
  /** What becomes of the samples of a bin; the order is the C ABI's. */
  public enum Op {
    AVERAGE,
    /** The greatest of the interpolated samples. */
    MAX,
    /** The greatest of all products of a corner of a sample and its weight: ONNX's max. */
    MAX_CORNERS
  }

  /**
   * The conventions.
   *
   * @param aligned whether the centre of an element, not its corner, lies at a whole number plus a half: boxes are moved by half an
   *     element. Without it, boxes are also made at least one element wide and high
   * @param samplingH samples of a bin along the height, 0 for as many as the bin has elements
   * @param samplingW likewise along the width
   */
  public record Options(Op op, boolean aligned, long samplingH, long samplingW) {
    /** As many samples as elements, half an element off: torchvision's with {@code aligned=True}, Detectron2's. */
    public static final Options ALIGNED = new Options(Op.AVERAGE, true, 0, 0);
    /** As many samples as elements, as in the first implementations: torchvision's defaults. */
    public static final Options NOT_ALIGNED = new Options(Op.AVERAGE, false, 0, 0);

    /** Samples of a bin along an axis, at most. */
    public static final long MAX_SAMPLING = 1 << 14;

    public Options {
      Check.present("op", op);
      if (samplingH < 0 || samplingH > MAX_SAMPLING) throw new InvalidArgumentException("samplingH", samplingH, "0 to " + MAX_SAMPLING);
      if (samplingW < 0 || samplingW > MAX_SAMPLING) throw new InvalidArgumentException("samplingW", samplingW, "0 to " + MAX_SAMPLING);
    }

    public Options op(Op op) {
      return new Options(op, aligned, samplingH, samplingW);
    }

    /** With so many samples along both axes, 0 for an adaptive number. */
    public Options sampling(long sampling) {
      return sampling(sampling, sampling);
    }

    public Options sampling(long samplingH, long samplingW) {
      return new Options(op, aligned, samplingH, samplingW);
    }
  }

  private RoiAlign() {}

  /**
   * The bins of each region.
   *
   * @param x the map, or the levels of a pyramid
   * @return [R, C, rows, columns]
   */
  public static Tensor apply(Pyramid x, Rois rois, long rows, long columns, Options options) {
    return new RoiAlignCall(x, rois, rows, columns, options, false).apply();
  }

  /** Of one map [N, C, H, W], {@code scale} times as large as the image that boxes are in. */
  public static Tensor apply(Tensor x, double scale, Rois rois, long rows, long columns, Options options) {
    return apply(Pyramid.of(x, scale), rois, rows, columns, options);
  }

  /** The same of a maximum, with the numbers of samples within their bins; not of maps so large that INT32 could not count these. */
  public static Pool.Max maxWithIndices(Pyramid x, Rois rois, long rows, long columns, Options options) {
    return new RoiAlignCall(x, rois, rows, columns, options, false).withIndices();
  }

  /**
   * The gradients of the maps of {@link Op#AVERAGE}.
   *
   * @param dy [R, C, rows, columns]
   * @param shape of the maps
   */
  public static List<Tensor> averageBackward(Tensor dy, Rois rois, Pyramid.Shape shape, Options options) {
    return RoiAlignCall.backward(dy, null, rois, shape, options, false);
  }

  /** The gradients of the maps of {@link #maxWithIndices}. */
  public static List<Tensor> maxBackward(Tensor dy, Tensor indices, Rois rois, Pyramid.Shape shape, Options options) {
    Check.present("indices", indices);
    return RoiAlignCall.backward(dy, indices, rois, shape, options, false);
  }
}
