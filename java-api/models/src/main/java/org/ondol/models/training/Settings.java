package org.ondol.models.training;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;

/** What can be chosen about a model and its training, by name. Unchangeable: each change gives another one. */
public final class Settings {
  /** The name of the setting that says how slowly the averages of {@link org.ondol.grad.Average} forget. */
  public static final String AVERAGE = "average";

  private enum Kind { WHOLE, NUMBER, CHOICE }

  /**
   * One of them.
   *
   * @param meaning for people
   */
  public record Setting(String name, String value, String meaning) {}

  private record Entry(Kind kind, String value, String meaning, double low, double high, List<String> choices) {
    Entry with(String changed) {
      return new Entry(kind, changed, meaning, low, high, choices);
    }
  }

  private final Map<String, Entry> entries;

  private Settings(Map<String, Entry> entries) {
    this.entries = entries;
  }

  /**
   * Those that all runs have: how often the examples are gone through, how many a step takes, how far it goes, and with
   * what averages of the parameters the model is measured.
   */
  public static Settings training(int epochs, int batch, double rate) {
    return new Settings(Map.of())
        .whole("epochs", epochs, 1, 1_000_000, "times that the examples are gone through")
        .whole("batch", batch, 1, 1_000_000, "examples a step")
        .number("rate", rate, 0, 1000, "learning rate")
        .number(AVERAGE, 0, 0, 0.999999, "decay of the parameters' moving averages, which are measured and kept; 0: none");
  }

  /** One more: a whole number from low to high. */
  public Settings whole(String name, long value, long low, long high, String meaning) {
    return and(name, new Entry(Kind.WHOLE, Long.toString(value), meaning, low, high, List.of()));
  }

  /** One more: a number from low to high. */
  public Settings number(String name, double value, double low, double high, String meaning) {
    return and(name, new Entry(Kind.NUMBER, Double.toString(value), meaning, low, high, List.of()));
  }

  /** One more: a word. */
  public Settings choice(String name, String value, List<String> choices, String meaning) {
    return and(name, new Entry(Kind.CHOICE, value, meaning, 0, 0, List.copyOf(choices)));
  }

  private Settings and(String name, Entry entry) {
    Map<String, Entry> all = new LinkedHashMap<>(entries);
    if (all.put(name, entry) != null) throw new InvalidArgumentException("name", name, "a name that is not taken yet");
    check(name, entry);
    return new Settings(all);
  }

  /**
   * The same with another value.
   *
   * @throws InvalidArgumentException if there is no such setting, or the value is none for it
   */
  public Settings with(String name, String value) {
    Entry changed = entry(name).with(value);
    check(name, changed);
    Map<String, Entry> all = new LinkedHashMap<>(entries);
    all.put(name, changed);
    return new Settings(all);
  }


  private static void check(String name, Entry e) {
    if (e.kind == Kind.CHOICE) {
      if (!e.choices.contains(e.value)) throw new InvalidArgumentException(name, e.value, "one of " + e.choices);
      return;
    }
    boolean whole = e.kind == Kind.WHOLE;
    String expected = whole
        ? "a whole number of " + (long) e.low + " to " + (long) e.high : "a number of " + e.low + " to " + e.high;
    try {
      double v = whole ? Long.parseLong(e.value) : Double.parseDouble(e.value);
      if (v >= e.low && v <= e.high) return;
    } catch (NumberFormatException x) {
      // said below
    }
    throw new InvalidArgumentException(name, e.value, expected);
  }

  private Entry entry(String name) {
    Entry e = entries.get(name);
    if (e == null) throw new InvalidArgumentException("setting", name, "one of " + entries.keySet());
    return e;
  }

  public int whole(String name) {
    return Math.toIntExact(Long.parseLong(entry(name).value));
  }

  public double number(String name) {
    return Double.parseDouble(entry(name).value);
  }

  public String choice(String name) {
    return entry(name).value;
  }

  /** All of them, in order. */
  public List<Setting> all() {
    List<Setting> all = new ArrayList<>();
    entries.forEach((name, e) -> all.add(new Setting(name, e.value, meaning(e))));
    return all;
  }

  private static String meaning(Entry e) {
    return e.kind == Kind.CHOICE ? e.meaning + ": " + String.join(", ", e.choices) : e.meaning;
  }

  /** Their values by name, as a checkpoint's notes keep them. */
  public Map<String, String> values() {
    Map<String, String> all = new LinkedHashMap<>();
    entries.forEach((name, e) -> all.put(name, e.value));
    return all;
  }
}
