package org.ondol.test.badinput;

import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Unpool;
import org.ondol.test.badinput.BadInputTest.Row;

/** pool and unpool. */
final class BadPool {
  private static final PoolGeometry TWO = PoolGeometry.tiles(2);

  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor map(Device d) {
    return t(d, 1, 1, 4, 4);
  }

  private static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  /** A tensor somewhere else than d. */
  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static Tensor ints(Device d, int... at) {
    return Tensor.of(d, at, 1, 1, 1, at.length);
  }

  private static Tensor longs(Device d, long... at) {
    return Tensor.of(d, at, 1, 1, 1, at.length);
  }

  private static Row geometry(String name, String argument, Runnable call) {
    return new Row("pool geometry: " + name, InvalidArgumentException.class, argument, "expected", d -> call.run());
  }

  private static Row windows(String name, Class<? extends OndolException> type, String argument, String message, PoolGeometry g) {
    return new Row("pool: " + name, type, argument, message, d -> Pool.max(map(d), g));
  }

  static final List<Row> ROWS = List.of(
      geometry("no kernel", "kernelH", () -> PoolGeometry.window(0, 1)),
      geometry("negative kernel", "kernelW", () -> PoolGeometry.window(1, -1)),
      geometry("no stride", "strideH", () -> TWO.stride(0)),
      geometry("huge stride", "strideW", () -> TWO.stride(1, 1L << 31)),
      geometry("negative padding", "padTop", () -> TWO.padding(-1)),
      geometry("negative padding behind", "padRight", () -> TWO.padding(0, 0, 0, -1)),
      geometry("no dilation", "dilationH", () -> TWO.dilation(0, 1)),
      geometry("huge dilation", "dilationW", () -> TWO.dilation(1, Long.MAX_VALUE)),
      new Row("pool: null x", InvalidArgumentException.class, "x", "null", d -> Pool.max(null, TWO)),
      new Row("pool: null geometry", InvalidArgumentException.class, "geometry", "null", d -> Pool.average(map(d), null)),
      new Row("pool: matrix", ShapeException.class, "x", "rank", d -> Pool.max(t(d, 4, 4), TWO)),
      new Row("pool: rank 5", ShapeException.class, "x", "rank", d -> Pool.max(t(d, 1, 1, 4, 4, 4), TWO)),
      new Row("pool: no columns", ShapeException.class, "x", "[1, 1, 4, 0]", d -> Pool.max(t(d, 1, 1, 4, 0), TWO)),
      new Row("pool: integers", DTypeException.class, "x", "INT64", d -> Pool.max(longs(d, 1, 2), PoolGeometry.window(1, 1))),
      new Row("pool: closed", ClosedException.class, null, "closed", d -> Pool.max(closed(d, 1, 1, 4, 4), TWO)),
      windows("kernel larger than the padded map", ShapeException.class, "x", "reach", PoolGeometry.window(9, 2).padding(2)),
      windows("dilated beyond the map", ShapeException.class, "x", "reach", TWO.dilation(4, 1)),
      windows("enormous kernel", ShapeException.class, "x", "reach",
          PoolGeometry.window(Integer.MAX_VALUE, Integer.MAX_VALUE).dilation(Integer.MAX_VALUE, Integer.MAX_VALUE)),
      windows("padding as wide as the window", InvalidArgumentException.class, "geometry", "window 0", TWO.padding(2, 0, 0, 0)),
      windows("a window behind the map", InvalidArgumentException.class, "geometry", "along the width",
          PoolGeometry.window(2, 2).padding(0, 0, 0, 2)),
      windows("a dilated window around the map", InvalidArgumentException.class, "geometry", "window 0",
          PoolGeometry.window(2, 2).dilation(6, 1).padding(1, 0, 2, 0)),
      new Row("pool into: y of another shape", ShapeException.class, "y", "[1, 1, 2, 2]",
          d -> Pool.maxInto(map(d), TWO, t(d, 1, 1, 2, 3))),
      new Row("pool into: y elsewhere", DeviceMismatchException.class, "y", "to(\"",
          d -> Pool.maxInto(map(d), TWO, elsewhere(d, 1, 1, 2, 2))),
      new Row("pool into: y is part of x", InvalidArgumentException.class, "y", "overlapping x", d -> {
        Tensor x = t(d, 1, 2, 4, 4);
        Pool.averageInto(x, PoolGeometry.window(1, 1), x);
      }),
      new Row("pool into: planes with gaps", ShapeException.class, "y", "contiguous planes",
          d -> Pool.averageInto(map(d), TWO, t(d, 1, 1, 2, 4).slice(3, 0, 2))),
      new Row("pool into: null y", InvalidArgumentException.class, "y", "null", d -> Pool.maxInto(map(d), TWO, null)),
      new Row("adaptive pool: no rows", InvalidArgumentException.class, "height", "0", d -> Pool.adaptiveMax(map(d), 0, 1)),
      new Row("adaptive pool: too many columns", InvalidArgumentException.class, "width", "2147483648",
          d -> Pool.adaptiveAverage(map(d), 1, 1L << 31)),
      new Row("adaptive pool: rows of a line", InvalidArgumentException.class, "height", "1",
          d -> Pool.adaptiveMax(t(d, 1, 1, 4), 2, 2)),
      new Row("pool backward: dy of another shape", ShapeException.class, "dy", "[1, 1, 2, 2]",
          d -> Pool.averageBackward(map(d), TWO, 1, 1, 4, 4)),
      new Row("pool backward: null dy", InvalidArgumentException.class, "dy", "null",
          d -> Pool.averageBackward(null, TWO, 1, 1, 4, 4)),
      new Row("pool backward: null indices", InvalidArgumentException.class, "indices", "null",
          d -> Pool.maxBackward(t(d, 1, 1, 2, 2), null, TWO, 1, 1, 4, 4)),
      new Row("pool backward: indices of another shape", ShapeException.class, "indices", "[1, 1, 1, 2]",
          d -> Pool.maxBackward(t(d, 1, 1, 1, 2), ints(d, 0, 1, 2), TWO, 1, 1, 2, 4)),
      new Row("pool backward: INT64 indices", DTypeException.class, "indices", "INT64",
          d -> Pool.maxBackward(t(d, 1, 1, 1, 2), longs(d, 0, 1), TWO, 1, 1, 2, 4)),
      new Row("pool backward: negative size", ShapeException.class, "xShape", "-4",
          d -> Pool.averageBackward(t(d, 1, 1, 2, 2), TWO, 1, 1, -4, 4)),
      new Row("pool backward: null shape", InvalidArgumentException.class, "xShape", "null",
          d -> Pool.averageBackward(t(d, 1, 1, 2, 2), TWO, (long[]) null)),
      new Row("pool backward: planes beyond INT32", ShapeException.class, "xShape", "2^31",
          d -> Pool.adaptiveMaxBackward(t(d, 0, 1, 1, 1), Tensor.of(d, new int[0], 0, 1, 1, 1), 0, 1, 1L << 16, 1L << 16)),
      new Row("flat indices: other planes", InvalidArgumentException.class, "indices", "planes",
          d -> Pool.flatIndices(ints(d, 0), false, 2, 1, 4, 4)),
      new Row("unpool: null x", InvalidArgumentException.class, "x", "null", d -> Unpool.apply(null, ints(d, 0), 2, 2)),
      new Row("unpool: null indices", InvalidArgumentException.class, "indices", "null",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), null, 2, 2)),
      new Row("unpool: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), ints(d, 0), null)),
      new Row("unpool: indices of another shape", ShapeException.class, "indices", "[1, 1, 1, 1]",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), ints(d, 0, 1), 2, 2)),
      new Row("unpool: float indices", DTypeException.class, "indices", "FLOAT32",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), t(d, 1, 1, 1, 1), 2, 2)),
      new Row("unpool: negative index", InvalidArgumentException.class, "indices", "-1 at position 1",
          d -> Unpool.apply(t(d, 1, 1, 1, 2), ints(d, 0, -1), 2, 2)),
      new Row("unpool: index behind the plane", InvalidArgumentException.class, "indices", "4 at position 0",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), ints(d, 4), 2, 2)),
      new Row("unpool: index that INT32 would wrap", InvalidArgumentException.class, "indices", "4294967296 at position 0",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), longs(d, 1L << 32), 2, 2)),
      new Row("unpool: indices elsewhere", DeviceMismatchException.class, "indices", "to(\"",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), ints(elsewhere(d, 1).device(), 0), 2, 2)),
      new Row("unpool: closed indices", ClosedException.class, null, "closed", d -> {
        Tensor indices = ints(d, 0);
        indices.close();
        Unpool.apply(t(d, 1, 1, 1, 1), indices, 2, 2);
      }),
      new Row("unpool: no rows", InvalidArgumentException.class, "height", "0",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), ints(d, 0), 0, 2)),
      new Row("unpool: no columns", InvalidArgumentException.class, "width", "-2",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), ints(d, 0), 1, -2)),
      new Row("unpool: planes beyond INT32", ShapeException.class, null, "2^31",
          d -> Unpool.apply(t(d, 1, 1, 1, 1), ints(d, 0), 1L << 20, 1L << 20)),
      new Row("unpool backward: index behind the plane", InvalidArgumentException.class, "indices", "16 at position 0",
          d -> Unpool.backward(map(d), ints(d, 16))),
      new Row("unpool backward: other planes", ShapeException.class, "indices", "planes",
          d -> Unpool.backward(t(d, 1, 2, 4, 4), ints(d, 1))),
      new Row("plane indices: INT32", DTypeException.class, "flat", "INT32", d -> Unpool.planeIndices(ints(d, 0), 1, 1, 2, 2)),
      new Row("plane indices: of another plane", InvalidArgumentException.class, "flat", "5 at position 0",
          d -> Unpool.planeIndices(longs(d, 5), 1, 1, 2, 2)));
}
