package org.ondol.models.evaluation;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Precision by recall of found boxes, of which each is right or wrong. */
final class Precision {
  /**
   * A found box.
   *
   * @param counts whether it is right or wrong at all
   */
  record Found(float score, boolean right, boolean counts) {}

  /** Right ones among the first, by how many counting boxes are taken. */
  final int[] right;
  /** At each number of counting boxes, the highest precision there or further on. */
  final double[] highest;

  /** @param found in the order in which equal scores count */
  Precision(List<Found> found) {
    List<Found> all = found.stream().filter(Found::counts)
        .sorted(Comparator.comparingDouble((Found f) -> 0.0 - f.score)).toList();
    right = new int[all.size()];
    highest = new double[all.size()];
    for (int i = 0, n = 0; i < right.length; i++) {
      if (all.get(i).right) n++;
      right[i] = n;
      highest[i] = (double) n / (i + 1);
    }
    for (int i = right.length - 2; i >= 0; i--) highest[i] = Math.max(highest[i], highest[i + 1]);
  }

  /** The highest precision where the recall is at least part / of; 0 where it never is. */
  double at(int part, int of, int truths) {
    int low = 0;
    int high = right.length;
    while (low < high) { // right ones never become fewer
      int i = low + high >>> 1;
      if ((long) right[i] * of >= (long) part * truths) high = i;
      else low = i + 1;
    }
    return low < right.length ? highest[low] : 0;
  }

  /** Of the values that are numbers; NaN where none is. */
  static double mean(double[] values) {
    return Arrays.stream(values).filter(v -> !Double.isNaN(v)).average().orElse(Double.NaN);
  }
}
