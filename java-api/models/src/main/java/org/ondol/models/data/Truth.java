package org.ondol.models.data;

import java.util.Arrays;
import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.models.detection.LabelledBox;

/** What is true of each of some examples. Holders may not change the arrays that they are given. */
public sealed interface Truth {
  /** How many examples. */
  int count();

  /** That of the examples with these numbers, in this order. */
  Truth of(int... numbers);

  /** That of the examples from one number on up to another, which is not among them. */
  default Truth range(int from, int to) {
    if (from < 0 || from > to || to > count()) {
      throw new InvalidArgumentException("range", from + " to " + to, "within 0 to " + count());
    }
    int[] numbers = new int[to - from];
    for (int i = 0; i < numbers.length; i++) numbers[i] = from + i;
    return of(numbers);
  }

  /** The names of the classes; empty where they have none. */
  List<String> classes();

  /**
   * A class for each example.
   *
   * @param labels at least 0 each
   */
  record Labels(int[] labels) implements Truth {
    public Labels {
      if (labels == null) throw new InvalidArgumentException("labels", "null", "a value");
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] < 0) throw new InvalidArgumentException("labels", "with " + labels[i] + " at " + i, "at least 0");
      }
    }

    @Override
    public int count() {
      return labels.length;
    }

    @Override
    public Labels of(int... numbers) {
      return new Labels(Arrays.stream(numbers).map(n -> labels[n]).toArray());
    }

    @Override
    public List<String> classes() {
      return List.of();
    }
  }

  /**
   * The objects of each picture.
   *
   * @param classes names; a box's label is a number in this list
   * @param boxes for each picture, in its pixels; none where it shows no object
   */
  record Boxes(List<String> classes, List<List<LabelledBox>> boxes) implements Truth {
    public Boxes {
      classes = Names.checked(classes);
      boxes = boxes.stream().map(List::copyOf).toList();
      for (List<LabelledBox> all : boxes) {
        for (LabelledBox b : all) {
          if (b.label() >= classes.size()) {
            throw new InvalidArgumentException("boxes", "with label " + b.label(), "below " + classes.size());
          }
        }
      }
    }

    @Override
    public int count() {
      return boxes.size();
    }

    @Override
    public Boxes of(int... numbers) {
      return new Boxes(classes, Arrays.stream(numbers).mapToObj(boxes::get).toList());
    }
  }

  /**
   * The class of each pixel.
   *
   * @param classes names
   * @param ignored the number, at least that of the classes, of pixels that count neither in a loss nor in a figure;
   *     -1 where there are none
   * @param maps of each picture, rows first, a byte a pixel: a class or ignored
   */
  record Maps(List<String> classes, int ignored, byte[][] maps) implements Truth {
    public Maps {
      classes = Names.checked(classes);
      if (ignored != -1 && (ignored < classes.size() || ignored > 255)) {
        throw new InvalidArgumentException("ignored", ignored, "-1, or " + classes.size() + " to 255");
      }
      for (byte[] map : maps) {
        for (byte value : map) {
          int v = value & 0xFF;
          if (v >= classes.size() && v != ignored) {
            throw new InvalidArgumentException("maps", "with " + v, "below " + classes.size() + ", or " + ignored);
          }
        }
      }
    }

    @Override
    public int count() {
      return maps.length;
    }

    @Override
    public Maps of(int... numbers) {
      return new Maps(classes, ignored, Arrays.stream(numbers).mapToObj(n -> maps[n]).toArray(byte[][]::new));
    }
  }

  /** Names of classes, which checkpoints keep a line each. */
  final class Names {
    private Names() {}

    /** A copy of at most 256 different names, none of them blank or of more than a line. */
    public static List<String> checked(List<String> names) {
      if (names == null) throw new InvalidArgumentException("classes", "null", "a value");
      if (names.size() > 256) throw new InvalidArgumentException("classes", "of " + names.size(), "at most 256");
      for (String name : names) {
        if (name == null || name.isBlank() || name.chars().anyMatch(c -> c == '\n' || c == '\r')) {
          throw new InvalidArgumentException("classes", "with \"" + name + "\"", "names of one line");
        }
      }
      if (names.stream().distinct().count() != names.size()) {
        throw new InvalidArgumentException("classes", names, "different names");
      }
      return List.copyOf(names);
    }
  }
}
