package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.PoolShape;

/** Sizes and checks that pool and unpool share. */
final class PoolCall {
  private static final long LIMIT = Integer.MAX_VALUE;

  private PoolCall() {}

  /** A float map [N, C, H, W] or [N, C, L] with positive sizes. */
  static void map(String name, Tensor x) {
    Check.present(name, x);
    Check.floats(name, x, x.device());
    Check.rank(name, x, 3, 4);
    sizes(name, x.shape());
  }

  /** The shape of a map that is not there. */
  static void sizes(String name, long[] shape) {
    Check.present(name, shape);
    boolean fits = shape.length == 3 || shape.length == 4;
    for (int d = 0; fits && d < shape.length; d++) {
      fits = shape[d] >= (d < 2 ? 0 : 1) && shape[d] <= LIMIT;
    }
    if (!fits) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape),
          "[N, C, H, W] or [N, C, L] with heights and widths of 1 to 2^31 - 1");
    }
  }

  /** Elements of a plane, which INT32 indices can count. */
  static long plane(String name, long[] shape) {
    long plane = shape.length == 3 ? shape[2] : shape[2] * shape[3];
    if (plane > LIMIT) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape), "planes of less than 2^31 elements, as indices are INT32");
    }
    return plane;
  }

  static PoolShape windows(long[] x, PoolGeometry geometry) {
    Check.present("geometry", geometry);
    PoolGeometry g = x.length == 3 ? geometry.flat() : geometry;
    long height = x.length == 3 ? 1 : x[2];
    long width = x[x.length - 1];
    return new PoolShape(x[0], x[1], height, width,
        outputs("height", height, g.kernelH(), g.strideH(), g.dilationH(), g.padTop(), g.padBottom(), g.ceil()),
        outputs("width", width, g.kernelW(), g.strideW(), g.dilationW(), g.padLeft(), g.padRight(), g.ceil()),
        g.kernelH(), g.kernelW(), g.strideH(), g.strideW(), g.dilationH(), g.dilationW(), g.padTop(), g.padLeft(), g.padBottom(),
        g.padRight(), g.countPadding());
  }

  static PoolShape adaptive(long[] x, long height, long width) {
    adaptiveSize("height", height);
    adaptiveSize("width", width);
    if (x.length == 3 && height != 1) throw new InvalidArgumentException("height", height, "1, as the map is [N, C, L]");
    return new PoolShape(x[0], x[1], x.length == 3 ? 1 : x[2], x[x.length - 1], height, width, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, false);
  }

  private static void adaptiveSize(String name, long size) {
    if (size < 1 || size > LIMIT) throw new InvalidArgumentException(name, size, "1 to " + LIMIT);
  }

  /** The windows along an axis, none of which may be without an element. */
  private static long outputs(String axis, long size, long kernel, long stride, long dilation, long begin, long end, boolean ceil) {
    long span = (kernel - 1) * dilation + 1;
    long padded = size + begin + end;
    if (span > padded) {
      throw new ShapeException("x", "of " + axis + " " + size, "at least the windows' reach: " + span + " less the padding of "
          + (begin + end));
    }
    long count = (padded - span + (ceil ? stride - 1 : 0)) / stride + 1;
    if (ceil && (count - 1) * stride >= size + begin) count--;
    for (long o = 0; o < count && o * stride < begin; o++) {
      long before = begin - o * stride;
      long tap = (before + dilation - 1) / dilation;
      if (tap >= kernel || tap * dilation - before >= size) throw empty(axis, o);
    }
    if ((count - 1) * stride - begin >= size) throw empty(axis, count - 1);
    return count;
  }

  private static InvalidArgumentException empty(String axis, long window) {
    return new InvalidArgumentException("geometry", "with window " + window + " along the " + axis + " wholly in padding",
        "less padding, so that every window holds an element");
  }

  /** The shape of y, of x's rank. */
  static long[] result(long[] x, PoolShape s) {
    return x.length == 3 ? new long[] {s.batch(), s.channels(), s.yWidth()}
        : new long[] {s.batch(), s.channels(), s.yHeight(), s.yWidth()};
  }

  /** Indices that a max pooling gave: nothing is asked of their values. */
  static void indices(Tensor indices, Device device, long[] shape) {
    Check.tensor("indices", indices, DType.INT32, device);
    Check.shape("indices", indices, shape);
  }

  /**
   * Indices from the outside as INT32 within a plane, each checked on a copy.
   *
   * @return a tensor to be closed: a view of INT32 indices, else their conversion
   */
  static Tensor checkedIndices(Tensor indices, Device device, long[] shape, long plane) {
    Check.present("indices", indices);
    if (indices.isClosed()) indices.acquire(); // throws the ClosedException that names it
    if (!indices.dtype().isIndex()) throw new DTypeException("indices", "of type " + indices.dtype(), "INT32 or INT64");
    if (!indices.device().equals(device)) throw new DeviceMismatchException("indices", indices.device(), device);
    Check.shape("indices", indices, shape);
    long[] copy = indices.toLongs();
    for (int i = 0; i < copy.length; i++) {
      if (copy[i] < 0 || copy[i] >= plane) {
        throw new InvalidArgumentException("indices", copy[i] + " at position " + i, "0 to " + (plane - 1) + ", within a plane");
      }
    }
    if (indices.dtype() == DType.INT32) return indices.contiguous();
    int[] narrow = new int[copy.length];
    for (int i = 0; i < narrow.length; i++) narrow[i] = (int) copy[i];
    return Tensor.of(device, narrow, shape);
  }
}
