package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * The fully visible sigmoid belief network (Frey, Hinton and Dayan 1996): each variable knows all before it through a
 * logistic regression, p(x_i = 1 | x_1 .. x_i-1) = sigmoid(b_i + sum over j < i of x_j W_ji). n (n + 1) / 2 parameters.
 */
public final class SigmoidBeliefNetwork implements BinaryChain {
  private final Parameters parameters = new Parameters();
  private final Device device;
  private final Parameter b;
  private final Parameter w;
  /** 1 where j < i. */
  private final Tensor earlier;

  public SigmoidBeliefNetwork(Device device, int variables, Generator random) {
    this.device = device;
    b = parameters.add("b", Initializer.zeros().create(device, random, variables));
    w = parameters.add("W", Initializer.zeros().create(device, random, variables, variables));
    float[] mask = new float[variables * variables];
    for (int j = 0; j < variables; j++) for (int i = j + 1; i < variables; i++) mask[j * variables + i] = 1;
    earlier = Scope.detach(Tensor.of(device, mask, variables, variables));
  }

  @Override
  public Value logits(Tape tape, Tensor x) {
    return tape.constant(x).linear(tape.parameter(w).mul(tape.constant(earlier)), tape.parameter(b));
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

  @Override
  public void close() {
    parameters.close();
    earlier.close();
  }
}
