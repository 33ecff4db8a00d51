package org.ondol.models.data;

import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.images.Picture;

/** Some examples on their way to a device. Each call makes a tensor of the current scope. */
public final class Batch {
  private final Device device;
  private final long[] shape;
  private final int levels;
  private final byte[] values;
  private final Truth truth;

  Batch(Device device, long[] shape, int levels, byte[] values, Truth truth) {
    this.device = device;
    this.shape = shape;
    this.levels = levels;
    this.values = values;
    this.truth = truth;
  }

  public int count() {
    return (int) shape[0];
  }

  public Device device() {
    return device;
  }

  /** The values as numbers of 0 to 1: value / (levels - 1). FLOAT32 [N, ...]. */
  public Tensor inputs() {
    return inputs(0, 1);
  }

  /** The same from low to high: low + value · ((high - low) / (levels - 1)), in double, rounded once. */
  public Tensor inputs(double low, double high) {
    float[] of = new float[levels];
    for (int v = 0; v < levels; v++) of[v] = (float) (low + v * ((high - low) / (levels - 1)));
    of[levels - 1] = (float) high;
    float[] x = new float[values.length];
    for (int i = 0; i < x.length; i++) x[i] = of[values[i] & 0xFF];
    return Tensor.of(device, x, shape);
  }

  /** The values themselves, as classes of 0 to levels - 1. INT32 [N, ...]. */
  public Tensor classes() {
    int[] x = new int[values.length];
    for (int i = 0; i < x.length; i++) x[i] = values[i] & 0xFF;
    return Tensor.of(device, x, shape);
  }

  /** [N, ...]. */
  public long[] shape() {
    return shape.clone();
  }

  /** How many values there are: values are 0 to levels - 1. */
  public int levels() {
    return levels;
  }

  /** The values, one example after the other: the array itself, not a copy. */
  public byte[] values() {
    return values;
  }

  /**
   * A copy of one as a picture.
   *
   * @throws DataException if they are no pictures [3, H, W] of 256 levels
   */
  public Picture picture(int i) {
    if (i < 0 || i >= count()) throw new InvalidArgumentException("i", i, "0 to " + (count() - 1));
    if (levels != 256 || shape.length != 4 || shape[1] != 3) {
      throw new DataException("examples are " + Arrays.toString(shape) + " of " + levels
          + " levels, expected pictures [N, 3, H, W] of 256");
    }
    int size = Math.toIntExact(3 * shape[2] * shape[3]);
    return new Picture((int) shape[3], (int) shape[2], Arrays.copyOfRange(values, i * size, (i + 1) * size));
  }

  /** What is true of each, or null. */
  public Truth truth() {
    return truth;
  }

  /**
   * The same with other values and what is true of them, for instance varied at random. Takes the array over.
   *
   * @param changed as many as there are, below the number of levels
   * @param other for as many examples, or null
   */
  public Batch with(byte[] changed, Truth other) {
    if (changed.length != values.length) {
      throw new InvalidArgumentException("changed", "of " + changed.length + " bytes", "" + values.length);
    }
    if (other != null && other.count() != count()) {
      throw new InvalidArgumentException("other", "of " + other.count(), "one for each of " + count() + " examples");
    }
    for (int i = 0; levels < 256 && i < changed.length; i++) {
      if ((changed[i] & 0xFF) >= levels) {
        throw new InvalidArgumentException("changed", "with " + (changed[i] & 0xFF) + " at " + i, "below " + levels);
      }
    }
    return new Batch(device, shape, levels, changed, other);
  }

  /**
   * The labels. INT64 [N].
   *
   * @throws DataException if the examples have none
   */
  public Tensor labels() {
    if (!(truth instanceof Truth.Labels all)) throw new DataException("these examples have no labels");
    long[] labels = new long[all.count()];
    for (int i = 0; i < labels.length; i++) labels[i] = all.labels()[i];
    return Tensor.of(device, labels, labels.length);
  }

  /**
   * The objects of each picture, in its pixels.
   *
   * @throws DataException if the examples have none
   */
  public List<List<LabelledBox>> boxes() {
    if (truth instanceof Truth.Boxes all) return all.boxes();
    throw new DataException("these examples have no boxes");
  }

  /**
   * The class of each pixel; pixels that are ignored have their number. INT64 [N, H, W].
   *
   * @throws DataException if the examples have none
   */
  public Tensor maps() {
    if (!(truth instanceof Truth.Maps all)) throw new DataException("these examples have no label maps");
    int plane = Math.toIntExact(shape[2] * shape[3]);
    long[] classes = new long[Math.multiplyExact(count(), plane)];
    for (int n = 0; n < count(); n++) {
      for (int i = 0; i < plane; i++) classes[n * plane + i] = all.maps()[n][i] & 0xFF;
    }
    return Tensor.of(device, classes, count(), shape[2], shape[3]);
  }
}
