package org.ondol.models.layers;

import java.util.List;
import java.util.function.Function;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Fan;
import org.ondol.grad.Initializer.Layout;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.weights.Weights;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;

/**
 * Makes the units of a network of maps. Their parameters belong to the model's {@link Parameters}, under a prefix:
 * {@code trunk.conv1.weight}.
 *
 * @param prefix before the names of layers, such as {@code trunk.}; may be empty
 * @param random for first values
 * @param weights first values of weights; biases begin at 0
 */
public record Units(Parameters parameters, String prefix, Device device, Generator random,
    Function<Layout, Initializer> weights) {
  public Units {
    if (parameters == null) throw new InvalidArgumentException("parameters", "null", "a model's parameters");
    if (prefix == null) throw new InvalidArgumentException("prefix", "null", "a text");
    if (device == null) throw new InvalidArgumentException("device", "null", "a device");
    if (random == null) throw new InvalidArgumentException("random", "null", "a generator");
    if (weights == null) throw new InvalidArgumentException("weights", "null", "an initializer for each layout");
  }

  /** First values for layers that relus follow (He et al. 2015), by the inputs of a unit. */
  public static Units of(Parameters parameters, String prefix, Device device, Generator random) {
    return new Units(parameters, prefix, device, random, layout -> Initializer.heNormal(layout, Fan.IN, 0));
  }

  /** Units of a part of the model: {@code under("head")} names them {@code head.conv1.weight}. */
  public Units under(String part) {
    return new Units(parameters, prefix + part + ".", device, random, weights);
  }

  /** The same with other first values of weights. */
  public Units weights(Function<Layout, Initializer> values) {
    return new Units(parameters, prefix, device, random, values);
  }

  /** A convolution with square filters and a bias, without activation. */
  public ConvUnit conv(String layer, long in, long out, long kernel, ConvGeometry geometry) {
    return conv(layer, in, out, kernel, kernel, geometry, true, null);
  }

  /** A convolution with square filters and batch norm in place of a bias, without activation. */
  public ConvUnit convNorm(String layer, long in, long out, long kernel, ConvGeometry geometry, double eps) {
    return conv(layer, in, out, kernel, kernel, geometry, false, norm(layer, out, eps));
  }

  /**
   * A convolution without activation.
   *
   * @param in channels of the map that it reads, a multiple of the geometry's groups
   * @param norm or null
   */
  public ConvUnit conv(String layer, long in, long out, long kernelH, long kernelW, ConvGeometry geometry,
      boolean biased, NormUnit norm) {
    if (in % geometry.groups() != 0) {
      throw new InvalidArgumentException("in", in, "a multiple of " + geometry.groups() + " groups");
    }
    Parameter w = add(layer + ".weight", weights.apply(Layout.CONV), out, in / geometry.groups(), kernelH, kernelW);
    return new ConvUnit(w, biased ? bias(layer, out) : null, norm, geometry, Activation.NONE, 0);
  }

  /** A transposed convolution with square filters and a bias, without output padding and activation. */
  public DeconvUnit deconv(String layer, long in, long out, long kernel, ConvGeometry geometry) {
    return deconv(layer, in, out, kernel, geometry, true, null);
  }

  /**
   * A transposed convolution with square filters, without output padding and activation.
   *
   * @param out channels of the result, a multiple of the geometry's groups
   * @param norm or null
   */
  public DeconvUnit deconv(String layer, long in, long out, long kernel, ConvGeometry geometry, boolean biased,
      NormUnit norm) {
    if (out % geometry.groups() != 0) {
      throw new InvalidArgumentException("out", out, "a multiple of " + geometry.groups() + " groups");
    }
    Parameter w = add(layer + ".weight", weights.apply(Layout.DECONV), in, out / geometry.groups(), kernel, kernel);
    return new DeconvUnit(w, biased ? bias(layer, out) : null, norm, geometry, 0, 0, Activation.NONE, 0);
  }

  private Parameter bias(String layer, long out) {
    return add(layer + ".bias", Initializer.zeros(), out);
  }

  /** Batch norm: gamma and beta, and the running mean and variance, which are not trained. */
  public NormUnit norm(String layer, long channels, double eps) {
    Parameter gamma = add(layer + ".gamma", Initializer.constant(1), channels);
    Parameter beta = add(layer + ".beta", Initializer.zeros(), channels);
    Parameter mean = add(layer + ".mean", Initializer.zeros(), channels);
    Parameter variance = add(layer + ".variance", Initializer.constant(1), channels);
    mean.freeze();
    variance.freeze();
    return new NormUnit(gamma, beta, mean, variance, eps);
  }

  /** Slopes of {@link Net#prelu}, one for each channel; 0.25 at first (He et al. 2015). */
  public Parameter slopes(String layer, long channels) {
    return add(layer + ".slope", Initializer.constant(0.25), channels);
  }

  /** Any other parameter. */
  public Parameter add(String name, Initializer values, long... shape) {
    for (long size : shape) if (size < 1) throw new InvalidArgumentException(name, "of size " + size, "at least 1");
    try (Scope scope = Scope.open()) {
      return parameters.add(prefix + name, values.create(device, random, shape));
    }
  }

  /** The parameters made under this prefix. */
  public List<Parameter> own() {
    return parameters.under(prefix);
  }

  /** Overwrites the parameters under this prefix by those of a file, where they have the same names without it. */
  public void load(Weights file) {
    for (Parameter p : own()) {
      try (Scope scope = Scope.open()) {
        Tensor t = p.tensor();
        p.assign(file.tensor(p.name().substring(prefix.length()), device, t.shape()));
      }
    }
  }
}
