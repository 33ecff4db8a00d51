package org.ondol.grad;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * Averages of what parameters were in the course of training. Steps of a rate that does not fall scatter about a good
 * place; the average of where they have been lies nearer to it than the last of them (B. Polyak and A. Juditsky,
 * Acceleration of Stochastic Approximation by Averaging, SIAM J. Control Optim. 30(4), 1992). This one forgets:
 *
 * <pre>
 * S_t = decay · S_t-1 + p_t      average = S_t · (1 - decay) / (1 - decay^t)
 * </pre>
 *
 * so that the weights of p_1 to p_t sum to 1 from the first update on. Frozen parameters, such as running statistics,
 * are averaged as well. The sums belong to it and are closed with it; the parameters are not.
 */
public final class Average implements AutoCloseable {
  private final List<Parameter> parameters = new ArrayList<>();
  private final Map<String, Tensor> sums = new LinkedHashMap<>();
  private final double decay;
  private long updates;

  /** @param decay at least 0 and below 1; 1 / (1 - decay) is about the number of steps that count */
  public Average(Iterable<Parameter> parameters, double decay) {
    this.decay = Require.fraction("decay", decay);
    for (Parameter p : Require.present("parameters", parameters)) {
      Require.present("parameters", p).checkOpen();
      if (this.parameters.stream().anyMatch(q -> q.name().equals(p.name()))) {
        throw new InvalidArgumentException("parameters", "with two named " + p.name(), "different names");
      }
      this.parameters.add(p);
    }
    for (Parameter p : this.parameters) {
      sums.put(p.name(), Scope.detach(Tensor.zeros(p.tensor().device(), p.tensor().shape())));
    }
  }

  /** Takes the parameters as they are now into the average; after each step. */
  public void update() {
    for (Parameter p : parameters) p.checkOpen();
    for (Parameter p : parameters) {
      Tensor sum = sums.get(p.name());
      Elementwise.run(Op.AXPY, sum, p.tensor(), sum, decay);
    }
    updates++;
  }

  /** How often {@link #update} has run. */
  public long updates() {
    return updates;
  }

  /** Gives the parameters their averages for good; without an update they stay as they are. */
  public void assign() {
    if (updates == 0) return;
    double factor = (1 - decay) / (1 - StrictMath.pow(decay, updates));
    for (Parameter p : parameters) {
      p.checkOpen();
      Elementwise.run(Op.SCALE, sums.get(p.name()), null, p.tensor(), factor);
      p.written();
    }
  }

  /** Gives the parameters their averages until the result is closed; then they have their own values again. */
  public Held hold() {
    Held held = new Held(parameters);
    try {
      assign();
      return held;
    } catch (RuntimeException e) {
      held.close();
      throw e;
    }
  }

  /** Parameters' own values, kept while they have other ones. */
  public static final class Held implements AutoCloseable {
    private final Map<Parameter, Tensor> own = new LinkedHashMap<>();

    private Held(List<Parameter> parameters) {
      for (Parameter p : parameters) p.checkOpen();
      for (Parameter p : parameters) own.put(p, Scope.detach(p.tensor().copy()));
    }

    /** Gives them back. */
    @Override
    public void close() {
      own.forEach((p, t) -> {
        if (!p.tensor().isClosed()) p.assign(t);
        t.close();
      });
      own.clear();
    }
  }

  // ---- saving

  /** The sums by the parameters' names, in order. The tensors are this object's own. */
  public Map<String, Tensor> state() {
    return new LinkedHashMap<>(sums);
  }

  /**
   * Goes back to a saved state. Everything is checked before anything is changed.
   *
   * @param updates as {@link #updates} said
   * @param state as {@link #state} said; the values are copied to the parameters' devices
   */
  public void restore(long updates, Map<String, Tensor> state) {
    if (updates < 0) throw new InvalidArgumentException("updates", updates, "at least 0");
    Require.present("state", state);
    for (Parameter p : parameters) {
      Tensor t = Require.floats(p.name(), state.get(p.name()));
      Require.shape(p.name(), t, p.tensor().shape());
    }
    if (state.size() != sums.size()) {
      throw new InvalidArgumentException("state", state.keySet(), "tensors of the parameters " + sums.keySet());
    }
    sums.forEach((name, sum) -> {
      try (Tensor there = state.get(name).to(sum.device())) {
        sum.assign(there);
      }
    });
    this.updates = updates;
  }

  /** Frees the sums. */
  @Override
  public void close() {
    for (Tensor t : sums.values()) t.close();
  }
}
