package org.ondol.ops;

import org.ondol.InvalidArgumentException;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.spi.ConvShape;
import org.ondol.spi.Kernels;
import org.ondol.spi.LiveEntries;

/**
 * Convolution of maps [N, C, H, W] (or [N, C, L]) with filters [out, in / groups, kh, kw] (or [out, in / groups, k]), as
 * neural networks mean it: cross-correlation with zero padding. y = act(w * x + bias + residual), each output one chain of
 * fused multiply-adds over ascending (input channel, ky, kx); see docs/arithmetic.md. Depthwise: groups = in.
 *
 * <p>Maps and filters are FLOAT32, or all BFLOAT16 or FLOAT16 where the device computes in that {@link Precision}; the bias and
 * its gradient are always FLOAT32. Packed filters are FLOAT32.
 */
public final class Conv {
  /**
   * What happens to a sum while it is stored.
   *
   * @param bias [out]; or null
   * @param residual of the result's shape, added before the activation; or null
   * @param slope of {@link Activation#RELU} for negative values: 0.1 makes it YOLO's leaky relu, 0 is the plain one
   * @param precision null for the one of the operands' type
   */
  public record Epilogue(Tensor bias, Activation activation, double slope, Tensor residual, Precision precision) {
    /** Stores the sum itself. */
    public static final Epilogue NONE = new Epilogue(null, Activation.NONE, 0, null);

    /** In the precision of the operands' type. */
    public Epilogue(Tensor bias, Activation activation, double slope, Tensor residual) {
      this(bias, activation, slope, residual, null);
    }

    public static Epilogue bias(Tensor bias) {
      return new Epilogue(bias, Activation.NONE, 0, null);
    }

    public Epilogue activation(Activation activation) {
      return new Epilogue(bias, activation, 0, residual, precision);
    }

    public Epilogue leakyRelu(double slope) {
      return new Epilogue(bias, Activation.RELU, slope, residual, precision);
    }

    public Epilogue residual(Tensor residual) {
      return new Epilogue(bias, activation, slope, residual, precision);
    }

    public Epilogue precision(Precision precision) {
      return new Epilogue(bias, activation, slope, residual, precision);
    }
  }

  /** Gradients of the map, the filters and the bias; null where not wanted. */
  public record Gradients(Tensor dx, Tensor dw, Tensor db) implements AutoCloseable {
    @Override
    public void close() {
      Outputs.closeAll(dx, dw, db);
    }
  }

  /** Which gradients to compute. */
  public record Wanted(boolean x, boolean weight, boolean bias) {
    public static final Wanted ALL = new Wanted(true, true, true);
  }

  private Conv() {}

  /** The shape of a result. */
  public static long[] outputShape(Tensor x, Tensor weight, ConvGeometry geometry) {
    return outputShape(x, FilterShape.of(weight, geometry, false), weight.device());
  }

  /** The shape of a result of a map that is not there yet. */
  public static long[] outputShape(long[] xShape, Tensor weight, ConvGeometry geometry) {
    FilterShape s = FilterShape.of(weight, geometry, false);
    ConvCall.sizes("xShape", xShape, s, s.xChannels());
    return ConvCall.shape(s, xShape[0], s.yChannels(), s.convHeight(ConvCall.height(xShape)),
        s.convWidth(xShape[xShape.length - 1]));
  }

  /** Convolves with plain filters. */
  public static Tensor apply(Tensor x, Tensor weight, ConvGeometry geometry, Epilogue epilogue) {
    FilterShape s = FilterShape.of(weight, geometry, false);
    Tensor y = Tensor.empty(weight.device(), s.type(), outputShape(x, s, weight.device()));
    return Outputs.finish(y, () -> into("conv", x, s, ConvCall.Filters.of(weight, null), epilogue, y, null));
  }

  /** Convolves with filters that were packed by {@link PackedFilter#conv}. */
  public static Tensor apply(Tensor x, PackedFilter filter, Epilogue epilogue) {
    FilterShape s = plain(filter);
    Tensor y = Tensor.empty(filter.device(), s.type(), outputShape(x, s, filter.device()));
    return Outputs.finish(y, () -> into("conv", x, s, ConvCall.Filters.of(filter, epilogue), epilogue, y, null));
  }

  /** Convolves into y, whose planes are contiguous: a slice of channels will do. y may be exactly the residual. */
  public static void into(Tensor x, PackedFilter filter, Epilogue epilogue, Tensor y) {
    into("conv", x, plain(filter), ConvCall.Filters.of(filter, epilogue), epilogue, y, null);
  }

