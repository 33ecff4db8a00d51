package org.ondol.models.segmentation;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/**
 * The dense layers of classifiers as convolutions with the same weights (J. Long, E. Shelhamer and T. Darrell 2015,
 * section 3.1): a layer that reads a whole map of C x h x w is a convolution of h x w, the layers behind it are ones of
 * 1 x 1. On an image of the size that the classifier takes they give its answer; on a larger one an answer for each place
 * where that size fits, at the step of the maps: a heat map.
 */
public final class DenseLayers {
  private DenseLayers() {}

  /**
   * Filters [out, channels, height, width], a new tensor, of the weights of a layer that reads maps as rows of
   * channels · height · width values, as {@code reshape} makes them; 1 x 1 of one that reads rows.
   *
   * @param weight [channels · height · width, out]
   */
  public static Tensor filters(Tensor weight, long channels, long height, long width) {
    if (weight == null) throw new InvalidArgumentException("weight", "null", "a tensor");
    if (channels < 1 || height < 1 || width < 1) {
      throw new InvalidArgumentException("map", channels + " x " + height + " x " + width, "sizes of at least 1");
    }
    if (weight.rank() != 2 || weight.size(0) != channels * height * width) {
      throw new ShapeException("weight", "of shape " + Arrays.toString(weight.shape()),
          "[" + channels * height * width + ", out]");
    }
    try (Scope scope = Scope.open()) {
      return scope.keep(weight.transpose(0, 1).contiguous().reshape(weight.size(1), channels, height, width).copy());
    }
  }
}
