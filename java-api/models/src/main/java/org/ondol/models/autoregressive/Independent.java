package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * Variables that know nothing of each other: p(x_i = 1) = sigmoid(b_i). n parameters, the least that says anything.
 */
public final class Independent implements BinaryChain {
  private final Parameters parameters = new Parameters();
  private final Device device;
  private final Parameter b;

  public Independent(Device device, int variables, Generator random) {
    this.device = device;
    b = parameters.add("b", Initializer.zeros().create(device, random, variables));
  }

  @Override
  public Value logits(Tape tape, Tensor x) {
    return tape.parameter(b).expand(x.size(0), variables());
  }

  @Override
  public int variables() {
    return (int) b.tensor().size(0);
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public Parameters parameters() {
    return parameters;
  }
}
