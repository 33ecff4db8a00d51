package org.ondol.test.badinput;

import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.Conv.Epilogue;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.FilterMask;
import org.ondol.ops.PackedFilter;
import org.ondol.test.badinput.BadInputTest.Row;

/** conv: geometry, map, filters, epilogue, result and gradients. */
final class BadConv {
  static final ConvGeometry UNIT = ConvGeometry.UNIT;
  static final long MANY = 1L << 31;

  static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  /** Another device than d. */
  static Device other(Device d) {
    return Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar");
  }

  static Tensor elsewhere(Device d, long... shape) {
    return t(other(d), shape);
  }

  static Tensor integers(Device d, long... shape) {
    long count = 1;
    for (long size : shape) {
      count *= size;
    }
    return Tensor.of(d, new long[(int) count], shape);
  }

  /** x [1, 2, 4, 4] with filters [3, 2, 3, 3]. */
  private static Tensor run(Device d, Tensor x, Tensor w) {
    return Conv.apply(x, w, UNIT, Epilogue.NONE);
  }

  private static Tensor x(Device d) {
    return t(d, 1, 2, 4, 4);
  }

  private static Tensor w(Device d) {
    return t(d, 3, 2, 3, 3);
  }

  private static Tensor y(Device d) {
    return t(d, 1, 3, 2, 2);
  }

  private static void with(Device d, Epilogue e) {
    Conv.apply(x(d), w(d), UNIT, e);
  }

  private static void into(Device d, Tensor y) {
    Conv.into(x(d), w(d), UNIT, Epilogue.NONE, y);
  }

  private static PackedFilter packed(Device d) {
    return PackedFilter.conv(w(d), UNIT);
  }

  static final List<Row> GEOMETRY = List.of(
      new Row("geometry: stride 0", InvalidArgumentException.class, "strideH", "0", d -> UNIT.stride(0)),
      new Row("geometry: negative stride", InvalidArgumentException.class, "strideW", "-1", d -> UNIT.stride(1, -1)),
      new Row("geometry: stride beyond 31 bits", InvalidArgumentException.class, "strideW", "2147483648",
          d -> UNIT.stride(1, MANY)),
      new Row("geometry: dilation 0", InvalidArgumentException.class, "dilationH", "0", d -> UNIT.dilation(0)),
      new Row("geometry: dilation of the width", InvalidArgumentException.class, "dilationW", "0",
          d -> UNIT.dilation(1, 0)),
      new Row("geometry: groups 0", InvalidArgumentException.class, "groups", "0", d -> UNIT.groups(0)),
      new Row("geometry: negative groups", InvalidArgumentException.class, "groups", "-3", d -> UNIT.groups(-3)),
      new Row("geometry: padTop", InvalidArgumentException.class, "padTop", "-1", d -> UNIT.padding(-1, 0, 0, 0)),
      new Row("geometry: padLeft", InvalidArgumentException.class, "padLeft", "-1", d -> UNIT.padding(0, -1, 0, 0)),
      new Row("geometry: padBottom", InvalidArgumentException.class, "padBottom", "-1", d -> UNIT.padding(0, 0, -1, 0)),
      new Row("geometry: padRight", InvalidArgumentException.class, "padRight", "" + Long.MAX_VALUE,
          d -> UNIT.padding(0, 0, 0, Long.MAX_VALUE)),
      new Row("geometry: same of no height", InvalidArgumentException.class, "height", "0",
          d -> UNIT.same(0, 3, 3, 3, true)),
      new Row("geometry: same of a width beyond 31 bits", InvalidArgumentException.class, "width", "" + Long.MAX_VALUE,
          d -> UNIT.same(3, Long.MAX_VALUE, 3, 3, true)),
      new Row("geometry: same of no kernel", InvalidArgumentException.class, "kernelW", "-1",
          d -> UNIT.same(3, 3, 3, -1, true)));