  /** Convolves with plain filters into y. */
  public static void into(Tensor x, Tensor weight, ConvGeometry geometry, Epilogue epilogue, Tensor y) {
    into("conv", x, FilterShape.of(weight, geometry, false), ConvCall.Filters.of(weight, null), epilogue, y, null);
  }

  /** Gradients of the sum without activation and residual: dx, dw and the bias's, all by {@code dy}. */
  public static Gradients backward(Tensor x, Tensor weight, Tensor dy, ConvGeometry geometry) {
    return backward(x, weight, dy, geometry, Wanted.ALL);
  }

  /** The wanted ones of the gradients. */
  public static Gradients backward(Tensor x, Tensor weight, Tensor dy, ConvGeometry geometry, Wanted wanted) {
    return backward(x, weight, dy, geometry, wanted, null);
  }

  /** The same in a precision, null for the one of the operands' type. */
  public static Gradients backward(Tensor x, Tensor weight, Tensor dy, ConvGeometry geometry, Wanted wanted,
      Precision precision) {
    return backward("conv", x, weight, dy, FilterShape.of(weight, geometry, false), null, null, wanted, precision);
  }

  static FilterShape plain(PackedFilter filter) {
    Check.present("filter", filter);
    if (filter.shape().transposed()) throw new InvalidArgumentException("filter", "packed for Deconv", "packed by PackedFilter.conv");
    if (filter.mask() != null) throw new InvalidArgumentException("filter", "packed with a mask", "packed by PackedFilter.conv");
    return filter.shape();
  }

  static long[] outputShape(Tensor x, FilterShape s, Device device) {
    ConvCall.map("x", x, s, s.xChannels(), device);
    return ConvCall.shape(s, x.size(0), s.yChannels(), s.convHeight(ConvCall.height(x)), s.convWidth(x.size(-1)));
  }

  /**
   * @param op conv or maskedconv, for messages
   * @param window the part of y to compute, or null for all
   */
  static void into(String op, Tensor x, FilterShape s, ConvCall.Filters filters, Epilogue epilogue, Tensor y, ConvCall.Window window) {
    Tensor weights = filters.weight() == null ? filters.packed() : filters.weight();
    Device device = weights.device();
    long[] shape = outputShape(x, s, device);
    ConvCall.result(y, s.type(), shape, device);
    ConvCall.epilogue(epilogue, y, s.yChannels(), device);
    Check.disjoint("y", y, "x", x);
    Check.disjoint("y", y, "weight", weights);
    Precision precision = ConvCall.precision(op, filters, epilogue, x, device);
    ConvShape sizes = shape(x, s);
    ConvCall.run(Kernels::conv, sizes, x, filters, y, epilogue, window == null ? ConvCall.all(sizes) : window, precision);
  }

  static ConvShape shape(Tensor x, FilterShape s) {
    long height = ConvCall.height(x);
    return s.with(x.size(0), height, x.size(-1), s.convHeight(height), s.convWidth(x.size(-1)));
  }

  /**
   * @param op conv or maskedconv, for messages
   * @param byInput live entries by input channel; null as byOutput where all are live
   */
  static Gradients backward(String op, Tensor x, Tensor weight, Tensor dy, FilterShape s, LiveEntries byOutput, LiveEntries byInput,
      Wanted wanted, Precision precision) {
    Check.present("wanted", wanted);
    Device device = weight.device();
    long[] yShape = outputShape(x, s, device);
    Check.tensor("dy", dy, s.type(), device);
    Check.shape("dy", dy, yShape);
    Precision p = Precision.of(op, precision, "x", x, device);
    ConvShape forward = shape(x, s);
    ConvShape back = new ConvShape(forward.batch(), forward.groups(), forward.yChannels(), forward.yHeight(), forward.yWidth(),
        forward.xChannels(), forward.xHeight(), forward.xWidth(), forward.kernelH(), forward.kernelW(), forward.strideH(),
        forward.strideW(), forward.dilationH(), forward.dilationW(), forward.padTop(), forward.padLeft());
    Tensor dx = null;
    Tensor dw = null;
    Tensor db = null;
    try {
      if (wanted.x) {
        dx = Tensor.empty(device, s.type(), x.shape());
        ConvCall.run(Kernels::deconv, back, dy, ConvCall.Filters.of(weight, byInput), dx, Epilogue.NONE, ConvCall.all(back), p);
      }
      if (wanted.weight) dw = ConvCall.weightGradient(forward, x, dy, weight.shape(), byOutput, p);
      if (wanted.bias) db = ConvCall.biasGradient(dy);
      Gradients all = new Gradients(dx, dw, db);
      db = null;
      dw = null;
      dx = null;
      return all;
    } finally {
      Outputs.closeAll(dx, dw, db);
    }
  }
}
