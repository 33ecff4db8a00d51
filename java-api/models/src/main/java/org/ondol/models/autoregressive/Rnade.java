package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
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
import org.ondol.ops.Nade;
import org.ondol.ops.Reduce;

/**
 * NADE for real numbers (Uria, Murray and Larochelle 2013, section 3): each conditional is a mixture of K normal
 * distributions whose weights, means and deviations a hidden layer of rectified units gives,
 *
 * <pre>
 * h_i = max(0, ρ_i a_i),   a_i+1 = a_i + x_i W_i
 * p(x_i | x_1 .. x_i-1) = sum over k of α_ik N(x_i; μ_ik, σ_ik²),
 * α_i = softmax(b^α_i + V^α_i h_i),   μ_i = b^μ_i + V^μ_i h_i,   σ_i = exp(b^σ_i + V^σ_i h_i)
 * </pre>
 *
 * <p>Deviations are kept above a floor, exp(-7): a mixture could else put a needle on a value that repeats.
 */
public final class Rnade implements Autoregressive {
  private static final double FLOOR = -7;
  private static final double LOG_ROOT_TWO_PI = 0.5 * Math.log(2 * Math.PI);

  private final Parameters parameters = new Parameters();
  private final Device device;
  private final int components;
  private final Parameter w; // [n, H]
  private final Parameter v; // [n, 3 K, H]: weights, means, deviations
  private final Parameter b; // [n, 3 K]
  private final Parameter rho; // [n]
  private final Parameter c; // [H]

  /**
   * @param hidden units H of each hidden layer
   * @param components K of each mixture
   */
  public Rnade(Device device, int variables, int hidden, int components, Generator random) {
    if (components < 1) throw new InvalidArgumentException("components", components, "at least 1");
    this.device = device;
    this.components = components;
    double reach = 1 / Math.sqrt(hidden);
    w = parameters.add("W", Initializer.uniform(-reach, reach).create(device, random, variables, hidden));
    v = parameters.add("V", Initializer.uniform(-reach, reach).create(device, random, variables, 3 * components, hidden));
    b = parameters.add("b", Initializer.normal(0, 0.5).create(device, random, variables, 3 * components));
    rho = parameters.add("rho", Initializer.constant(1).create(device, random, variables));
    c = parameters.add("c", Initializer.uniform(-reach, reach).create(device, random, hidden));
  }

  /** [N, n, 3 K]. */
  private Value outputs(Tape tape, Tensor x) {
    return Sequences.nade(tape.constant(x), tape.parameter(w), tape.parameter(v), tape.parameter(b),
        tape.parameter(rho), Activation.RELU, tape.parameter(c));
  }

  @Override
  public Value logLikelihood(Tape tape, Tensor x) {
    check(x);
    int k = components;
    Value y = outputs(tape, x);
    Value logWeight = y.slice(2, 0, k).logSoftmax(2);
    Value mean = y.slice(2, k, 2 * k);
    Value logDeviation = deviation(y.slice(2, 2 * k, 3 * k));
    Value z = tape.constant(x).unsqueeze(2).sub(mean).mul(logDeviation.neg().exp());
    Value each = logWeight.sub(logDeviation).sub(z.square().scale(0.5)).shift(-LOG_ROOT_TWO_PI);
    Value greatest = each.reduce(Reduce.Op.MAX, 2, true).detach();
    return each.sub(greatest).exp().sum(2).log().add(greatest.squeeze(2)).sum(1);
  }

  /** The logarithm of a deviation, not below the floor: relu(x - floor) + floor. */
  private static Value deviation(Value x) {
    return x.shift(-FLOOR).relu().shift(FLOOR);
  }

  @Override
  public Tensor complete(Tensor x, boolean[] known, Generator random) {
    check(x, known);
    int n = (int) x.size(0);
    float[] out = x.toFloats();
    try (Scope scope = Scope.open()) {
      float[] uniform = random.uniform(Device.of("java"), 0, 1, x.shape()).toFloats();
      float[] normal = random.normal(Device.of("java"), 0, 1, x.shape()).toFloats();
      var weights = new Nade.Weights(w.tensor(), v.tensor(), b.tensor(), rho.tensor(), Activation.RELU);
      Tensor state = c.tensor().expand(n, c.tensor().size(0));
      for (int i = 0; i < variables(); i++) {
        Nade.Weights one = weights.range(i, i + 1);
        if (!known[i]) draw(Nade.apply(Tensor.zeros(device, n, 1), one, state), i, uniform, normal, out);
        float[] column = new float[n];
        for (int row = 0; row < n; row++) column[row] = out[row * variables() + i];
        state = Nade.advance(Tensor.of(device, column, n, 1), one.w(), state);
      }
    }
    return Tensor.of(device, out, x.shape());
  }

  /** Draws variable i of all rows: a component by its weight, then a number by its mean and deviation. */
  private void draw(Tensor y, int i, float[] uniform, float[] normal, float[] out) {
    int k = components;
    float[] all = y.toFloats();
    for (int row = 0; row * 3 * k < all.length; row++) {
      int at = row * 3 * k;
      int which = component(all, at, uniform[row * variables() + i]);
      double logDeviation = Math.max(FLOOR, all[at + 2 * k + which]);
      out[row * variables() + i] =
          (float) (all[at + k + which] + StrictMath.exp(logDeviation) * normal[row * variables() + i]);
    }
  }

  /** The first component up to which softmax(logits) sums to more than u. */
  private int component(float[] logits, int at, double u) {
    double greatest = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < components; j++) greatest = Math.max(greatest, logits[at + j]);
    double sum = 0;
    for (int j = 0; j < components; j++) sum += StrictMath.exp(logits[at + j] - greatest);
    double left = u * sum;
    for (int j = 0; j < components - 1; j++) {
      left -= StrictMath.exp(logits[at + j] - greatest);
      if (left < 0) return j;
    }
    return components - 1;
  }

  @Override
  public int variables() {
    return (int) w.tensor().size(0);
  }

  @Override
  public int levels() {
    return 0;
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
