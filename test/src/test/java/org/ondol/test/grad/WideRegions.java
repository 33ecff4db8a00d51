package org.ondol.test.grad;

import java.util.ArrayList;
import java.util.List;

/** Pooling of regions of maps [N, C, H, W] in float64, for {@link TapeGradientTest}. */
final class WideRegions {
  /** A box x1, y1, x2, y2 of an image, on the map with this number. */
  record Region(int image, int map, double... box) {}

  /** What becomes of the samples of a bin. */
  enum Sampling { AVERAGE, MAX, CORNERS }

  private WideRegions() {}

  /** Fast R-CNN's maxima of rows x columns bins. */
  static Wide pool(Wide[] maps, double[] scales, Region[] regions, int rows, int columns) {
    return Wide.of(new int[] {regions.length, maps[0].shape[1], rows, columns}, i -> {
      Region r = regions[i[0]];
      double s = scales[r.map];
      return greatest(maps[r.map], r.image, i[1],
          span(Math.round(r.box[1] * s), Math.round(r.box[3] * s), i[2], rows, maps[r.map].shape[2]),
          span(Math.round(r.box[0] * s), Math.round(r.box[2] * s), i[3], columns, maps[r.map].shape[3]));
    });
  }

  /** SPPNet's maxima of a grid of n x n bins after the other, in one row a region. */
  static Wide spp(Wide[] maps, double[] scales, Region[] regions, int... grids) {
    List<Wide> parts = new ArrayList<>();
    for (int n : grids) {
      Wide grid = Wide.of(new int[] {regions.length, maps[0].shape[1], n, n}, i -> {
        Region r = regions[i[0]];
        double s = scales[r.map];
        return greatest(maps[r.map], r.image, i[1],
            span(Math.floor(r.box[1] * s) + 1, Math.ceil(r.box[3] * s) - 1, i[2], n, maps[r.map].shape[2]),
            span(Math.floor(r.box[0] * s) + 1, Math.ceil(r.box[2] * s) - 1, i[3], n, maps[r.map].shape[3]));
      });
      parts.add(grid.reshape(regions.length, grid.data.length / regions.length));
    }
    return Wide.concat(1, parts.toArray(Wide[]::new));
  }

  /** The elements [first, limit) of bin i of n over those from one to another. */
  private static int[] span(double from, double to, int i, int n, int size) {
    double w = Math.max(to - from + 1, 1) / n;
    return new int[] {(int) Math.clamp(from + Math.floor(i * w), 0, size),
        (int) Math.clamp(from + Math.ceil((i + 1) * w), 0, size)};
  }

  private static double greatest(Wide x, int image, int channel, int[] rows, int[] columns) {
    double best = Double.NEGATIVE_INFINITY;
    for (int a = rows[0]; a < rows[1]; a++) {
      for (int b = columns[0]; b < columns[1]; b++) best = Math.max(best, x.at(image, channel, a, b));
    }
    return best == Double.NEGATIVE_INFINITY ? 0 : best;
  }

  /** Mask R-CNN's, with m x m samples of each bin. */
  static Wide align(Wide[] maps, double[] scales, Region[] regions, int rows, int columns, Sampling sampling,
      boolean aligned, int m) {
    return Wide.of(new int[] {regions.length, maps[0].shape[1], rows, columns}, i -> {
      Region r = regions[i[0]];
      Wide x = maps[r.map];
      double sum = 0;
      double best = Double.NEGATIVE_INFINITY;
      for (int k = 0; k < m * m; k++) {
        double py = place(r.box[1] * scales[r.map], r.box[3] * scales[r.map], aligned, (i[2] + (k / m + 0.5) / m) / rows);
        double px = place(r.box[0] * scales[r.map], r.box[2] * scales[r.map], aligned, (i[3] + (k % m + 0.5) / m) / columns);
        double[] corners = corners(x, r.image, i[1], py, px);
        double sample = corners[0] + corners[1] + corners[2] + corners[3];
        sum += sample;
        if (sampling == Sampling.MAX) best = Math.max(best, sample);
        for (int c = 0; sampling == Sampling.CORNERS && c < 4; c++) best = Math.max(best, corners[c]);
      }
      return sampling == Sampling.AVERAGE ? sum / (m * m) : best;
    });
  }

  private static double place(double low, double high, boolean aligned, double part) {
    double shift = aligned ? 0.5 : 0;
    return low - shift + (aligned ? high - low : Math.max(high - low, 1)) * part;
  }

  /** The four neighbours of a point, times their weights; none beyond the map. */
  private static double[] corners(Wide x, int image, int channel, double py, double px) {
    int h = x.shape[2];
    int w = x.shape[3];
    double[] c = new double[4];
    if (py < -1 || py > h || px < -1 || px > w) return c;
    double y = Math.clamp(py, 0, h - 1);
    double z = Math.clamp(px, 0, w - 1);
    for (int k = 0; k < 4; k++) {
      int row = Math.min((int) y + k / 2, h - 1);
      int column = Math.min((int) z + k % 2, w - 1);
      double weight = (k / 2 == 0 ? 1 - (y - (int) y) : y - (int) y) * (k % 2 == 0 ? 1 - (z - (int) z) : z - (int) z);
      c[k] = weight * x.at(image, channel, row, column);
    }
    return c;
  }
}
