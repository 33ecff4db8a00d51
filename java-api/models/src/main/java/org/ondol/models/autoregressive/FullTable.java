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
import org.ondol.ops.Softmax;

/**
 * A probability of its own for each of the 2^n examples, of which all but one are free: 2^n - 1 parameters. Nothing can
 * be modelled better, and beyond some twenty variables nothing can be modelled so.
 *
 * <p>p(x) = softmax(0, t)[number of x], variable 0 being the highest bit of the number.
 */
public final class FullTable implements Autoregressive {
  private static final int MOST = 20;

  private final Parameters parameters = new Parameters();
  private final Device device;
  private final int variables;
  private final Parameter t;

  /** @param variables 1 to 20 */
  public FullTable(Device device, int variables, Generator random) {
    if (variables < 1 || variables > MOST) throw new InvalidArgumentException("variables", variables, "1 to " + MOST);
    this.device = device;
    this.variables = variables;
    t = parameters.add("t", Initializer.zeros().create(device, random, (1L << variables) - 1));
  }

  @Override
  public Value logLikelihood(Tape tape, Tensor x) {
    check(x);
    Value zero = tape.constant(Tensor.zeros(device, 1));
    Value all = Value.concat(0, zero, tape.parameter(t)).logSoftmax(0);
    return Sequences.embedding(all.unsqueeze(1), numbers(x)).squeeze(1);
  }

  private Tensor numbers(Tensor x) {
    float[] bits = x.toFloats();
    long[] numbers = new long[(int) x.size(0)];
    for (int i = 0; i < bits.length; i++) {
      if (bits[i] != 0 && bits[i] != 1) throw new InvalidArgumentException("x", "with " + bits[i], "0 and 1");
      numbers[i / variables] = numbers[i / variables] << 1 | (bits[i] == 1 ? 1 : 0);
    }
    return Tensor.of(device, numbers, numbers.length);
  }

  /** p(x_i = 1 | x_1 .. x_i-1) as a ratio of sums over the table: those that begin alike lie together. */
  @Override
  public Tensor complete(Tensor x, boolean[] known, Generator random) {
    check(x, known);
    float[] y = x.toFloats();
    float[] p;
    float[] uniform;
    try (Scope scope = Scope.open()) {
      uniform = random.uniform(Device.of("java"), 0, 1, x.shape()).toFloats();
      Tensor logits = Tensor.zeros(device, 1L << variables);
      logits.slice(0, 1, 1L << variables).assign(t.tensor());
      p = Softmax.softmax(logits, 0).toFloats();
    }
    double[] upTo = new double[p.length + 1];
    for (int i = 0; i < p.length; i++) upTo[i + 1] = upTo[i] + p[i];
    for (int n = 0; n < x.size(0); n++) complete(y, uniform, n * variables, known, upTo);
    return Tensor.of(device, y, x.shape());
  }

  private void complete(float[] y, float[] uniform, int at, boolean[] known, double[] upTo) {
    int from = 0;
    for (int i = 0; i < variables; i++) {
      int half = 1 << variables - 1 - i;
      if (!known[i]) {
        double both = upTo[from + 2 * half] - upTo[from];
        double ones = upTo[from + 2 * half] - upTo[from + half];
        y[at + i] = uniform[at + i] * both < ones ? 1 : 0;
      }
      if (y[at + i] == 1) from += half;
    }
  }

  @Override
  public int variables() {
    return variables;
  }

  @Override
  public int levels() {
    return 2;
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
