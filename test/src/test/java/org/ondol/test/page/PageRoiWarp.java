package org.ondol.test.page;

import java.util.Arrays;

/** roiwarp of docs/arithmetic.md and its gradient. */
public final class PageRoiWarp {
  private PageRoiWarp() {}

  /**
   * The sizes and conventions.
   *
   * @param mode warp, square or alone
   * @param p the pixel offset
   */
  public record Shape(String mode, int p, int context, int batch, int channels, int height, int width, int outHeight, int outWidth) {
    int in(int axis) {
      return axis == 0 ? width : height;
    }

    int out(int axis) {
      return axis == 0 ? outWidth : outHeight;
    }

    public int xSize() {
      return batch * channels * height * width;
    }
  }

  /** The cells and weights of output j along an axis (0: x), or null where it is outside. */
  private record Cells(int first, int second, float firstWeight, float secondWeight) {
    static Cells of(Shape s, float[] box, int axis, int j) {
      double low = 0;
      double high = s.in(axis);
      if (s.mode.equals("alone")) {
        double end = box[axis] + extent(s, box, axis);
        low = 0 > box[axis] ? 0 : box[axis];
        high = high < end ? high : end;
      }
      double t = position(s, box, axis, j);
      if (!(low <= t && t <= high)) {
        return null;
      }
      double at = t - 0.5;
      double f = Math.floor(at);
      if (f < 0 || f >= s.in(axis) - 1) {
        int edge = f < 0 ? 0 : s.in(axis) - 1;
        return new Cells(edge, edge, 1, 0);
      }
      return new Cells((int) f, (int) f + 1, (float) (1 - (at - f)), (float) (at - f));
    }
  }

  private static double extent(Shape s, float[] box, int axis) {
    double w = ((double) box[axis + 2] - box[axis]) + s.p;
    return w < 0 ? 0 : w;
  }

  private static double position(Shape s, float[] box, int axis, int j) {
    double[] scale = new double[2];
    for (int k = 0; k < 2; k++) {
      scale[k] = extent(s, box, k) / (s.out(k) - 2 * s.context);
    }
    double own = s.mode.equals("warp") ? scale[axis] : scale[0] > scale[1] ? scale[0] : scale[1];
    return (box[axis] + 0.5 * extent(s, box, axis)) + ((j + 0.5) - 0.5 * s.out(axis)) * own;
  }

  private static float[] box(float[] boxes, int r) {
    return Arrays.copyOfRange(boxes, 4 * r, 4 * r + 4);
  }

  public static float[] forward(Shape s, float[] x, float[] boxes, int[] images, float[] fill) {
    float[] y = new float[images.length * s.channels * s.outHeight * s.outWidth];
    for (int e = 0; e < y.length; e++) {
      int plane = e / (s.outHeight * s.outWidth);
      int r = plane / s.channels;
      int c = plane % s.channels;
      Cells u = Cells.of(s, box(boxes, r), 1, e / s.outWidth % s.outHeight);
      Cells v = Cells.of(s, box(boxes, r), 0, e % s.outWidth);
      if (u == null || v == null) {
        y[e] = fill == null ? 0 : fill[c];
        continue;
      }
      int at = (images[r] * s.channels + c) * s.height * s.width;
      float[] h = new float[2];
      for (int k = 0; k < 2; k++) {
        int row = at + (k == 0 ? u.first : u.second) * s.width;
        h[k] = Math.fma(v.secondWeight, x[row + v.second], v.firstWeight * x[row + v.first]);
      }
      y[e] = Math.fma(u.secondWeight, h[1], u.firstWeight * h[0]);
    }
    return y;
  }

  public static float[] backward(Shape s, float[] dy, float[] boxes, int[] images) {
    float[] dx = new float[s.xSize()];
    for (int r = 0; r < images.length; r++) {
      for (int c = 0; c < s.channels; c++) {
        plane(s, box(boxes, r), dy, (r * s.channels + c) * s.outHeight * s.outWidth, dx,
            (images[r] * s.channels + c) * s.height * s.width);
      }
    }
    for (int e = 0; e < dx.length; e++) {
      dx[e] = dx[e] + 0f;
    }
    return dx;
  }

  private static void plane(Shape s, float[] box, float[] dy, int from, float[] dx, int to) {
    float[][] g = new float[s.height][s.outWidth];
    for (int i = 0; i < s.outHeight; i++) {
      Cells u = Cells.of(s, box, 1, i);
      for (int j = 0; j < s.outWidth && u != null; j++) {
        float d = dy[from + i * s.outWidth + j];
        g[u.first][j] = Math.fma(u.firstWeight, d, g[u.first][j]);
        g[u.second][j] = Math.fma(u.secondWeight, d, g[u.second][j]);
      }
    }
    for (int j = 0; j < s.outWidth; j++) {
      Cells v = Cells.of(s, box, 0, j);
      for (int row = 0; row < s.height && v != null; row++) {
        int first = to + row * s.width + v.first;
        dx[first] = Math.fma(v.firstWeight, g[row][j], dx[first]);
        int second = to + row * s.width + v.second;
        dx[second] = Math.fma(v.secondWeight, g[row][j], dx[second]);
      }
    }
  }
}
