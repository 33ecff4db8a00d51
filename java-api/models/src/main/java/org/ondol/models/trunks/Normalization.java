package org.ondol.models.trunks;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * What an image's colours are turned into before a network sees them: (range · x - mean) / deviation, in either order.
 *
 * @param bgr whether blue comes first
 * @param range of a full colour: 255 or 1
 * @param mean of the colours in the network's order
 * @param deviation of the colours in the network's order
 */
public record Normalization(boolean bgr, double range, Colours mean, Colours deviation) {
  /** A number for each colour, in the network's order. */
  public record Colours(double first, double second, double third) {
    double get(int i) {
      return i == 0 ? first : i == 1 ? second : third;
    }
  }

  /** What Caffe's models of ImageNet take: B, G, R of 0 to 255 less their means over ImageNet. */
  public static final Normalization CAFFE =
      new Normalization(true, 255, new Colours(104, 117, 123), new Colours(1, 1, 1));

  /** What torchvision's models of ImageNet take: R, G, B of 0 to 1 less their means over ImageNet, by their deviations. */
  public static final Normalization TORCHVISION =
      new Normalization(false, 1, new Colours(0.485, 0.456, 0.406), new Colours(0.229, 0.224, 0.225));

  /** R, G, B of 0 to 1, as they are. */
  public static final Normalization NONE = new Normalization(false, 1, new Colours(0, 0, 0), new Colours(1, 1, 1));

  /** A new map of [N, 3, H, W] of 0 to 1, red first: fma(range / deviation, x, -mean / deviation), rounded once. */
  public Tensor apply(Tensor rgb) {
    if (rgb == null) throw new InvalidArgumentException("rgb", "null", "a tensor");
    if (rgb.rank() != 4 || rgb.size(1) != 3) {
      throw new ShapeException("rgb", "of shape " + Arrays.toString(rgb.shape()), "[N, 3, H, W]");
    }
    Tensor y = Tensor.empty(rgb.device(), rgb.shape());
    for (int c = 0; c < 3; c++) {
      float offset = (float) (-mean.get(c) / deviation.get(c));
      int from = bgr ? 2 - c : c;
      try (Tensor in = rgb.slice(1, from, from + 1); Tensor out = y.slice(1, c, c + 1);
          Tensor shift = Tensor.of(rgb.device(), new float[] {offset}, 1, 1, 1, 1)) {
        Elementwise.run(Op.AXPY, in, shift, out, range / deviation.get(c));
      }
    }
    return y;
  }
}
