package org.ondol.test.page;

import org.ondol.ops.RoiPool.Rounding;

/** Pooling of regions as docs/arithmetic.md (Regions) has it. */
public final class PageRoiPool {
  private PageRoiPool() {}

  /** A level of a pyramid of [batch, channels, height, width]. */
  public record Level(int height, int width, float scale) {
    int size() {
      return height * width;
    }
  }

  /**
   * A call.
   *
   * @param channels of the maps
   * @param bins of each grid, rows and columns
   */
  public record Call(Rounding rounding, boolean average, boolean sensitive, int batch, int channels, Level[] levels, float[] boxes,
      int[] images, int[] on, int[][] bins) {
    public int regions() {
      return images.length;
    }

    /** Results of a region. */
    public int row() {
      int bins = 0;
      for (int[] grid : this.bins) {
        bins += grid[0] * grid[1];
      }
      return sensitive ? channels : channels * bins;
    }
  }

  /** One result: its place in y, its map, the channel of the map, and rows and columns of its bin. */
  public interface Visitor {
    void bin(int o, int level, int image, int channel, int[] rows, int[] columns);
  }

  private static float halfaway(float v) {
    float t = (float) (v < 0 ? Math.ceil(v) : Math.floor(v));
    return Math.abs(v - t) >= 0.5f ? t + Math.copySign(1f, v) : t;
  }

  private static int cut(float v, float size) {
    return (int) Math.min(Math.max(v, 0), size);
  }

  /** [first, limit) of bin i of n along an axis. */
  static int[] span(Rounding rounding, float low, float high, float s, int size, int i, int n) {
    float a = low * s;
    float b = high * s;
    if (rounding == Rounding.RFCN) {
      a = halfaway(low) * s;
      b = (halfaway(high) + 1f) * s;
      float w = (b - a > 0.1f ? b - a : 0.1f) / n;
      float first = (float) Math.floor(i * w + a);
      float limit = (float) Math.ceil((i + 1) * w + a);
      return new int[] {cut(first, size), cut(limit, size)};
    }
    boolean spp = rounding == Rounding.SPP;
    boolean grid = rounding == Rounding.GRID;
    float f = spp ? (float) Math.floor(a) + 1f : halfaway(a);
    float g = spp ? (float) Math.ceil(b) - 1f : halfaway(b);
    float e = grid ? g - f : g - f + 1f;
    float w = (e > 1f ? e : 1f) / n;
    float first = f + (float) Math.floor(i * w);
    float limit = f + (float) Math.ceil((i + 1) * w);
    return new int[] {cut(first, grid ? size - 1 : size), cut(limit, grid ? size - 1 : size)};
  }

  private static boolean isVoid(Call c, int r) {
    for (int k = 0; k < 4; k++) {
      if (!(Math.abs(c.boxes[4 * r + k] * c.levels[c.on[r]].scale) <= 1 << 22)) {
        return true;
      }
    }
    return false;
  }

  /** All results in the order of y; the bins of a void region are empty. */
  public static void each(Call c, Visitor visitor) {
    int o = 0;
    for (int r = 0; r < c.regions(); r++) {
      Level l = c.levels[c.on[r]];
      boolean none = isVoid(c, r);
      for (int[] grid : c.bins) {
        int n = grid[0] * grid[1];
        for (int k = 0; k < (c.sensitive ? c.channels : c.channels * n); k++, o++) {
          int[] rows = none ? new int[2] : span(c.rounding, c.boxes[4 * r + 1], c.boxes[4 * r + 3], l.scale, l.height, k % n / grid[1], grid[0]);
          int[] columns = none ? new int[2] : span(c.rounding, c.boxes[4 * r], c.boxes[4 * r + 2], l.scale, l.width, k % grid[1], grid[1]);
          visitor.bin(o, c.on[r], c.images[r], c.sensitive ? k : k / n, rows, columns);
        }
      }
    }
  }

  /** Results and, of maxima, where they are. */
  public static PagePool.Max forward(Call c, float[][] x) {
    PagePool.Max result = new PagePool.Max(new float[c.regions() * c.row()], new int[c.regions() * c.row()]);
    each(c, (o, level, image, channel, rows, columns) -> {
      int width = c.levels[level].width;
      int plane = (image * c.channels + channel) * c.levels[level].size();
      int best = -1;
      int n = 0;
      float sum = 0f;
      for (int iy = rows[0]; iy < rows[1]; iy++) {
        for (int ix = columns[0]; ix < columns[1]; ix++) {
          float v = x[level][plane + iy * width + ix];
          sum = sum + v;
          n++;
          if (best < 0 || v > x[level][plane + best] || Float.isNaN(v) && !Float.isNaN(x[level][plane + best])) {
            best = iy * width + ix;
          }
        }
      }
      result.indices()[o] = best;
      result.y()[o] = n == 0 ? 0f : c.average ? sum / (float) n : x[level][plane + best] + 0f;
    });
    return result;
  }

  /** dx of each level. */
  public static float[][] backward(Call c, float[] dy, int[] indices) {
    float[][] dx = new float[c.levels.length][];
    for (int l = 0; l < dx.length; l++) {
      dx[l] = new float[c.batch * c.channels * c.levels[l].size()];
    }
    each(c, (o, level, image, channel, rows, columns) -> {
      int width = c.levels[level].width;
      int plane = (image * c.channels + channel) * c.levels[level].size();
      float count = (rows[1] - rows[0]) * (columns[1] - columns[0]);
      for (int iy = rows[0]; iy < rows[1]; iy++) {
        for (int ix = columns[0]; ix < columns[1]; ix++) {
          int at = iy * width + ix;
          if (c.average) {
            dx[level][plane + at] = dx[level][plane + at] + dy[o] / count;
          } else if (indices[o] == at) {
            dx[level][plane + at] = dx[level][plane + at] + dy[o];
          }
        }
      }
    });
    return dx;
  }
}
