package org.ondol.grad;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Precision;

/**
 * What one step of training computes, recorded while it is computed. {@link #backward} goes through it from the last
 * operation to the first, adds the gradients of the parameters up in that order (see {@link Gradients}), and frees
 * every value as soon as nothing needs it any more; {@link #close} frees the rest. One tape serves one backward pass on
 * one thread.
 *
 * <p>Operations none of whose inputs leads to a trainable parameter or a variable are computed, not recorded, and get
 * no gradients.
 */
public final class Tape implements AutoCloseable {
  private final Thread owner = Thread.currentThread();
  private final Generator generator;
  private final Map<Parameter, Value> leaves = new IdentityHashMap<>();
  /** Leaves in the order of their first use. */
  private final List<Leaf> order = new ArrayList<>();
  private final List<Value> values = new ArrayList<>();
  private List<Node> nodes = new ArrayList<>();
  /** What an unrecorded run has used from outside, or null while recording. */
  private Probe probe;
  private boolean replaying;
  private boolean spent;
  private boolean closed;

  /** @param version of the parameter when the tape read it */
  private record Leaf(Parameter parameter, Value value, long version) {}

  /** An unrecorded run: values from {@code first} on are its own. */
  private record Probe(int first, Set<Value> own, Set<Value> used) {
    void see(Value[] inputs, Value result) {
      for (Value v : inputs) if (v != null && !own.contains(v)) used.add(v);
      own.add(result);
    }
  }

  private Tape(Generator generator) {
    this.generator = generator;
  }

  /** A tape without random operations. */
  public static Tape open() {
    return new Tape(null);
  }

  /** A tape whose random operations draw from a generator. */
  public static Tape open(Generator generator) {
    return new Tape(Require.present("generator", generator));
  }

  // ---- leaves

  /** A tensor without gradient. The tape keeps its memory open. */
  public Value constant(Tensor tensor) {
    return leaf("a constant", tensor, false);
  }

  /** A tensor whose gradient is wanted: {@link Value#gradient}. */
  public Value variable(Tensor tensor) {
    return leaf("a variable", tensor, true).keep();
  }

  private Value leaf(String origin, Tensor tensor, boolean needs) {
    check();
    Require.floats("tensor", tensor);
    if (needs && (probe != null || replaying)) {
      throw new GradientException("a variable inside a recomputed or frozen part");
    }
    return own(new Value(this, origin, Scope.detach(alias(tensor)), needs));
  }

  /** The value of a parameter, the same one each time. */
  public Value parameter(Parameter parameter) {
    check();
    Require.present("parameter", parameter).checkOpen();
    Value known = leaves.get(parameter);
    if (known != null) return known;
    Value value = new Value(this, "parameter " + parameter.name(), Scope.detach(alias(parameter.tensor())),
        parameter.trainable());
    leaves.put(parameter, value);
    order.add(new Leaf(parameter, value, parameter.version()));
    return value;
  }

  /**
   * The source of this tape's random numbers.
   *
   * @throws GradientException if it was opened without one
   */
  public Generator generator() {
    if (generator == null) throw new GradientException("the tape has no generator; use Tape.open(Generator)");
    return generator;
  }

  /**
   * Whether operations run a second time, for {@link #recompute}. What must happen once a step, like moving running
   * statistics, asks.
   */
  public boolean replaying() {
    return replaying;
  }

  // ---- recording

  /**
   * Runs an operation and records it. The way to give a tape operations that it does not know.
   *
   * @param name for messages
   * @param inputs on one tape; null where an optional one is absent
   */
  public static Value apply(String name, Operation operation, Value... inputs) {
    Require.present("operation", operation);
    return tapeOf(inputs).run(name, operation, inputs);
  }

  private static Tape tapeOf(Value... inputs) {
    Tape tape = null;
    for (Value v : Require.present("inputs", inputs)) {
      if (v == null) continue;
      if (tape != null && v.tape != tape) throw new GradientException(v + " is of another tape than " + inputs[0]);
      tape = v.tape;
    }
    if (tape == null) throw new InvalidArgumentException("inputs", "all null", "a value");
    return tape;
  }

