package org.ondol.models.autoregressive;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * A model of examples x of n variables by the chain rule, ln p(x) = sum over i of ln p(x_i | x_1 .. x_i-1): the
 * likelihood is exact, samples are drawn variable by variable, and what is given of an example can be completed.
 *
 * <p>Examples are FLOAT32 [N, n]; variables of two or more levels are whole numbers from 0.
 */
public interface Autoregressive extends AutoCloseable {
  /** n. */
  int variables();

  /** How many values a variable has, or 0 where it is a real number. */
  int levels();

  Device device();

  Parameters parameters();

  /**
   * ln p(x) in nats (of the density, for real numbers).
   *
   * @param x [N, n]
   * @return [N]
   */
  Value logLikelihood(Tape tape, Tensor x);

  /**
   * Draws what is not known.
   *
   * @param x [N, n], of which the known variables count
   * @param known for each variable, whether it is given
   * @return [N, n]: where known, x
   */
  Tensor complete(Tensor x, boolean[] known, Generator random);

  /** ln p(x) without a gradient, [N]. */
  default Tensor logLikelihood(Tensor x) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      return scope.keep(tape.frozen(() -> logLikelihood(tape, x)).tensor().copy());
    }
  }

  /** Draws so many examples. [N, n]. */
  default Tensor sample(int count, Generator random) {
    if (count < 0) throw new InvalidArgumentException("count", count, "at least 0");
    try (Tensor nothing = Tensor.zeros(device(), count, variables())) {
      return complete(nothing, new boolean[variables()], random);
    }
  }

  /** Frees the parameters. */
  @Override
  default void close() {
    parameters().close();
  }

  /** Refuses examples that are not [N, n]. */
  default void check(Tensor x) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a tensor");
    if (x.rank() != 2 || x.size(1) != variables()) {
      throw new ShapeException("x", Arrays.toString(x.shape()), "[N, " + variables() + "]");
    }
  }

  /** The same for a completion. */
  default void check(Tensor x, boolean[] known) {
    check(x);
    if (known == null || known.length != variables()) {
      throw new InvalidArgumentException("known", known == null ? "null" : "of " + known.length + " variables",
          variables() + " of them");
    }
  }
}
