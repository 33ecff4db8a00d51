package org.ondol.vector;

import org.ondol.ops.RoiPool.Rounding;
import org.ondol.spi.RoiMaps;
import org.ondol.spi.RoiPoolArgs;

/**
 * The bins of a region: for each grid the first rows, the limits of rows, the first columns and the limits of columns of its
 * bins, one after the other in an array.
 */
final class RoiSpans {
  private static final float FAR = 1 << 22;
  private static final float WHOLE = 1 << 23;

  final int[] spans;
  private final Rounding rounding;
  private final long[] rows;
  private final long[] columns;

  RoiSpans(RoiPoolArgs args, Scratch scratch) {
    rounding = args.rounding();
    rows = args.rows();
    columns = args.columns();
    spans = scratch.ints(0, at(rows.length));
  }

  /** Where a grid's spans begin. */
  int at(int grid) {
    long at = 0;
    for (int g = 0; g < grid; g++) {
      at += 2 * (rows[g] + columns[g]);
    }
    return (int) at;
  }

  /** Of a box on the map of a level; false where it is void. */
  boolean set(float[] box, RoiMaps maps, int level) {
    if (isVoid(box, maps.scales()[level])) {
      return false;
    }
    int at = 0;
    for (int g = 0; g < rows.length; g++) {
      at = axis(box[1], box[3], maps.scales()[level], (int) maps.heights()[level], (int) rows[g], 0, (int) rows[g], at);
      at = axis(box[0], box[2], maps.scales()[level], (int) maps.widths()[level], (int) columns[g], 0, (int) columns[g], at);
    }
    return true;
  }

  /** The same of one bin of the one grid, as if it were a grid of its own. */
  boolean setOne(float[] box, RoiMaps maps, int level, long bin) {
    if (isVoid(box, maps.scales()[level])) {
      return false;
    }
    int i = (int) (bin / columns[0]);
    int j = (int) (bin % columns[0]);
    axis(box[1], box[3], maps.scales()[level], (int) maps.heights()[level], (int) rows[0], i, 1, 0);
    axis(box[0], box[2], maps.scales()[level], (int) maps.widths()[level], (int) columns[0], j, 1, 2);
    return true;
  }

  private static boolean isVoid(float[] box, float scale) {
    for (float v : box) {
      if (!(Math.abs(v * scale) <= FAR)) {
        return true;
      }
    }
    return false;
  }

  /** Bins [from, from + count) of n; returns the place behind their spans. */
  private int axis(float low, float high, float scale, int elements, int n, int from, int count, int at) {
    boolean rfcn = rounding == Rounding.RFCN;
    float size = rounding == Rounding.GRID ? elements - 1 : elements;
    float inner = rfcn ? halfaway(low) * scale : 0;
    float outer = rfcn ? 0 : rounding == Rounding.SPP ? floor(low * scale) + 1 : halfaway(low * scale);
    float w = extent(high, scale, inner, outer) / n;
    for (int i = 0; i < count; i++) {
      spans[at + i] = (int) cut(floor((from + i) * w + inner) + outer, size);
      spans[at + count + i] = (int) cut(ceil((from + i + 1) * w + inner) + outer, size);
    }
    return at + 2 * count;
  }

  private float extent(float high, float scale, float inner, float outer) {
    return switch (rounding) {
      case RFCN -> greater((halfaway(high) + 1) * scale - inner, 0.1f);
      case ROUND -> greater(halfaway(high * scale) - outer + 1, 1);
      case SPP -> greater(ceil(high * scale) - 1 - outer + 1, 1);
      case GRID -> greater(halfaway(high * scale) - outer, 1);
    };
  }

  private static float greater(float a, float b) {
    return a > b ? a : b;
  }

  private static float cut(float v, float size) {
    return v < 0 ? 0 : v > size ? size : v;
  }

  private static float trunc(float v) {
    return v < WHOLE && v > -WHOLE ? (float) (int) v : v;
  }

  private static float halfaway(float v) {
    float t = trunc(v);
    return Math.abs(v - t) >= 0.5f ? t + Math.copySign(1f, v) : t;
  }

  private static float floor(float v) {
    float t = trunc(v);
    return t > v ? t - 1 : t;
  }

  private static float ceil(float v) {
    float t = trunc(v);
    return t < v ? t + 1 : t;
  }
}
