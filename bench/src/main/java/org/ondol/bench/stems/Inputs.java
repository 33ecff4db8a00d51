package org.ondol.bench.stems;

import java.util.SplittableRandom;

/** Inputs from fixed seeds, the same in every run and for every contender. */
final class Inputs {
  private Inputs() {}

  static float[] normal(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** Binary pictures of blots: a random half of the pixels where a slow wave is high, few where it is low. */
  static float[] blots(int batch, int pixels) {
    float[] x = normal(9, batch * pixels);
    for (int i = 0; i < x.length; i++) x[i] = x[i] + 2 * Math.sin(i * 0.021) > 1 ? 1 : 0;
    return x;
  }

  /** [b][x][y][d] to [b][y][x][d]: between head-major and position-major. */
  static float[] swapMiddle(float[] from, int b, int x, int y, int d) {
    float[] to = new float[from.length];
    for (int i = 0; i < b; i++) {
      for (int j = 0; j < x; j++) {
        for (int k = 0; k < y; k++) {
          System.arraycopy(from, ((i * x + j) * y + k) * d, to, ((i * y + k) * x + j) * d, d);
        }
      }
    }
    return to;
  }
}
