package org.ondol.models.layers;

import org.ondol.InvalidArgumentException;
import org.ondol.grad.Parameter;

/**
 * Batch normalisation of a network of maps (Ioffe and Szegedy 2015): its parameters, all [C].
 *
 * @param mean the running one, not trained
 * @param variance the running one, not trained
 * @param eps added to variances
 */
public record NormUnit(Parameter gamma, Parameter beta, Parameter mean, Parameter variance, double eps) {
  public NormUnit {
    if (gamma == null) throw new InvalidArgumentException("gamma", "null", "a parameter");
    if (beta == null) throw new InvalidArgumentException("beta", "null", "a parameter");
    if (mean == null) throw new InvalidArgumentException("mean", "null", "a parameter");
    if (variance == null) throw new InvalidArgumentException("variance", "null", "a parameter");
  }

  /** Channels that it normalises. */
  public long channels() {
    return gamma.tensor().size(0);
  }
}
