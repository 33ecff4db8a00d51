package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Tensor;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiMaps;

/**
 * Copies of regions in groups of one level and image, ascending within a group. The last group is of the void: those whose level or
 * image is not there, or whose box is not legal.
 */
final class AlignGroups {
  private static final float LIMIT = 1 << 22;

  /** How many, without that of the void. */
  final int groups;
  /** Where groups begin in {@link #order}; one more than groups and the void. */
  final int[] start;
  final int[] order;
  /** About how many cells the regions of a group cover, each counted alone. */
  final double[] cells;

  private final RoiMaps maps;
  private final float[] boxes;

  AlignGroups(RoiMaps maps, RoiList rois) {
    this.maps = maps;
    groups = Math.toIntExact(maps.levels() * maps.batch());
    int count = (int) rois.count();
    boxes = new float[4 * count];
    MemorySegment.copy(rois.boxes().segment(), ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * rois.boxes().offset(), boxes, 0, 4 * count);
    int[] images = ints(rois.images(), count);
    int[] levels = rois.levels() == null ? new int[count] : ints(rois.levels(), count);
    start = new int[groups + 2];
    cells = new double[groups + 1];
    order = new int[count];
    int[] group = new int[count];
    float[] box = new float[4];
    for (int r = 0; r < count; r++) {
      boolean there = images[r] >= 0 && images[r] < maps.batch() && levels[r] >= 0 && levels[r] < maps.levels();
      group[r] = there && scaled(r, levels[r], box) ? (int) (levels[r] * maps.batch() + images[r]) : groups;
      start[group[r] + 1]++;
      if (group[r] < groups) {
        cells[group[r]] += span(box[1], box[3], maps.heights()[levels[r]]) * span(box[0], box[2], maps.widths()[levels[r]]);
      }
    }
    for (int g = 0; g <= groups; g++) {
      start[g + 1] += start[g];
    }
    int[] next = start.clone();
    for (int r = 0; r < count; r++) {
      order[next[group[r]]++] = r;
    }
  }

  int level(int group) {
    return (int) (group / maps.batch());
  }

  long image(int group) {
    return group % maps.batch();
  }

  /** The corners of a region on its map; whether they are legal. */
  boolean scaled(int region, int level, float[] box) {
    boolean legal = true;
    for (int k = 0; k < 4; k++) {
      box[k] = boxes[4 * region + k] * maps.scales()[level];
      legal &= Math.abs(box[k]) <= LIMIT;
    }
    return legal;
  }

  private static double span(float a, float b, long size) {
    float low = Math.max(0, Math.min(a, b));
    float high = Math.min(size, Math.max(a, b));
    return high < low ? 0 : Math.min(size, high - low + 2);
  }

  private static int[] ints(Tensor t, int n) {
    int[] values = new int[n];
    MemorySegment.copy(t.segment(), ValueLayout.JAVA_INT_UNALIGNED, 4 * t.offset(), values, 0, n);
    return values;
  }
}
