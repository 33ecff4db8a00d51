package org.ondol.models.layers;

import org.ondol.InvalidArgumentException;
import org.ondol.grad.Parameter;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;

/**
 * A convolution of a network of maps with what follows it: act(norm(w * x + b)).
 *
 * @param weight [out, in / groups, kh, kw]
 * @param bias [out], or null
 * @param norm or null
 * @param slope of {@link Activation#RELU} for negative values: 0 is the plain one
 */
public record ConvUnit(Parameter weight, Parameter bias, NormUnit norm, ConvGeometry geometry, Activation activation,
    double slope) {
  public ConvUnit {
    if (weight == null) throw new InvalidArgumentException("weight", "null", "a parameter");
    if (geometry == null) throw new InvalidArgumentException("geometry", "null", "a geometry");
    if (activation == null) throw new InvalidArgumentException("activation", "null", "an activation");
  }

  /** Channels of the result. */
  public long channels() {
    return weight.tensor().size(0);
  }

  /** The same with another activation. */
  public ConvUnit activation(Activation activation) {
    return new ConvUnit(weight, bias, norm, geometry, activation, 0);
  }

  /** The same with a relu. */
  public ConvUnit relu() {
    return activation(Activation.RELU);
  }

  /** The same with a leaky relu. */
  public ConvUnit leakyRelu(double slope) {
    return new ConvUnit(weight, bias, norm, geometry, Activation.RELU, slope);
  }

  /** The same filters at another stride, padding or dilation. */
  public ConvUnit geometry(ConvGeometry geometry) {
    return new ConvUnit(weight, bias, norm, geometry, activation, slope);
  }
}
