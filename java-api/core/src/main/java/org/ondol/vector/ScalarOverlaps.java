package org.ondol.vector;

import org.ondol.ops.Iou;

/** {@link Overlaps} with scalar code, and one pair at a time. */
final class ScalarOverlaps implements Overlaps {
  @Override
  public void row(Iou.Kind kind, float[] box, float[] others, int stride, float pixel, float[] out, int outAt, int n) {
    for (int j = 0; j < n; j++) {
      float x1 = others[j];
      float y1 = others[stride + j];
      float x2 = others[2 * stride + j];
      float y2 = others[3 * stride + j];
      float both = area(Math.max(box[0], x1), Math.max(box[1], y1), Math.min(box[2], x2), Math.min(box[3], y2), pixel);
      if (kind == Iou.Kind.IOA) {
        out[outAt + j] = ratio(both, box[4]);
        continue;
      }
      float either = (box[4] + others[4 * stride + j]) - both;
      float v = ratio(both, either);
      if (kind == Iou.Kind.GIOU) {
        float around = area(Math.min(box[0], x1), Math.min(box[1], y1), Math.max(box[2], x2), Math.max(box[3], y2), pixel);
        v -= ratio(around - either, around);
      }
      out[outAt + j] = v;
    }
  }

  /**
   * Zero where there is no extent. The maxima and minima around it are Java's: they differ from the page's in the sign of a
   * zero alone, which the difference of two corners and the relu do not show.
   */
  static float area(float x1, float y1, float x2, float y2, float pixel) {
    return relu((x2 - x1) + pixel) * relu((y2 - y1) + pixel);
  }

  static float relu(float x) {
    return x < 0 ? 0 : x;
  }

  static float ratio(float x, float y) {
    return y == 0 ? 0 : x / y;
  }
}
