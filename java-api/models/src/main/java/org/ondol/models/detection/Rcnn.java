package org.ondol.models.detection;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;

/**
 * R-CNN, regions with features of a convolutional network (R. Girshick, J. Donahue, T. Darrell and J. Malik, Rich feature
 * hierarchies for accurate object detection and semantic segmentation, CVPR 2014):
 *
 * <ol>
 *   <li>selective search proposes regions;
 *   <li>each is warped to one size, whatever its proportions, with 16 pixels of context around it where the size is 227
 *       (appendix A, figure 7, row D); where that lies outside the image stands the mean of all images;
 *   <li>a network turns each crop into a row of features, on its own: hence its slowness;
 *   <li>a linear support vector machine for each class scores it, ridge regression moves it, and of boxes of a class that
 *       overlap the best one stays. {@link RegionClassifier} has the equations, {@link RegionLearner} how they are learnt.
 * </ol>
 *
 * <p>The paper's features are those of a fully connected layer of a network that was trained further on warped regions.
 * Here they are the greatest elements of the bins of a trunk's last map, as the trunk is.
 */
public final class Rcnn extends RegionFeatures {
  /** The paper's crop, and its context. */
  private static final int PAPER_SIDE = 227;
  private static final int PAPER_CONTEXT = 16;
  /** Crops of one pass: their maps stay in the caches. */
  private static final int CROPS = 32;

  private final int side;
  private final RoiWarp.Options warp;

  /**
   * First values.
   *
   * @param side of a crop in pixels
   * @param levels of the grids that a crop's map is divided into
   */
  public Rcnn(Parts parts, int side, int... levels) {
    super(parts, levels);
    if (side < 32 || side > 1024) throw new InvalidArgumentException("side", side, "32 to 1024");
    this.side = side;
    // The trunk takes images less their mean: zeros outside are the mean.
    warp = RoiWarp.Options.DEFAULT.context(Math.round((float) PAPER_CONTEXT * side / PAPER_SIDE));
  }

  @Override
  Tensor features(Tensor image, float[] boxes) {
    int regions = boxes.length / 4;
    Tensor all = Tensor.empty(device(), regions, size());
    for (int from = 0; from < regions; from += CROPS) {
      int to = Math.min(regions, from + CROPS);
      try (Scope scope = Scope.open()) {
        Tensor some = Tensor.of(device(), Arrays.copyOfRange(boxes, 4 * from, 4 * to), to - from, 4);
        try (Rois rois = Rois.of(some)) {
          Tensor crops = RoiWarp.apply(image, rois, side, side, warp);
          all.slice(0, from, to).assign(Spp.apply(map(crops), levels()));
        }
      }
    }
    return all;
  }
}
