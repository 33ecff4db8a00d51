package org.ondol.models.training;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Average;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.SafeTensorsWriter;
import org.ondol.models.weights.WeightsException;

/**
 * All that a training run needs to go on with the same bits: parameters (frozen ones, such as running statistics, too),
 * their averages, the optimiser's state, the generator's position and the number of steps, in one safetensors file that is written
 * whole or not at all. Parameters have their own names in it, so that it is also a file of weights.
 */
public final class Checkpoint {
  private static final String STATE = "optimizer/";
  private static final String UPDATES = "/updates";
  private static final String AVERAGE = "average/";
  private static final String AVERAGED = "average.updates";
  private static final String OWN = "ondol.";
  private static final String VERSION = "1";

  /**
   * What a file said.
   *
   * @param step the number of steps done
   * @param notes the caller's own
   */
  public record Loaded(long step, Map<String, String> notes) {}

  private Checkpoint() {}

  /** Writes a checkpoint without averages. */
  public static void save(Path file, Parameters parameters, Optimizer optimizer, Generator generator, long step,
      Map<String, String> notes) {
    save(file, parameters, optimizer, null, generator, step, notes);
  }

  /**
   * Writes a checkpoint.
   *
   * @param optimizer or null
   * @param average of these parameters, or null
   * @param generator or null
   * @param notes the caller's own, such as the model's sizes; keys must not begin with "ondol."
   * @throws WeightsException if the file could not be written; an older one is then unchanged
   */
  public static void save(Path file, Parameters parameters, Optimizer optimizer, Average average, Generator generator,
      long step, Map<String, String> notes) {
    present("file", file);
    present("parameters", parameters);
    present("notes", notes);
    if (step < 0) throw new InvalidArgumentException("step", step, "at least 0");
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    Map<String, String> facts = new LinkedHashMap<>();
    for (String key : notes.keySet()) {
      if (key.startsWith(OWN)) {
        throw new InvalidArgumentException("notes", "with " + key, "keys that do not begin with " + OWN);
      }
    }
    facts.putAll(notes);
    facts.put(OWN + "checkpoint", VERSION);
    facts.put(OWN + "step", Long.toString(step));
    for (Parameter p : parameters) {
      if (extra(p.name())) {
        throw new InvalidArgumentException("parameters", "with " + p.name(), "names outside " + STATE + " and " + AVERAGE);
      }
      tensors.put(p.name(), p.tensor());
    }
    try (Scope scope = Scope.open()) {
      if (optimizer != null) {
        facts.put(OWN + "optimizer", optimizer.kind());
        facts.put(OWN + "optimizer.steps", Long.toString(optimizer.steps()));
        optimizer.state().forEach((name, t) -> tensors.put(STATE + name, t));
        optimizer.updates().forEach((name, n) ->
            tensors.put(STATE + name + UPDATES, Tensor.of(Device.of("java"), new long[] {n})));
      }
      if (average != null) {
        facts.put(OWN + AVERAGED, Long.toString(average.updates()));
        average.state().forEach((name, t) -> tensors.put(AVERAGE + name, t));
      }
      if (generator != null) {
        facts.put(OWN + "generator.seed", Long.toString(generator.seed()));
        facts.put(OWN + "generator.position", Long.toString(generator.position()));
      }
      SafeTensorsWriter.write(file, tensors, facts);
    }
  }

  /** Goes back to a checkpoint, but for its averages. */
  public static Loaded load(Path file, Parameters parameters, Optimizer optimizer, Generator generator) {
    return load(file, parameters, optimizer, null, generator);
  }

  /** Whether a checkpoint has averages of its parameters. */
  public static boolean hasAverages(SafeTensors saved) {
    return saved.metadata().containsKey(OWN + AVERAGED);
  }

  /** Whether a tensor is none of the parameters. */
  private static boolean extra(String name) {
    return name.startsWith(STATE) || name.startsWith(AVERAGE);
  }