  private Value run(String name, Operation operation, Value[] inputs) {
    check();
    boolean needs = false;
    for (Value v : inputs) {
      if (v == null) continue;
      v.tensor(); // refuses what is freed
      needs |= v.needs;
    }
    boolean record = needs && probe == null;
    Recorded recorded = new Recorded(record);
    boolean done = false;
    try (Scope scope = Scope.open()) {
      Tensor result = operation.run(recorded);
      for (Value v : inputs) if (v != null && v.tensor() == result) result = alias(result);
      Value value = own(new Value(this, name, Scope.detach(result), needs));
      if (record) nodes.add(new Node(name, inputs.clone(), value, recorded.backward, recorded.saved));
      if (probe != null) probe.see(inputs, value);
      done = true;
      return value;
    } finally {
      if (!done) recorded.saved.forEach(Tensor::close);
    }
  }

  private static final class Recorded implements Operation.Recording {
    private final boolean needed;
    private final List<Tensor> saved = new ArrayList<>();
    private Operation.Backward backward;

    Recorded(boolean needed) {
      this.needed = needed;
    }

    @Override
    public boolean needed() {
      return needed;
    }

    @Override
    public void save(Tensor... tensors) {
      if (!needed) return;
      for (Tensor t : tensors) if (t != null) saved.add(Scope.detach(t));
    }

    @Override
    public void backward(Operation.Backward backward) {
      this.backward = backward;
    }
  }

  private Value own(Value value) {
    values.add(value);
    if (probe != null) probe.own.add(value);
    return value;
  }

  private static Tensor alias(Tensor t) {
    return t.view(t.offset(), t.shape(), t.strides());
  }

  // ---- parts that are not recorded

  /**
   * Runs a part of the computation without recording it and frees all but its result, through which no gradient passes.
   * For a frozen part of a model.
   */
  public Value frozen(Supplier<Value> part) {
    check();
    Require.present("part", part);
    try (Tensor result = unrecorded(part, probe(values.size()))) {
      return leaf("a frozen part", result, false);
    }
  }

  /**
   * Runs a part of the computation and forgets everything but its result; backward runs it once more. The gradients
   * have the same bits as without, for less memory and one more forward pass. The tape's generator gives both runs the
   * same numbers; else the part must be a function of values and parameters alone.
   */
  public Value recompute(Supplier<Value> part) {
    check();
    Require.present("part", part);
    if (probe != null) return checked(part.get());
    long position = generator == null ? 0 : generator.position();
    Probe run = probe(values.size());
    Tensor result = unrecorded(part, run);
    Value[] inputs = run.used.toArray(Value[]::new);
    boolean needs = Arrays.stream(inputs).anyMatch(v -> v.needs);
    Value value = own(new Value(this, "a recomputed part", result, needs));
    if (needs) {
      nodes.add(new Node("recompute", inputs, value, (dy, g) -> replay(part, position, dy), new ArrayList<>()));
    }
    return value;
  }

  /** Runs a part in a probe and closes what it made; its result survives as a tensor outside every scope. */
  private Tensor unrecorded(Supplier<Value> part, Probe run) {
    Probe outer = probe;
    probe = run;
    try {
      Value result = checked(part.get());
      if (!run.own.contains(result)) run.used.add(result);
      return Scope.detach(alias(result.tensor()));
    } finally {
      probe = outer;
      freeFrom(run.first);
    }
  }

  private static Probe probe(int first) {
    return new Probe(first, new LinkedHashSet<>(), new LinkedHashSet<>());
  }

  private Value checked(Value result) {
    Require.present("the part's result", result);
    if (result.tape != this) throw new GradientException(result + " is of another tape than the part");
    return result;
  }

  private void replay(Supplier<Value> part, long position, Tensor dy) {
    List<Node> outer = nodes;
    boolean nested = replaying;
    int first = values.size();
    long now = generator == null ? 0 : generator.position();
    nodes = new ArrayList<>();
    replaying = true;
    try {
      if (generator != null) generator.seek(position);
      Value result = checked(part.get());
      markWanted(nodes);
      if (result.needs) Gradients.add(result, dy);
      backpropagate(nodes);
    } finally {
      nodes.forEach(Node::free);
      nodes = outer;
      replaying = nested;
      freeFrom(first);
      if (generator != null) generator.seek(now);
    }
  }

  private void freeFrom(int first) {
    List<Value> rest = values.subList(first, values.size());
    rest.forEach(Value::free);
    rest.clear();
  }

  // ---- backward

