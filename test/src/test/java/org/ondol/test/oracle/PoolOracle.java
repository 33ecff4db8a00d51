package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;

/**
 * Pooling in float64, window by window from the padded map: every position of a window is visited, those in the padding and
 * beyond are skipped.
 */
public final class PoolOracle {
  /**
   * A plane of height x width and its windows: kernel [h, w] at stride, dilation and padding before the map; or, where kernel
   * is null, adaptive ones.
   *
   * @param behind the padding behind, which counts in averages with countPadding
   */
  public record Windows(int height, int width, int outHeight, int outWidth, int[] kernel, int[] stride, int[] dilation,
      int[] before, int[] behind, boolean countPadding) {
    private int begin(int axis, int o) {
      int in = axis == 0 ? height : width;
      return kernel == null ? o * in / (axis == 0 ? outHeight : outWidth) : o * stride[axis] - before[axis];
    }

    private int end(int axis, int o) {
      int in = axis == 0 ? height : width;
      int out = axis == 0 ? outHeight : outWidth;
      return kernel == null ? ((o + 1) * in + out - 1) / out : begin(axis, o) + (kernel[axis] - 1) * dilation[axis] + 1;
    }

    private int step(int axis) {
      return kernel == null ? 1 : dilation[axis];
    }

    /** Calls tap(output, input) for each element of each window of a plane. */
    private void each(Visitor tap) {
      for (int oy = 0; oy < outHeight; oy++) {
        for (int ox = 0; ox < outWidth; ox++) {
          for (int iy = begin(0, oy); iy < end(0, oy); iy += step(0)) {
            for (int ix = begin(1, ox); ix < end(1, ox); ix += step(1)) {
              if (iy >= 0 && iy < height && ix >= 0 && ix < width) {
                tap.visit(oy * outWidth + ox, iy * width + ix);
              }
            }
          }
        }
      }
    }

    /** Divisors of the averages of a plane. */
    private int[] counts() {
      int[] counts = new int[outHeight * outWidth];
      if (kernel == null || !countPadding) {
        each((o, i) -> counts[o]++);
        return counts;
      }
      for (int o = 0; o < counts.length; o++) {
        for (int iy = begin(0, o / outWidth); iy < end(0, o / outWidth); iy += step(0)) {
          for (int ix = begin(1, o % outWidth); ix < end(1, o % outWidth); ix += step(1)) {
            counts[o] += iy < height + behind[0] && ix < width + behind[1] ? 1 : 0;
          }
        }
      }
      return counts;
    }
  }

  private interface Visitor {
    void visit(int output, int input);
  }

  private PoolOracle() {}

  /** Exact: a maximum is one of the elements. */
  public static Values max(float[] x, int planes, Windows w) {
    int n = w.outHeight * w.outWidth;
    Values y = new Values(planes * n);
    java.util.Arrays.fill(y.value(), Double.NEGATIVE_INFINITY);
    for (int p = 0; p < planes; p++) {
      int plane = p;
      w.each((o, i) -> y.value()[plane * n + o] = Math.max(y.value()[plane * n + o], x[plane * w.height * w.width + i]));
    }
    return y;
  }

  public static Values average(float[] x, int planes, Windows w) {
    int n = w.outHeight * w.outWidth;
    Values y = new Values(planes * n);
    int[] counts = w.counts();
    for (int p = 0; p < planes; p++) {
      int plane = p;
      w.each((o, i) -> {
        double v = x[plane * w.height * w.width + i];
        y.value()[plane * n + o] += v;
        y.bound()[plane * n + o] += Math.abs(v);
      });
    }
    for (int i = 0; i < planes * n; i++) {
      y.value()[i] /= counts[i % n];
      y.bound()[i] *= Bound.gamma(w.height * w.width + 1) / counts[i % n];
    }
    return y;
  }

  /** @param indices each the position of the element that its window's output gave */
  public static Values maxBackward(float[] dy, int[] indices, int planes, Windows w) {
    int n = w.outHeight * w.outWidth;
    int size = w.height * w.width;
    Values dx = new Values(planes * size);
    for (int p = 0; p < planes; p++) {
      int plane = p;
      w.each((o, i) -> {
        if (indices[plane * n + o] == i) {
          add(dx, plane * size + i, dy[plane * n + o], n);
        }
      });
    }
    return dx;
  }

  public static Values averageBackward(float[] dy, int planes, Windows w) {
    int n = w.outHeight * w.outWidth;
    int size = w.height * w.width;
    int[] counts = w.counts();
    Values dx = new Values(planes * size);
    for (int p = 0; p < planes; p++) {
      int plane = p;
      w.each((o, i) -> add(dx, plane * size + i, dy[plane * n + o] / (double) counts[o], n + 1));
    }
    return dx;
  }

  private static void add(Values v, int at, double x, int terms) {
    v.value()[at] += x;
    v.bound()[at] += Math.abs(x) * Bound.gamma(terms);
  }

  public static double[] unpool(double[] x, int[] indices, int planes, int n, int size) {
    double[] y = new double[planes * size];
    for (int i = 0; i < planes * n; i++) {
      y[i / n * size + indices[i]] = x[i];
    }
    return y;
  }
}
