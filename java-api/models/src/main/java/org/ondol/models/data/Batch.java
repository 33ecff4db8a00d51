package org.ondol.models.data;

import org.ondol.Device;
import org.ondol.Tensor;

/** Some examples on their way to a device. Each call makes a tensor of the current scope. */
public final class Batch {
  private final Device device;
  private final long[] shape;
  private final int levels;
  private final byte[] values;
  private final long[] labels;

  Batch(Device device, long[] shape, int levels, byte[] values, long[] labels) {
    this.device = device;
    this.shape = shape;
    this.levels = levels;
    this.values = values;
    this.labels = labels;
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

  /**
   * The labels. INT64 [N].
   *
   * @throws DataException if the examples have none
   */
  public Tensor labels() {
    if (labels == null) throw new DataException("these examples have no labels");
    return Tensor.of(device, labels, labels.length);
  }
}
