package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Regions of interest. Coordinates may be anything: docs/arithmetic.md, Regions, says which boxes are void.
 *
 * @param boxes [R, 4], FLOAT32, contiguous: x1, y1, x2, y2
 * @param images [R], INT32, contiguous, checked, of nobody else; still a kernel follows none that is not there
 * @param levels [R], INT32, contiguous, likewise; null for the maps' first level
 */
public record RoiList(Tensor boxes, Tensor images, Tensor levels) {
  public long count() {
    return boxes.size(0);
  }
}
