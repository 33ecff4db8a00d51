package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * Each variable knows the one before it: p(x_i = 1 | x_i-1) = sigmoid(b_i + w_i x_i-1). 2n - 1 parameters.
 */
public final class MarkovChain implements BinaryChain {
  private final Parameters parameters = new Parameters();
  private final Device device;
  private final Parameter b;
  private final Parameter w;

  public MarkovChain(Device device, int variables, Generator random) {
    if (variables < 2) throw new InvalidArgumentException("variables", variables, "at least 2");
    this.device = device;
    b = parameters.add("b", Initializer.zeros().create(device, random, variables));
    w = parameters.add("w", Initializer.zeros().create(device, random, variables - 1));
  }

  @Override
  public Value logits(Tape tape, Tensor x) {
    int n = variables();
    Value start = tape.parameter(b).slice(0, 0, 1).expand(x.size(0), 1);
    Value rest = tape.constant(x.slice(1, 0, n - 1)).mul(tape.parameter(w)).add(tape.parameter(b).slice(0, 1, n));
    return Value.concat(1, start, rest);
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
