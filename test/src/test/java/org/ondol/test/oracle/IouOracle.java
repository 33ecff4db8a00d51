package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;

/** Overlaps of boxes in float64, as their definitions read. */
public final class IouOracle {
  private IouOracle() {}

  /** Length of the part of a line that lies between two ends. */
  private static double length(double low, double high, double pixel) {
    return Math.max(0, high - low + pixel);
  }

  private static double area(double[] box, double pixel) {
    return length(box[0], box[2], pixel) * length(box[1], box[3], pixel);
  }

  private static double[] common(double[] a, double[] b) {
    return new double[] {Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])};
  }

  private static double[] around(double[] a, double[] b) {
    return new double[] {Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])};
  }

  private static double part(double x, double of) {
    return of == 0 ? 0 : x / of;
  }

  /** kind: iou, giou or ioa. */
  public static double value(String kind, double[] a, double[] b, double pixel) {
    double both = area(common(a, b), pixel);
    double either = area(a, pixel) + area(b, pixel) - both;
    return switch (kind) {
      case "iou" -> part(both, either);
      case "giou" -> {
        double hull = area(around(a, b), pixel);
        yield part(both, either) - part(hull - either, hull);
      }
      default -> part(both, area(a, pixel));
    };
  }

  /**
   * Pairs (i, j) by rows. An extent carries two roundings and an area five. A union is at least half of the areas' sum, of
   * which it has the error, and the intersection's; so the quotient carries less than 40. GIOU's second part is less than 1 and
   * the difference of two areas, each no larger than the hull.
   */
  public static Values pairs(String kind, float[] a, float[] b, double pixel, int[][] pairs) {
    Values v = new Values(pairs.length);
    for (int k = 0; k < pairs.length; k++) {
      v.value()[k] = value(kind, box(a, pairs[k][0]), box(b, pairs[k][1]), pixel);
      double second = kind.equals("giou") ? 1 : 0;
      v.bound()[k] = Bound.gamma(40) * (Math.abs(v.value()[k]) + second * 2) * 1.01;
    }
    return v;
  }

  public static double[] box(float[] boxes, int i) {
    return new double[] {boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]};
  }

  /**
   * Both gradients of sum(dy * value) by central differences, which are exact but for the step's square where corners lie
   * farther apart than the step.
   */
  public static double[] gradient(String kind, float[] a, float[] b, float[] dy, double pixel, boolean second) {
    double step = 1e-4;
    double[] d = new double[a.length];
    for (int e = 0; e < d.length; e++) {
      double[] one = box(a, e / 4);
      double[] two = box(b, e / 4);
      double[] moved = second ? two : one;
      double at = moved[e % 4];
      moved[e % 4] = at + step;
      double up = value(kind, one, two, pixel);
      moved[e % 4] = at - step;
      double down = value(kind, one, two, pixel);
      d[e] = dy[e / 4] * (up - down) / (2 * step);
    }
    return d;
  }
}
