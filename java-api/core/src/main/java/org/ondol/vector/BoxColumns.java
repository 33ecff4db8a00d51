package org.ondol.vector;

import java.util.Arrays;
import org.ondol.ops.Nms;

/** Prepared boxes (docs/arithmetic.md, Boxes), component by component, in borrowed arrays. */
final class BoxColumns {
  final float[] x1;
  final float[] y1;
  final float[] x2;
  final float[] y2;
  final float[] area;

  /** Takes five arrays of the scratch from {@code first} on, with room for n boxes. */
  BoxColumns(Scratch scratch, int first, int n) {
    int room = BoxLoops.roundUp(n);
    x1 = scratch.floats(first, room);
    y1 = scratch.floats(first + 1, room);
    x2 = scratch.floats(first + 2, room);
    y2 = scratch.floats(first + 3, room);
    area = scratch.floats(first + 4, room);
  }

  void put(int i, float[] box) {
    x1[i] = box[0];
    y1[i] = box[1];
    x2[i] = box[2];
    y2[i] = box[3];
    area[i] = box[4];
  }

  /**
   * Puts the next box of a growing set. Lanes behind it get a NaN area, by which no comparison finds them: loops over
   * the set take whole vectors.
   */
  void append(int i, float[] box) {
    if (i % BoxLoops.LANES == 0) {
      Arrays.fill(area, i, i + BoxLoops.LANES, Float.NaN);
    }
    put(i, box);
  }

  void get(int i, float[] box) {
    box[0] = x1[i];
    box[1] = y1[i];
    box[2] = x2[i];
    box[3] = y2[i];
    box[4] = area[i];
  }

  void move(int from, int to) {
    x1[to] = x1[from];
    y1[to] = y1[from];
    x2[to] = x2[from];
    y2[to] = y2[from];
    area[to] = area[from];
  }

  /** From the four numbers of a box to (x1, y1, x2, y2, area). */
  static void prepare(float a, float b, float c, float d, Nms.Format format, float offset, float[] box) {
    switch (format) {
      case CORNERS -> corners(box, a, b, c, d);
      case ANY_CORNERS -> corners(box, c < a ? c : a, d < b ? d : b, c < a ? a : c, d < b ? b : d);
      case CENTER -> corners(box, a - 0.5f * c, b - 0.5f * d, a + 0.5f * c, b + 0.5f * d);
    }
    float w = (box[2] - box[0]) + offset;
    float h = (box[3] - box[1]) + offset;
    float area = w * h;
    boolean corners = Float.isFinite(box[0]) && Float.isFinite(box[1]) && Float.isFinite(box[2])
        && Float.isFinite(box[3]);
    if (corners && w > 0 && h > 0 && area > 0 && Float.isFinite(area)) {
      box[4] = area;
      return;
    }
    // Meets nothing: the greater of its first corner and any other's lies behind the lesser of the second ones.
    corners(box, Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY);
    box[4] = 0;
  }

  private static void corners(float[] box, float x1, float y1, float x2, float y2) {
    box[0] = x1;
    box[1] = y1;
    box[2] = x2;
    box[3] = y2;
  }
}
