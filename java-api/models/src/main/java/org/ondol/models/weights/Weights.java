package org.ondol.models.weights;

import org.ondol.Device;
import org.ondol.Tensor;

/** The trained parameters of a model by name, from whatever file holds them. */
public interface Weights {
  /**
   * A parameter on a device, FLOAT32; the caller closes it.
   *
   * @param shape the expected one, with -1 where any size will do
   * @throws WeightsException if there is no such parameter or its shape differs
   */
  Tensor tensor(String name, Device device, long... shape);
}