  /**
   * Goes back to a checkpoint. Everything is read and checked before anything is changed.
   *
   * @param optimizer or null; of the kind that was saved, over the same parameters
   * @param average or null; over the same parameters
   * @param generator or null
   * @throws WeightsException if the file is absent, damaged, or not of this model, optimiser and generator
   */
  public static Loaded load(Path file, Parameters parameters, Optimizer optimizer, Average average,
      Generator generator) {
    present("file", file);
    present("parameters", parameters);
    try (Scope scope = Scope.open(); SafeTensors saved = SafeTensors.open(file)) {
      Facts facts = new Facts(file, saved.metadata());
      if (!VERSION.equals(facts.get("checkpoint"))) {
        throw new WeightsException(file + " is a checkpoint of version " + facts.get("checkpoint") + "; expected "
            + VERSION);
      }
      long step = facts.notNegative("step");
      Map<Parameter, Tensor> values = parameters(file, saved, parameters);
      Generator random = generator == null ? null : facts.generator();
      long averaged = average == null ? 0 : facts.notNegative(AVERAGED);
      Map<String, Tensor> sums = average == null ? Map.of() : averages(saved, parameters);
      if (optimizer != null) restore(file, saved, facts, optimizer);
      if (average != null) average.restore(averaged, sums);
      values.forEach(Parameter::assign);
      if (generator != null) generator.restore(random.seed(), random.position());
      return new Loaded(step, facts.notes());
    }
  }

  private static void present(String argument, Object value) {
    if (value == null) throw new InvalidArgumentException(argument, "null", "a value");
  }

  private record Facts(Path file, Map<String, String> all) {
    String get(String key) {
      String value = all.get(OWN + key);
      if (value == null) throw new WeightsException(file + " does not say its " + key + ": it is no such checkpoint");
      return value;
    }

    long whole(String key) {
      try {
        return Long.parseLong(get(key));
      } catch (NumberFormatException e) {
        throw new WeightsException(file + " says that its " + key + " is " + get(key), e);
      }
    }

    long notNegative(String key) {
      long value = whole(key);
      if (value < 0) throw new WeightsException(file + " says that its " + key + " is " + value);
      return value;
    }

    Generator generator() {
      Generator saved = new Generator(whole("generator.seed"));
      try {
        saved.seek(whole("generator.position"));
      } catch (InvalidArgumentException e) {
        throw new WeightsException(file + " is not of a generator: " + e.getMessage(), e);
      }
      return saved;
    }

    Map<String, String> notes() {
      Map<String, String> notes = new LinkedHashMap<>(all);
      notes.keySet().removeIf(k -> k.startsWith(OWN));
      return notes;
    }
  }

  private static Map<Parameter, Tensor> parameters(Path file, SafeTensors saved, Parameters parameters) {
    Set<String> names = new LinkedHashSet<>(saved.names());
    names.removeIf(Checkpoint::extra);
    Map<Parameter, Tensor> values = new LinkedHashMap<>();
    for (Parameter p : parameters) {
      if (!names.remove(p.name())) throw new WeightsException(file + " has no parameter named " + p.name());
      if (p.tensor().isClosed()) p.tensor().acquire(); // throws the ClosedException that names it
      values.put(p, saved.tensor(p.name(), p.tensor().device(), p.tensor().shape()));
    }
    if (!names.isEmpty()) throw new WeightsException(file + " has parameters that the model lacks: " + names);
    return values;
  }

  private static Map<String, Tensor> averages(SafeTensors saved, Parameters parameters) {
    Map<String, Tensor> sums = new LinkedHashMap<>();
    for (Parameter p : parameters) {
      sums.put(p.name(), saved.tensor(AVERAGE + p.name(), Device.of("java"), p.tensor().shape()));
    }
    return sums;
  }

  private static void restore(Path file, SafeTensors saved, Facts facts, Optimizer optimizer) {
    if (!facts.get("optimizer").equals(optimizer.kind())) {
      throw new WeightsException(file + " is of the optimiser " + facts.get("optimizer") + "; expected "
          + optimizer.kind());
    }
    Map<String, Long> updates = new LinkedHashMap<>();
    Map<String, Tensor> state = new LinkedHashMap<>();
    for (String name : saved.names()) {
      if (!name.startsWith(STATE)) continue;
      String own = name.substring(STATE.length());
      if (own.endsWith(UPDATES) && saved.type(name).equals("I64") && Arrays.equals(saved.shape(name), new long[0])) {
        updates.put(own.substring(0, own.length() - UPDATES.length()), saved.longs(name)[0]);
      } else {
        state.put(own, saved.tensor(name, Device.of("java")));
      }
    }
    try {
      optimizer.restore(facts.notNegative("optimizer.steps"), updates, state);
    } catch (InvalidArgumentException e) {
      throw new WeightsException(file + " is not of this optimiser: " + e.getMessage(), e);
    }
  }
}
