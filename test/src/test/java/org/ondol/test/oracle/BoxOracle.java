package org.ondol.test.oracle;

/** Deltas, YOLO's boxes and anchors in float64, one box at a time. */
public final class BoxOracle {
  private BoxOracle() {}

  /**
   * The conventions of deltas.
   *
   * @param pixel added to extents
   * @param corner taken off the decoded far corners
   */
  public record Coding(double pixel, double corner, double[] mean, double[] deviation, double[] weight, double limit) {}

  private static double[] centre(double[] box, double pixel) {
    double w = box[2] - box[0] + pixel;
    double h = box[3] - box[1] + pixel;
    return new double[] {box[0] + w / 2, box[1] + h / 2, w, h};
  }

  public static double[] encode(Coding c, double[] box, double[] target) {
    double[] a = centre(box, c.pixel);
    double[] b = centre(target, c.pixel);
    double[] t = {(b[0] - a[0]) / a[2], (b[1] - a[1]) / a[3], Math.log(b[2] / a[2]), Math.log(b[3] / a[3])};
    for (int k = 0; k < 4; k++) {
      t[k] = (t[k] - c.mean[k]) / c.deviation[k] * c.weight[k];
    }
    return t;
  }

  public static double[] decode(Coding c, double[] box, double[] delta) {
    double[] a = centre(box, c.pixel);
    double[] t = new double[4];
    for (int k = 0; k < 4; k++) {
      t[k] = delta[k] / c.weight[k] * c.deviation[k] + c.mean[k];
    }
    double x = t[0] * a[2] + a[0];
    double y = t[1] * a[3] + a[1];
    double w = Math.exp(Math.min(t[2], c.limit)) * a[2];
    double h = Math.exp(Math.min(t[3], c.limit)) * a[3];
    return new double[] {x - w / 2, y - h / 2, x + w / 2 - c.corner, y + h / 2 - c.corner};
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /**
   * One of YOLO's boxes in cell (row, column).
   *
   * @param anchor width and height, or null for version 1
   */
  public static double[] yolo(double[] t, int row, int column, double[] anchor, double strideX, double strideY, double scale) {
    if (anchor == null) {
      return new double[] {(t[0] + column) * strideX, (t[1] + row) * strideY, t[2] * t[2], t[3] * t[3]};
    }
    return new double[] {(sigmoid(t[0]) * scale - (scale - 1) / 2 + column) * strideX,
      (sigmoid(t[1]) * scale - (scale - 1) / 2 + row) * strideY, Math.exp(t[2]) * anchor[0], Math.exp(t[3]) * anchor[1]};
  }
}
