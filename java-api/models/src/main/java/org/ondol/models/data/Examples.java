package org.ondol.models.data;

import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.images.Picture;

/**
 * Examples of one shape, a byte a value, with or without what is true of them. What a value means follows from
 * {@link #levels}: of two levels it is 0 or 1, of 256 a shade from 0 to 255.
 */
public final class Examples {
  private final String name;
  private final long[] shape;
  private final int size;
  private final int levels;
  private final byte[] values;
  private final Truth truth;
  private final List<String> files;

  /** Examples of which nothing more is known. */
  public Examples(String name, long[] shape, int levels, byte[] values) {
    this(name, shape, levels, values, (Truth) null);
  }

  /**
   * Takes the arrays over.
   *
   * @param labels a class of at least 0 for each example, or null
   */
  public Examples(String name, long[] shape, int levels, byte[] values, int[] labels) {
    this(name, shape, levels, values, labels == null ? null : new Truth.Labels(labels));
  }

  /**
   * Takes the arrays over.
   *
   * @param truth what is true of each example, or null
   */
  public Examples(String name, long[] shape, int levels, byte[] values, Truth truth) {
    this(name, shape, levels, values, truth, null);
  }

  /**
   * Takes the arrays over.
   *
   * @param name for messages, such as "train"
   * @param shape of one example: [C, H, W] of an image, [D] of a row of variables
   * @param levels how many values there are, 2 to 256; values are 0 to levels - 1
   * @param values one example after the other
   * @param truth what is true of each example, or null; boxes and maps are of examples [C, H, W]
   * @param files the name of each example's file, or null
   */
  public Examples(String name, long[] shape, int levels, byte[] values, Truth truth, List<String> files) {
    this.name = present("name", name);
    this.shape = present("shape", shape).clone();
    this.values = present("values", values);
    this.truth = truth;
    this.files = files == null ? null : List.copyOf(files);
    this.levels = levels;
    if (levels < 2 || levels > 256) throw new InvalidArgumentException("levels", levels, "2 to 256");
    long count = 1;
    for (long s : shape) {
      if (s < 1 || s > Math.max(1, values.length)) {
        throw new InvalidArgumentException("shape", Arrays.toString(shape), "sizes of 1 to " + values.length);
      }
      count = Math.multiplyExact(count, s);
    }
    if (values.length % count != 0) {
      throw new InvalidArgumentException("values", "of " + values.length + " bytes", "a multiple of " + count);
    }
    size = (int) count;
    for (int i = 0; levels < 256 && i < values.length; i++) {
      if ((values[i] & 0xFF) >= levels) {
        throw new InvalidArgumentException("values", "with " + (values[i] & 0xFF) + " at " + i, "below " + levels);
      }
    }
    checkTruth();
  }

  private void checkTruth() {
    String each = "one for each of " + count() + " examples";
    if (files != null && files.size() != count()) {
      throw new InvalidArgumentException("files", "of " + files.size(), each);
    }
    if (truth == null) return;
    if (truth.count() != count()) {
      throw new InvalidArgumentException(truth instanceof Truth.Labels ? "labels" : "truth", "of " + truth.count(), each);
    }
    if (truth instanceof Truth.Labels) return;
    if (shape.length != 3) {
      throw new InvalidArgumentException("shape", Arrays.toString(shape), "[C, H, W], having boxes or maps");
    }
    if (truth instanceof Truth.Maps maps) {
      for (byte[] map : maps.maps()) {
        if (map.length != shape[1] * shape[2]) {
          throw new InvalidArgumentException("maps", "with one of " + map.length + " pixels", shape[1] + " x " + shape[2]);
        }
      }
    }
  }

  private static <T> T present(String argument, T value) {
    if (value == null) throw new InvalidArgumentException(argument, "null", "a value");
    return value;
  }

  public String name() {
    return name;
  }

  /** How many there are. */
  public int count() {
    return values.length / size;
  }

  /** The shape of one. */
  public long[] shape() {
    return shape.clone();
  }

  /** Values in one. */
  public int size() {
    return size;
  }

