package org.ondol.models.proposals;

import java.util.Arrays;
import java.util.SplittableRandom;

/** The order of the boxes of all hierarchies. */
final class Ranking {
  private Ranking() {}

  /**
   * Orders boxes by their priority, a random share of their place in their hierarchy.
   *
   * @param hierarchies the boxes of each, from the initial regions to the whole image
   * @param width of the image
   */
  static int[] order(int[][] hierarchies, int width, int minSide, long seed) {
    int all = Arrays.stream(hierarchies).mapToInt(h -> h.length / 4).sum();
    int[] boxes = new int[4 * all];
    long[] keys = new long[all];
    SplittableRandom random = new SplittableRandom(seed);
    int n = 0;
    for (int[] hierarchy : hierarchies) {
      System.arraycopy(hierarchy, 0, boxes, 4 * n, hierarchy.length);
      for (int place = hierarchy.length / 4; place > 0; place--) {
        // The bits of floats that are not negative ascend like the floats; equal ones keep the hierarchies' order.
        float priority = (float) (place * random.nextDouble());
        keys[n] = (long) Float.floatToRawIntBits(priority) << 32 | n;
        n++;
      }
    }
    Arrays.sort(keys);
    return distinct(boxes, keys, width, minSide);
  }

  /** The large enough boxes in the order of the keys, equal ones once. */
  private static int[] distinct(int[] boxes, long[] keys, int width, int minSide) {
    LongSet taken = new LongSet();
    int[] order = new int[boxes.length];
    int n = 0;
    for (long key : keys) {
      int at = 4 * (int) key;
      int x1 = boxes[at];
      int y1 = boxes[at + 1];
      int x2 = boxes[at + 2];
      int y2 = boxes[at + 3];
      if (x2 - x1 < minSide || y2 - y1 < minSide) continue;
      if (!taken.add((long) (y1 * width + x1) << 32 | (y2 - 1) * width + x2 - 1)) continue;
      System.arraycopy(boxes, at, order, n, 4);
      n += 4;
    }
    return Arrays.copyOf(order, n);
  }
}
