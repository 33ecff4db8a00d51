package org.ondol.test.segmentation;

import java.util.List;
import java.util.SplittableRandom;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;

/** Pictures of coloured blocks, the class of each pixel being that of its colour. */
final class Blocks {
  static final List<String> CLASSES = List.of("red", "green", "yellow", "blue", "purple", "cyan");
  static final int IGNORED = 6;
  static final int HEIGHT = 48;
  static final int WIDTH = 64;
  private static final int BLOCK = 16;

  private Blocks() {}

  /** Blocks of 16 x 16 with some noise; the first row of pixels is ignored. */
  static Examples examples(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] values = new byte[count * 3 * HEIGHT * WIDTH];
    byte[][] maps = new byte[count][HEIGHT * WIDTH];
    for (int n = 0; n < count; n++) {
      int[] classes = random.ints(HEIGHT / BLOCK * (WIDTH / BLOCK), 0, CLASSES.size()).toArray();
      for (int i = 0; i < HEIGHT * WIDTH; i++) {
        int label = classes[i / WIDTH / BLOCK * (WIDTH / BLOCK) + i % WIDTH / BLOCK];
        maps[n][i] = (byte) (i < WIDTH ? IGNORED : label);
        for (int c = 0; c < 3; c++) {
          values[(n * 3 + c) * HEIGHT * WIDTH + i] = (byte) (random.nextInt(40) + ((label + 1 >> c & 1) == 1 ? 180 : 30));
        }
      }
    }
    return new Examples("blocks", new long[] {3, HEIGHT, WIDTH}, 256, values, new Truth.Maps(CLASSES, IGNORED, maps));
  }

  static DataSet data(int count) {
    return new DataSet("blocks", examples(count, 1), null, null);
  }
}
