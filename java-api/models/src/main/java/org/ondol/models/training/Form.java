package org.ondol.models.training;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.models.data.DataException;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;
import org.ondol.models.weights.WeightsException;

/**
 * What the examples of a data set look like; with the settings, all that is needed to make a model again.
 *
 * @param shape of one example
 * @param levels how many values each variable has
 * @param steps a run will take, for schedules; 0 where there will be none
 * @param classes the names of the classes of boxes or of pixels; empty where there are none
 */
public record Form(long[] shape, int levels, long steps, List<String> classes) {
  private static final String SHAPE = "data.shape";
  private static final String LEVELS = "data.levels";
  private static final String CLASSES = "data.classes";

  public Form {
    classes = Truth.Names.checked(classes);
  }

  /** Of examples whose classes have no names. */
  public Form(long[] shape, int levels, long steps) {
    this(shape, levels, steps, List.of());
  }

  public static Form of(DataSet data, long steps) {
    Examples train = data.train();
    return new Form(train.shape(), train.levels(), steps, train.classes());
  }

  /** Values in one example. */
  public int size() {
    long n = 1;
    for (long s : shape) n = Math.multiplyExact(n, s);
    return Math.toIntExact(n);
  }

  /** Channels, rows and columns where examples are pictures. */
  public long[] picture() {
    if (shape.length != 3) {
      throw new DataException("examples are " + Arrays.toString(shape) + ", expected pictures [C, H, W]");
    }
    return shape.clone();
  }

  /** Refuses examples whose values are not just 0 and 1. */
  public void expectBinary() {
    if (levels != 2) throw new DataException("examples have " + levels + " levels, expected 0 and 1");
  }

  /** Refuses examples that do not look like this. */
  public void expect(Examples examples, String where) {
    List<String> others = examples.classes();
    if (!classes.isEmpty() && !others.isEmpty() && !classes.equals(others)) {
      throw new DataException(where + " has the classes " + others + "; the model knows " + classes);
    }
    if (Arrays.equals(examples.shape(), shape) && examples.levels() == levels) return;
    throw new DataException(where + " has examples " + Arrays.toString(examples.shape()) + " of " + examples.levels()
        + " levels; the model takes " + Arrays.toString(shape) + " of " + levels);
  }

  /** As a checkpoint's notes. */
  public Map<String, String> notes() {
    Map<String, String> notes = new LinkedHashMap<>();
    notes.put(SHAPE, String.join(",", Arrays.stream(shape).mapToObj(Long::toString).toList()));
    notes.put(LEVELS, Integer.toString(levels));
    if (!classes.isEmpty()) notes.put(CLASSES, String.join("\n", classes));
    return notes;
  }

  /** From a checkpoint's notes. */
  public static Form of(Map<String, String> notes) {
    String sizes = notes.get(SHAPE);
    String levels = notes.get(LEVELS);
    if (sizes == null || levels == null) throw new WeightsException("the checkpoint does not say what its data are");
    try {
      long[] shape = Arrays.stream(sizes.split(",")).mapToLong(Long::parseLong).toArray();
      String names = notes.getOrDefault(CLASSES, "");
      List<String> classes = names.isEmpty() ? List.of() : List.of(names.split("\n", -1));
      return new Form(shape, Integer.parseInt(levels), 0, classes).checked();
    } catch (NumberFormatException | InvalidArgumentException e) {
      throw new WeightsException("the checkpoint says that its data are " + sizes + " of " + levels + " levels", e);
    }
  }

  private Form checked() {
    long n = 1;
    for (long s : shape) {
      if (s < 1 || s > 1 << 20) throw new InvalidArgumentException("shape", Arrays.toString(shape), "sizes of 1 to 2^20");
      n *= s;
      if (n > 1 << 26) throw new InvalidArgumentException("shape", Arrays.toString(shape), "at most 2^26 values");
    }
    if (levels < 2 || levels > 256) throw new InvalidArgumentException("levels", levels, "2 to 256");
    return this;
  }
}