  /**
   * Adds the gradients of a loss of one element to all trainable parameters that led to it.
   *
   * @throws GradientException on a device of precision FLOAT16 (see {@link Device#precision}), where gradients would vanish
   */
  public void backward(Value loss) {
    backward(loss, null);
  }

  /**
   * The same for some of the parameters only (and all variables): nothing is computed for the others.
   *
   * @param only the wanted ones, or null for all
   */
  public void backward(Value loss, Collection<Parameter> only) {
    check();
    Require.present("loss", loss);
    if (loss.tape != this) throw new GradientException(loss + " is of another tape");
    if (probe != null || replaying) throw new GradientException("backward inside a recomputed or frozen part");
    if (loss.count() != 1) throw new ShapeException("loss", "of shape " + Arrays.toString(loss.shape()), "one element");
    checkPrecision(loss.tensor().device());
    checkLeaves();
    for (Leaf leaf : order) leaf.value.wanted = leaf.value.needs && (only == null || only.contains(leaf.parameter));
    for (Value v : values) v.wanted = v.needs; // variables; results are marked next
    markWanted(nodes);
    if (!loss.wanted) throw new GradientException("no trainable parameter and no variable leads to " + loss);
    loss.kept = true;
    spent = true;
    try (Scope scope = Scope.open()) {
      Tensor one = Tensor.empty(loss.tensor().device(), loss.shape());
      Elementwise.fill(one, 1);
      Gradients.add(loss, one);
      backpropagate(nodes);
      deliver();
    } finally {
      nodes.forEach(Node::free);
      nodes.clear();
      values.removeIf(Tape::done);
      for (Leaf leaf : order) leaf.value.dropGradient();
    }
  }

  /** Below 2^-24 a FLOAT16 is zero, and most gradients of a network are: they would have to be scaled up and back. */
  private static void checkPrecision(Device device) {
    if (device.precision() != Precision.FLOAT16) return;
    throw new GradientException("gradients on device \"" + device + "\" would vanish in FLOAT16, as the loss is not "
        + "scaled; train in precision BFLOAT16");
  }

  private void checkLeaves() {
    for (Leaf leaf : order) {
      leaf.parameter.checkOpen();
      if (leaf.parameter.version() != leaf.version) {
        throw new GradientException("parameter " + leaf.parameter.name() + " was written after the tape had read it");
      }
    }
  }

  private static void markWanted(List<Node> list) {
    for (Node node : list) {
      boolean wanted = false;
      for (Value v : node.inputs) wanted |= v != null && v.wanted;
      node.output.wanted = wanted;
    }
  }

  private static void backpropagate(List<Node> list) {
    for (int i = list.size() - 1; i >= 0; i--) {
      Node node = list.get(i);
      Tensor dy = node.output.gradient;
      if (dy != null && node.output.wanted) {
        if (node.backward == null) throw new NoGradientException(node.name);
        try (Scope scope = Scope.open()) {
          node.backward.run(dy, new Gradients(node.inputs));
        }
      }
      node.free();
    }
  }

  private void deliver() {
    for (Leaf leaf : order) {
      if (leaf.value.gradient == null) continue;
      leaf.parameter.accumulate(leaf.value.gradient);
      leaf.value.dropGradient();
    }
  }

  /** Frees a value after backward, unless it is kept. */
  private static boolean done(Value v) {
    if (v.kept) return false;
    v.free();
    return true;
  }

  private record Node(String name, Value[] inputs, Value output, Operation.Backward backward, List<Tensor> saved) {
    /** The result, its gradient and what was saved: nothing recorded before it needs them. */
    void free() {
      saved.forEach(Tensor::close);
      saved.clear();
      if (!output.kept) output.free(); else output.dropGradient();
    }
  }

  // ---- lifetime

  private void check() {
    if (closed) throw new ClosedException("the tape is closed");
    if (Thread.currentThread() != owner) {
      throw new InvalidArgumentException("tape", "owned by thread " + owner.getName(), "use by its own thread only");
    }
    if (spent && !replaying && probe == null) {
      throw new GradientException("backward has run on this tape; open a new one for the next step");
    }
  }

  /** Frees everything that is left. */
  @Override
  public void close() {
    if (closed) return;
    closed = true;
    nodes.forEach(Node::free);
    for (Value v : values) v.free();
    for (Leaf leaf : order) leaf.value.free();
  }
}
