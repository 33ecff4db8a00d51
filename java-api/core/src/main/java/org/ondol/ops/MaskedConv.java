package org.ondol.ops;

import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/**
 * Convolution whose filters are partly dead ({@link FilterMask}): the layers of PixelCNN and its kin (van den Oord,
 * Kalchbrenner and Kavukcuoglu 2016). As {@link Conv}, but each chain runs over the live entries only. Dead entries are
 * skipped forward and in both gradients, whatever the weight holds there; their gradient is exactly zero.
 */
public final class MaskedConv {
  private MaskedConv() {}

  /** Convolves with plain filters. */
  public static Tensor apply(Tensor x, Tensor weight, FilterMask mask, ConvGeometry geometry, Conv.Epilogue epilogue) {
    FilterShape s = shape(weight, mask, geometry);
    Tensor y = Tensor.empty(weight.device(), s.type(), Conv.outputShape(x, s, weight.device()));
    return Outputs.finish(y, () -> Conv.into("maskedconv", x, s, ConvCall.Filters.of(weight, mask.byOutput()), epilogue, y, null));
  }

  /** Convolves with filters that were packed by {@link PackedFilter#maskedconv}. */
  public static Tensor apply(Tensor x, PackedFilter filter, Conv.Epilogue epilogue) {
    FilterShape s = masked(filter);
    Tensor y = Tensor.empty(filter.device(), s.type(), Conv.outputShape(x, s, filter.device()));
    return Outputs.finish(y, () -> Conv.into("maskedconv", x, s, ConvCall.Filters.of(filter, epilogue), epilogue, y, null));
  }

  /** Convolves into y, whose planes are contiguous; y may be exactly the residual. */
  public static void into(Tensor x, PackedFilter filter, Conv.Epilogue epilogue, Tensor y) {
    Conv.into("maskedconv", x, masked(filter), ConvCall.Filters.of(filter, epilogue), epilogue, y, null);
  }

  /**
   * Computes the rows [beginH, endH) and columns [beginW, endW) of y and leaves the rest as it is: the same bits that a
   * whole pass gives there. What an autoregressive sampler does for each pixel.
   */
  public static void into(Tensor x, PackedFilter filter, Conv.Epilogue epilogue, Tensor y, long beginH, long endH,
      long beginW, long endW) {
    FilterShape s = masked(filter);
    long[] shape = Conv.outputShape(x, s, filter.device());
    long height = s.oneDimensional() ? 1 : shape[2];
    range("H", beginH, endH, height);
    range("W", beginW, endW, shape[shape.length - 1]);
    Conv.into("maskedconv", x, s, ConvCall.Filters.of(filter, epilogue), epilogue, y, new ConvCall.Window(beginH, endH, beginW, endW));
  }

  /** Gradients of the sum without activation and residual; dw is +0 at dead entries. */
  public static Conv.Gradients backward(Tensor x, Tensor weight, FilterMask mask, Tensor dy, ConvGeometry geometry) {
    return backward(x, weight, mask, dy, geometry, Conv.Wanted.ALL);
  }

  /** The wanted ones of the gradients. */
  public static Conv.Gradients backward(Tensor x, Tensor weight, FilterMask mask, Tensor dy, ConvGeometry geometry,
      Conv.Wanted wanted) {
    return backward(x, weight, mask, dy, geometry, wanted, null);
  }

  /** The same in a precision, null for the one of the operands' type. */
  public static Conv.Gradients backward(Tensor x, Tensor weight, FilterMask mask, Tensor dy, ConvGeometry geometry,
      Conv.Wanted wanted, Precision precision) {
    FilterShape s = shape(weight, mask, geometry);
    return Conv.backward("maskedconv", x, weight, dy, s, mask.byOutput(), mask.byInput(), wanted, precision);
  }

  private static FilterShape shape(Tensor weight, FilterMask mask, ConvGeometry geometry) {
    Check.present("mask", mask);
    FilterShape s = FilterShape.of(weight, geometry, false);
    s.check(mask, weight.device());
    return s;
  }

  private static FilterShape masked(PackedFilter filter) {
    Check.present("filter", filter);
    if (filter.mask() == null) {
      throw new InvalidArgumentException("filter", "packed without a mask", "packed by PackedFilter.maskedconv");
    }
    return filter.shape();
  }

  private static void range(String name, long begin, long end, long size) {
    if (begin < 0 || begin > size) throw new InvalidArgumentException("begin" + name, begin, "0 to " + size);
    if (end < begin || end > size) throw new InvalidArgumentException("end" + name, end, begin + " to " + size);
  }
}
