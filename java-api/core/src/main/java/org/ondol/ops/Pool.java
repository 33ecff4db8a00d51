package org.ondol.ops;

import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.spi.PoolArgs;
import org.ondol.spi.PoolBackwardArgs;
import org.ondol.spi.PoolShape;

/**
 * Max and average pooling of maps [N, C, H, W] or [N, C, L]: over sliding windows ({@link PoolGeometry}), over adaptive
 * ones, which split a map of any size into as many parts as wanted, and over the whole map. Formulas: docs/arithmetic.md.
 *
 * <p>Indices of max pooling are positions within the plane, as PyTorch counts them, in INT32: half the memory traffic of
 * INT64, and a plane has fewer than 2^31 elements. {@link #flatIndices} makes ONNX's of them.
 */
public final class Pool {
  /** What becomes of a window; the order is the C ABI's. */
  public enum Op { MAX, AVERAGE }

  /** Maxima and their indices, of windows, of regions' bins or of {@link RoiAlign}'s samples: for the gradient. */
  public record Max(Tensor y, Tensor indices) implements AutoCloseable {
    @Override
    public void close() {
      Outputs.closeAll(y, indices);
    }
  }

  private Pool() {}

  /** The shape of a result of windows. */
  public static long[] outputShape(PoolGeometry geometry, long... xShape) {
    PoolCall.sizes("xShape", xShape);
    return PoolCall.result(xShape, PoolCall.windows(xShape, geometry));
  }

  /** The greatest element of each window. */
  public static Tensor max(Tensor x, PoolGeometry geometry) {
    PoolCall.map("x", x);
    return pool(Op.MAX, x, PoolCall.windows(x.shape(), geometry));
  }

  /** The same with their indices, for {@link #maxBackward} and {@link Unpool}. */
  public static Max maxWithIndices(Tensor x, PoolGeometry geometry) {
    PoolCall.map("x", x);
    return withIndices(x, PoolCall.windows(x.shape(), geometry));
  }

  /** Into y, whose planes are contiguous: a slice of channels will do. */
  public static void maxInto(Tensor x, PoolGeometry geometry, Tensor y) {
    PoolCall.map("x", x);
    into(Op.MAX, x, PoolCall.windows(x.shape(), geometry), y);
  }

  /** The average of each window. */
  public static Tensor average(Tensor x, PoolGeometry geometry) {
    PoolCall.map("x", x);
    return pool(Op.AVERAGE, x, PoolCall.windows(x.shape(), geometry));
  }

  /** Into y, whose planes are contiguous: a slice of channels will do. */
  public static void averageInto(Tensor x, PoolGeometry geometry, Tensor y) {
    PoolCall.map("x", x);
    into(Op.AVERAGE, x, PoolCall.windows(x.shape(), geometry), y);
  }

  /** The greatest elements of height x width parts of the map; height is 1 for [N, C, L]. */
  public static Tensor adaptiveMax(Tensor x, long height, long width) {
    PoolCall.map("x", x);
    return pool(Op.MAX, x, PoolCall.adaptive(x.shape(), height, width));
  }

  public static Max adaptiveMaxWithIndices(Tensor x, long height, long width) {
    PoolCall.map("x", x);
    return withIndices(x, PoolCall.adaptive(x.shape(), height, width));
  }

  /** The averages of height x width parts of the map; height is 1 for [N, C, L]. */
  public static Tensor adaptiveAverage(Tensor x, long height, long width) {
    PoolCall.map("x", x);
    PoolShape shape = PoolCall.adaptive(x.shape(), height, width);
    return height == 1 && width == 1 ? globalAverage(x) : pool(Op.AVERAGE, x, shape);
  }

  /** [N, C, 1, 1] or [N, C, 1]. */
  public static Tensor globalMax(Tensor x) {
    return adaptiveMax(x, 1, 1);
  }

  /** [N, C, 1, 1] or [N, C, 1]: the mean of {@link Reduce} over each plane. */
  public static Tensor globalAverage(Tensor x) {
    PoolCall.map("x", x);
    long plane = x.rank() == 3 ? x.size(2) : Math.multiplyExact(x.size(2), x.size(3));
    try (Tensor rows = x.reshape(x.size(0), x.size(1), plane); Tensor mean = Reduce.apply(Reduce.Op.MEAN, rows, 2, true)) {
      return x.rank() == 3 ? mean.reshape(mean.shape()) : mean.unsqueeze(3);
    }
  }

  /** dx of {@link #maxWithIndices}. */
  public static Tensor maxBackward(Tensor dy, Tensor indices, PoolGeometry geometry, long... xShape) {
    PoolCall.sizes("xShape", xShape);
    return backward(Op.MAX, dy, indices, PoolCall.windows(xShape, geometry), xShape);
  }

