package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiWarpArgs;
import org.ondol.spi.RoiWarpBackwardArgs;

/**
 * Boxes of images, each resized to one size, as R-CNN gives proposals to its network (Girshick et al. 2014, appendix A):
 * bilinear with half-pixel centres and without antialiasing, with some pixels of context around the box. What lies outside
 * the image takes a value of its channel, R-CNN's mean pixel for one. Boxes may be partly or wholly outside, reversed
 * (without an extent: one point, enlarged), infinite or NaN (all outside). Definition: docs/arithmetic.md, Detection.
 */
public final class RoiWarp {
  private static final long LIMIT = 1 << 22;

  /** How a box fills the result; the order is the C ABI's. */
  public enum Mode {
    /** Each axis alone: proportions change. */
    WARP,
    /** The tightest square, or rectangle of the result's proportions, around the box: proportions stay. */
    SQUARE,
    /** The same without the image around the box. */
    SQUARE_ALONE
  }

  /**
   * The conventions.
   *
   * @param context pixels of the result on each side that lie around the box; R-CNN takes 16 of 227
   * @param fill [C], what stands outside the image; null for zeros
   */
  public record Options(Mode mode, Pixels pixels, long context, Tensor fill) {
    /** Warped, without context, corners between pixels, zeros outside. */
    public static final Options DEFAULT = new Options(Mode.WARP, Pixels.BETWEEN, 0, null);

    public Options mode(Mode mode) {
      return new Options(mode, pixels, context, fill);
    }

    public Options pixels(Pixels pixels) {
      return new Options(mode, pixels, context, fill);
    }

    public Options context(long context) {
      return new Options(mode, pixels, context, fill);
    }

    public Options fill(Tensor fill) {
      return new Options(mode, pixels, context, fill);
    }
  }

  private RoiWarp() {}

  /**
   * Boxes of images [N, C, H, W] as [R, C, height, width].
   *
   * @param rois boxes in pixels of their image; levels of a pyramid are not taken
   */
  public static Tensor apply(Tensor images, Rois rois, long height, long width, Options options) {
    Check.present("images", images);
    Check.floats("images", images, images.device());
    check(options, height, width);
    shape("images", images.shape());
    Check.optional("fill", options.fill, images.device(), images.size(1));
    RoiList list = list(rois, images.device(), images.size(0));
    Tensor y = Tensor.empty(images.device(), list.count(), images.size(1), height, width);
    return Outputs.finish(y, () -> {
      if (y.count() == 0) return;
      try (Tensor x = images.contiguous(); Tensor fill = options.fill == null ? null : options.fill.contiguous()) {
        RoiWarpArgs args = args(options, list, images.shape(), height, width, fill, x, y);
        Check.launch(y.device(), k -> k.roiwarp(args), list.boxes(), list.images(), fill, x, y);
      }
    });
  }

  /**
   * The gradient of the images from dy [R, C, height, width].
   *
   * @param imageShape [N, C, H, W]
   * @param options as in the forward pass; fill counts for nothing
   */
  public static Tensor backward(Tensor dy, Rois rois, long[] imageShape, Options options) {
    Check.present("dy", dy);
    Check.floats("dy", dy, dy.device());
    Check.rank("dy", dy, 4, 4);
    Check.present("imageShape", imageShape);
    long[] shape = imageShape.clone();
    shape("imageShape", shape);
    check(options, dy.size(2), dy.size(3));
    RoiList list = list(rois, dy.device(), shape[0]);
    Check.shape("dy", dy, list.count(), shape[1], dy.size(2), dy.size(3));
    Tensor dx = Tensor.empty(dy.device(), shape);
    return Outputs.finish(dx, () -> {
      if (dx.count() == 0) return;
      try (Tensor dense = dy.contiguous()) {
        RoiWarpArgs forward = args(options, list, shape, dy.size(2), dy.size(3), null, null, null);
        var args = new RoiWarpBackwardArgs(forward, dense, dx);
        Check.launch(dx.device(), k -> k.roiwarpBackward(args), list.boxes(), list.images(), dense, dx);
      }
    });
  }

  private static RoiWarpArgs args(Options o, RoiList rois, long[] x, long height, long width, Tensor fill, Tensor dx, Tensor dy) {
    return new RoiWarpArgs(o.mode, o.pixels.offset(), (int) o.context, rois, x[0], x[1], x[2], x[3], height, width, fill, dx, dy);
  }

  private static RoiList list(Rois rois, Device device, long batch) {
    Check.present("rois", rois);
    return rois.checked(device, batch, 1);
  }

  private static void check(Options options, long height, long width) {
    Check.present("options", options);
    Check.present("mode", options.mode);
    Check.present("pixels", options.pixels);
    size("height", height);
    size("width", width);
    long most = (Math.min(height, width) - 1) / 2;
    if (options.context < 0 || options.context > most) {
      throw new InvalidArgumentException("context", options.context, "0 to " + most + ", less than half of the result");
    }
  }

  private static void size(String name, long size) {
    if (size < 1 || size > LIMIT) throw new InvalidArgumentException(name, size, "1 to " + LIMIT);
  }

  private static void shape(String name, long[] shape) {
    boolean fits = shape.length == 4 && shape[0] >= 0 && shape[1] >= 0;
    for (int d = 2; fits && d < 4; d++) fits = shape[d] >= 1 && shape[d] <= LIMIT;
    if (!fits) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape),
          "[N, C, H, W] with 1 to " + LIMIT + " rows and columns");
    }
  }
}
