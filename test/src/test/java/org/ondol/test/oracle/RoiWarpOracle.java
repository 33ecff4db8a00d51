package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;
import org.ondol.test.page.PageRoiWarp.Shape;

/**
 * Warped boxes in float64: the rectangle of the image that the whole result shows is found first, context included, then each
 * cell's centre in it, and the image is interpolated with hats around the centres of its pixels.
 */
public final class RoiWarpOracle {
  /** Roundings on the way of a term: two weights, two products, two sums. */
  private static final int ROUNDINGS = 6;

  /** Positions so near to an edge of the image may fall on either side of it. */
  private static final double NEAR = 1e-7;

  private RoiWarpOracle() {}

  /** First, last and the box's own first and last, in pixels, of an axis (0: x). */
  private static double[] source(Shape s, float[] boxes, int r, int axis) {
    double[] extent = new double[2];
    for (int k = 0; k < 2; k++) {
      extent[k] = Math.max(0, (double) boxes[4 * r + 2 + k] - boxes[4 * r + k] + s.p());
    }
    double[] inner = {s.outWidth() - 2.0 * s.context(), s.outHeight() - 2.0 * s.context()};
    double[] outer = {s.outWidth(), s.outHeight()};
    double first = boxes[4 * r + axis];
    double length = extent[axis];
    double shown = s.mode().equals("warp") ? length
        : Math.max(extent[0] / inner[0], extent[1] / inner[1]) * inner[axis];
    double margin = (shown * outer[axis] / inner[axis] - length) / 2;
    return new double[] {first - margin, first + length + margin, first, first + length};
  }

  private record Place(double at, boolean inside, boolean doubtful) {
    static Place of(Shape s, float[] boxes, int r, int axis, int j) {
      double[] source = source(s, boxes, r, axis);
      int out = axis == 0 ? s.outWidth() : s.outHeight();
      int in = axis == 0 ? s.width() : s.height();
      double t = source[0] + (source[1] - source[0]) * (j + 0.5) / out;
      double low = s.mode().equals("alone") ? Math.max(0, source[2]) : 0;
      double high = s.mode().equals("alone") ? Math.min(in, source[3]) : in;
      boolean doubtful = Math.abs(t - low) < NEAR * (1 + in) || Math.abs(t - high) < NEAR * (1 + in);
      return new Place(Math.clamp(t - 0.5, 0.0, in - 1.0), t >= low && t <= high, doubtful);
    }

    double weight(int pixel) {
      return Math.max(0, 1 - Math.abs(at - pixel));
    }
  }

  public static Values forward(Shape s, float[] x, float[] boxes, int[] images, float[] fill) {
    Values y = new Values(images.length * s.channels() * s.outHeight() * s.outWidth());
    for (int e = 0; e < y.value().length; e++) {
      int plane = e / (s.outHeight() * s.outWidth());
      int r = plane / s.channels();
      Place row = Place.of(s, boxes, r, 1, e / s.outWidth() % s.outHeight());
      Place column = Place.of(s, boxes, r, 0, e % s.outWidth());
      double magnitude = 0;
      double value = 0;
      for (int i = 0; i < s.height(); i++) {
        for (int j = 0; j < s.width() && row.weight(i) != 0; j++) {
          double term = row.weight(i) * column.weight(j)
              * x[((images[r] * s.channels() + plane % s.channels()) * s.height() + i) * s.width() + j];
          value += term;
          magnitude += Math.abs(term);
        }
      }
      boolean inside = row.inside && column.inside;
      y.value()[e] = inside ? value : fill == null ? 0 : fill[plane % s.channels()];
      y.bound()[e] = row.doubtful || column.doubtful ? Double.MAX_VALUE
          : inside ? Bound.gamma(ROUNDINGS) * magnitude * 1.01 + slack(x) : 0;
    }
    return y;
  }

  /** What a position's own error of some 1e-13 can do. */
  private static double slack(float[] values) {
    double most = 0;
    for (float v : values) {
      most = Math.max(most, Math.abs(v));
    }
    return 1e-10 * most + 1e-14;
  }

  public static Values backward(Shape s, float[] dy, float[] boxes, int[] images) {
    Values dx = new Values(s.batch() * s.channels() * s.height() * s.width());
    double[] magnitude = new double[dx.value().length];
    int[] terms = new int[magnitude.length];
    for (int e = 0; e < dy.length; e++) {
      int plane = e / (s.outHeight() * s.outWidth());
      int r = plane / s.channels();
      Place row = Place.of(s, boxes, r, 1, e / s.outWidth() % s.outHeight());
      Place column = Place.of(s, boxes, r, 0, e % s.outWidth());
      boolean doubtful = row.doubtful || column.doubtful;
      if (!doubtful && !(row.inside && column.inside)) {
        continue;
      }
      for (int i = 0; i < s.height(); i++) {
        for (int j = 0; j < s.width() && row.weight(i) != 0; j++) {
          double weight = row.weight(i) * column.weight(j);
          int to = ((images[r] * s.channels() + plane % s.channels()) * s.height() + i) * s.width() + j;
          dx.value()[to] += weight * dy[e];
          magnitude[to] += doubtful ? Double.MAX_VALUE / 1e10 : Math.abs(weight * dy[e]);
          terms[to]++;
        }
      }
    }
    for (int i = 0; i < magnitude.length; i++) {
      dx.bound()[i] = Bound.gamma(terms[i] + ROUNDINGS) * magnitude[i] * 1.01 + terms[i] * slack(dy);
    }
    return dx;
  }
}
