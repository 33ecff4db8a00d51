package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * A model that takes variables in another order than that in which they come. Every order gives an exact likelihood; how
 * good a model can become depends on it, since a conditional is as hard to learn as what it depends on is far away.
 */
public final class Ordered implements Autoregressive {
  private final Autoregressive model;
  private final Ordering ordering;

  public Ordered(Autoregressive model, Ordering ordering) {
    this.model = model;
    this.ordering = ordering;
    if (ordering.size() != model.variables()) {
      throw new InvalidArgumentException("ordering", "of " + ordering.size(), model.variables() + " variables");
    }
  }

  @Override
  public Value logLikelihood(Tape tape, Tensor x) {
    check(x);
    return model.logLikelihood(tape, ordering.apply(x));
  }

  @Override
  public Tensor complete(Tensor x, boolean[] known, Generator random) {
    check(x, known);
    try (Scope scope = Scope.open()) {
      return scope.keep(ordering.undo(model.complete(ordering.apply(x), ordering.apply(known), random)));
    }
  }

  @Override
  public int variables() {
    return model.variables();
  }

  @Override
  public int levels() {
    return model.levels();
  }

  @Override
  public Device device() {
    return model.device();
  }

  @Override
  public Parameters parameters() {
    return model.parameters();
  }

  @Override
  public void close() {
    model.close();
  }
}
