package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.LayerNorm;

/** Layer normalisation (Ba, Kiros and Hinton 2016) of the last dimension with learnt gain and offset. */
public final class LayerNormalization implements Layer {
  private final Tensor gamma;
  private final Tensor beta;
  private final double eps;

  private LayerNormalization(Tensor gamma, Tensor beta, double eps) {
    this.gamma = gamma;
    this.beta = beta;
    this.eps = eps;
  }

  /** Copies the parameters, gamma and beta [n]. */
  public static LayerNormalization of(Tensor gamma, Tensor beta, double eps) {
    try (Assembly parts = new Assembly()) {
      return parts.done(
          new LayerNormalization(parts.add(Scope.detach(gamma.copy())), parts.add(Scope.detach(beta.copy())), eps));
    }
  }

  /** The rows of x [..., n] normalised. */
  public Tensor forward(Tensor x) {
    return LayerNorm.apply(x, gamma, beta, eps);
  }

  @Override
  public Device device() {
    return gamma.device();
  }

  @Override
  public LayerNormalization to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new LayerNormalization(parts.add(Scope.detach(gamma.to(device))),
          parts.add(Scope.detach(beta.to(device))), eps));
    }
  }

  @Override
  public void close() {
    gamma.close();
    beta.close();
  }
}
