package org.ondol.models.detection;

import java.util.List;
import java.util.stream.IntStream;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Pyramid;
import org.ondol.ops.Resize;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;

/**
 * SPPNet (K. He, X. Zhang, S. Ren and J. Sun, Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition,
 * ECCV 2014, section 4): as {@link Rcnn}, but the network sees the image once and not each region. Of a region of the map
 * the greatest elements of n x n bins, for each n of a pyramid of grids, are a row of features, of one length whatever the
 * region's size.
 *
 * <p>The image is looked at with its shorter side at several lengths, s = 480, 576, 688, 864 and 1200 in the paper, and each
 * region at the one where its area is closest to 224 x 224 pixels. What follows, the classifiers and their training, is
 * R-CNN's. A region's corners are projected as in the paper's appendix: left and top to floor(x' / S) + 1, right and bottom
 * to ceil(x' / S) - 1, S being the stride.
 */
public final class SppNet extends RegionFeatures {
  private static final double AREA = 224 * 224;

  private final int[] scales;

  /**
   * First values.
   *
   * @param scales lengths of the shorter side at which images are looked at
   * @param levels of the pyramid of grids; 1, 2, 3 and 6 in the paper
   */
  public SppNet(Parts parts, List<Integer> scales, int... levels) {
    super(parts, levels);
    if (scales == null || scales.isEmpty()) throw new InvalidArgumentException("scales", scales, "one length or more");
    this.scales = scales.stream().mapToInt(s -> s).toArray();
    for (int s : this.scales) if (s < 32 || s > 4096) throw new InvalidArgumentException("scales", s, "32 to 4096");
  }

  @Override
  Tensor features(Tensor image, float[] boxes) {
    int regions = boxes.length / 4;
    double shorter = Math.min(image.size(2), image.size(3));
    int[] at = IntStream.range(0, regions).map(i -> closest(boxes, i, shorter)).toArray();
    Tensor all = Tensor.empty(device(), regions, size());
    for (int s = 0; s < scales.length; s++) {
      int which = s;
      int[] chosen = IntStream.range(0, regions).filter(i -> at[i] == which).toArray();
      if (chosen.length > 0) pool(image, scales[s] / shorter, boxes, chosen, all);
    }
    return all;
  }

  /** The number of the scale at which a region's area is closest to that which the network was trained with. */
  private int closest(float[] boxes, int i, double shorter) {
    double area = ((double) boxes[4 * i + 2] - boxes[4 * i]) * ((double) boxes[4 * i + 3] - boxes[4 * i + 1]);
    int best = 0;
    for (int s = 1; s < scales.length; s++) {
      if (Math.abs(area * square(scales[s] / shorter) - AREA) < Math.abs(area * square(scales[best] / shorter) - AREA)) best = s;
    }
    return best;
  }

  private static double square(double x) {
    return x * x;
  }

  /** The features of the chosen regions, with the image at one scale. */
  private void pool(Tensor image, double scale, float[] boxes, int[] chosen, Tensor all) {
    try (Scope scope = Scope.open()) {
      long height = Math.round(image.size(2) * scale);
      long width = Math.round(image.size(3) * scale);
      Tensor map = map(Resize.apply(image, height, width, Resize.Options.BILINEAR));
      double stride = trunk().stages().getLast().stride();
      // The map is centred upon the image, whatever the trunk pads: there lies its first element.
      double left = (width - 1 - stride * (map.size(3) - 1)) / 2;
      double top = (height - 1 - stride * (map.size(2) - 1)) / 2;
      float[] projected = new float[4 * chosen.length];
      for (int r = 0; r < projected.length; r++) {
        double factor = r % 2 == 0 ? (double) width / image.size(3) : (double) height / image.size(2);
        projected[r] = (float) (boxes[4 * chosen[r / 4] + r % 4] * factor - (r % 2 == 0 ? left : top));
      }
      try (Rois rois = Rois.of(Tensor.of(device(), projected, chosen.length, 4))) {
        Tensor rows = Spp.apply(Pyramid.of(map, 1 / stride), rois, levels());
        for (int r = 0; r < chosen.length; r++) all.select(0, chosen[r]).assign(rows.select(0, r));
      }
    }
  }
}