  /** dx of {@link #average}. */
  public static Tensor averageBackward(Tensor dy, PoolGeometry geometry, long... xShape) {
    PoolCall.sizes("xShape", xShape);
    return backward(Op.AVERAGE, dy, null, PoolCall.windows(xShape, geometry), xShape);
  }

  /** dx of {@link #adaptiveMaxWithIndices}; the sizes of the parts are dy's. */
  public static Tensor adaptiveMaxBackward(Tensor dy, Tensor indices, long... xShape) {
    return backward(Op.MAX, dy, indices, adaptive(dy, xShape), xShape);
  }

  /** dx of {@link #adaptiveAverage} and {@link #globalAverage}; the sizes of the parts are dy's. */
  public static Tensor adaptiveAverageBackward(Tensor dy, long... xShape) {
    return backward(Op.AVERAGE, dy, null, adaptive(dy, xShape), xShape);
  }

  /**
   * ONNX's indices of max pooling, INT64, which count through all of x.
   *
   * @param columnMajor ONNX's storage_order 1: planes are counted column by column
   */
  public static Tensor flatIndices(Tensor indices, boolean columnMajor, long... xShape) {
    PoolCall.sizes("xShape", xShape);
    Check.present("indices", indices);
    Check.tensor("indices", indices, DType.INT32, indices.device());
    Check.rank("indices", indices, xShape.length, xShape.length);
    long plane = PoolCall.plane("xShape", xShape);
    long width = xShape[xShape.length - 1];
    long planes = xShape[0] * xShape[1];
    if (indices.size(0) != xShape[0] || indices.size(1) != xShape[1]) {
      throw new InvalidArgumentException("indices", "of " + indices.size(0) + " x " + indices.size(1) + " planes",
          xShape[0] + " x " + xShape[1] + " as in xShape");
    }
    long[] all = indices.toLongs();
    long perPlane = planes == 0 ? 1 : all.length / planes;
    for (int i = 0; i < all.length; i++) {
      long within = columnMajor ? all[i] / width + all[i] % width * (plane / width) : all[i];
      all[i] = i / perPlane * plane + within;
    }
    return Tensor.of(indices.device(), all, indices.shape());
  }

  private static PoolShape adaptive(Tensor dy, long[] xShape) {
    PoolCall.map("dy", dy);
    PoolCall.sizes("xShape", xShape);
    Check.rank("dy", dy, xShape.length, xShape.length);
    return PoolCall.adaptive(xShape, dy.rank() == 3 ? 1 : dy.size(2), dy.size(-1));
  }

  private static Tensor pool(Op op, Tensor x, PoolShape s) {
    Tensor y = Tensor.empty(x.device(), PoolCall.result(x.shape(), s));
    return Outputs.finish(y, () -> launch(op, s, x, y, null));
  }

  private static void into(Op op, Tensor x, PoolShape s, Tensor y) {
    ConvCall.result(y, DType.FLOAT32, PoolCall.result(x.shape(), s), x.device());
    Check.disjoint("y", y, "x", x);
    launch(op, s, x, y, null);
  }

  private static Max withIndices(Tensor x, PoolShape s) {
    PoolCall.plane("x", x.shape());
    long[] shape = PoolCall.result(x.shape(), s);
    return Outputs.indexed(x.device(), shape, (y, indices) -> launch(Op.MAX, s, x, y, indices));
  }

  private static void launch(Op op, PoolShape s, Tensor x, Tensor y, Tensor indices) {
    if (y.count() == 0) return;
    try (Tensor x4 = ConvCall.planes(x); Tensor y4 = ConvCall.planes(y)) {
      var args = new PoolArgs(op, s, x4, y4, indices);
      Check.launch(y.device(), k -> k.pool(args), x4, y4, indices);
    }
  }

  private static Tensor backward(Op op, Tensor dy, Tensor indices, PoolShape s, long[] xShape) {
    long[] shape = PoolCall.result(xShape, s);
    Check.present("dy", dy);
    Device device = dy.device();
    Check.floats("dy", dy, device);
    Check.shape("dy", dy, shape);
    if (op == Op.MAX) {
      PoolCall.plane("xShape", xShape);
      PoolCall.indices(indices, device, shape);
    }
    Tensor dx = Tensor.empty(device, xShape);
    return Outputs.finish(dx, () -> {
      if (dx.count() == 0) return;
      try (Tensor dy4 = ConvCall.planes(dy); Tensor dx4 = ConvCall.planes(dx);
          Tensor dense = indices == null ? null : indices.contiguous()) {
        var args = new PoolBackwardArgs(op, s, dy4, dense, dx4);
        Check.launch(device, k -> k.poolBackward(args), dy4, dense, dx4);
      }
    });
  }
}
