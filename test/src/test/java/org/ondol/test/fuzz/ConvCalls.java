package org.ondol.test.fuzz;

import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.Winograd;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of convolutions. */
final class ConvCalls {
  static final List<Call> CONV = List.of(ConvCalls::conv, ConvCalls::convInto, ConvCalls::convBackward);
  static final List<Call> MASKED = List.of(ConvCalls::masked, ConvCalls::window, ConvCalls::maskedBackward);
  static final List<Call> DECONV = List.of(ConvCalls::deconv, ConvCalls::deconvInto, ConvCalls::deconvBackward);
  static final List<Call> WINOGRAD = List.of(ConvCalls::winograd);
  static final List<Call> MASK = List.of(ConvCalls::mask);
  static final List<Call> GEOMETRY = List.of(ConvCalls::same, ConvCalls::geometryFor);

  private ConvCalls() {}

  private static Tensor[] list(Tensor... tensors) {
    return tensors;
  }

  private static Tensor[] list(Conv.Gradients g) {
    return list(g.dx(), g.dw(), g.db());
  }

  /** Sizes that fit, and a geometry that mostly is theirs. */
  private static final class Shape {
    final boolean flat;
    final int batch;
    final int groups;
    final int in;
    final int out;
    final int[] kernel = new int[2];
    final int[] x = new int[2];
    final int[] y = new int[2];
    final long[] extra = new long[2];
    final ConvGeometry geometry;

    Shape(Arguments a, boolean transposed) {
      flat = a.oneIn(4);
      batch = a.size();
      groups = a.oneIn(3) ? 1 + a.below(3) : 1;
      in = groups * (1 + a.below(3));
      out = groups * (1 + a.below(3)) * (a.oneIn(4) ? 7 : 1);
      int[] stride = new int[2];
      int[] dilation = new int[2];
      int[] begin = new int[2];
      int[] end = new int[2];
      for (int i = 0; i < 2; i++) {
        boolean none = flat && i == 0;
        kernel[i] = none ? 1 : 1 + a.below(3);
        stride[i] = none ? 1 : 1 + a.below(3);
        dilation[i] = none ? 1 : 1 + a.below(2);
        begin[i] = none ? 0 : a.below(3);
        end[i] = none ? 0 : a.below(3);
        int span = (kernel[i] - 1) * dilation[i] + 1;
        int pads = begin[i] + end[i];
        extra[i] = transposed && !none ? a.below(Math.max(stride[i], dilation[i])) : 0;
        int least = transposed ? 2 + Math.max(0, pads - span) / stride[i] : Math.max(1, span - pads);
        x[i] = none ? 1 : least + a.below(6);
        y[i] = transposed ? (x[i] - 1) * stride[i] + span - pads + (int) extra[i] : (x[i] + pads - span) / stride[i]
            + 1;
      }
      geometry = ConvGeometry.UNIT.stride(a.integer(stride[0]), a.integer(stride[1]))
          .padding(a.integer(begin[0]), a.integer(begin[1]), a.integer(end[0]), a.integer(end[1]))
          .dilation(a.integer(dilation[0]), a.integer(dilation[1])).groups(a.integer(groups));
    }

    private long[] map(int channels, int[] size) {
      return flat ? new long[] {batch, channels, size[1]} : new long[] {batch, channels, size[0], size[1]};
    }

    long[] x() {
      return map(in, x);
    }

    long[] y() {
      return map(out, y);
    }

    private long[] filters(int first, int second) {
      return flat ? new long[] {first, second, kernel[1]} : new long[] {first, second, kernel[0], kernel[1]};
    }

    long[] weight() {
      return filters(out, in / groups);
    }

    long[] transposedWeight() {
      return filters(in, out / groups);
    }