  public int levels() {
    return levels;
  }

  /** Whether each has a class. */
  public boolean labelled() {
    return truth instanceof Truth.Labels;
  }

  public int value(int example, int variable) {
    return values[example * size + variable] & 0xFF;
  }

  /** What is true of them, or null. */
  public Truth truth() {
    return truth;
  }

  /** The names of the classes of boxes or maps; empty where there are none. */
  public List<String> classes() {
    return truth == null ? List.of() : truth.classes();
  }

  /**
   * The class of one.
   *
   * @throws DataException if they have none
   */
  public int label(int example) {
    if (truth instanceof Truth.Labels labels) return labels.labels()[example];
    throw new DataException(name + " has no labels");
  }

  /**
   * The objects in a picture.
   *
   * @throws DataException if there are no boxes
   */
  public List<LabelledBox> boxes(int example) {
    if (truth instanceof Truth.Boxes boxes) return boxes.boxes().get(example);
    throw new DataException(name + " has no boxes");
  }

  /**
   * The class of each pixel of a picture, rows first: the array itself, not a copy.
   *
   * @throws DataException if there are no maps
   */
  public byte[] map(int example) {
    if (truth instanceof Truth.Maps maps) return maps.maps()[example];
    throw new DataException(name + " has no label maps");
  }

  /**
   * A copy of one as a picture; one plane counts as three that are alike.
   *
   * @throws DataException if they are no pictures [1 or 3, H, W] of 256 levels
   */
  public Picture picture(int example) {
    if (levels != 256 || shape.length != 3 || shape[0] != 1 && shape[0] != 3) {
      throw new DataException(name + " has examples " + Arrays.toString(shape) + " of " + levels
          + " levels, expected pictures [1 or 3, H, W] of 256");
    }
    int plane = (int) (shape[1] * shape[2]);
    byte[] planes = new byte[Math.multiplyExact(3, plane)];
    for (int c = 0; c < 3; c++) {
      System.arraycopy(values, example * size + (shape[0] == 3 ? c * plane : 0), planes, c * plane, plane);
    }
    return new Picture((int) shape[2], (int) shape[1], planes);
  }

  /** The name of one's file, or its number. */
  public String file(int example) {
    return files == null ? Integer.toString(example) : files.get(example);
  }

  /** The first ones. */
  public Examples first(int count) {
    if (count < 0) throw new InvalidArgumentException("count", count, "at least 0");
    return range(name, 0, Math.min(count, count()));
  }

  /** Those from one number on up to another, which is not among them. */
  Examples range(String called, int from, int to) {
    return new Examples(called, shape, levels, Arrays.copyOfRange(values, from * size, to * size),
        truth == null ? null : truth.range(from, to), files == null ? null : files.subList(from, to));
  }

  /** The same with another shape for each, of as many values; boxes and maps, which would not fit, are left out. */
  public Examples reshape(long... other) {
    return new Examples(name, other, levels, values, labelled() ? truth : null, files);
  }

  /** The same with two levels: 1 where a value is at least the threshold. */
  public Examples binarized(int threshold) {
    byte[] bits = new byte[values.length];
    for (int i = 0; i < bits.length; i++) bits[i] = (byte) ((values[i] & 0xFF) >= threshold ? 1 : 0);
    return new Examples(name, shape, 2, bits, truth, files);
  }

  /** Those with these numbers, as a batch. */
  public Batch batch(Device device, int... numbers) {
    present("device", device);
    byte[] chosen = new byte[Math.multiplyExact(numbers.length, size)];
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] < 0 || numbers[i] >= count()) {
        throw new InvalidArgumentException("numbers", "with " + numbers[i], "0 to " + (count() - 1));
      }
      System.arraycopy(values, numbers[i] * size, chosen, i * size, size);
    }
    long[] all = new long[shape.length + 1];
    all[0] = numbers.length;
    System.arraycopy(shape, 0, all, 1, shape.length);
    return new Batch(device, all, levels, chosen, truth == null ? null : truth.of(numbers));
  }
}
