package org.ondol.models.autoregressive;

import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Maps;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.FilterMask;
import org.ondol.ops.PackedFilter;

/** A convolution with a mask, weights and a bias, that keeps the size of its map. */
final class MaskedLayer implements AutoCloseable {
  private final Parameter weight;
  private final Parameter bias;
  private final FilterMask mask;
  private final ConvGeometry geometry;

  /**
   * Takes the mask over. First values are normal with the variance gain / n, n being the live entries of a filter
   * (after He et al. 2015, who count all of them); the bias is zero.
   *
   * @param name of its parameters, which are name.weight and name.bias
   * @param gain 2 where a relu comes before it, else 1
   */
  MaskedLayer(Parameters parameters, String name, FilterMask mask, int dilation, double gain, Generator random) {
    this.mask = mask;
    geometry = ConvGeometry.UNIT.dilation(mask.kernelH() == 1 ? 1 : dilation, mask.kernelW() == 1 ? 1 : dilation)
        .padding(mask.kernelH() / 2 * dilation, mask.kernelW() / 2 * dilation);
    long out = mask.outChannels();
    double live = Math.max(1, (double) mask.count() / out);
    weight = parameters.add(name + ".weight", Initializer.normal(0, StrictMath.sqrt(gain / live))
        .create(mask.device(), random, out, mask.inChannels(), mask.kernelH(), mask.kernelW()));
    bias = parameters.add(name + ".bias", Initializer.zeros().create(mask.device(), random, out));
  }

  private boolean allLive() {
    return mask.count() == weight.tensor().count();
  }

  Value apply(Tape tape, Value x) {
    return apply(tape, x, false, null);
  }

  /**
   * The convolution, plus a map of its size, and its relu.
   *
   * @param relu whether there is one
   * @param residual or null
   */
  Value apply(Tape tape, Value x, boolean relu, Value residual) {
    Value w = tape.parameter(weight);
    Value b = tape.parameter(bias);
    return allLive() ? Maps.conv(x, w, b, geometry, relu, residual)
        : Maps.maskedConv(x, w, mask, b, geometry, relu, residual);
  }

  /** Its filters as they are now. The mask is closed after them. */
  PackedFilter packed() {
    return allLive() ? PackedFilter.conv(weight.tensor(), geometry)
        : PackedFilter.maskedconv(weight.tensor(), mask, geometry);
  }

  /** A copy of its bias. */
  Tensor bias() {
    return Scope.detach(bias.tensor().copy());
  }

  /** Frees the mask; the parameters are the model's. */
  @Override
  public void close() {
    mask.close();
  }
}
