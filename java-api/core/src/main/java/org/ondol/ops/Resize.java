package org.ondol.ops;

import java.util.Arrays;
import java.util.function.BiConsumer;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.ResizeArgs;
import org.ondol.spi.ResizeBackwardArgs;

/**
 * Images of another size, by the nearest cell or by linear interpolation, with the conventions of ONNX's Resize and of PyTorch's
 * interpolate. The last two dimensions are rows and columns; all before them count planes. There is no antialiasing: a smaller
 * image is a sample of the larger one.
 */
public final class Resize {
  /** Larger sizes of an axis are refused. */
  private static final long MAX_SIZE = 1 << 20;

  /** How an output cell is made of input cells. */
  public enum Mode { NEAREST, LINEAR }

  /** Where the centre of an output cell lies in the input, by the names of ONNX. */
  public enum Coordinates { HALF_PIXEL, HALF_PIXEL_SYMMETRIC, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, TF_CROP_AND_RESIZE }

  /** Which cell is the nearest. */
  public enum Rounding { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL }

  /**
   * The part of the input that TF_CROP_AND_RESIZE shows: 0 is the centre of the first row or column, 1 that of the last.
   *
   * @param outside the value of output cells that lie outside the input
   */
  public record Region(double top, double left, double bottom, double right, double outside) {
    public static final Region ALL = new Region(0, 0, 1, 1, 0);
  }

  /**
   * The conventions.
   *
   * @param rounding for NEAREST only
   * @param region for TF_CROP_AND_RESIZE only
   */
  public record Options(Mode mode, Coordinates coordinates, Rounding rounding, Region region) {
    /** ONNX's linear, PyTorch's {@code bilinear}. */
    public static final Options BILINEAR = linear(Coordinates.HALF_PIXEL);
    /** PyTorch's {@code bilinear} with {@code align_corners=True}. */
    public static final Options BILINEAR_ALIGNED = linear(Coordinates.ALIGN_CORNERS);
    /** PyTorch's {@code nearest}. */
    public static final Options NEAREST = nearest(Coordinates.ASYMMETRIC, Rounding.FLOOR);
    /** PyTorch's {@code nearest-exact}. */
    public static final Options NEAREST_EXACT = nearest(Coordinates.HALF_PIXEL, Rounding.ROUND_PREFER_CEIL);

    public static Options linear(Coordinates coordinates) {
      return new Options(Mode.LINEAR, coordinates, Rounding.ROUND_PREFER_FLOOR, Region.ALL);
    }

    public static Options nearest(Coordinates coordinates, Rounding rounding) {
      return new Options(Mode.NEAREST, coordinates, rounding, Region.ALL);
    }

    public Options region(Region region) {
      return new Options(mode, coordinates, rounding, region);
    }
  }

  /** How a target's numbers are meant. */
  public enum Fit { STRETCH, NOT_LARGER, NOT_SMALLER, SCALE }

  /** The wanted size. */
  public record Target(Fit fit, double height, double width) {
    /** Exactly this size. */
    public static Target size(long height, long width) {
      return new Target(Fit.STRETCH, height, width);
    }

    /** The size times these factors, rounded down; the factors themselves give the positions. */
    public static Target scale(double height, double width) {
      return new Target(Fit.SCALE, height, width);
    }

    /** The largest image of the input's proportions inside this size. */
    public static Target notLarger(long height, long width) {
      return new Target(Fit.NOT_LARGER, height, width);
    }

    /** The smallest image of the input's proportions around this size. */
    public static Target notSmaller(long height, long width) {
      return new Target(Fit.NOT_SMALLER, height, width);
    }
  }

  private record Tables(ResizeAxis rows, ResizeAxis columns) {}

  private Resize() {}

  /** The shape of a result of an image [..., rows, columns]. */
  public static long[] outputShape(Target target, Options options, long... xShape) {
    if (xShape == null || xShape.length < 2 || xShape.length > 6) {
      throw new ShapeException("xShape", Arrays.toString(xShape), "rank 2 to 6");
    }
    return result(xShape, tables("xShape", xShape, target, options));
  }

  private static long[] result(long[] x, Tables t) {
    long[] shape = x.clone();
    shape[shape.length - 2] = t.rows.out;
    shape[shape.length - 1] = t.columns.out;
    return shape;
  }

