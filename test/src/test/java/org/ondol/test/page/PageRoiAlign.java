package org.ondol.test.page;

import java.util.ArrayList;
import java.util.List;

/** The samples of regions of docs/arithmetic.md, their averages and maxima, and the gradients. */
public final class PageRoiAlign {
  private PageRoiAlign() {}

  /** A sample that is not outside. */
  public record Sample(int c0, int c1, float v0, float v1) {}

  /** An axis of a region: m, and for each bin its samples that are not outside. */
  public record Axis(int m, List<List<Sample>> bins) {
    boolean outside(int bin) {
      return bins.get(bin).size() < m;
    }
  }

  /** @param a the products of the axis' two corners and the scale */
  public static Axis axis(float a, float b, int size, int n, int sampling, boolean aligned) {
    if (aligned) {
      a = a - 0.5f;
      b = b - 0.5f;
    }
    float e = aligned ? b - a : Math.max(b - a, 1);
    float w = e / n;
    int m = sampling > 0 ? sampling : Math.max(0, (int) Math.ceil(w));
    List<List<Sample>> bins = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      List<Sample> bin = new ArrayList<>();
      for (int k = 0; k < m; k++) {
        float p = (a + i * w) + ((k + 0.5f) * w) / m;
        if (!(p < -1 || p > size)) {
          bin.add(sample(Math.max(p, 0), size));
        }
      }
      bins.add(bin);
    }
    return new Axis(m, bins);
  }

  private static Sample sample(float p, int size) {
    int c0 = (int) p;
    return c0 >= size - 1 ? new Sample(size - 1, size - 1, 1, 0) : new Sample(c0, c0 + 1, 1 - (p - c0), p - c0);
  }

  /** M. */
  static float divisor(Axis rows, Axis columns) {
    return Math.max((float) rows.m * (float) columns.m, 1);
  }

  /** Whether the products of a box and a scale leave a region that is not void. */
  public static boolean legal(float[] corners) {
    for (float v : corners) {
      if (!(Math.abs(v) <= 0x1p22f)) {
        return false;
      }
    }
    return true;
  }

  /** A bin of a plane that begins at {@code at}. */
  public static float average(float[] x, int at, int width, Axis rows, int i, Axis columns, int j) {
    float y = 0;
    for (Sample u : rows.bins.get(i)) {
      y = Math.fma(u.v0, across(x, at + u.c0 * width, columns.bins.get(j)), y);
      y = Math.fma(u.v1, across(x, at + u.c1 * width, columns.bins.get(j)), y);
    }
    return y / divisor(rows, columns);
  }

  private static float across(float[] x, int row, List<Sample> samples) {
    float h = 0;
    for (Sample v : samples) {
      h = Math.fma(v.v0, x[row + v.c0], h);
      h = Math.fma(v.v1, x[row + v.c1], h);
    }
    return h;
  }

  /** A maximum and its index. */
  public record Max(float y, int index) {}

  public static Max maximum(boolean corners, float[] x, int at, int width, Axis rows, int i, Axis columns, int j) {
    List<Float> seen = new ArrayList<>();
    for (Sample u : rows.bins.get(i)) {
      for (Sample v : columns.bins.get(j)) {
        float[] c = {x[at + u.c0 * width + v.c0], x[at + u.c0 * width + v.c1], x[at + u.c1 * width + v.c0], x[at + u.c1 * width + v.c1]};
        if (corners) {
          seen.addAll(List.of((u.v0 * v.v0) * c[0], (u.v0 * v.v1) * c[1], (u.v1 * v.v0) * c[2], (u.v1 * v.v1) * c[3]));
        } else {
          float upper = Math.fma(v.v1, c[1], v.v0 * c[0]);
          float lower = Math.fma(v.v1, c[3], v.v0 * c[2]);
          seen.add(Math.fma(u.v1, lower, u.v0 * upper));
        }
      }
    }
    int best = 0;
    for (int k = 1; k < seen.size(); k++) {
      float v = seen.get(k);
      float kept = seen.get(best);
      best = v > kept || Float.isNaN(v) && !Float.isNaN(kept) ? k : best;
    }
    boolean outside = rows.outside(i) || columns.outside(j);
    if (seen.isEmpty() || outside && 0 > seen.get(best)) {
      return new Max(0, -1);
    }
    return new Max(seen.get(best) + 0f, best);
  }

  /** Adds the gradient of an average: of row bin i and column bins [from, to), whose gradients begin at {@code d}. */
  public static void averageBackward(float[] dy, int d, Axis rows, int i, Axis columns, int from, int to, float[] dx, int at, int width) {
    float[] line = new float[width];
    for (int j = from; j < to; j++) {
      float g = dy[d + j - from] / divisor(rows, columns);
      for (Sample v : columns.bins.get(j)) {
        line[v.c0] = Math.fma(v.v0, g, line[v.c0]);
        line[v.c1] = Math.fma(v.v1, g, line[v.c1]);
      }
    }
    for (Sample u : rows.bins.get(i)) {
      add(u.v0, line, dx, at + u.c0 * width);
      add(u.v1, line, dx, at + u.c1 * width);
    }
  }

  private static void add(float weight, float[] line, float[] dx, int row) {
    for (int c = 0; c < line.length; c++) {
      dx[row + c] = Math.fma(weight, line[c], dx[row + c]);
    }
  }

  /** Adds the gradient of a maximum with an index of any value. */
  public static void maximumBackward(boolean corners, float dy, int index, Axis rows, int i, Axis columns, int j, float[] dx, int at,
      int width) {
    int number = corners ? Math.floorDiv(index, 4) : index;
    int across = columns.bins.get(j).size();
    if (number < 0 || number >= rows.bins.get(i).size() * across) {
      return;
    }
    Sample u = rows.bins.get(i).get(number / across);
    Sample v = columns.bins.get(j).get(number % across);
    int[] cells = {u.c0 * width + v.c0, u.c0 * width + v.c1, u.c1 * width + v.c0, u.c1 * width + v.c1};
    float[] weights = {u.v0 * v.v0, u.v0 * v.v1, u.v1 * v.v0, u.v1 * v.v1};
    for (int k = 0; k < 4; k++) {
      if (!corners || Math.floorMod(index, 4) == k) {
        dx[at + cells[k]] = Math.fma(weights[k], dy, dx[at + cells[k]]);
      }
    }
  }
}
