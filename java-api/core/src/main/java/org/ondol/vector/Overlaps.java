package org.ondol.vector;

import org.ondol.ops.Iou;

/** Loops over boxes, for iou. */
interface Overlaps {
  /**
   * Overlaps of one box with n others, n a multiple of 16, to {@code out} from {@code outAt} on.
   *
   * @param box x1, y1, x2, y2 and the area
   * @param others rows of {@code stride} floats: x1, y1, x2, y2 and areas
   * @param pixel 0 or 1
   */
  void row(Iou.Kind kind, float[] box, float[] others, int stride, float pixel, float[] out, int outAt, int n);
}
