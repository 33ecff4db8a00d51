package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.ConvShape;
import org.ondol.spi.Kernels;

/**
 * Transposed convolution of maps [N, C, H, W] (or [N, C, L]) with filters [in, out / groups, kh, kw]: the linear map that
 * is the gradient of {@link Conv} (Zeiler et al. 2010; Long, Shelhamer and Darrell 2015). Each output gathers its taps: one
 * chain of fused multiply-adds over ascending (input channel, ky, kx), see docs/arithmetic.md. The geometry's padding is
 * cut from the result, as in PyTorch and ONNX.
 */
public final class Deconv {
  private Deconv() {}

  /**
   * The shape of a result: (size - 1) stride - pads + dilation (kernel - 1) + 1 + outputPadding.
   *
   * @param outputPaddingH rows that the result has below, less than the stride or the dilation; only bias and epilogue
   *     or late taps fall there
   */
  public static long[] outputShape(Tensor x, Tensor weight, ConvGeometry geometry, long outputPaddingH, long outputPaddingW) {
    return outputShape(x, FilterShape.of(weight, geometry, true), outputPaddingH, outputPaddingW, weight.device());
  }

  /** The shape of a result of a map that is not there yet. */
  public static long[] outputShape(long[] xShape, Tensor weight, ConvGeometry geometry, long outputPaddingH,
      long outputPaddingW) {
    FilterShape s = FilterShape.of(weight, geometry, true);
    ConvCall.sizes("xShape", xShape, s, s.xChannels());
    return outputShape(xShape, s, outputPaddingH, outputPaddingW);
  }

  /**
   * A geometry whose paddings give the wanted result without output padding, as ONNX's output_shape does.
   *
   * @param height rows of the result, at most those without padding; more of them are output padding
   * @param upper whether an odd padding is larger at the end (ONNX: SAME_UPPER), else at the beginning
   */
  public static ConvGeometry geometryFor(Tensor x, Tensor weight, ConvGeometry geometry, long height, long width, boolean upper) {
    Check.present("geometry", geometry);
    FilterShape s = FilterShape.of(weight, geometry.padding(0), true);
    ConvCall.map("x", x, s, s.xChannels(), weight.device());
    long h = cut("height", s.deconvHeight(ConvCall.height(x), 0), height);
    long w = cut("width", s.deconvWidth(x.size(-1), 0), width);
    return upper ? geometry.padding(h / 2, w / 2, h - h / 2, w - w / 2) : geometry.padding(h - h / 2, w - w / 2, h / 2, w / 2);
  }

  private static long cut(String name, long full, long wanted) {
    if (wanted < 1 || wanted > full) throw new InvalidArgumentException(name, wanted, "1 to " + full + ", the result without padding");
    return full - wanted;
  }

  /** Plain filters, no output padding. */
  public static Tensor apply(Tensor x, Tensor weight, ConvGeometry geometry, Conv.Epilogue epilogue) {
    return apply(x, weight, geometry, 0, 0, epilogue);
  }

  /** Plain filters. */
  public static Tensor apply(Tensor x, Tensor weight, ConvGeometry geometry, long outputPaddingH, long outputPaddingW,
      Conv.Epilogue epilogue) {
    FilterShape s = FilterShape.of(weight, geometry, true);
    Tensor y = Tensor.empty(weight.device(), s.type(), outputShape(x, s, outputPaddingH, outputPaddingW, weight.device()));
    return Outputs.finish(y, () -> into(x, s, ConvCall.Filters.of(weight, null), epilogue, y));
  }

  /** Filters that were packed by {@link PackedFilter#deconv}. */
  public static Tensor apply(Tensor x, PackedFilter filter, long outputPaddingH, long outputPaddingW, Conv.Epilogue epilogue) {
    FilterShape s = transposed(filter);
    Tensor y = Tensor.empty(filter.device(), s.type(), outputShape(x, s, outputPaddingH, outputPaddingW, filter.device()));
    return Outputs.finish(y, () -> into(x, s, ConvCall.Filters.of(filter, epilogue), epilogue, y));
  }

