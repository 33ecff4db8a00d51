package org.ondol.models.layers;

import org.ondol.InvalidArgumentException;
import org.ondol.grad.Parameter;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;

/**
 * A transposed convolution of a network of maps with what follows it: act(norm(deconv(x, w) + b)).
 *
 * @param weight [in, out / groups, kh, kw]
 * @param bias [out], or null
 * @param norm or null
 * @param outputPaddingH rows that the result has below, see {@link org.ondol.ops.Deconv}
 * @param slope of {@link Activation#RELU} for negative values: 0 is the plain one
 */
public record DeconvUnit(Parameter weight, Parameter bias, NormUnit norm, ConvGeometry geometry, long outputPaddingH,
    long outputPaddingW, Activation activation, double slope) {
  public DeconvUnit {
    if (weight == null) throw new InvalidArgumentException("weight", "null", "a parameter");
    if (geometry == null) throw new InvalidArgumentException("geometry", "null", "a geometry");
    if (activation == null) throw new InvalidArgumentException("activation", "null", "an activation");
  }

  /** Channels of the result. */
  public long channels() {
    return weight.tensor().size(1) * geometry.groups();
  }

  /** The same with another activation. */
  public DeconvUnit activation(Activation activation) {
    return new DeconvUnit(weight, bias, norm, geometry, outputPaddingH, outputPaddingW, activation, 0);
  }

  /** The same with a relu. */
  public DeconvUnit relu() {
    return activation(Activation.RELU);
  }

  /** The same with a leaky relu. */
  public DeconvUnit leakyRelu(double slope) {
    return new DeconvUnit(weight, bias, norm, geometry, outputPaddingH, outputPaddingW, Activation.RELU, slope);
  }

  /** The same with rows below and columns to the right. */
  public DeconvUnit outputPadding(long h, long w) {
    return new DeconvUnit(weight, bias, norm, geometry, h, w, activation, slope);
  }
}
