package org.ondol.grad;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/** The parameters of a model by name, in the order in which they were added: the order of every sum over them. */
public final class Parameters implements Iterable<Parameter>, AutoCloseable {
  private final Map<String, Parameter> byName = new LinkedHashMap<>();

  /** None yet. */
  public Parameters() {}

  /** Makes a parameter of a tensor, see {@link Parameter}. */
  public Parameter add(String name, Tensor tensor) {
    Require.present("name", name);
    if (byName.containsKey(name)) throw new InvalidArgumentException("name", name, "a name that is not taken yet");
    Parameter p = new Parameter(name, tensor);
    byName.put(name, p);
    return p;
  }

  /** The parameter of this name. */
  public Parameter get(String name) {
    Parameter p = byName.get(name);
    if (p == null) throw new InvalidArgumentException("name", name, "one of " + byName.keySet());
    return p;
  }

  /** All of them, in order. */
  public List<Parameter> all() {
    return new ArrayList<>(byName.values());
  }

  /** Those whose names begin with a prefix, in order. */
  public List<Parameter> under(String prefix) {
    Require.present("prefix", prefix);
    Collection<Parameter> all = byName.values();
    return all.stream().filter(p -> p.name().startsWith(prefix)).toList();
  }

  @Override
  public Iterator<Parameter> iterator() {
    return all().iterator();
  }

  /**
   * Overwrites all values with those of another model's parameters, on whatever device they are: made anew on a device, a
   * model becomes a copy of one elsewhere.
   *
   * @throws InvalidArgumentException if names or shapes differ; then nothing was changed
   */
  public void assign(Parameters source) {
    Require.present("source", source);
    if (!source.byName.keySet().equals(byName.keySet())) {
      throw new InvalidArgumentException("source", "of " + source.byName.keySet(), "parameters named " + byName.keySet());
    }
    for (Parameter p : byName.values()) Require.shape("source", source.get(p.name()).tensor(), p.tensor().shape());
    for (Parameter p : byName.values()) {
      try (Tensor here = source.get(p.name()).tensor().to(p.tensor().device())) {
        p.assign(here);
      }
    }
  }

  /** The number of trained values. */
  public long count() {
    long n = 0;
    for (Parameter p : byName.values()) n += p.tensor().count();
    return n;
  }

  public void clearGradients() {
    for (Parameter p : byName.values()) p.clearGradient();
  }

  @Override
  public void close() {
    for (Parameter p : byName.values()) p.close();
  }
}
