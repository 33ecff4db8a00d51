package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Iou;

/** Gradients da and db [n, 4] of the paired overlaps of a and b from dout [n]; all contiguous, n is not 0. */
public record IouBackwardArgs(Iou.Kind kind, int pixel, Tensor a, Tensor b, Tensor dout, Tensor da, Tensor db) {
  public long n() {
    return a.size(0);
  }
}