  /** Packed filters, no output padding. */
  public static Tensor apply(Tensor x, PackedFilter filter, Conv.Epilogue epilogue) {
    return apply(x, filter, 0, 0, epilogue);
  }

  /**
   * Into y, whose planes are contiguous and whose height and width may have any output padding; y may be exactly the
   * residual.
   */
  public static void into(Tensor x, PackedFilter filter, Conv.Epilogue epilogue, Tensor y) {
    into(x, transposed(filter), ConvCall.Filters.of(filter, epilogue), epilogue, y);
  }

  /** Gradients of the sum without activation and residual. The sizes of dy tell the output padding. */
  public static Conv.Gradients backward(Tensor x, Tensor weight, Tensor dy, ConvGeometry geometry) {
    return backward(x, weight, dy, geometry, Conv.Wanted.ALL);
  }

  /** The wanted ones of the gradients. */
  public static Conv.Gradients backward(Tensor x, Tensor weight, Tensor dy, ConvGeometry geometry, Conv.Wanted wanted) {
    return backward(x, weight, dy, geometry, wanted, null);
  }

  /** The same in a precision, null for the one of the operands' type. */
  public static Conv.Gradients backward(Tensor x, Tensor weight, Tensor dy, ConvGeometry geometry, Conv.Wanted wanted,
      Precision precision) {
    Check.present("wanted", wanted);
    FilterShape s = FilterShape.of(weight, geometry, true);
    Device device = weight.device();
    ConvCall.map("x", x, s, s.xChannels(), device);
    checkResult("dy", x, s, dy, device);
    Precision p = Precision.of("deconv", precision, "x", x, device);
    ConvShape forward = shape(x, s, dy);
    ConvShape back = new ConvShape(forward.batch(), forward.groups(), forward.yChannels(), forward.yHeight(), forward.yWidth(),
        forward.xChannels(), forward.xHeight(), forward.xWidth(), forward.kernelH(), forward.kernelW(), forward.strideH(),
        forward.strideW(), forward.dilationH(), forward.dilationW(), forward.padTop(), forward.padLeft());
    Tensor dx = null;
    Tensor dw = null;
    Tensor db = null;
    try {
      if (wanted.x()) {
        dx = Tensor.empty(device, s.type(), x.shape());
        ConvCall.run(Kernels::conv, back, dy, ConvCall.Filters.of(weight, null), dx, Conv.Epilogue.NONE, ConvCall.all(back),
            p);
      }
      if (wanted.weight()) dw = ConvCall.weightGradient(back, dy, x, weight.shape(), null, p);
      if (wanted.bias()) db = ConvCall.biasGradient(dy);
      Conv.Gradients all = new Conv.Gradients(dx, dw, db);
      db = null;
      dw = null;
      dx = null;
      return all;
    } finally {
      Outputs.closeAll(dx, dw, db);
    }
  }

  /**
   * Filters that enlarge bilinearly (FCN's initialisation): [channels, 1, kernel, kernel] for groups = channels, or
   * [channels, channels, kernel, kernel] that map each channel to itself for one group.
   *
   * @param kernel 2 stride - stride mod 2 for a factor of stride
   */
  public static float[] bilinear(int channels, int kernel, boolean depthwise) {
    if (channels < 1) throw new InvalidArgumentException("channels", channels, "at least 1");
    if (kernel < 1) throw new InvalidArgumentException("kernel", kernel, "at least 1");
    double size = (double) channels * (depthwise ? 1 : channels) * kernel * kernel;
    if (size > Integer.MAX_VALUE - 8) throw new InvalidArgumentException("kernel", kernel, "filters of less than 2^31 values");
    double factor = (kernel + 1) / 2;
    double centre = kernel % 2 == 1 ? factor - 1 : factor - 0.5;
    float[] out = new float[(int) size];
    for (int c = 0; c < channels; c++) {
      int at = (depthwise ? c : c * channels + c) * kernel * kernel;
      for (int y = 0; y < kernel; y++) {
        for (int x = 0; x < kernel; x++) {
          out[at + y * kernel + x] = (float) ((1 - Math.abs(y - centre) / factor) * (1 - Math.abs(x - centre) / factor));
        }
      }
    }
    return out;
  }

