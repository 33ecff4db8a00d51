package org.ondol.models.segmentation;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/** Maps of the classes that scores name. */
final class LabelMaps {
  private LabelMaps() {}

  /**
   * The class of the greatest score of each pixel, the first one among equals, rows first.
   *
   * @param scores [1, classes, H, W] of at most 256 classes
   * @param height the rows that are wanted, at most H: the first ones
   */
  static byte[] best(Tensor scores, int height, int width) {
    if (scores.rank() != 4 || scores.size(0) != 1 || scores.size(1) > 256) {
      throw new ShapeException("scores", Arrays.toString(scores.shape()), "[1, classes, H, W] of at most 256 classes");
    }
    int classes = (int) scores.size(1);
    int rows = (int) scores.size(2);
    int columns = (int) scores.size(3);
    float[] s = scores.contiguous().toFloats();
    byte[] best = new byte[height * width];
    IntStream.range(0, height).parallel().forEach(y -> {
      for (int x = 0; x < width; x++) {
        int at = y * columns + x;
        int c = 0;
        for (int d = 1; d < classes; d++) if (s[d * rows * columns + at] > s[c * rows * columns + at]) c = d;
        best[y * width + x] = (byte) c;
      }
    });
    return best;
  }
}
