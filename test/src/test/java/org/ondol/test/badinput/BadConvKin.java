package org.ondol.test.badinput;

import static org.ondol.test.badinput.BadConv.UNIT;
import static org.ondol.test.badinput.BadConv.closed;
import static org.ondol.test.badinput.BadConv.elsewhere;
import static org.ondol.test.badinput.BadConv.integers;
import static org.ondol.test.badinput.BadConv.other;
import static org.ondol.test.badinput.BadConv.t;

import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Conv.Epilogue;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.Winograd;
import org.ondol.test.badinput.BadInputTest.Row;

/** maskedconv with its masks and windows, and deconv. */
final class BadConvKin {
  private static final FilterMask.Pattern ALL = (o, c, ky, kx) -> true;

  private static Tensor x(Device d) {
    return t(d, 1, 2, 4, 4);
  }

  private static Tensor w(Device d) {
    return t(d, 3, 2, 3, 3);
  }

  private static FilterMask mask(Device d) {
    return FilterMask.vertical(d, Type.B, 3, 2, 3, 3);
  }

  /** What is done with packed filters [3, 2, 3, 3] and their mask. */
  private interface Use {
    void run(PackedFilter filter, FilterMask mask);
  }

  private static void packed(Device d, Use use) {
    try (FilterMask mask = mask(d); PackedFilter filter = PackedFilter.maskedconv(w(d), mask, UNIT)) {
      use.run(filter, mask);
    }
  }

  private static void window(Device d, long beginH, long endH, long beginW, long endW) {
    packed(d, (f, m) -> MaskedConv.into(x(d), f, Epilogue.NONE, t(d, 1, 3, 2, 2), beginH, endH, beginW, endW));
  }

  private static void masked(Device d, FilterMask mask) {
    try (mask) {
      MaskedConv.apply(x(d), w(d), mask, UNIT, Epilogue.NONE);
    }
  }

