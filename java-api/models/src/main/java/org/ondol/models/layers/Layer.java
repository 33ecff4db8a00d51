package org.ondol.models.layers;

import org.ondol.Device;

/**
 * A part of a model that owns its parameters, all of them on one device. A layer never changes after it is made, so
 * several threads may use it at once.
 */
public interface Layer extends AutoCloseable {
  /** Where the parameters are and {@code forward} runs. */
  Device device();

  /**
   * The same layer on another device. Both may be used side by side and are closed separately; devices of the host
   * share parameters where both can read them.
   */
  Layer to(Device device);

  /** Frees the parameters; using the layer afterwards throws {@link org.ondol.ClosedException}. */
  @Override
  void close();
}