  private static FilterShape transposed(PackedFilter filter) {
    Check.present("filter", filter);
    if (!filter.shape().transposed()) throw new InvalidArgumentException("filter", "packed for Conv", "packed by PackedFilter.deconv");
    return filter.shape();
  }

  private static long[] outputShape(Tensor x, FilterShape s, long outputPaddingH, long outputPaddingW, Device device) {
    ConvCall.map("x", x, s, s.xChannels(), device);
    return outputShape(x.shape(), s, outputPaddingH, outputPaddingW);
  }

  private static long[] outputShape(long[] x, FilterShape s, long outputPaddingH, long outputPaddingW) {
    if (!s.outputPaddingH(outputPaddingH)) {
      throw new InvalidArgumentException("outputPaddingH", outputPaddingH, s.oneDimensional()
          ? "0 where the maps have no height" : "at least 0 and less than the stride or the dilation");
    }
    if (!s.outputPaddingW(outputPaddingW)) {
      throw new InvalidArgumentException("outputPaddingW", outputPaddingW, "at least 0 and less than the stride or the dilation");
    }
    long height = s.deconvHeight(ConvCall.height(x), outputPaddingH);
    long width = s.deconvWidth(x[x.length - 1], outputPaddingW);
    if (height < 1 || width < 1) {
      throw new ShapeException("x", "of shape " + Arrays.toString(x) + " giving a result of " + height + " x " + width,
          "a result of at least 1 x 1");
    }
    return ConvCall.shape(s, x[0], s.yChannels(), height, width);
  }

  /** A result or its gradient: its sizes are those without output padding plus a legal one. */
  private static void checkResult(String name, Tensor x, FilterShape s, Tensor y, Device device) {
    Check.tensor(name, y, s.type(), device);
    Check.rank(name, y, x.rank(), x.rank());
    long height = s.deconvHeight(ConvCall.height(x), 0);
    long width = s.deconvWidth(x.size(-1), 0);
    long[] shape = y.shape();
    boolean fits = shape[0] == x.size(0) && shape[1] == s.yChannels() && ConvCall.height(y) >= 1 && y.size(-1) >= 1
        && s.outputPaddingH(ConvCall.height(y) - height) && s.outputPaddingW(y.size(-1) - width);
    if (!fits) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape),
          Arrays.toString(ConvCall.shape(s, x.size(0), s.yChannels(), height, width)) + " plus an output padding");
    }
  }

  private static ConvShape shape(Tensor x, FilterShape s, Tensor y) {
    return s.with(x.size(0), ConvCall.height(x), x.size(-1), ConvCall.height(y), y.size(-1));
  }

  private static void into(Tensor x, FilterShape s, ConvCall.Filters filters, Conv.Epilogue epilogue, Tensor y) {
    Tensor weights = filters.weight() == null ? filters.packed() : filters.weight();
    Device device = weights.device();
    ConvCall.map("x", x, s, s.xChannels(), device);
    checkResult("y", x, s, y, device);
    ConvCall.result(y, s.type(), y.shape(), device);
    ConvCall.epilogue(epilogue, y, s.yChannels(), device);
    Check.disjoint("y", y, "x", x);
    Check.disjoint("y", y, "weight", weights);
    Precision precision = ConvCall.precision("deconv", filters, epilogue, x, device);
    ConvShape sizes = shape(x, s, y);
    ConvCall.run(Kernels::deconv, sizes, x, filters, y, epilogue, ConvCall.all(sizes), precision);
  }
}
