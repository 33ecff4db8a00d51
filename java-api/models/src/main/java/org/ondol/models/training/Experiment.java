package org.ondol.models.training;

import java.util.Map;
import java.util.function.Function;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Average;
import org.ondol.grad.Clip;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;

/** A model with the way in which it is trained and measured. It owns its parameters and its optimiser. */
public interface Experiment extends AutoCloseable {
  Parameters parameters();

  Optimizer optimizer();

  /** The averages of the parameters with which it is measured and shown, or null where that is done as they are. */
  default Average average() {
    return null;
  }

  /**
   * One step of training.
   *
   * @param random the run's only source of random numbers
   * @return what to report by name, "loss" among it
   */
  Map<String, Double> step(Batch batch, Generator random);

  /**
   * Measures the model without changing it.
   *
   * @return figures by name in the order of their weight: by the first one, the less the better, runs are judged; empty
   *     where nothing says how good the model is
   */
  Map<String, Double> evaluate(Examples examples, Generator random);

  /**
   * New examples [N, C, H, W] with values of 0 to 1, or rows [N, D] where the data are no pictures; null if the model
   * makes none.
   */
  Tensor sample(int count, Generator random);

  /**
   * Other pictures that show what the model does, by name, as {@link #sample} makes them.
   *
   * @param examples to show it with, or null where there are none
   */
  default Map<String, Tensor> pictures(Examples examples, Generator random) {
    return Map.of();
  }

  /** Frees parameters and optimiser. */
  @Override
  default void close() {
    optimizer().close();
    parameters().close();
  }

  /**
   * One step down a loss: tape, backward, clipping, update, and the gradients cleared.
   *
   * @param clip the longest gradient, or infinity
   * @return the loss
   */
  static double descend(Experiment e, Generator random, double clip, Function<Tape, Value> loss) {
    double value;
    try (Scope scope = Scope.open(); Tape tape = Tape.open(random)) {
      Value l = loss.apply(tape);
      tape.backward(l);
      value = l.item();
    }
    if (clip < Double.POSITIVE_INFINITY) Clip.byNorm(e.parameters(), clip);
    e.optimizer().step();
    e.parameters().clearGradients();
    return value;
  }
}
