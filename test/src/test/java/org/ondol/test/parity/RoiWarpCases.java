package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Arrays;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Pixels;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.Rois;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.RoiWarpOracle;
import org.ondol.test.page.PageRoiWarp;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Warped boxes of all sorts, in every mode, and the gradient of their images. */
final class RoiWarpCases implements ParityCase {
  private final boolean backward;
  private final boolean wide;
  private final RoiWarp.Mode mode;
  private final PageRoiWarp.Shape shape;
  private final Draw.Fill fill;
  private final boolean finiteBoxes;
  private final float[] boxes;
  private final int[] images;
  private final float[] outside;
  private final float[] data;

  RoiWarpCases(Draw d, boolean backward) {
    this(d, backward, d.sizeOrZero(9), d.sizeOrZero(6), d.size(24), d.size(60), d.size(20), d.size(40));
  }

  RoiWarpCases(Draw d, boolean backward, int rois, int channels, int height, int width, int outHeight, int outWidth) {
    this.backward = backward;
    mode = d.of(RoiWarp.Mode.values());
    String name = switch (mode) {
      case WARP -> "warp";
      case SQUARE -> "square";
      case SQUARE_ALONE -> "alone";
    };
    int context = d.oneIn(2) ? 0 : d.below((Math.min(outHeight, outWidth) - 1) / 2 + 1);
    shape = new PageRoiWarp.Shape(name, d.below(2), context, d.between(1, 2), channels, height, width, outHeight, outWidth);
    fill = d.fill();
    finiteBoxes = !d.oneIn(4);
    boxes = boxes(d, rois);
    images = d.random().ints(rois, 0, shape.batch()).toArray();
    wide = d.oneIn(2);
    outside = backward || d.oneIn(2) ? null : d.floats(fill, channels);
    data = d.floats(fill, backward ? rois * channels * outHeight * outWidth : shape.batch() * channels * height * width);
  }

  static ParityCase[] large(Draw d) {
    return new ParityCase[] {new RoiWarpCases(d, false, 9, 3, 75, 100, 65, 97), new RoiWarpCases(d, true, 9, 3, 75, 100, 65, 97)};
  }

  /** Inside, partly outside, far away, reversed or without a size; one in twelve with any number at all. */
  private float[] boxes(Draw d, int count) {
    float[] b = new float[4 * count];
    for (int i = 0; i < b.length; i += 4) {
      int kind = d.below(12);
      for (int k = 0; k < 2; k++) {
        float size = k == 0 ? shape.width() : shape.height();
        b[i + k] = size * (kind < 6 ? d.random().nextFloat() : 4 * d.random().nextFloat() - 2);
        b[i + 2 + k] = kind == 6 ? b[i + k] : kind == 7 ? b[i + k] - 2 : b[i + k] + size * d.random().nextFloat();
        if (kind == 1 || kind == 8) {
          b[i + k] = (float) Math.floor(b[i + k]);
          b[i + 2 + k] = (float) Math.floor(b[i + 2 + k]);
        }
      }
      if (kind == 9 && !finiteBoxes) {
        b[i + d.below(4)] = d.extreme();
      }
    }
    return b;
  }

  @Override
  public String describe() {
    return (backward ? "gradient of " : "") + "roiwarp of " + images.length + " boxes, " + shape + " " + fill;
  }

  @Override
  public Map<String, float[]> page() {
    return backward ? results("dx", PageRoiWarp.backward(shape, data, boxes, images))
        : results("y", PageRoiWarp.forward(shape, data, boxes, images, outside));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!fill.finite() || !finiteBoxes) {
      return Map.of();
    }
    return backward ? Map.of("dx", RoiWarpOracle.backward(shape, data, boxes, images))
        : Map.of("y", RoiWarpOracle.forward(shape, data, boxes, images, outside));
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    long[] small = {shape.batch(), shape.channels(), shape.height(), shape.width()};
    long[] large = {images.length, shape.channels(), shape.outHeight(), shape.outWidth()};
    Tensor box = o.input("boxes", boxes, Freedom.ANY, images.length, 4);
    Tensor at = wide ? o.longs(Arrays.stream(images).asLongStream().toArray(), images.length) : o.ints(images, images.length);
    RoiWarp.Options options = RoiWarp.Options.DEFAULT.mode(mode).pixels(Pixels.values()[shape.p()]).context(shape.context());
    Tensor t = o.input("data", data, Freedom.ANY, backward ? large : small);
    try (Rois rois = Rois.of(box, at)) {
      o.poison(backward ? small : large);
      return backward ? results("dx", o.adopt(RoiWarp.backward(t, rois, small, options)))
          : results("y", o.adopt(RoiWarp.apply(t, rois, shape.outHeight(), shape.outWidth(),
              options.fill(o.input("fill", outside, Freedom.ANY, shape.channels())))));
    }
  }
}
