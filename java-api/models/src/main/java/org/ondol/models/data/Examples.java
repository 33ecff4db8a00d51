package org.ondol.models.data;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;

/**
 * Examples of one shape, a byte a value, with or without labels. What a value means follows from {@link #levels}: of two
 * levels it is 0 or 1, of 256 a shade from 0 to 255.
 */
public final class Examples {
  private final String name;
  private final long[] shape;
  private final int size;
  private final int levels;
  private final byte[] values;
  private final int[] labels;

  /**
   * Takes the arrays over.
   *
   * @param name for messages, such as "train"
   * @param shape of one example: [C, H, W] of an image, [D] of a row of variables
   * @param levels how many values there are, 2 to 256; values are 0 to levels - 1
   * @param values one example after the other
   * @param labels a class of at least 0 for each example, or null
   */
  public Examples(String name, long[] shape, int levels, byte[] values, int[] labels) {
    this.name = present("name", name);
    this.shape = present("shape", shape).clone();
    this.values = present("values", values);
    this.labels = labels;
    this.levels = levels;
    if (levels < 2 || levels > 256) throw new InvalidArgumentException("levels", levels, "2 to 256");
    long count = 1;
    for (long s : shape) {
      if (s < 1 || s > values.length) {
        throw new InvalidArgumentException("shape", Arrays.toString(shape), "sizes of 1 to " + values.length);
      }
      count = Math.multiplyExact(count, s);
    }
    if (values.length % count != 0) {
      throw new InvalidArgumentException("values", "of " + values.length + " bytes", "a multiple of " + count);
    }
    size = (int) count;
    if (labels != null && labels.length != count()) {
      throw new InvalidArgumentException("labels", "of " + labels.length, "one for each of " + count() + " examples");
    }
    for (int i = 0; i < values.length; i++) {
      if ((values[i] & 0xFF) >= levels) {
        throw new InvalidArgumentException("values", "with " + (values[i] & 0xFF) + " at " + i, "below " + levels);
      }
    }
    for (int i = 0; labels != null && i < labels.length; i++) {
      if (labels[i] < 0) throw new InvalidArgumentException("labels", "with " + labels[i] + " at " + i, "at least 0");
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

  public boolean labelled() {
    return labels != null;
  }

  public int value(int example, int variable) {
    return values[example * size + variable] & 0xFF;
  }

  public int label(int example) {
    if (labels == null) throw new DataException(name + " has no labels");
    return labels[example];
  }

  /** The first ones. */
  public Examples first(int count) {
    if (count < 0) throw new InvalidArgumentException("count", count, "at least 0");
    return range(name, 0, Math.min(count, count()));
  }

  /** Those from one number on up to another, which is not among them. */
  Examples range(String called, int from, int to) {
    return new Examples(called, shape, levels, Arrays.copyOfRange(values, from * size, to * size),
        labels == null ? null : Arrays.copyOfRange(labels, from, to));
  }

  /** The same with another shape for each, of as many values. */
  public Examples reshape(long... other) {
    return new Examples(name, other, levels, values, labels);
  }

  /** The same with two levels: 1 where a value is at least the threshold. */
  public Examples binarized(int threshold) {
    byte[] bits = new byte[values.length];
    for (int i = 0; i < bits.length; i++) bits[i] = (byte) ((values[i] & 0xFF) >= threshold ? 1 : 0);
    return new Examples(name, shape, 2, bits, labels);
  }

  /** Those with these numbers, as a batch. */
  public Batch batch(Device device, int... numbers) {
    present("device", device);
    byte[] chosen = new byte[Math.multiplyExact(numbers.length, size)];
    long[] classes = labels == null ? null : new long[numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] < 0 || numbers[i] >= count()) {
        throw new InvalidArgumentException("numbers", "with " + numbers[i], "0 to " + (count() - 1));
      }
      System.arraycopy(values, numbers[i] * size, chosen, i * size, size);
      if (classes != null) classes[i] = labels[numbers[i]];
    }
    long[] all = new long[shape.length + 1];
    all[0] = numbers.length;
    System.arraycopy(shape, 0, all, 1, shape.length);
    return new Batch(device, all, levels, chosen, classes);
  }
}
