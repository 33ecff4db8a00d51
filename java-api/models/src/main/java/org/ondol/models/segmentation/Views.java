package org.ondol.models.segmentation;

import java.util.stream.IntStream;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.grad.Generator;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Truth;

/**
 * Training pictures seen otherwise, with their label maps: mirrored from left to right one time in two, enlarged or
 * reduced at random, and cut at random to the size that they had. What lies outside is grey and does not count.
 *
 * @param flips whether pictures are mirrored
 * @param scale the largest factor, 1 for none; the least is its reciprocal, or 1 where no label means that a pixel does
 *     not count. Factors are even in their logarithm.
 */
public record Views(boolean flips, double scale) {
  private static final byte GREY = 115;

  public Views {
    if (!(scale >= 1 && scale <= 16)) throw new InvalidArgumentException("scale", scale, "1 to 16");
  }

  /**
   * Where the pixels of a new axis lie on the old one.
   *
   * @param nearest the pixel there, or -1 outside
   * @param low the pixel before that place, within the axis
   * @param high the one behind
   * @param part how far the place is from low to high
   */
  private record Axis(int[] nearest, int[] low, int[] high, float[] part) {
    /** @param from the place of the new axis' beginning, pixel i reaching from i to i + 1 */
    static Axis of(int size, double factor, double from, boolean mirrored) {
      Axis a = new Axis(new int[size], new int[size], new int[size], new float[size]);
      for (int i = 0; i < size; i++) {
        double at = from + (i + 0.5) / factor;
        if (mirrored) at = size - at;
        a.nearest[i] = at >= 0 && at < size ? (int) at : -1;
        double centre = Math.clamp(at - 0.5, 0, size - 1.0);
        a.low[i] = (int) centre;
        a.high[i] = Math.min(size - 1, a.low[i] + 1);
        a.part[i] = (float) (centre - a.low[i]);
      }
      return a;
    }
  }

  /**
   * A batch seen otherwise.
   *
   * @param batch pictures with label maps
   * @param random gives four numbers for each picture, whatever is done with them
   */
  public Batch of(Batch batch, Generator random) {
    if (!(batch.truth() instanceof Truth.Maps truth)) throw new DataException("these examples have no label maps");
    if (!flips && scale == 1) return batch;
    int n = batch.count();
    int channels = (int) batch.shape()[1];
    int height = (int) batch.shape()[2];
    int width = (int) batch.shape()[3];
    float[] drawn;
    try (Scope scope = Scope.open()) {
      drawn = random.uniform(batch.device(), 0, 1, n, 4).toFloats();
    }
    byte[] values = new byte[batch.values().length];
    byte[][] maps = new byte[n][];
    IntStream.range(0, n).parallel().forEach(i -> {
      double low = truth.ignored() < 0 ? 0 : -1;
      double factor = StrictMath.exp((low + (1 - low) * drawn[4 * i]) * StrictMath.log(scale));
      Axis rows = Axis.of(height, factor, (height - height / factor) * drawn[4 * i + 1], false);
      Axis columns = Axis.of(width, factor, (width - width / factor) * drawn[4 * i + 2], flips && drawn[4 * i + 3] < 0.5f);
      maps[i] = map(truth.maps()[i], rows, columns, (byte) truth.ignored());
      for (int c = 0; c < channels; c++) plane(batch.values(), (i * channels + c) * height * width, rows, columns, values);
    });
    return batch.with(values, new Truth.Maps(truth.classes(), truth.ignored(), maps));
  }

  private static byte[] map(byte[] map, Axis rows, Axis columns, byte outside) {
    int width = columns.low.length;
    byte[] out = new byte[map.length];
    for (int y = 0; y < rows.low.length; y++) {
      for (int x = 0; x < width; x++) {
        boolean in = rows.nearest[y] >= 0 && columns.nearest[x] >= 0;
        out[y * width + x] = in ? map[rows.nearest[y] * width + columns.nearest[x]] : outside;
      }
    }
    return out;
  }

  /** Linear between the centres of pixels, rounded to the nearest byte. */
  private static void plane(byte[] values, int at, Axis rows, Axis columns, byte[] out) {
    int width = columns.low.length;
    for (int y = 0; y < rows.low.length; y++) {
      int top = at + rows.low[y] * width;
      int bottom = at + rows.high[y] * width;
      for (int x = 0; x < width; x++) {
        boolean in = rows.nearest[y] >= 0 && columns.nearest[x] >= 0;
        float above = between(values, top, columns, x);
        float below = between(values, bottom, columns, x);
        out[at + y * width + x] = in ? (byte) (int) (above + rows.part[y] * (below - above) + 0.5f) : GREY;
      }
    }
  }

  private static float between(byte[] values, int row, Axis columns, int x) {
    int left = values[row + columns.low[x]] & 0xFF;
    int right = values[row + columns.high[x]] & 0xFF;
    return left + columns.part[x] * (right - left);
  }
}