    FilterMask mask(Arguments a) {
      int modulus = 1 + a.below(4);
      if (groups > 1 || a.oneIn(2)) {
        return FilterMask.of(a.device(), a.integer(out), a.integer(in), a.integer(kernel[0]), a.integer(kernel[1]),
            a.integer(groups), a.of((o, c, ky, kx) -> (3 * o + 5 * c + ky + 2 * kx) % modulus == 0));
      }
      return a.oneIn(2) ? FilterMask.vertical(a.device(), a.of(FilterMask.Type.values()), out, in, kernel[0], kernel[1])
          : FilterMask.raster(a.device(), a.of(FilterMask.Type.values()), a.integer(out), in, kernel[0], kernel[1],
              a.integer(1 + a.below(Math.min(in, out))));
    }
  }

  private static Conv.Epilogue epilogue(Arguments a, Shape s) {
    return new Conv.Epilogue(a.oneIn(2) ? null : a.tensor(s.out), a.of(Activation.values()),
        a.number(a.oneIn(2) ? 0 : 0.125), a.oneIn(2) ? null : a.tensor(s.y()));
  }

  private static Tensor[] conv(Arguments a) {
    Shape s = new Shape(a, false);
    Tensor x = a.tensor(s.x());
    Tensor w = a.tensor(s.weight());
    if (a.oneIn(2)) {
      return list(Conv.apply(x, w, s.geometry, epilogue(a, s)));
    }
    try (PackedFilter filter = PackedFilter.conv(w, s.geometry)) {
      return list(Conv.apply(x, filter, epilogue(a, s)));
    }
  }

  private static Tensor[] convInto(Arguments a) {
    Shape s = new Shape(a, false);
    Tensor x = a.tensor(s.x());
    Tensor w = a.tensor(s.weight());
    Tensor y = a.rows(s.y());
    Conv.Epilogue e = a.oneIn(2) ? epilogue(a, s) : Conv.Epilogue.NONE.residual(y);
    if (a.oneIn(2)) {
      Conv.into(x, w, s.geometry, e, y);
    } else {
      try (PackedFilter filter = PackedFilter.conv(w, s.geometry); PackedFilter same = filter.to(a.device(), null)) {
        Conv.into(x, same, e, y);
      }
    }
    return list(y.reshape(y.shape()));
  }

  private static Tensor[] convBackward(Arguments a) {
    Shape s = new Shape(a, false);
    return list(Conv.backward(a.tensor(s.x()), a.tensor(s.weight()), a.tensor(s.y()), s.geometry));
  }

  private static Tensor[] masked(Arguments a) {
    Shape s = new Shape(a, false);
    Tensor x = a.tensor(s.x());
    Tensor w = a.tensor(s.weight());
    try (FilterMask mask = s.mask(a)) {
      if (a.oneIn(2)) {
        return list(MaskedConv.apply(x, w, mask, s.geometry, epilogue(a, s)));
      }
      try (PackedFilter filter = PackedFilter.maskedconv(w, mask, s.geometry)) {
        return list(MaskedConv.apply(x, filter, epilogue(a, s)));
      }
    }
  }

  private static Tensor[] window(Arguments a) {
    Shape s = new Shape(a, false);
    Tensor y = a.rows(s.y());
    int beginH = a.below(s.y[0] + 1);
    int beginW = a.below(s.y[1] + 1);
    try (FilterMask mask = s.mask(a); PackedFilter filter = PackedFilter.maskedconv(a.tensor(s.weight()), mask,
        s.geometry)) {
      MaskedConv.into(a.tensor(s.x()), filter, a.oneIn(2) ? epilogue(a, s) : Conv.Epilogue.NONE.residual(y), y,
          a.integer(beginH), a.integer(beginH + a.below(s.y[0] - beginH + 1)), a.integer(beginW),
          a.integer(beginW + a.below(s.y[1] - beginW + 1)));
    }
    return list(y.reshape(y.shape()));
  }

  private static Tensor[] maskedBackward(Arguments a) {
    Shape s = new Shape(a, false);
    try (FilterMask mask = s.mask(a)) {
      return list(MaskedConv.backward(a.tensor(s.x()), a.tensor(s.weight()), mask, a.tensor(s.y()), s.geometry));
    }
  }