  static final List<Row> MASKED = List.of(
      new Row("mask: null device", InvalidArgumentException.class, "device", "null",
          d -> FilterMask.of(null, 1, 1, 1, 1, 1, ALL)),
      new Row("mask: null pattern", InvalidArgumentException.class, "pattern", "null",
          d -> FilterMask.of(d, 1, 1, 1, 1, 1, null)),
      new Row("mask: no channels", InvalidArgumentException.class, "size", "0",
          d -> FilterMask.of(d, 0, 1, 1, 1, 1, ALL)),
      new Row("mask: negative kernel", InvalidArgumentException.class, "size", "-1",
          d -> FilterMask.of(d, 1, 1, 1, -1, 1, ALL)),
      new Row("mask: no groups", InvalidArgumentException.class, "size", "0",
          d -> FilterMask.of(d, 1, 1, 1, 1, 0, ALL)),
      new Row("mask: groups of the output", InvalidArgumentException.class, "groups", "3 output",
          d -> FilterMask.of(d, 3, 4, 1, 1, 2, ALL)),
      new Row("mask: groups of the input", InvalidArgumentException.class, "groups", "3 input",
          d -> FilterMask.of(d, 4, 3, 1, 1, 2, ALL)),
      new Row("mask: too many entries", InvalidArgumentException.class, "mask", "2^31",
          d -> FilterMask.of(d, 1 << 15, 1 << 15, 2, 1, 1, ALL)),
      new Row("mask: null type", InvalidArgumentException.class, "type", "null",
          d -> FilterMask.raster(d, null, 1, 1, 3, 3, 1)),
      new Row("mask: null type of the vertical one", InvalidArgumentException.class, "type", "null",
          d -> FilterMask.vertical(d, null, 1, 1, 3, 3)),
      new Row("mask: no colours", InvalidArgumentException.class, "colours", "0",
          d -> FilterMask.raster(d, Type.A, 3, 3, 3, 3, 0)),
      new Row("mask: more colours than channels", InvalidArgumentException.class, "colours", "3",
          d -> FilterMask.horizontal(d, Type.A, 3, 2, 3, 3)),
      new Row("mask: an entry that is none", InvalidArgumentException.class, "entry", "(0, 2, 0, 0)", d -> {
        try (FilterMask mask = mask(d)) {
          mask.live(0, 2, 0, 0);
        }
      }),
      new Row("mask to: null device", InvalidArgumentException.class, "device", "null", d -> {
        try (FilterMask mask = mask(d)) {
          mask.to(null);
        }
      }),
      new Row("maskedconv: null mask", InvalidArgumentException.class, "mask", "null", d -> masked(d, null)),
      new Row("maskedconv: mask of other output channels", ShapeException.class, "mask", "[3, 2, 3, 3] in 1",
          d -> masked(d, FilterMask.of(d, 4, 2, 3, 3, 1, ALL))),
      new Row("maskedconv: mask of other input channels", ShapeException.class, "mask", "[3, 3, 3, 3]",
          d -> masked(d, FilterMask.of(d, 3, 3, 3, 3, 1, ALL))),
      new Row("maskedconv: mask of another kernel", ShapeException.class, "mask", "[3, 2, 3, 1]",
          d -> masked(d, FilterMask.of(d, 3, 2, 3, 1, 1, ALL))),
      new Row("maskedconv: mask of other groups", ShapeException.class, "mask", "2 groups", d -> {
        try (FilterMask mask = FilterMask.of(d, 2, 2, 1, 1, 2, ALL)) {
          MaskedConv.apply(x(d), t(d, 2, 2, 1, 1), mask, UNIT, Epilogue.NONE);
        }
      }),
      new Row("maskedconv: mask elsewhere", DeviceMismatchException.class, "mask", "to(\"",
          d -> masked(d, mask(other(d)))),
      new Row("maskedconv: closed mask", ClosedException.class, null, "closed", d -> {
        FilterMask mask = mask(d);
        mask.close();
        masked(d, mask);
      }),
      new Row("maskedconv: mask closed after packing", ClosedException.class, null, "closed", d -> packed(d, (f, m) -> {
        m.close();
        MaskedConv.apply(x(d), f, Epilogue.NONE);
      })),
      new Row("maskedconv: closed filter", ClosedException.class, null, "closed", d -> packed(d, (f, m) -> {
        f.close();
        MaskedConv.apply(x(d), f, Epilogue.NONE);
      })),
      new Row("maskedconv: null weight", InvalidArgumentException.class, "weight", "null", d -> {
        try (FilterMask mask = mask(d)) {
          MaskedConv.apply(x(d), null, mask, UNIT, Epilogue.NONE);
        }
      }),
      new Row("maskedconv: null filter", InvalidArgumentException.class, "filter", "null",
          d -> MaskedConv.apply(x(d), null, Epilogue.NONE)),
      new Row("maskedconv: filter packed without a mask", InvalidArgumentException.class, "filter", "without a mask",
          d -> {
        try (PackedFilter filter = PackedFilter.conv(w(d), UNIT)) {
          MaskedConv.apply(x(d), filter, Epilogue.NONE);
        }
      }),
      new Row("maskedconv: pack without a mask", InvalidArgumentException.class, "mask", "null",
          d -> PackedFilter.maskedconv(w(d), null, UNIT)),
      new Row("maskedconv: x of other channels", ShapeException.class, "x", "2 channels",
          d -> packed(d, (f, m) -> MaskedConv.apply(t(d, 1, 3, 4, 4), f, Epilogue.NONE))),
      new Row("maskedconv: filter moved without its mask", InvalidArgumentException.class, "mask", "null",
          d -> packed(d, (f, m) -> f.to(d, null))),
      new Row("maskedconv: filter moved with another pattern", InvalidArgumentException.class, "mask",
          "another pattern",
          d -> packed(d, (f, m) -> {
            try (FilterMask all = FilterMask.of(d, 3, 2, 3, 3, 1, ALL)) {
              f.to(d, all);
            }
          })),
      new Row("maskedconv: filter moved, the mask left behind", DeviceMismatchException.class, "mask", "to(\"",
          d -> packed(d, (f, m) -> f.to(other(d), m))),
      new Row("window: negative begin", InvalidArgumentException.class, "beginH", "-1", d -> window(d, -1, 1, 0, 1)),
      new Row("window: begin beyond the end", InvalidArgumentException.class, "beginW", "3",
          d -> window(d, 0, 1, 3, 3)),
      new Row("window: end before begin", InvalidArgumentException.class, "endH", "0", d -> window(d, 1, 0, 0, 1)),
      new Row("window: end beyond the map", InvalidArgumentException.class, "endW", "3", d -> window(d, 0, 1, 0, 3)),
      new Row("window: end beyond all maps", InvalidArgumentException.class, "endH", "" + Long.MAX_VALUE,
          d -> window(d, 0, Long.MAX_VALUE, 0, 1)),
      new Row("window: empty, but y is wrong all the same", ShapeException.class, "y", "[1, 3, 2, 2]",
          d -> packed(d, (f, m) ->
          MaskedConv.into(x(d), f, Epilogue.NONE, t(d, 1, 3, 2, 4), 1, 1, 0, 2))),
      new Row("maskedconv backward: dy", ShapeException.class, "dy", "[1, 3, 2, 2]", d -> {
        try (FilterMask mask = mask(d)) {
          MaskedConv.backward(x(d), w(d), mask, t(d, 1, 3, 3, 3), UNIT);
        }
      }),
      new Row("maskedconv backward: closed mask", ClosedException.class, null, "closed", d -> {
        FilterMask mask = mask(d);
        mask.close();
        MaskedConv.backward(x(d), w(d), mask, t(d, 1, 3, 2, 2), UNIT);
      }));

