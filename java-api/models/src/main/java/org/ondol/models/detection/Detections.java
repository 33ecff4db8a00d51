package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Lists of detections from what non-maximum suppression gives. */
final class Detections {
  private Detections() {}

  /**
   * By falling score.
   *
   * @param rows image, class and box of each that was kept
   * @param scores of each
   * @param corners of all boxes [N, own, 4]
   * @param own boxes of each number: 1, or one for each class
   */
  static List<Detection> of(long[] rows, float[] scores, float[] corners, int own) {
    List<Detection> found = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      int label = (int) rows[3 * i + 1];
      int at = 4 * ((int) rows[3 * i + 2] * own + (own == 1 ? 0 : label));
      found.add(new Detection(label, scores[i], corners[at], corners[at + 1], corners[at + 2], corners[at + 3]));
    }
    found.sort(Comparator.comparing(Detection::score).reversed());
    return found;
  }
}
