package org.ondol.models.autoregressive;

import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Losses;
import org.ondol.grad.Reduction;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/** A model of zeros and ones that gives the logit of each p(x_i = 1 | x_1 .. x_i-1). */
public interface BinaryChain extends Autoregressive {
  /**
   * The logits.
   *
   * @param x [N, n]
   * @return [N, n], of which column i depends on the columns before i only
   */
  Value logits(Tape tape, Tensor x);

  @Override
  default int levels() {
    return 2;
  }

  @Override
  default Value logLikelihood(Tape tape, Tensor x) {
    check(x);
    return Losses.bernoulli(logits(tape, x), tape.constant(x), Reduction.NONE).sum(1).neg();
  }

  /** Draws variable by variable, with all logits computed anew for each: models that can do better override it. */
  @Override
  default Tensor complete(Tensor x, boolean[] known, Generator random) {
    check(x, known);
    Tensor y = x.copy();
    try (Scope scope = Scope.open()) {
      Tensor uniform = random.uniform(device(), 0, 1, x.shape());
      for (int i = 0; i < variables(); i++) {
        if (known[i]) continue;
        try (Scope inner = Scope.open(); Tape tape = Tape.open()) {
          Tensor p = Elementwise.sigmoid(tape.frozen(() -> logits(tape, y)).tensor().select(1, i));
          draw(p, uniform.select(1, i), y.select(1, i));
        }
      }
    }
    return y;
  }

  /** out = u < p ? 1 : 0. */
  static void draw(Tensor p, Tensor u, Tensor out) {
    try (Scope scope = Scope.open()) {
      Tensor one = Tensor.empty(p.device());
      Elementwise.fill(one, 1);
      Elementwise.run(Op.RELU_GRAD, Elementwise.sub(p, u), one, out, 0);
    }
  }
}