  static final List<Row> ROWS = List.of(
      // map and filters
      new Row("conv: null x", InvalidArgumentException.class, "x", "null", d -> run(d, null, w(d))),
      new Row("conv: null weight", InvalidArgumentException.class, "weight", "null", d -> run(d, x(d), null)),
      new Row("conv: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> Conv.apply(x(d), w(d), null, Epilogue.NONE)),
      new Row("conv: null filter", InvalidArgumentException.class, "filter", "null",
          d -> Conv.apply(x(d), null, Epilogue.NONE)),
      new Row("conv: integers", DTypeException.class, "x", "INT64", d -> run(d, integers(d, 1, 2, 4, 4), w(d))),
      new Row("conv: integer weight", DTypeException.class, "weight", "INT64",
          d -> run(d, x(d), integers(d, 3, 2, 3, 3))),
      new Row("conv: closed x", ClosedException.class, null, "closed", d -> run(d, closed(d, 1, 2, 4, 4), w(d))),
      new Row("conv: closed weight", ClosedException.class, null, "closed", d -> run(d, x(d), closed(d, 3, 2, 3, 3))),
      new Row("conv: x elsewhere", DeviceMismatchException.class, "x", "to(\"",
          d -> run(d, elsewhere(d, 1, 2, 4, 4), w(d))),
      new Row("conv: a matrix", ShapeException.class, "x", "rank", d -> run(d, t(d, 4, 4), w(d))),
      new Row("conv: a volume", ShapeException.class, "x", "rank", d -> run(d, t(d, 1, 2, 4, 4, 4), w(d))),
      new Row("conv: a sequence with filters for maps", ShapeException.class, "x", "rank 4",
          d -> run(d, t(d, 1, 2, 4), w(d))),
      new Row("conv: a map with filters for sequences", ShapeException.class, "x", "rank 3",
          d -> run(d, x(d), t(d, 3, 2, 3))),
      new Row("conv: weight of rank 2", ShapeException.class, "weight", "rank", d -> run(d, x(d), t(d, 3, 2))),
      new Row("conv: weight of rank 5", ShapeException.class, "weight", "rank", d -> run(d, x(d), t(d, 3, 2, 1, 3, 3))),
      new Row("conv: weight without channels", ShapeException.class, "weight", "[0, 2, 3, 3]",
          d -> run(d, x(d), t(d, 0, 2, 3, 3))),
      new Row("conv: weight without width", ShapeException.class, "weight", "[3, 2, 3, 0]",
          d -> run(d, x(d), t(d, 3, 2, 3, 0))),
      new Row("conv: x without height", ShapeException.class, "x", "[1, 2, 0, 4]", d -> run(d, t(d, 1, 2, 0, 4), w(d))),
      new Row("conv: x without width, padded", ShapeException.class, "x", "[1, 2, 4, 0]",
          d -> Conv.apply(t(d, 1, 2, 4, 0), w(d), UNIT.padding(5), Epilogue.NONE)),
      new Row("conv: channels", ShapeException.class, "x", "2 channels", d -> run(d, t(d, 1, 3, 4, 4), w(d))),
      new Row("conv: channels in groups", ShapeException.class, "x", "6 channels",
          d -> Conv.apply(x(d), w(d), UNIT.groups(3), Epilogue.NONE)),
      new Row("conv: groups that do not divide", InvalidArgumentException.class, "groups", "2",
          d -> Conv.apply(x(d), w(d), UNIT.groups(2), Epilogue.NONE)),
      new Row("conv: groups beyond the channels that there can be", ShapeException.class, "weight", "fewer channels",
          d -> Conv.apply(x(d), t(d, 1, 1, 1, 1).expand(1 << 30, 2, 1, 1), UNIT.groups(1 << 30), Epilogue.NONE)),
      new Row("conv: kernel higher than x", ShapeException.class, "weight", "height",
          d -> run(d, t(d, 1, 2, 2, 4), w(d))),
      new Row("conv: kernel wider than x", ShapeException.class, "weight", "width",
          d -> run(d, t(d, 1, 2, 4, 2), w(d))),
      new Row("conv: dilated kernel wider than the padded x", ShapeException.class, "weight", "reaching over 7",
          d -> Conv.apply(x(d), w(d), UNIT.dilation(1, 3).padding(0, 1), Epilogue.NONE)),
      new Row("conv: a kernel of 2^31 entries", ShapeException.class, "weight", "2^31",
          d -> run(d, x(d), t(d, 1).expand(1, 2, 1 << 16, 1 << 15))),
      new Row("conv: a result beyond all memory", ShapeException.class, null, "",
          d -> Conv.apply(x(d), t(d, 3, 2, 1, 1), UNIT.padding(Integer.MAX_VALUE), Epilogue.NONE)),
      new Row("outputShape: null x", InvalidArgumentException.class, "x", "null",
          d -> Conv.outputShape((Tensor) null, w(d), UNIT)),
      new Row("outputShape: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> Conv.outputShape(x(d), w(d), null)),
      // epilogue
      new Row("conv: null epilogue", InvalidArgumentException.class, "epilogue", "null", d -> with(d, null)),
      new Row("conv: null activation", InvalidArgumentException.class, "activation", "null",
          d -> with(d, Epilogue.NONE.activation(null))),
      new Row("conv: NaN slope", InvalidArgumentException.class, "slope", "NaN",
          d -> with(d, Epilogue.NONE.leakyRelu(Double.NaN))),
      new Row("conv: infinite slope", InvalidArgumentException.class, "slope", "-Infinity",
          d -> with(d, Epilogue.NONE.leakyRelu(Double.NEGATIVE_INFINITY))),
      new Row("conv: slope beyond float32", InvalidArgumentException.class, "slope", "1.0E39",
          d -> with(d, Epilogue.NONE.leakyRelu(1e39))),
      new Row("conv: bias of the input's channels", ShapeException.class, "bias", "[2]",
          d -> with(d, Epilogue.bias(t(d, 2)))),
      new Row("conv: bias as a map", ShapeException.class, "bias", "[1, 3, 1, 1]",
          d -> with(d, Epilogue.bias(t(d, 1, 3, 1, 1)))),
      new Row("conv: bias elsewhere", DeviceMismatchException.class, "bias", "to(\"",
          d -> with(d, Epilogue.bias(elsewhere(d, 3)).activation(Activation.TANH))),
      new Row("conv: closed bias", ClosedException.class, null, "closed", d -> with(d, Epilogue.bias(closed(d, 3)))),
      new Row("conv: residual of x's shape", ShapeException.class, "residual", "[1, 3, 2, 2]",
          d -> with(d, Epilogue.NONE.residual(x(d)))),
      new Row("conv: integer residual", DTypeException.class, "residual", "INT64",
          d -> with(d, Epilogue.NONE.residual(integers(d, 1, 3, 2, 2)))),
      new Row("conv: closed residual", ClosedException.class, null, "closed",
          d -> with(d, Epilogue.NONE.residual(closed(d, 1, 3, 2, 2)))),
      // result
      new Row("conv into: null y", InvalidArgumentException.class, "y", "null", d -> into(d, null)),
      new Row("conv into: y of another shape", ShapeException.class, "y", "[1, 3, 2, 2]",
          d -> into(d, t(d, 1, 3, 2, 3))),
      new Row("conv into: y of another batch", ShapeException.class, "y", "[1, 3, 2, 2]",
          d -> into(d, t(d, 2, 3, 2, 2))),
      new Row("conv into: y of another rank", ShapeException.class, "y", "[1, 3, 2, 2]", d -> into(d, t(d, 3, 2, 2))),
      new Row("conv into: integer y", DTypeException.class, "y", "INT64", d -> into(d, integers(d, 1, 3, 2, 2))),
      new Row("conv into: closed y", ClosedException.class, null, "closed", d -> into(d, closed(d, 1, 3, 2, 2))),
      new Row("conv into: y elsewhere", DeviceMismatchException.class, "y", "to(\"",
          d -> into(d, elsewhere(d, 1, 3, 2, 2))),
      new Row("conv into: y with rows apart", ShapeException.class, "y", "contiguous planes",
          d -> into(d, t(d, 1, 3, 2, 5).slice(3, 1, 3))),
      new Row("conv into: y with columns apart", ShapeException.class, "y", "contiguous planes",
          d -> into(d, t(d, 1, 3, 2, 2).transpose(2, 3))),
      new Row("conv into: y expanded", ShapeException.class, "y", "distinct",
          d -> into(d, t(d, 1, 1, 2, 2).expand(1, 3, 2, 2))),
      new Row("conv into: y with channels that overlap", ShapeException.class, "y", "distinct",
          d -> into(d, t(d, 32).view(0, new long[] {1, 3, 2, 2}, new long[] {12, 3, 2, 1}))),
      new Row("conv into: y is part of x", InvalidArgumentException.class, "y", "overlapping x", d -> {
        Tensor x = t(d, 1, 2, 3, 3);
        Conv.into(x, t(d, 1, 2, 1, 1), UNIT, Epilogue.NONE, x.slice(1, 1, 2));
      }),
      new Row("conv into: y is the weight", InvalidArgumentException.class, "y", "overlapping weight", d -> {
        Tensor w = t(d, 1, 1, 1, 1);
        Conv.into(t(d, 1, 1, 1, 1), w, UNIT, Epilogue.NONE, w);
      }),
      new Row("conv into: y is the bias", InvalidArgumentException.class, "y", "overlapping bias", d -> {
        Tensor y = t(d, 1, 1, 1, 1);
        Conv.into(t(d, 1, 1, 1, 1), t(d, 1, 1, 1, 1), UNIT, Epilogue.bias(y.reshape(1)), y);
      }),
      new Row("conv into: y is partly the residual", InvalidArgumentException.class, "y", "residual", d -> {
        Tensor both = t(d, 1, 4, 2, 2);
        Conv.into(x(d), w(d), UNIT, Epilogue.NONE.residual(both.slice(1, 1, 4)), both.slice(1, 0, 3));
      }),
      new Row("conv into: y is the residual in another order", InvalidArgumentException.class, "y", "residual", d -> {
        Tensor y = y(d);
        Conv.into(x(d), w(d), UNIT, Epilogue.NONE.residual(y.transpose(2, 3)), y);
      }),
      // packed filters
      new Row("conv: closed filter", ClosedException.class, null, "closed", d -> {
        PackedFilter filter = packed(d);
        filter.close();
        Conv.apply(x(d), filter, Epilogue.NONE);
      }),
      new Row("conv: filter elsewhere", DeviceMismatchException.class, "x", "to(\"", d -> {
        try (PackedFilter filter = packed(other(d))) {
          Conv.apply(x(d), filter, Epilogue.NONE);
        }
      }),
      new Row("conv: filter packed for deconv", InvalidArgumentException.class, "filter", "Deconv", d -> {
        try (PackedFilter filter = PackedFilter.deconv(w(d), UNIT)) {
          Conv.apply(t(d, 1, 3, 4, 4), filter, Epilogue.NONE);
        }
      }),
      new Row("conv: filter packed with a mask", InvalidArgumentException.class, "filter", "mask", d -> {
        try (FilterMask mask = FilterMask.vertical(d, FilterMask.Type.B, 3, 2, 3, 3);
            PackedFilter filter = PackedFilter.maskedconv(w(d), mask, UNIT)) {
          Conv.into(x(d), filter, Epilogue.NONE, y(d));
        }
      }),
      new Row("pack: null weight", InvalidArgumentException.class, "weight", "null",
          d -> PackedFilter.conv(null, UNIT)),
      new Row("pack: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> PackedFilter.deconv(w(d), null)),
      new Row("pack: closed weight", ClosedException.class, null, "closed",
          d -> PackedFilter.conv(closed(d, 3, 2, 3, 3), UNIT)),
      new Row("pack: groups", InvalidArgumentException.class, "groups", "2",
          d -> PackedFilter.conv(w(d), UNIT.groups(2))),
      new Row("pack to: null device", InvalidArgumentException.class, "device", "null", d -> {
        try (PackedFilter filter = packed(d)) {
          filter.to(null, null);
        }
      }),
      // gradients
      new Row("conv backward: null dy", InvalidArgumentException.class, "dy", "null",
          d -> Conv.backward(x(d), w(d), null, UNIT)),
      new Row("conv backward: null weight", InvalidArgumentException.class, "weight", "null",
          d -> Conv.backward(x(d), null, y(d), UNIT)),
      new Row("conv backward: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> Conv.backward(x(d), w(d), y(d), null)),
      new Row("conv backward: dy of another shape", ShapeException.class, "dy", "[1, 3, 2, 2]",
          d -> Conv.backward(x(d), w(d), t(d, 1, 3, 4, 4), UNIT)),
      new Row("conv backward: dy elsewhere", DeviceMismatchException.class, "dy", "to(\"",
          d -> Conv.backward(x(d), w(d), elsewhere(d, 1, 3, 2, 2), UNIT)),
      new Row("conv backward: closed dy", ClosedException.class, null, "closed",
          d -> Conv.backward(x(d), w(d), closed(d, 1, 3, 2, 2), UNIT)),
      new Row("conv backward: channels", ShapeException.class, "x", "2 channels",
          d -> Conv.backward(t(d, 1, 4, 4, 4), w(d), y(d), UNIT)));

  private BadConv() {}
}