  /** Resizes [..., rows, columns]. */
  public static Tensor apply(Tensor x, Target target, Options options) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    Check.rank("x", x, 2, 6);
    Tables t = tables("x", x.shape(), target, options);
    Tensor y = Tensor.empty(x.device(), result(x.shape(), t));
    return Outputs.finish(y, () -> {
      if (y.count() == 0) return;
      try (Tensor dense = x.contiguous()) {
        launch(t, x.device(), (indices, weights) -> {
          var args = new ResizeArgs(planes(x), t.rows.in, t.columns.in, t.rows.out, t.columns.out, dense, y, indices[0],
              weights[0], indices[1], weights[1]);
          Check.launch(x.device(), k -> k.resize(args), dense, y, indices[0], indices[1], weights[0], weights[1]);
        });
      }
      fillOutside(t, options, y, options.region.outside);
    });
  }

  /** Resizes to exactly this size. */
  public static Tensor apply(Tensor x, long height, long width, Options options) {
    return apply(x, Target.size(height, width), options);
  }

  /**
   * The gradient of x, [..., rows, columns], from that of the result.
   *
   * @param rows of x
   * @param columns of x
   */
  public static Tensor backward(Tensor dy, long rows, long columns, Target target, Options options) {
    Check.present("dy", dy);
    Check.floats("dy", dy, dy.device());
    Check.rank("dy", dy, 2, 6);
    long[] shape = dy.shape();
    shape[shape.length - 2] = size("rows", rows);
    shape[shape.length - 1] = size("columns", columns);
    Tables t = tables("rows, columns", shape, target, options);
    if (dy.size(-2) != t.rows.out || dy.size(-1) != t.columns.out) {
      throw new ShapeException("dy", "of shape " + Arrays.toString(dy.shape()),
          t.rows.out + " rows of " + t.columns.out + " columns");
    }
    Tensor dx = Tensor.empty(dy.device(), shape);
    return Outputs.finish(dx, () -> {
      if (dx.count() == 0) return;
      boolean cut = options.coordinates == Coordinates.TF_CROP_AND_RESIZE;
      try (Tensor dense = cut ? dy.copy() : dy.contiguous()) {
        fillOutside(t, options, dense, 0);
        launch(t, dy.device(), (indices, weights) -> {
          var args = new ResizeBackwardArgs(planes(dy), t.rows.in, t.columns.in, t.rows.out, t.columns.out, dense, dx,
              indices[0], weights[0], indices[1], weights[1]);
          Check.launch(dy.device(), k -> k.resizeBackward(args), dense, dx, indices[0], indices[1], weights[0], weights[1]);
        });
      }
    });
  }

  private static long planes(Tensor x) {
    return Softmax.product(x, 0, x.rank() - 2);
  }

  private static long size(String argument, double value) {
    if (!(value >= 1 && value <= MAX_SIZE && value == Math.rint(value))) {
      throw new InvalidArgumentException(argument, value, "a whole number from 1 to " + MAX_SIZE);
    }
    return (long) value;
  }

  private static Tables tables(String argument, long[] shape, Target target, Options options) {
    Check.present("target", target);
    Check.present("fit", target.fit);
    Check.present("options", options);
    Check.present("mode", options.mode);
    Check.present("coordinates", options.coordinates);
    Check.present("rounding", options.rounding);
    Check.present("region", options.region);
    Region r = options.region;
    for (double part : new double[] {r.top, r.left, r.bottom, r.right, r.outside}) Check.finite("region", part);
    long rows = shape[shape.length - 2];
    long columns = shape[shape.length - 1];
    if (rows < 1 || columns < 1 || rows > MAX_SIZE || columns > MAX_SIZE) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(shape), "1 to " + MAX_SIZE + " rows and columns");
    }
    boolean crop = options.coordinates == Coordinates.TF_CROP_AND_RESIZE;
    double[] scale = scales(target, rows, columns);
    return new Tables(axis("height", target, options, rows, scale[0], target.height, crop ? r.top : 0, crop ? r.bottom : 1),
        axis("width", target, options, columns, scale[1], target.width, crop ? r.left : 0, crop ? r.right : 1));
  }

  private static double[] scales(Target target, long rows, long columns) {
    if (target.fit == Fit.SCALE) return new double[] {target.height, target.width};
    double height = size("height", target.height) / (double) rows;
    double width = size("width", target.width) / (double) columns;
    double one = target.fit == Fit.NOT_LARGER ? Math.min(height, width) : Math.max(height, width);
    return target.fit == Fit.STRETCH ? new double[] {height, width} : new double[] {one, one};
  }

  private static ResizeAxis axis(String argument, Target target, Options options, long in, double scale, double wanted,
      double start, double end) {
    double length = target.fit == Fit.STRETCH ? wanted : scale * in;
    double out = target.fit == Fit.STRETCH ? wanted : Math.floor(target.fit == Fit.SCALE ? length : length + 0.5);
    if (!(scale > 0) || !(out >= 1 && out <= MAX_SIZE)) {
      throw new InvalidArgumentException(argument, wanted, "a result of 1 to " + MAX_SIZE + " cells from " + in);
    }
    return new ResizeAxis(options, (int) in, (int) out, scale, length, start, end);
  }

  private static void launch(Tables t, Device device, BiConsumer<Tensor[], Tensor[]> kernel) {
    try (Tensor rows = t.rows.cells(device); Tensor columns = t.columns.cells(device);
        Tensor rowWeights = t.rows.weights(device); Tensor columnWeights = t.columns.weights(device)) {
      kernel.accept(new Tensor[] {rows, columns}, new Tensor[] {rowWeights, columnWeights});
    }
  }

  /** A region may reach beyond the input, on both sides of each axis. */
  private static void fillOutside(Tables t, Options options, Tensor y, double value) {
    if (options.coordinates != Coordinates.TF_CROP_AND_RESIZE) return;
    fill(y, -2, 0, t.rows.insideBegin, value);
    fill(y, -2, t.rows.insideEnd, t.rows.out, value);
    fill(y, -1, 0, t.columns.insideBegin, value);
    fill(y, -1, t.columns.insideEnd, t.columns.out, value);
  }

  private static void fill(Tensor y, int dim, long from, long to, double value) {
    if (from == to) return;
    try (Tensor part = y.slice(dim, from, to)) {
      Elementwise.fill(part, value);
    }
  }
}
