package org.ondol.grad;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;

/**
 * Moves parameters against their gradients. Its state belongs to it and is closed with it; the parameters are not.
 *
 * <p>Updates are compositions of {@link org.ondol.ops.Elementwise} operations on the parameters' device, so their bits
 * are those of docs/arithmetic.md everywhere.
 */
public abstract class Optimizer implements AutoCloseable {
  private final List<Parameter> parameters;
  private final Schedule schedule;
  private final Map<Parameter, State> states = new LinkedHashMap<>();
  private final Map<Parameter, Double> factors = new LinkedHashMap<>();
  private long steps;

  /** What is remembered of one parameter. */
  static final class State {
    final Tensor[] tensors;
    /** Updates of this parameter. */
    long updates;

    State(Tensor[] tensors) {
      this.tensors = tensors;
    }
  }

  Optimizer(Iterable<Parameter> parameters, Schedule schedule) {
    Require.present("parameters", parameters);
    this.schedule = Require.present("schedule", schedule);
    List<Parameter> all = new ArrayList<>();
    for (Parameter p : parameters) {
      Require.present("parameters", p).checkOpen();
      for (Parameter other : all) {
        if (other == p || other.name().equals(p.name())) {
          throw new InvalidArgumentException("parameters", "with two named " + p.name(), "different names");
        }
      }
      all.add(p);
    }
    this.parameters = List.copyOf(all);
  }

  /** The kind of optimiser, as checkpoints name it. */
  public abstract String kind();

  /** The names of the tensors that are remembered for each parameter. */
  abstract List<String> slots();

  /** One update; gradient is not to be written. */
  abstract void update(Parameter parameter, Tensor gradient, State state, double rate);

  /**
   * Lets parameters learn at a multiple of the schedule's rate, for instance slower where they were trained before. The
   * factor is no part of what is saved.
   *
   * @param some of this optimiser's parameters
   * @param factor at least 0
   */
  public final void scale(Iterable<Parameter> some, double factor) {
    Require.present("some", some);
    Require.notNegative("factor", factor);
    for (Parameter p : some) {
      if (!parameters.contains(p)) throw new InvalidArgumentException("some", "with " + p, "this optimiser's parameters");
    }
    for (Parameter p : some) factors.put(p, factor);
  }

  /** Moves every trainable parameter that has a gradient, in order. */
  public final void step() {
    double rate = schedule.rate(steps);
    for (Parameter p : parameters) {
      Tensor gradient = p.gradient();
      if (gradient == null || !p.trainable()) continue;
      p.checkOpen();
      State state = states.computeIfAbsent(p, q -> fresh(q));
      state.updates++;
      try (Scope scope = Scope.open()) {
        update(p, gradient, state, rate * factors.getOrDefault(p, 1.0));
      } finally {
        p.written();
      }
    }
    steps++;
  }

  private State fresh(Parameter p) {
    Tensor[] tensors = new Tensor[slots().size()];
    for (int i = 0; i < tensors.length; i++) {
      tensors[i] = Scope.detach(Tensor.zeros(p.tensor().device(), p.tensor().shape()));
    }
    return new State(tensors);
  }

  /** How often {@link #step} has run. */
  public final long steps() {
    return steps;
  }

  /** The rate that the next step will use. */
  public final double rate() {
    return schedule.rate(steps);
  }

  // ---- saving

  /**
   * What is remembered: {@code parameter/slot}, in order. The tensors are the optimiser's own. Parameters that were
   * never updated are absent.
   */
  public final Map<String, Tensor> state() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    for (Parameter p : parameters) {
      State s = states.get(p);
      for (int i = 0; s != null && i < s.tensors.length; i++) all.put(p.name() + "/" + slots().get(i), s.tensors[i]);
    }
    return all;
  }

  /** How often each parameter was updated. */
  public final Map<String, Long> updates() {
    Map<String, Long> all = new LinkedHashMap<>();
    for (Parameter p : parameters) {
      if (states.containsKey(p)) all.put(p.name(), states.get(p).updates);
    }
    return all;
  }

  /**
   * Goes back to a saved state. Everything is checked before anything is changed.
   *
   * @param steps as {@link #steps} said
   * @param updates as {@link #updates} said
   * @param state as {@link #state} said; the values are copied to the parameters' devices
   */
  public final void restore(long steps, Map<String, Long> updates, Map<String, Tensor> state) {
    if (steps < 0) throw new InvalidArgumentException("steps", steps, "at least 0");
    Require.present("updates", updates);
    Require.present("state", state);
    check(updates, state);
    Map<Parameter, State> restored = new LinkedHashMap<>();
    boolean done = false;
    try {
      for (Parameter p : parameters) {
        if (!updates.containsKey(p.name())) continue;
        State s = fresh(p);
        restored.put(p, s);
        s.updates = updates.get(p.name());
        for (int i = 0; i < s.tensors.length; i++) copy(state.get(p.name() + "/" + slots().get(i)), s.tensors[i]);
      }
      done = true;
    } finally {
      if (!done) close(restored);
    }
    close(states);
    states.putAll(restored);
    this.steps = steps;
  }

  private static void copy(Tensor from, Tensor to) {
    try (Tensor there = from.to(to.device())) {
      to.assign(there);
    }
  }

  private void check(Map<String, Long> updates, Map<String, Tensor> state) {
    int expected = 0;
    int known = 0;
    for (Parameter p : parameters) {
      Long count = updates.get(p.name());
      if (count == null) continue;
      known++;
      if (count < 0) throw new InvalidArgumentException("updates", count + " of " + p.name(), "at least 0");
      for (String slot : slots()) {
        expected++;
        Tensor t = Require.floats(p.name() + "/" + slot, state.get(p.name() + "/" + slot));
        Require.shape(p.name() + "/" + slot, t, p.tensor().shape());
      }
    }
    if (known != updates.size()) {
      throw new InvalidArgumentException("updates", updates.keySet(), "names of this optimiser's parameters");
    }
    if (expected != state.size()) {
      throw new InvalidArgumentException("state", state.keySet(), expected + " tensors, " + slots()
          + " of each updated parameter");
    }
  }

  private static void close(Map<Parameter, State> states) {
    for (State s : states.values()) for (Tensor t : s.tensors) if (t != null) t.close();
    states.clear();
  }

  /** Frees the state. */
  @Override
  public final void close() {
    close(states);
  }
}
