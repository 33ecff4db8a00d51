package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Sequences;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Activation;

/**
 * The neural autoregressive distribution estimator (Larochelle and Murray 2011, equations 1 and 2): one hidden layer
 * for each variable, all with shared weights,
 *
 * <pre>h_i = sigmoid(c + W_1..i-1 x_1..i-1),   p(x_i = 1 | x_1 .. x_i-1) = sigmoid(b_i + V_i h_i)</pre>
 *
 * computed in one pass over the variables, since the activations of h_i+1 are those of h_i and one more term. Drawing
 * an example, or completing one, is one pass too.
 */
public final class Nade implements BinaryChain {
  private final Parameters parameters = new Parameters();
  private final Device device;
  private final Parameter w; // [n, H]
  private final Parameter v; // [n, 1, H]
  private final Parameter b; // [n, 1]
  private final Parameter c; // [H]

  /** @param hidden units H of each hidden layer */
  public Nade(Device device, int variables, int hidden, Generator random) {
    this.device = device;
    double reach = 1 / Math.sqrt(hidden);
    w = parameters.add("W", Initializer.uniform(-reach, reach).create(device, random, variables, hidden));
    v = parameters.add("V", Initializer.uniform(-reach, reach).create(device, random, variables, 1, hidden));
    b = parameters.add("b", Initializer.zeros().create(device, random, variables, 1));
    c = parameters.add("c", Initializer.zeros().create(device, random, hidden));
  }

  @Override
  public Value logits(Tape tape, Tensor x) {
    return Sequences.nade(tape.constant(x), tape.parameter(w), tape.parameter(v), tape.parameter(b), null,
        Activation.SIGMOID, tape.parameter(c)).squeeze(2);
  }

  @Override
  public Tensor complete(Tensor x, boolean[] known, Generator random) {
    check(x, known);
    try (Scope scope = Scope.open()) {
      Tensor uniform = random.uniform(device, 0, 1, x.shape());
      Tensor mask = Tensor.of(device, known, 1, known.length).expand(x.shape());
      var weights = new org.ondol.ops.Nade.Weights(w.tensor(), v.tensor(), b.tensor());
      return scope.keep(org.ondol.ops.Nade.sample(uniform, mask, x, weights, c.tensor()).x());
    }
  }

  @Override
  public int variables() {
    return (int) w.tensor().size(0);
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
