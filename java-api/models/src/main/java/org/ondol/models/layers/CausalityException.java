package org.ondol.models.layers;

import org.ondol.InvalidArgumentException;

/** A layer would see a pixel, or a colour of one, that is not known yet when it is computed. */
public final class CausalityException extends InvalidArgumentException {
  private final int layer;
  private final long ky;
  private final long kx;

  CausalityException(int layer, long ky, long kx, String value, String expected) {
    super("layer " + layer, value, expected);
    this.layer = layer;
    this.ky = ky;
    this.kx = kx;
  }

  /** The index of the layer's map. */
  public int layer() {
    return layer;
  }

  /** The row of the filter's tap; -1 where no filter is at fault. */
  public long ky() {
    return ky;
  }

  /** The column of the filter's tap; -1 where no filter is at fault. */
  public long kx() {
    return kx;
  }
}
