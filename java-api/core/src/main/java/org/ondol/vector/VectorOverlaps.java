package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.EQ;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.SPECIES;
import static org.ondol.vector.VectorMath.ZERO;

import jdk.incubator.vector.FloatVector;
import org.ondol.ops.Iou;

/** {@link Overlaps} on vectors. A NaN passes max and min, so max with zero is the relu of extents, which are never -0. */
final class VectorOverlaps implements Overlaps {
  @Override
  public void row(Iou.Kind kind, float[] box, float[] others, int stride, float pixel, float[] out, int n) {
    intersections(box, others, stride, pixel, out, n);
    switch (kind) {
      case IOU -> iou(box[4], others, 4 * stride, out, n);
      case GIOU -> giou(box, others, stride, pixel, out, n);
      case IOA -> ioa(box[4], out, n);
    }
  }

  private static void intersections(float[] box, float[] others, int stride, float pixel, float[] out, int n) {
    for (int j = 0; j < n; j += LANES) {
      FloatVector width = fromArray(SPECIES, others, 2 * stride + j).min(box[2])
          .sub(fromArray(SPECIES, others, j).max(box[0])).add(pixel).max(ZERO);
      FloatVector height = fromArray(SPECIES, others, 3 * stride + j).min(box[3])
          .sub(fromArray(SPECIES, others, stride + j).max(box[1])).add(pixel).max(ZERO);
      width.mul(height).intoArray(out, j);
    }
  }

  private static void iou(float area, float[] others, int areas, float[] out, int n) {
    FloatVector own = broadcast(SPECIES, area);
    for (int j = 0; j < n; j += LANES) {
      FloatVector both = fromArray(SPECIES, out, j);
      FloatVector either = own.add(fromArray(SPECIES, others, areas + j)).sub(both);
      both.div(either).blend(ZERO, either.compare(EQ, ZERO)).intoArray(out, j);
    }
  }

  private static void giou(float[] box, float[] others, int stride, float pixel, float[] out, int n) {
    FloatVector own = broadcast(SPECIES, box[4]);
    for (int j = 0; j < n; j += LANES) {
      FloatVector both = fromArray(SPECIES, out, j);
      FloatVector either = own.add(fromArray(SPECIES, others, 4 * stride + j)).sub(both);
      FloatVector v = both.div(either).blend(ZERO, either.compare(EQ, ZERO));
      FloatVector width = fromArray(SPECIES, others, 2 * stride + j).max(box[2])
          .sub(fromArray(SPECIES, others, j).min(box[0])).add(pixel).max(ZERO);
      FloatVector height = fromArray(SPECIES, others, 3 * stride + j).max(box[3])
          .sub(fromArray(SPECIES, others, stride + j).min(box[1])).add(pixel).max(ZERO);
      FloatVector around = width.mul(height);
      v.sub(around.sub(either).div(around).blend(ZERO, around.compare(EQ, ZERO))).intoArray(out, j);
    }
  }

  private static void ioa(float area, float[] out, int n) {
    FloatVector own = broadcast(SPECIES, area);
    for (int j = 0; j < n; j += LANES) {
      fromArray(SPECIES, out, j).div(own).blend(ZERO, own.compare(EQ, ZERO)).intoArray(out, j);
    }
  }
}
