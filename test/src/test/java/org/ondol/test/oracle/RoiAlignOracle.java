package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;

/**
 * Samples of regions in float64, from the coordinates on. Float32 gives the same samples only where all of its coordinates are
 * exact: with boxes of some eighths, powers of two for scales, bins and samples.
 */
public final class RoiAlignOracle {
  /**
   * What is asked for.
   *
   * @param op average, max or corners
   * @param box x1, y1, x2, y2, times the scale
   */
  public record Region(String op, boolean aligned, int samplingH, int samplingW, int rows, int columns, int height, int width,
      double[] box) {
    private double low(int axis) {
      return box[axis == 0 ? 1 : 0] - (aligned ? 0.5 : 0);
    }

    /** Of a bin. */
    private double step(int axis) {
      double extent = box[axis == 0 ? 3 : 2] - (aligned ? 0.5 : 0) - low(axis);
      return (aligned ? extent : Math.max(extent, 1)) / (axis == 0 ? rows : columns);
    }

    private int samples(int axis) {
      int given = axis == 0 ? samplingH : samplingW;
      return given > 0 ? given : (int) Math.max(0, Math.ceil(step(axis)));
    }

    /** Where a sample lies. */
    private double at(int axis, int bin, int k) {
      return low(axis) + bin * step(axis) + (k + 0.5) * step(axis) / samples(axis);
    }
  }

  /** Takes a corner of a sample: its number in the bin, cell and weight; cell -1 where the sample is outside. */
  private interface Visitor {
    void visit(int sample, int cell, double weight);
  }

  private RoiAlignOracle() {}

  private static void each(Region g, int i, int j, Visitor corner) {
    for (int k = 0; k < g.samples(0); k++) {
      for (int l = 0; l < g.samples(1); l++) {
        int sample = k * g.samples(1) + l;
        double y = g.at(0, i, k);
        double x = g.at(1, j, l);
        if (y < -1 || y > g.height || x < -1 || x > g.width) {
          corner.visit(sample, -1, 0);
          continue;
        }
        y = Math.clamp(y, 0, g.height - 1);
        x = Math.clamp(x, 0, g.width - 1);
        for (int c = 0; c < 4; c++) {
          double row = Math.floor(y) + c / 2;
          double column = Math.floor(x) + c % 2;
          double weight = (1 - Math.abs(y - row)) * (1 - Math.abs(x - column));
          // A cell behind the edge has no weight, but its product is a corner.
          int cell = (int) (Math.min(row, g.height - 1) * g.width + Math.min(column, g.width - 1));
          corner.visit(sample, cell, weight);
        }
      }
    }
  }

  private static double roundings(Region g) {
    return Bound.gamma(2.0 * g.samples(0) + 2.0 * g.samples(1) + 4);
  }

  /** Bin (i, j) of a plane, into element {@code to}. */
  public static void bin(Region g, float[] x, int plane, int i, int j, Values y, int to) {
    int n = g.samples(0) * g.samples(1);
    double[] values = new double[n];
    double[] magnitudes = new double[n];
    double[] corners = new double[n];
    java.util.Arrays.fill(corners, Double.NEGATIVE_INFINITY);
    each(g, i, j, (sample, cell, weight) -> {
      double part = cell < 0 ? 0 : weight * x[plane + cell];
      values[sample] += part;
      magnitudes[sample] += Math.abs(part);
      corners[sample] = Math.max(corners[sample], part);
    });
    double sum = 0;
    double all = 0;
    double greatest = Double.NEGATIVE_INFINITY;
    for (int s = 0; s < n; s++) {
      sum += values[s];
      all += magnitudes[s];
      greatest = Math.max(greatest, g.op.equals("max") ? values[s] : corners[s]);
    }
    boolean average = g.op.equals("average");
    y.value()[to] = n == 0 ? 0 : average ? sum / n : greatest;
    y.bound()[to] = n == 0 ? 0 : roundings(g) * (average ? all / n : java.util.Arrays.stream(magnitudes).max().orElse(0));
  }

  /** Adds the gradient of the average of bin (i, j) to a plane. */
  public static void averageBackward(Region g, double dy, int i, int j, Values dx, int plane, int terms) {
    int n = g.samples(0) * g.samples(1);
    each(g, i, j, (sample, cell, weight) -> {
      if (cell >= 0) {
        dx.value()[plane + cell] += weight * dy / n;
        dx.bound()[plane + cell] += Math.abs(weight * dy / n) * Bound.gamma(terms);
      }
    });
  }
}