  // ---- deconv: x [1, 3, 4, 4] with filters [3, 2, 3, 3] gives [1, 2, 6, 6]

  private static Tensor small(Device d) {
    return t(d, 1, 3, 4, 4);
  }

  private static Tensor up(Device d, ConvGeometry g, long extraH, long extraW) {
    return Deconv.apply(small(d), w(d), g, extraH, extraW, Epilogue.NONE);
  }

  private static void into(Device d, Tensor y) {
    try (PackedFilter filter = PackedFilter.deconv(w(d), UNIT)) {
      Deconv.into(small(d), filter, Epilogue.NONE, y);
    }
  }

  static final List<Row> DECONV = List.of(
      new Row("deconv: null x", InvalidArgumentException.class, "x", "null",
          d -> Deconv.apply(null, w(d), UNIT, Epilogue.NONE)),
      new Row("deconv: null weight", InvalidArgumentException.class, "weight", "null",
          d -> Deconv.apply(small(d), null, UNIT, Epilogue.NONE)),
      new Row("deconv: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> Deconv.apply(small(d), w(d), null, Epilogue.NONE)),
      new Row("deconv: null epilogue", InvalidArgumentException.class, "epilogue", "null",
          d -> Deconv.apply(small(d), w(d), UNIT, null)),
      new Row("deconv: null filter", InvalidArgumentException.class, "filter", "null",
          d -> Deconv.apply(small(d), null, Epilogue.NONE)),
      new Row("deconv: channels as conv counts them", ShapeException.class, "x", "3 channels",
          d -> Deconv.apply(x(d), w(d), UNIT, Epilogue.NONE)),
      new Row("deconv: groups", InvalidArgumentException.class, "groups", "2", d -> up(d, UNIT.groups(2), 0, 0)),
      new Row("deconv: output padding of stride 1", InvalidArgumentException.class, "outputPaddingH", "1",
          d -> up(d, UNIT, 1, 0)),
      new Row("deconv: output padding of stride and dilation", InvalidArgumentException.class, "outputPaddingW", "3",
          d -> up(d, UNIT.stride(3).dilation(2), 2, 3)),
      new Row("deconv: negative output padding", InvalidArgumentException.class, "outputPaddingW", "-1",
          d -> up(d, UNIT.stride(2), 0, -1)),
      new Row("deconv: output padding of a sequence's height", InvalidArgumentException.class, "outputPaddingH", "1",
          d -> Deconv.apply(t(d, 1, 3, 4), t(d, 3, 2, 3), UNIT.stride(2), 1, 0, Epilogue.NONE)),
      new Row("deconv: everything cut away", ShapeException.class, "x", "result", d -> up(d, UNIT.padding(3), 0, 0)),
      new Row("deconv: more than everything cut away", ShapeException.class, "x", "result",
          d -> up(d, UNIT.padding(Integer.MAX_VALUE), 0, 0)),
      new Row("deconv: a result beyond all memory", ShapeException.class, null, "",
          d -> up(d, UNIT.stride(Integer.MAX_VALUE).dilation(Integer.MAX_VALUE), 0, 0)),
      new Row("deconv: integers", DTypeException.class, "x", "INT64",
          d -> Deconv.apply(integers(d, 1, 3, 4, 4), w(d), UNIT, Epilogue.NONE)),
      new Row("deconv: closed weight", ClosedException.class, null, "closed",
          d -> Deconv.apply(small(d), closed(d, 3, 2, 3, 3), UNIT, Epilogue.NONE)),
      new Row("deconv: x elsewhere", DeviceMismatchException.class, "x", "to(\"",
          d -> Deconv.apply(elsewhere(d, 1, 3, 4, 4), w(d), UNIT, Epilogue.NONE)),
      new Row("deconv: NaN slope", InvalidArgumentException.class, "slope", "NaN",
          d -> Deconv.apply(small(d), w(d), UNIT, Epilogue.NONE.leakyRelu(Double.NaN))),
      new Row("deconv: bias of the input's channels", ShapeException.class, "bias", "[3]",
          d -> Deconv.apply(small(d), w(d), UNIT, Epilogue.bias(t(d, 3)))),
      new Row("deconv: residual of x's shape", ShapeException.class, "residual", "[1, 2, 6, 6]",
          d -> Deconv.apply(small(d), w(d), UNIT, Epilogue.NONE.residual(small(d)))),
      new Row("deconv: filter packed for conv", InvalidArgumentException.class, "filter", "Conv", d -> {
        try (PackedFilter filter = PackedFilter.conv(w(d), UNIT)) {
          Deconv.apply(small(d), filter, Epilogue.NONE);
        }
      }),
      new Row("deconv into: null y", InvalidArgumentException.class, "y", "null", d -> into(d, null)),
      new Row("deconv into: y too small", ShapeException.class, "y", "[1, 2, 6, 6]", d -> into(d, t(d, 1, 2, 6, 5))),
      new Row("deconv into: y too large", ShapeException.class, "y", "[1, 2, 6, 6]", d -> into(d, t(d, 1, 2, 7, 6))),
      new Row("deconv into: y without height", ShapeException.class, "y", "[1, 2, 6, 6]",
          d -> into(d, t(d, 1, 2, 0, 6))),
      new Row("deconv into: y of other channels", ShapeException.class, "y", "[1, 2, 6, 6]",
          d -> into(d, t(d, 1, 3, 6, 6))),
      new Row("deconv into: y of another rank", ShapeException.class, "y", "rank", d -> into(d, t(d, 2, 6, 6))),
      new Row("deconv into: y with rows apart", ShapeException.class, "y", "contiguous planes",
          d -> into(d, t(d, 1, 2, 6, 8).slice(3, 0, 6))),
      new Row("deconv into: y expanded", ShapeException.class, "y", "distinct",
          d -> into(d, t(d, 1, 1, 6, 6).expand(1, 2, 6, 6))),
      new Row("deconv into: y is x", InvalidArgumentException.class, "y", "overlapping x", d -> {
        Tensor x = t(d, 1, 1, 3, 3);
        try (PackedFilter filter = PackedFilter.deconv(t(d, 1, 1, 1, 1), UNIT)) {
          Deconv.into(x, filter, Epilogue.NONE, x);
        }
      }),
      new Row("deconv backward: null dy", InvalidArgumentException.class, "dy", "null",
          d -> Deconv.backward(small(d), w(d), null, UNIT)),
      new Row("deconv backward: null x", InvalidArgumentException.class, "x", "null",
          d -> Deconv.backward(null, w(d), t(d, 1, 2, 6, 6), UNIT)),
      new Row("deconv backward: dy of x's size", ShapeException.class, "dy", "[1, 2, 6, 6]",
          d -> Deconv.backward(small(d), w(d), t(d, 1, 2, 4, 4), UNIT)),
      new Row("deconv backward: closed dy", ClosedException.class, null, "closed",
          d -> Deconv.backward(small(d), w(d), closed(d, 1, 2, 6, 6), UNIT)),
      new Row("geometryFor: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> Deconv.geometryFor(small(d), w(d), null, 6, 6, true)),
      new Row("geometryFor: no height", InvalidArgumentException.class, "height", "0",
          d -> Deconv.geometryFor(small(d), w(d), UNIT, 0, 6, true)),
      new Row("geometryFor: more than there is", InvalidArgumentException.class, "width", "7",
          d -> Deconv.geometryFor(small(d), w(d), UNIT, 6, 7, true)),
      new Row("bilinear: no channels", InvalidArgumentException.class, "channels", "0",
          d -> Deconv.bilinear(0, 4, true)),
      new Row("bilinear: no kernel", InvalidArgumentException.class, "kernel", "0", d -> Deconv.bilinear(1, 0, true)),
      new Row("bilinear: too many values", InvalidArgumentException.class, "kernel", "65536",
          d -> Deconv.bilinear(1, 65536, false)),
      new Row("bilinear: more values than 64 bits count", InvalidArgumentException.class, "kernel", "65536",
          d -> Deconv.bilinear(65536, 65536, false)),
      new Row("bilinear: too many channels", InvalidArgumentException.class, "kernel", "1",
          d -> Deconv.bilinear(Integer.MAX_VALUE, 1, false)));

  private static void wino(Device d, Tensor w, ConvGeometry g) {
    Winograd.pack(w, g).close();
  }

  private static void wino(Device d, Tensor x, Epilogue e) {
    try (Winograd.Filter filter = Winograd.pack(w(d), UNIT)) {
      Winograd.apply(x, filter, e);
    }
  }

  static final List<Row> WINOGRAD = List.of(
      new Row("winograd: null weight", InvalidArgumentException.class, "weight", "null",
          d -> wino(d, (Tensor) null, UNIT)),
      new Row("winograd: null geometry", InvalidArgumentException.class, "geometry", "null",
          d -> wino(d, w(d), (ConvGeometry) null)),
      new Row("winograd: 3 x 1", InvalidArgumentException.class, "weight", "3 x 1",
          d -> wino(d, t(d, 3, 2, 3, 1), UNIT)),
      new Row("winograd: a sequence", InvalidArgumentException.class, "weight", "3 x 3 filters",
          d -> wino(d, t(d, 3, 2, 3), UNIT)),
      new Row("winograd: stride", InvalidArgumentException.class, "stride", "1 x 2",
          d -> wino(d, w(d), UNIT.stride(1, 2))),
      new Row("winograd: dilation", InvalidArgumentException.class, "dilation", "2 x 1",
          d -> wino(d, w(d), UNIT.dilation(2, 1))),
      new Row("winograd: groups", InvalidArgumentException.class, "groups", "3", d -> wino(d, w(d), UNIT.groups(3))),
      new Row("winograd: closed weight", ClosedException.class, null, "closed",
          d -> wino(d, closed(d, 3, 2, 3, 3), UNIT)),
      new Row("winograd: null filter", InvalidArgumentException.class, "filter", "null",
          d -> Winograd.apply(x(d), null, Epilogue.NONE)),
      new Row("winograd: null x", InvalidArgumentException.class, "x", "null",
          d -> wino(d, (Tensor) null, Epilogue.NONE)),
      new Row("winograd: null epilogue", InvalidArgumentException.class, "epilogue", "null",
          d -> wino(d, x(d), (Epilogue) null)),
      new Row("winograd: x smaller than the kernel", ShapeException.class, "weight", "height",
          d -> wino(d, t(d, 1, 2, 2, 4), Epilogue.NONE)),
      new Row("winograd: closed filter", ClosedException.class, null, "closed", d -> {
        Winograd.Filter filter = Winograd.pack(w(d), UNIT);
        filter.close();
        Winograd.apply(x(d), filter, Epilogue.NONE);
      }),
      new Row("winograd: y is x", InvalidArgumentException.class, "y", "overlapping x", d -> {
        Tensor x = t(d, 1, 1, 4, 4);
        try (Winograd.Filter filter = Winograd.pack(t(d, 1, 1, 3, 3), UNIT.padding(1))) {
          Winograd.into(x, filter, Epilogue.NONE, x);
        }
      }));

  private BadConvKin() {}
}
