package org.ondol.models.trunks;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.models.weights.WeightsException;

/**
 * A network's description in the format of J. Redmon's Darknet: sections of a layer each, with a key and a value a line,
 * the first of which is {@code [net]}. Lines that begin with # or ; say nothing.
 */
public final class DarknetConfig {
  private static final int MOST_LAYERS = 10_000;

  /** A value and where it stands. */
  private record Entry(String value, int line) {}

  /** A layer, or {@code [net]}. */
  public final class Section {
    private final String name;
    private final int line;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    private Section(String name, int line) {
      this.name = name;
      this.line = line;
    }

    /** What stands between the brackets, in lower case. */
    public String name() {
      return name;
    }

    /** The line of the brackets, from 1. */
    public int line() {
      return line;
    }

    public boolean has(String key) {
      return entries.containsKey(key);
    }

    public String text(String key, String absent) {
      Entry e = entries.get(key);
      return e == null ? absent : e.value;
    }

    /** A whole number within bounds. */
    public int whole(String key, int absent, int low, int high) {
      Entry e = entries.get(key);
      if (e == null) return absent;
      try {
        int value = Integer.parseInt(e.value);
        if (value >= low && value <= high) return value;
      } catch (NumberFormatException x) {
        // Said below.
      }
      throw wrong(e, key, "a whole number from " + low + " to " + high);
    }

    /** A number. */
    public double number(String key, double absent) {
      Entry e = entries.get(key);
      if (e == null) return absent;
      try {
        double value = Double.parseDouble(e.value);
        if (Double.isFinite(value)) return value;
      } catch (NumberFormatException x) {
        // Said below.
      }
      throw wrong(e, key, "a number");
    }

    /** Numbers between commas. */
    public double[] numbers(String key) {
      Entry e = need(key);
      String[] parts = e.value.split("\\s*,\\s*");
      double[] values = new double[parts.length];
      try {
        for (int i = 0; i < parts.length; i++) values[i] = Double.parseDouble(parts[i]);
        return values;
      } catch (NumberFormatException x) {
        throw wrong(e, key, "numbers with commas between them");
      }
    }

    /** Whole numbers between commas. */
    public int[] wholes(String key) {
      double[] values = numbers(key);
      int[] wholes = new int[values.length];
      for (int i = 0; i < values.length; i++) {
        wholes[i] = (int) values[i];
        if (wholes[i] != values[i]) throw wrong(entries.get(key), key, "whole numbers with commas between them");
      }
      return wholes;
    }

    private Entry need(String key) {
      Entry e = entries.get(key);
      if (e == null) throw refuse("[" + name + "] has no " + key);
      return e;
    }

    /** Refuses a key whose value is not the only one that this reader knows. */
    public void only(String key, int value) {
      if (whole(key, value, Integer.MIN_VALUE, Integer.MAX_VALUE) != value) {
        throw wrong(entries.get(key), key, value + ", the only value that is supported");
      }
    }

    /** Says what is wrong with a key's value. */
    public WeightsException wrong(String key, String expected) {
      Entry e = entries.get(key);
      return e == null ? refuse("[" + name + "] has no " + key + "; expected " + expected) : wrong(e, key, expected);
    }

    private WeightsException wrong(Entry e, String key, String expected) {
      return at(e.line, key + " is " + e.value + "; expected " + expected);
    }

    /** Says what is wrong with the layer. */
    public WeightsException refuse(String message) {
      return at(line, message);
    }
  }

  private final String source;
  private final List<Section> sections = new ArrayList<>();

  private DarknetConfig(String source, List<String> lines) {
    this.source = source;
    for (int i = 0; i < lines.size(); i++) line(lines.get(i).strip(), i + 1);
    if (sections.isEmpty()) throw new WeightsException(source + " has no section; expected [net] first");
    String first = sections.getFirst().name;
    if (!first.equals("net") && !first.equals("network")) {
      throw sections.getFirst().refuse("the first section is [" + first + "]; expected [net]");
    }
    if (sections.size() == 1) throw new WeightsException(source + " has no layer");
  }

  /** Reads a file. */
  public static DarknetConfig read(Path file) {
    if (file == null) throw new InvalidArgumentException("file", "null", "a path");
    try {
      return new DarknetConfig(file.toString(), Files.readAllLines(file));
    } catch (CharacterCodingException e) {
      throw new WeightsException(file + " is no text", e);
    } catch (IOException e) {
      throw new WeightsException("cannot read " + file + ": " + e, e);
    }
  }

  /**
   * Reads a text.
   *
   * @param source its name, for messages
   */
  public static DarknetConfig parse(String source, String text) {
    if (text == null) throw new InvalidArgumentException("text", "null", "a text");
    return new DarknetConfig(source, text.lines().toList());
  }

  private void line(String text, int number) {
    if (text.isEmpty() || text.startsWith("#") || text.startsWith(";")) return;
    if (text.startsWith("[")) {
      if (!text.endsWith("]")) throw at(number, "\"" + text + "\" is no section; expected [name]");
      if (sections.size() > MOST_LAYERS) throw at(number, "more than " + MOST_LAYERS + " layers");
      sections.add(new Section(text.substring(1, text.length() - 1).strip().toLowerCase(Locale.ROOT), number));
      return;
    }
    int equals = text.indexOf('=');
    if (equals < 1) throw at(number, "\"" + text + "\" is neither a section nor key=value");
    if (sections.isEmpty()) throw at(number, "\"" + text + "\" stands before the first section");
    String key = text.substring(0, equals).strip();
    Entry entry = new Entry(text.substring(equals + 1).strip(), number);
    Entry old = sections.getLast().entries.put(key, entry);
    if (old != null && !old.value.equals(entry.value)) {
      throw at(number, key + " is " + entry.value + ", and " + old.value + " in line " + old.line);
    }
  }

  private WeightsException at(int line, String message) {
    return new WeightsException(source + ":" + line + ": " + message);
  }

  /** Where it came from, for messages. */
  public String source() {
    return source;
  }

  /** What {@code [net]} says of the network as a whole. */
  public Section net() {
    return sections.getFirst();
  }

  /** The layers, in order; layer 0 follows {@code [net]}. */
  public List<Section> layers() {
    return List.copyOf(sections.subList(1, sections.size()));
  }
}
