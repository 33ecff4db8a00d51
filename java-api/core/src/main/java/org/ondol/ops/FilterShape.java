package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.ConvShape;

/**
 * The checked sizes of a convolution's filters.
 *
 * @param transposed deconv: the weight is [xChannels, yChannels / groups, kh, kw]
 * @param oneDimensional the weight and the maps have no height
 * @param type of the weight, and so of the maps
 */
record FilterShape(long xChannels, long yChannels, long kernelH, long kernelW, ConvGeometry geometry, boolean transposed,
    boolean oneDimensional, DType type) {
  static FilterShape of(Tensor weight, ConvGeometry geometry, boolean transposed) {
    Check.present("geometry", geometry);
    Check.present("weight", weight);
    Check.operand("weight", weight, weight.device());
    Check.rank("weight", weight, 3, 4);
    boolean flat = weight.rank() == 3;
    for (long size : weight.shape()) {
      if (size < 1 || size > Integer.MAX_VALUE) {
        throw new ShapeException("weight", "of shape " + Arrays.toString(weight.shape()), "sizes of 1 to 2^31 - 1");
      }
    }
    ConvGeometry g = geometry;
    if (flat) {
      g = new ConvGeometry(1, g.strideW(), 0, g.padLeft(), 0, g.padRight(), 1, g.dilationW(), g.groups());
    }
    long first = weight.size(0);
    if (first % g.groups() != 0) {
      throw new InvalidArgumentException("groups", g.groups(), "a divisor of the weight's first size, " + first);
    }
    long grouped = weight.size(1) * g.groups();
    if (grouped > Integer.MAX_VALUE) throw new ShapeException("weight", Arrays.toString(weight.shape()), "fewer channels");
    FilterShape s = new FilterShape(transposed ? first : grouped, transposed ? grouped : first,
        flat ? 1 : weight.size(2), weight.size(-1), g, transposed, flat, weight.dtype());
    if (s.kernelH * s.kernelW > Integer.MAX_VALUE || s.depth() > Integer.MAX_VALUE) {
      throw new ShapeException("weight", "of shape " + Arrays.toString(weight.shape()), "filters of less than 2^31 entries");
    }
    return s;
  }

  /** The shape of the weight. */
  long[] weight() {
    long first = transposed ? xChannels : yChannels;
    long second = (transposed ? yChannels : xChannels) / geometry.groups();
    return oneDimensional ? new long[] {first, second, kernelW} : new long[] {first, second, kernelH, kernelW};
  }

  /** The same for tensors of another type. */
  FilterShape of(DType type) {
    return new FilterShape(xChannels, yChannels, kernelH, kernelW, geometry, transposed, oneDimensional, type);
  }

  /** Entries of a filter: channels of x in a group times taps. */
  long depth() {
    return xChannels / geometry.groups() * (kernelH * kernelW);
  }

  /** Where the weight keeps entry k = (c * kernelH + ky) * kernelW + kx of channel {@code channel} of y. */
  int index(long channel, long k) {
    if (!transposed) return (int) (channel * depth() + k);
    long taps = kernelH * kernelW;
    long yGroup = yChannels / geometry.groups();
    long x = channel / yGroup * (xChannels / geometry.groups()) + k / taps;
    return (int) ((x * yGroup + channel % yGroup) * taps + k % taps);
  }

  void check(FilterMask mask, Device device) {
    if (!mask.device().equals(device)) throw new DeviceMismatchException("mask", mask.device(), device);
    if (mask.outChannels() != yChannels || mask.inChannels() != xChannels || mask.kernelH() != kernelH
        || mask.kernelW() != kernelW || mask.groups() != geometry.groups()) {
      throw new ShapeException("mask", "for filters [" + mask.outChannels() + ", " + mask.inChannels() / mask.groups() + ", "
          + mask.kernelH() + ", " + mask.kernelW() + "] in " + mask.groups() + " groups", "[" + yChannels + ", "
          + xChannels / geometry.groups() + ", " + kernelH + ", " + kernelW + "] in " + geometry.groups() + " groups");
    }
  }

  /** All sizes of a call. The height and width of y are those of the result. */
  ConvShape with(long batch, long xHeight, long xWidth, long yHeight, long yWidth) {
    ConvGeometry g = geometry;
    return new ConvShape(batch, g.groups(), xChannels, xHeight, xWidth, yChannels, yHeight, yWidth, kernelH, kernelW,
        g.strideH(), g.strideW(), g.dilationH(), g.dilationW(), g.padTop(), g.padLeft());
  }

  /** Rows of a conv's result: floor((size + pads - dilation (kernel - 1) - 1) / stride) + 1. */
  long convHeight(long height) {
    return convSize("height", height, kernelH, geometry.strideH(), geometry.dilationH(), geometry.padTop(), geometry.padBottom());
  }

  long convWidth(long width) {
    return convSize("width", width, kernelW, geometry.strideW(), geometry.dilationW(), geometry.padLeft(), geometry.padRight());
  }

  private static long convSize(String name, long size, long kernel, long stride, long dilation, long begin, long end) {
    long span = dilation * (kernel - 1) + 1;
    long padded = size + begin + end;
    if (span > padded) {
      throw new ShapeException("weight", "reaching over " + span + " of the padded " + name,
          "at most the " + padded + " there are");
    }
    return (padded - span) / stride + 1;
  }

  /** Whether a deconv's result may have so many rows below: fewer than the stride or the dilation. */
  boolean outputPaddingH(long extra) {
    return extra == 0 || !oneDimensional && extra > 0 && extra < Math.max(geometry.strideH(), geometry.dilationH());
  }

  boolean outputPaddingW(long extra) {
    return extra >= 0 && extra < Math.max(geometry.strideW(), geometry.dilationW());
  }

  /** Rows of a deconv's result: (size - 1) stride - pads + dilation (kernel - 1) + 1 + outputPadding. */
  long deconvHeight(long height, long outputPadding) {
    return deconvSize("height", height, kernelH, geometry.strideH(), geometry.dilationH(),
        geometry.padTop() + geometry.padBottom(), outputPadding);
  }

  long deconvWidth(long width, long outputPadding) {
    return deconvSize("width", width, kernelW, geometry.strideW(), geometry.dilationW(),
        geometry.padLeft() + geometry.padRight(), outputPadding);
  }

  /** Less than 1 where the paddings cut everything away. */
  private static long deconvSize(String name, long size, long kernel, long stride, long dilation, long pads, long extra) {
    try {
      return Math.addExact(Math.multiplyExact(size - 1, stride), dilation * (kernel - 1) + 1 + extra) - pads;
    } catch (ArithmeticException e) {
      throw new ShapeException("x", "of " + name + " " + size, "a result of less than 2^63 elements");
    }
  }
}
