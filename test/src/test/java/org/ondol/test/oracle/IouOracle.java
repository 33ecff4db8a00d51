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

  /** Half a unit in the last place of 1. */
  private static final double U = 0x1p-24;

  /** Error of a length in float32: the difference is rounded, then its sum with the pixel; a cut at 0 adds none. */
  private static double lengthError(double low, double high, double pixel) {
    return U * Math.abs(high - low) + U * Math.abs(high - low + pixel);
  }

  private static double areaError(double[] box, double pixel) {
    double w = length(box[0], box[2], pixel);
    double h = length(box[1], box[3], pixel);
    double dw = lengthError(box[0], box[2], pixel);
    double dh = lengthError(box[1], box[3], pixel);
    return w * dh + h * dw + dw * dh + U * w * h;
  }

  /** Error of x / of where both carry errors. */
  private static double partError(double x, double dx, double of, double dof) {
    return of == 0 ? 0 : (dx + Math.abs(x / of) * dof) / of + U * Math.abs(x / of);
  }

  /**
   * Pairs (i, j) by rows. Errors to first order from the corners on, where a pixel may cancel nearly all of a reversed box's
   * extent; the terms of second order are within the hundredth part that is added.
   */
  public static Values pairs(String kind, float[] a, float[] b, double pixel, int[][] pairs) {
    Values v = new Values(pairs.length);
    for (int k = 0; k < pairs.length; k++) {
      double[] one = box(a, pairs[k][0]);
      double[] two = box(b, pairs[k][1]);
      v.value()[k] = value(kind, one, two, pixel);
      v.bound()[k] = 1.01 * error(kind, one, two, pixel);
    }
    return v;
  }

  private static double error(String kind, double[] a, double[] b, double pixel) {
    double both = area(common(a, b), pixel);
    double bothError = areaError(common(a, b), pixel);
    double of = area(a, pixel);
    if (kind.equals("ioa")) return partError(both, bothError, of, areaError(a, pixel));
    double sum = of + area(b, pixel);
    double either = sum - both;
    double eitherError = areaError(a, pixel) + areaError(b, pixel) + bothError + U * (sum + either);
    double error = partError(both, bothError, either, eitherError);
    if (kind.equals("iou")) return error;
    double hull = area(around(a, b), pixel);
    double hullError = areaError(around(a, b), pixel);
    return error + partError(hull - either, hullError + eitherError + U * Math.abs(hull - either), hull, hullError)
        + U * Math.abs(value(kind, a, b, pixel));
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
