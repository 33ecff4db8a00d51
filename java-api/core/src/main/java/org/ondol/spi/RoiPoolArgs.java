package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.RoiPool;

/**
 * y = the greatest element or the average of each bin of each region; see docs/arithmetic.md, Regions.
 *
 * @param positionSensitive whether there is one grid and each of its bins has channels of its own
 * @param rows of bins of each grid
 * @param columns of bins of each grid
 * @param y [R, ...], contiguous, a row of {@link #row} results for each region; null for a gradient
 * @param indices of the greatest elements within their planes, INT32, contiguous, as y; or null, as for averages
 */
public record RoiPoolArgs(Pool.Op op, RoiPool.Rounding rounding, RoiMaps x, RoiList rois, boolean positionSensitive, long[] rows,
    long[] columns, Tensor y, Tensor indices) {
  /** Grids at most. */
  public static final int GRIDS = 8;

  /** Of y. */
  public long channels() {
    return positionSensitive ? x.channels() / (rows[0] * columns[0]) : x.channels();
  }

  /** Results of a region. */
  public long row() {
    return base(rows.length);
  }

  /** Where in the row of a region the results of a grid begin. */
  public long base(int grid) {
    long base = 0;
    for (int g = 0; g < grid; g++) base += channels() * rows[g] * columns[g];
    return base;
  }
}
