package org.ondol.grad;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;

/**
 * First values of parameters, drawn from a {@link Generator}: the same bits on every device.
 *
 * <p>The fans of a weight follow from its rank and {@link Layout}: [in, out] of a matrix product; [out, in / groups,
 * ...] of a convolution, whose fans count the elements of the kernel too; [in, out / groups, ...] of a transposed
 * convolution.
 */
@FunctionalInterface
public interface Initializer {
  /** How a weight's dimensions are meant. */
  enum Layout { MATRIX, CONV, DECONV }

  /** Which fan a deviation follows. */
  enum Fan { IN, OUT }

  /** A new tensor. */
  Tensor create(Device device, Generator generator, long... shape);

  /** Every element the same; draws nothing. */
  static Initializer constant(double value) {
    Require.finite("value", value);
    return (device, generator, shape) -> {
      Tensor t = Tensor.empty(Require.present("device", device), shape);
      try (Tensor flat = t.view(0, new long[] {t.count()}, new long[] {1})) { // whatever the rank
        Elementwise.fill(flat, value);
      }
      return t;
    };
  }

  static Initializer zeros() {
    return constant(0);
  }

  static Initializer uniform(double low, double high) {
    return (device, generator, shape) -> random(generator).uniform(device, low, high, shape);
  }

  static Initializer normal(double mean, double deviation) {
    return (device, generator, shape) -> random(generator).normal(device, mean, deviation, shape);
  }

  /** Even in ±gain · sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010). */
  static Initializer xavierUniform(Layout layout, double gain) {
    return (device, generator, shape) -> {
      double a = gain * StrictMath.sqrt(6.0 / (fan(layout, Fan.IN, shape) + fan(layout, Fan.OUT, shape)));
      return random(generator).uniform(device, -a, a, shape);
    };
  }

  /** Normal with the deviation gain · sqrt(2 / (fan in + fan out)). */
  static Initializer xavierNormal(Layout layout, double gain) {
    return (device, generator, shape) -> random(generator).normal(device, 0,
        gain * StrictMath.sqrt(2.0 / (fan(layout, Fan.IN, shape) + fan(layout, Fan.OUT, shape))), shape);
  }

  /**
   * Even in ±sqrt(6 / ((1 + slope²) fan)) (He et al. 2015).
   *
   * @param slope of the leaky relu that follows; 0 for a relu
   */
  static Initializer heUniform(Layout layout, Fan fan, double slope) {
    return (device, generator, shape) -> {
      double a = StrictMath.sqrt(6 / ((1 + slope * slope) * fan(layout, fan, shape)));
      return random(generator).uniform(device, -a, a, shape);
    };
  }

  /** Normal with the deviation sqrt(2 / ((1 + slope²) fan)). */
  static Initializer heNormal(Layout layout, Fan fan, double slope) {
    return (device, generator, shape) -> random(generator).normal(device, 0,
        StrictMath.sqrt(2 / ((1 + slope * slope) * fan(layout, fan, shape))), shape);
  }

  /**
   * Orthonormal rows, or columns where there are fewer of them, times a gain (Saxe, McClelland and Ganguli 2014).
   * Dimension 0 are the rows.
   */
  static Initializer orthogonal(double gain) {
    return (device, generator, shape) -> Orthogonal.create(device, random(generator), gain, shape);
  }

  /** Filters [C, C or 1, k, k] with which a transposed convolution enlarges bilinearly; see {@link Deconv#bilinear}. */
  static Initializer bilinear() {
    return (device, generator, shape) -> {
      Shapes.count("shape", shape);
      if (shape.length != 4 || shape[2] != shape[3] || shape[1] != 1 && shape[1] != shape[0]) {
        throw new ShapeException("shape", Arrays.toString(shape), "[C, C, k, k] or [C, 1, k, k]");
      }
      return Tensor.of(device,
          Deconv.bilinear(Math.toIntExact(shape[0]), Math.toIntExact(shape[2]), shape[1] != shape[0]), shape);
    };
  }

  private static Generator random(Generator generator) {
    return Require.present("generator", generator);
  }

  /** A fan, at least 1. */
  private static double fan(Layout layout, Fan fan, long[] shape) {
    Require.present("layout", layout);
    Require.present("fan", fan);
    Shapes.count("shape", shape);
    boolean matrix = layout == Layout.MATRIX;
    if (matrix ? shape.length != 2 : shape.length < 3) {
      throw new ShapeException("shape", Arrays.toString(shape), matrix ? "[in, out]" : "filters of rank 3 or more");
    }
    boolean first = (layout == Layout.CONV) == (fan == Fan.OUT);
    double n = first ? shape[0] : shape[1];
    for (int i = 2; i < shape.length; i++) n *= shape[i];
    if (n < 1) throw new InvalidArgumentException("shape", Arrays.toString(shape), "positive sizes");
    return n;
  }
}
