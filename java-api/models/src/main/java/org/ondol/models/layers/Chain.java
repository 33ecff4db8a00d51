package org.ondol.models.layers;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Layout;
import org.ondol.grad.Maps;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.PoolGeometry;

/**
 * Layers one after the other, on a tape. Each call adds one with its parameters, which belong to the model's
 * {@link Parameters} under the chain's name: {@code encoder.hidden1.weight}.
 */
public final class Chain {
  /** Of running statistics, the weight of the newest batch. */
  private static final double MOMENTUM = 0.1;

  @FunctionalInterface
  private interface Step {
    Value run(Tape tape, Value x, Statistics statistics);
  }

  private final Parameters parameters;
  private final String name;
  private final Device device;
  private final Generator random;
  private final Function<Layout, Initializer> weights;
  private final List<Step> steps = new ArrayList<>();

  /**
   * A chain without layers.
   *
   * @param parameters the model's, which get those of the layers
   * @param name before the layers' names
   * @param random for first values
   * @param weights first values of the weights; biases begin at 0
   */
  public Chain(Parameters parameters, String name, Device device, Generator random,
      Function<Layout, Initializer> weights) {
    this.parameters = parameters;
    this.name = name;
    this.device = device;
    this.random = random;
    this.weights = weights;
  }

  private Parameter weight(String layer, Layout layout, long... shape) {
    return add(layer, "weight", weights.apply(layout), shape);
  }

  private Parameter add(String layer, String part, Initializer values, long... shape) {
    for (long size : shape) if (size < 1) throw new InvalidArgumentException(layer, "of size " + size, "at least 1");
    return parameters.add(name + "." + layer + "." + part, values.create(device, random, shape));
  }

  private Chain then(Step step) {
    steps.add(step);
    return this;
  }

  /** x W + b of rows [N, in]. */
  public Chain linear(String layer, long in, long out) {
    return linear(layer, in, out, true);
  }

  /** The same with or without b. */
  public Chain linear(String layer, long in, long out, boolean biased) {
    Parameter w = weight(layer, Layout.MATRIX, in, out);
    Parameter b = biased ? add(layer, "bias", Initializer.zeros(), out) : null;
    return then((tape, x, s) -> x.linear(tape.parameter(w), optional(tape, b)));
  }

  /** A convolution with square filters. */
  public Chain conv(String layer, long in, long out, long kernel, ConvGeometry geometry, boolean biased) {
    Parameter w = weight(layer, Layout.CONV, out, in, kernel, kernel);
    Parameter b = biased ? add(layer, "bias", Initializer.zeros(), out) : null;
    return then((tape, x, s) -> Maps.conv(x, tape.parameter(w), optional(tape, b), geometry));
  }

  /** A transposed convolution with square filters. */
  public Chain deconv(String layer, long in, long out, long kernel, ConvGeometry geometry, long outputPadding,
      boolean biased) {
    Parameter w = weight(layer, Layout.DECONV, in, out, kernel, kernel);
    Parameter b = biased ? add(layer, "bias", Initializer.zeros(), out) : null;
    return then((tape, x, s) ->
        Maps.deconv(x, tape.parameter(w), optional(tape, b), geometry, outputPadding, outputPadding));
  }

  /** Batch norm of channels, or of columns of rows; its running statistics are parameters that are not trained. */
  public Chain batchNorm(String layer, long channels, double eps, boolean relu) {
    Parameter gamma = add(layer, "gamma", Initializer.constant(1), channels);
    Parameter beta = add(layer, "beta", Initializer.zeros(), channels);
    Parameter mean = add(layer, "mean", Initializer.zeros(), channels);
    Parameter variance = add(layer, "variance", Initializer.constant(1), channels);
    mean.freeze();
    variance.freeze();
    return then((tape, x, statistics) -> {
      Value g = tape.parameter(gamma);
      Value b = tape.parameter(beta);
      return switch (statistics) {
        case MOVING -> Maps.batchNorm(x, g, b, eps, relu,
            BatchNorm.Running.pytorch(mean.tensor(), variance.tensor(), MOMENTUM));
        case BATCH -> Maps.batchNorm(x, g, b, eps, relu, null);
        case RUNNING -> Maps.batchNorm(x, g, b, mean.tensor(), variance.tensor(), eps, relu);
      };
    });
  }

  private static Value optional(Tape tape, Parameter p) {
    return p == null ? null : tape.parameter(p);
  }

  /** The greatest of each window. */
  public Chain maxPool(PoolGeometry geometry) {
    return then((tape, x, s) -> Maps.maxPool(x, geometry));
  }

  /** A function without parameters, such as {@code Value::tanh}. */
  public Chain apply(UnaryOperator<Value> function) {
    return then((tape, x, s) -> function.apply(x));
  }

  /** Rows as maps [N, channels, height, width]. */
  public Chain maps(long channels, long height, long width) {
    return apply(x -> x.reshape(-1, channels, height, width));
  }

  /** Maps as rows of so many values. */
  public Chain rows(long size) {
    return apply(x -> x.reshape(-1, size));
  }

  /** All layers in turn. */
  public Value forward(Tape tape, Value x, Statistics statistics) {
    Value y = x;
    for (Step step : steps) y = step.run(tape, y, statistics);
    return y;
  }

  /** The same for chains without batch norm. */
  public Value forward(Tape tape, Value x) {
    return forward(tape, x, Statistics.RUNNING);
  }
}
