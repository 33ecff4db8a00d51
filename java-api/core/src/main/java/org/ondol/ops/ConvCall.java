package org.ondol.ops;

import java.util.Arrays;
import java.util.function.BiConsumer;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;
import org.ondol.spi.ConvWeightArgs;
import org.ondol.spi.Kernels;
import org.ondol.spi.LiveEntries;

/** What conv, maskedconv and deconv share: checks of maps, results and epilogues, and the way to the kernels. */
final class ConvCall {
  /** The part of a result that a call computes. */
  record Window(long beginH, long endH, long beginW, long endW) {}

  /** The filters of a call: a plain weight or packed panels, and the live entries by channel of y, or null. */
  record Filters(Tensor weight, Tensor packed, LiveEntries live, Tensor table) {
    /** Packed ones as a call takes them. */
    static Filters of(PackedFilter f, Conv.Epilogue e) {
      boolean exact = e == null || Precision.ofPacked(e.precision(), f.device()) == Precision.EXACT;
      LiveEntries live = f.mask() == null ? null : f.mask().byOutput();
      return new Filters(exact ? null : f.plain(), exact ? f.panels() : null, live, live == null ? null : live.table());
    }

    static Filters of(Tensor weight, LiveEntries live) {
      return new Filters(weight, null, live, live == null ? null : live.table());
    }
  }

  private ConvCall() {}

  /** A map [N, C, H, W], or [N, C, L] where the filters have no height, of given channels and with positive sizes. */
  static void map(String name, Tensor x, FilterShape s, long channels, Device device) {
    Check.tensor(name, x, s.type(), device);
    Check.rank(name, x, s.oneDimensional() ? 3 : 4, s.oneDimensional() ? 3 : 4);
    if (x.size(1) != channels) {
      throw new ShapeException(name, "of shape " + Arrays.toString(x.shape()), channels + " channels");
    }
    for (int d = 2; d < x.rank(); d++) {
      if (x.size(d) < 1 || x.size(d) > Integer.MAX_VALUE) {
        throw new ShapeException(name, "of shape " + Arrays.toString(x.shape()), "heights and widths of 1 to 2^31 - 1");
      }
    }
  }

