package org.ondol.spi;

import java.util.List;
import org.ondol.Tensor;

/**
 * The maps that regions are taken from, one for each level of a feature pyramid: [N, C, H_l, W_l] with contiguous planes, N
 * and C alike.
 *
 * @param x the maps; null for a gradient, which knows their sizes alone
 * @param heights H_l
 * @param widths W_l
 * @param scales from the boxes' coordinates to the map's
 */
public record RoiMaps(List<Tensor> x, long batch, long channels, long[] heights, long[] widths, float[] scales) {
  /** Levels at most. */
  public static final int LEVELS = 8;

  public int levels() {
    return scales.length;
  }
}