  private static Tensor[] deconv(Arguments a) {
    Shape s = new Shape(a, true);
    Tensor x = a.tensor(s.x());
    Tensor w = a.tensor(s.transposedWeight());
    long extraH = a.integer(s.extra[0]);
    long extraW = a.integer(s.extra[1]);
    if (a.oneIn(2)) {
      return list(Deconv.apply(x, w, s.geometry, extraH, extraW, epilogue(a, s)));
    }
    try (PackedFilter filter = PackedFilter.deconv(w, s.geometry)) {
      return list(Deconv.apply(x, filter, extraH, extraW, epilogue(a, s)));
    }
  }

  private static Tensor[] deconvInto(Arguments a) {
    Shape s = new Shape(a, true);
    Tensor y = a.rows(s.y());
    try (PackedFilter filter = PackedFilter.deconv(a.tensor(s.transposedWeight()), s.geometry)) {
      Deconv.into(a.tensor(s.x()), filter, a.oneIn(2) ? epilogue(a, s) : Conv.Epilogue.NONE.residual(y), y);
    }
    return list(y.reshape(y.shape()));
  }

  private static Tensor[] deconvBackward(Arguments a) {
    Shape s = new Shape(a, true);
    return list(Deconv.backward(a.tensor(s.x()), a.tensor(s.transposedWeight()), a.tensor(s.y()), s.geometry));
  }

  /** Its result where it fits, into a map of its own. */
  private static Tensor[] winograd(Arguments a) {
    int in = 1 + a.below(4);
    int out = 1 + a.below(20);
    int batch = a.size();
    int height = 3 + a.below(9);
    int width = 3 + a.below(9);
    ConvGeometry g = ConvGeometry.UNIT.padding(a.integer(1)).stride(a.integer(1)).dilation(a.integer(1))
        .groups(a.integer(1));
    Tensor x = a.tensor(batch, in, height, width);
    Tensor y = a.rows(batch, out, height, width);
    try (Winograd.Filter filter = Winograd.pack(a.tensor(out, in, 3, 3), g);
        Winograd.Filter same = filter.to(a.device())) {
      Conv.Epilogue e = Conv.Epilogue.NONE.activation(a.of(Activation.values())).residual(a.oneIn(2) ? y : null);
      if (a.oneIn(2)) {
        return list(Winograd.apply(x, same, e));
      }
      Winograd.into(x, same, e, y);
    }
    return list(y.reshape(y.shape()));
  }

  /** Its entries, as numbers. */
  private static Tensor[] mask(Arguments a) {
    Shape s = new Shape(a, false);
    try (FilterMask mask = s.mask(a); FilterMask same = mask.to(a.device())) {
      float live = same.live(a.integer(a.below(s.out)), a.integer(0), a.integer(0), a.integer(a.below(s.kernel[1])))
          ? 1 : 0;
      return list(Tensor.of(a.device(), new float[] {same.count(), live}, 2));
    }
  }

  private static Tensor[] same(Arguments a) {
    Shape s = new Shape(a, false);
    ConvGeometry g = s.geometry.same(a.integer(s.x[0]), a.integer(s.x[1]), a.integer(s.kernel[0]),
        a.integer(s.kernel[1]), a.flag());
    return list(Tensor.of(a.device(), new float[] {g.padTop(), g.padLeft(), g.padBottom(), g.padRight()}, 4));
  }

  private static Tensor[] geometryFor(Arguments a) {
    Shape s = new Shape(a, true);
    ConvGeometry g = Deconv.geometryFor(a.tensor(s.x()), a.tensor(s.transposedWeight()), s.geometry,
        a.integer(s.flat ? 1 : 1 + a.below(s.x[0])), a.integer(1 + a.below(s.x[1])), a.flag());
    return list(Tensor.of(a.device(), new float[] {g.padTop(), g.padLeft(), g.padBottom(), g.padRight()}, 4));
  }
}
