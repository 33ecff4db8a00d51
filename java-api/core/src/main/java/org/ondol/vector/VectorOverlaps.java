package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.ondol.ops.Iou;

/**
 * {@link Overlaps} on vectors, as wide as the machine has them. The greater and the lesser are a comparison and a blend, half the work
 * of the Vector API's own, and lose a NaN at times: where the union counts this does not show, as the area of a box with a NaN corner
 * is a NaN itself. Only ioa, which has no union, takes the API's.
 */
final class VectorOverlaps implements Overlaps {
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() >= 16 ? FloatVector.SPECIES_512 : FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final FloatVector ZERO = FloatVector.zero(SPECIES);

  @Override
  public void row(Iou.Kind kind, float[] box, float[] others, int stride, float pixel, float[] out, int outAt, int n) {
    switch (kind) {
      case IOU -> iou(box, others, stride, pixel, out, outAt, n);
      case GIOU -> giou(box, others, stride, pixel, out, outAt, n);
      case IOA -> ioa(box, others, stride, pixel, out, outAt, n);
    }
  }

  private static void iou(float[] box, float[] others, int stride, float pixel, float[] out, int outAt, int n) {
    FloatVector bx1 = broadcast(SPECIES, box[0]);
    FloatVector by1 = broadcast(SPECIES, box[1]);
    FloatVector bx2 = broadcast(SPECIES, box[2]);
    FloatVector by2 = broadcast(SPECIES, box[3]);
    FloatVector own = broadcast(SPECIES, box[4]);
    FloatVector p = broadcast(SPECIES, pixel);
    for (int j = 0; j < n; j += LANES) {
      FloatVector x1 = fromArray(SPECIES, others, j);
      FloatVector y1 = fromArray(SPECIES, others, stride + j);
      FloatVector x2 = fromArray(SPECIES, others, 2 * stride + j);
      FloatVector y2 = fromArray(SPECIES, others, 3 * stride + j);
      FloatVector w = bx2.blend(x2, x2.compare(LT, bx2)).sub(bx1.blend(x1, x1.compare(GT, bx1))).add(p);
      FloatVector h = by2.blend(y2, y2.compare(LT, by2)).sub(by1.blend(y1, y1.compare(GT, by1))).add(p);
      FloatVector both = ZERO.blend(w, w.compare(GT, ZERO)).mul(ZERO.blend(h, h.compare(GT, ZERO)));
      FloatVector either = own.add(fromArray(SPECIES, others, 4 * stride + j)).sub(both);
      both.div(either).blend(ZERO, either.compare(EQ, ZERO)).intoArray(out, outAt + j);
    }
  }

  /** What encloses two boxes has the corners that their intersection has not. */
  private static void giou(float[] box, float[] others, int stride, float pixel, float[] out, int outAt, int n) {
    FloatVector bx1 = broadcast(SPECIES, box[0]);
    FloatVector by1 = broadcast(SPECIES, box[1]);
    FloatVector bx2 = broadcast(SPECIES, box[2]);
    FloatVector by2 = broadcast(SPECIES, box[3]);
    FloatVector own = broadcast(SPECIES, box[4]);
    FloatVector p = broadcast(SPECIES, pixel);
    for (int j = 0; j < n; j += LANES) {
      FloatVector x1 = fromArray(SPECIES, others, j);
      FloatVector y1 = fromArray(SPECIES, others, stride + j);
      FloatVector x2 = fromArray(SPECIES, others, 2 * stride + j);
      FloatVector y2 = fromArray(SPECIES, others, 3 * stride + j);
      VectorMask<Float> left = x1.compare(GT, bx1);
      VectorMask<Float> top = y1.compare(GT, by1);
      VectorMask<Float> right = x2.compare(LT, bx2);
      VectorMask<Float> bottom = y2.compare(LT, by2);
      FloatVector w = bx2.blend(x2, right).sub(bx1.blend(x1, left)).add(p);
      FloatVector h = by2.blend(y2, bottom).sub(by1.blend(y1, top)).add(p);
      FloatVector both = ZERO.blend(w, w.compare(GT, ZERO)).mul(ZERO.blend(h, h.compare(GT, ZERO)));
      FloatVector either = own.add(fromArray(SPECIES, others, 4 * stride + j)).sub(both);
      FloatVector v = both.div(either).blend(ZERO, either.compare(EQ, ZERO));
      FloatVector width = x2.blend(bx2, right).sub(x1.blend(bx1, left)).add(p);
      FloatVector height = y2.blend(by2, bottom).sub(y1.blend(by1, top)).add(p);
      FloatVector around = ZERO.blend(width, width.compare(GT, ZERO)).mul(ZERO.blend(height, height.compare(GT, ZERO)));
      v.sub(around.sub(either).div(around).blend(ZERO, around.compare(EQ, ZERO))).intoArray(out, outAt + j);
    }
  }

  /** A NaN passes the API's max and min, so max with zero is the relu of extents, which are never -0. */
  private static void ioa(float[] box, float[] others, int stride, float pixel, float[] out, int outAt, int n) {
    FloatVector own = broadcast(SPECIES, box[4]);
    for (int j = 0; j < n; j += LANES) {
      FloatVector width = fromArray(SPECIES, others, 2 * stride + j).min(box[2])
          .sub(fromArray(SPECIES, others, j).max(box[0])).add(pixel).max(ZERO);
      FloatVector height = fromArray(SPECIES, others, 3 * stride + j).min(box[3])
          .sub(fromArray(SPECIES, others, stride + j).max(box[1])).add(pixel).max(ZERO);
      width.mul(height).div(own).blend(ZERO, own.compare(EQ, ZERO)).intoArray(out, outAt + j);
    }
  }
}