  /** The shape of such a map. */
  static void sizes(String name, long[] shape, FilterShape s, long channels) {
    PoolCall.sizes(name, shape);
    if (shape.length != (s.oneDimensional() ? 3 : 4) || shape[1] != channels) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape),
          channels + " channels and rank " + (s.oneDimensional() ? 3 : 4));
    }
  }

  static long height(Tensor x) {
    return x.rank() == 3 ? 1 : x.size(2);
  }

  static long height(long[] shape) {
    return shape.length == 3 ? 1 : shape[2];
  }

  /** The shape of a map of these filters' dimension. */
  static long[] shape(FilterShape s, long batch, long channels, long height, long width) {
    return s.oneDimensional() ? new long[] {batch, channels, width} : new long[] {batch, channels, height, width};
  }

  static void epilogue(Conv.Epilogue e, Tensor y, long channels, Device device) {
    Check.present("epilogue", e);
    Check.present("activation", e.activation());
    Check.finite("slope", e.slope());
    Check.optional("bias", e.bias(), device, channels);
    if (e.residual() != null) {
      Check.tensor("residual", e.residual(), y.dtype(), device);
      Check.shape("residual", e.residual(), y.shape());
    }
    if (e.bias() != null) Check.disjoint("y", y, "bias", e.bias());
    if (e.residual() != null) Check.disjointOrSame("y", y, "residual", e.residual());
  }

  /** A result that is written: of this shape, with contiguous planes, over nothing that is read. */
  static void result(Tensor y, DType type, long[] shape, Device device) {
    Check.tensor("y", y, type, device);
    Check.shape("y", y, shape);
    Check.writable("y", y);
    if (!planar(y)) {
      throw new ShapeException("y", "strided " + Arrays.toString(y.strides()), "contiguous planes");
    }
  }

  private static boolean planar(Tensor t) {
    long width = t.size(-1);
    boolean rows = width == 1 || t.stride(-1) == 1;
    return rows && (t.rank() == 3 || t.size(2) == 1 || t.stride(2) == width);
  }

  /** The map as [N, C, H, W] with contiguous planes: a view of those that have them, else a copy; to be closed. */
  static Tensor planes(Tensor t) {
    if (t == null) return null;
    Tensor dense = planar(t) ? t.view(t.offset(), t.shape(), t.strides()) : t.copy();
    if (t.rank() == 4) return dense;
    try (dense) {
      return dense.unsqueeze(2);
    }
  }

  /** The same, but the map itself where it will do; see {@link Outputs#closeMade}. */
  private static Tensor direct(Tensor t) {
    return t != null && t.rank() == 4 && planar(t) ? t : planes(t);
  }

  /** The precision of a call with checked operands. */
  static Precision precision(String op, Filters filters, Conv.Epilogue e, Tensor x, Device device) {
    return filters.packed() != null ? Precision.EXACT : Precision.of(op, e.precision(), "x", x, device);
  }

  static Window all(ConvShape s) {
    return new Window(0, s.yHeight(), 0, s.yWidth());
  }

  /** Runs conv or deconv with checked operands. */
  static void run(BiConsumer<Kernels, ConvArgs> kernel, ConvShape shape, Tensor x, Filters f, Tensor y, Conv.Epilogue e, Window w,
      Precision precision) {
    if (y.count() == 0 || w.beginH() >= w.endH() || w.beginW() >= w.endW()) return;
    if (precision.casts(y)) {
      Halves.conv(kernel, shape, x, f, y, e, w, precision);
      return;
    }
    Tensor[] given = {x, y, e.residual(), f.weight(), e.bias()};
    Tensor[] made = new Tensor[given.length];
    try {
      for (int i = 0; i < given.length; i++) made[i] = i < 3 ? direct(given[i]) : Outputs.dense(given[i]);
      Tensor x4 = made[0];
      Tensor y4 = made[1];
      Tensor r4 = made[2];
      Tensor weight = made[3];
      Tensor bias = made[4];
      ConvArgs args = new ConvArgs(shape, x4, weight, f.packed(), y4, bias, r4, e.activation(), (float) e.slope(), f.live(),
          w.beginH(), w.endH(), w.beginW(), w.endW(), precision);
      Check.launch(y.device(), k -> kernel.accept(k, args), x4, weight, f.packed(), y4, bias, r4, f.table());
    } finally {
      for (int i = 0; i < given.length; i++) Outputs.closeMade(made[i], given[i]);
    }
  }

  /** Runs convweight with checked operands; dw is zero where there are no images. */
  static Tensor weightGradient(ConvShape shape, Tensor x, Tensor dy, long[] weightShape, LiveEntries live,
      Precision precision) {
    if (precision.casts(x)) return Halves.weightGradient(shape, x, dy, weightShape, live, precision);
    Tensor dw = Tensor.empty(x.device(), x.dtype(), weightShape);
    return Outputs.finish(dw, () -> {
      Tensor x4 = direct(x);
      Tensor dy4 = null;
      try {
        dy4 = direct(dy);
        ConvWeightArgs args = new ConvWeightArgs(shape, x4, dy4, dw, live, precision);
        Check.launch(dw.device(), k -> k.convweight(args), x4, dy4, dw, live == null ? null : live.table());
      } finally {
        Outputs.closeMade(x4, x);
        Outputs.closeMade(dy4, dy);
      }
    });
  }

  /** The gradient of a bias, FLOAT32: dy [N, C, ...] summed over all but the channels. */
  static Tensor biasGradient(Tensor dy) {
    long positions = dy.rank() == 3 ? dy.size(2) : dy.size(2) * dy.size(3);
    try (Tensor wide = dy.to(DType.FLOAT32); Tensor flat = wide.reshape(dy.size(0), dy.size(1), positions);
        Tensor perImage = Reduce.sum(flat, 2)) {
      return Reduce.sum(perImage, 0);
    }
  }
}
