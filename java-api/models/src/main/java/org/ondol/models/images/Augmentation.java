package org.ondol.models.images;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Generator;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Truth;
import org.ondol.models.detection.LabelledBox;

/**
 * Variation of pictures at random, with their boxes or label maps: what a network should not care about changes from one
 * epoch to the next. Begin with {@link #NONE} and add. The same generator gives the same pictures on any machine, with any
 * number of threads; eight numbers are drawn for each picture, whatever is varied.
 *
 * @param flip probability that left and right change places
 * @param least the smallest factor by which a picture is scaled; below 1, what the picture does not cover is grey (128), and
 *     ignored in label maps
 * @param most the largest one, at least the least; above 1, a part is cut out at random. Factors are even in their logarithm
 * @param stretch by how much width may gain on height, and height on width, at least 1
 * @param brightness values are multiplied by a factor of 1 - brightness to 1 + brightness
 * @param contrast then their distances from the picture's mean shade
 * @param saturation then their distances from the pixel's own shade, 0.299 red + 0.587 green + 0.114 blue
 */
public record Augmentation(double flip, double least, double most, double stretch, double brightness, double contrast,
    double saturation) {
  /** Leaves pictures as they are. */
  public static final Augmentation NONE = new Augmentation(0, 1, 1, 1, 0, 0, 0);

  /** A box is dropped where less than this share of its area stays in the picture; the rest of one that stays is cut off. */
  public static final double KEPT = 0.5;

  private static final int DRAWS = 8;

  public Augmentation {
    within("flip", flip, 0, 1);
    within("least", least, 1.0 / 64, 64);
    within("most", most, least, 64);
    within("stretch", stretch, 1, 8);
    within("brightness", brightness, 0, 1);
    within("contrast", contrast, 0, 1);
    within("saturation", saturation, 0, 1);
  }

  private static void within(String argument, double value, double low, double high) {
    if (!(value >= low && value <= high)) throw new InvalidArgumentException(argument, value, low + " to " + high);
  }

  /** The same with left and right changing places, with this probability. */
  public Augmentation flipped(double probability) {
    return new Augmentation(probability, least, most, stretch, brightness, contrast, saturation);
  }

  /** The same with pictures scaled by factors of least to most, and their sides by up to stretch against each other. */
  public Augmentation scaled(double least, double most, double stretch) {
    return new Augmentation(flip, least, most, stretch, brightness, contrast, saturation);
  }

  /** The same with other light. */
  public Augmentation coloured(double brightness, double contrast, double saturation) {
    return new Augmentation(flip, least, most, stretch, brightness, contrast, saturation);
  }

  /**
   * Another batch, of varied pictures and what is true of them; labels stay.
   *
   * @param batch of pictures [N, 1 or 3, H, W] of 256 levels
   * @throws DataException if it has no such pictures, or pictures could become smaller but their label maps have no number
   *     for pixels that are ignored
   */
  public Batch apply(Batch batch, Generator random) {
    long[] shape = batch.shape();
    if (batch.levels() != 256 || shape.length != 4 || shape[1] != 1 && shape[1] != 3) {
      throw new DataException("examples are " + Arrays.toString(shape) + " of " + batch.levels()
          + " levels, expected pictures [N, 1 or 3, H, W] of 256");
    }
    Truth.Maps maps = batch.truth() instanceof Truth.Maps m ? m : null;
    if (maps != null && maps.ignored() < 0 && least / Math.sqrt(stretch) < 1) {
      throw new DataException("label maps without ignored pixels cannot become smaller");
    }
    float[] draws;
    try (Tensor u = random.uniform(Device.of("java"), 0, 1, shape[0], DRAWS)) {
      draws = u.toFloats();
    }
    int count = (int) shape[0];
    int size = batch.values().length / Math.max(1, count);
    byte[] values = new byte[batch.values().length];
    byte[][] changed = new byte[maps == null ? 0 : count][];
    Variation[] variations = new Variation[count];
    Threads.pool().run(count, (begin, end, thread) -> {
      for (int i = (int) begin; i < end; i++) {
        Variation v = variation(draws, i * DRAWS, (int) shape[3], (int) shape[2]);
        v.picture(batch.values(), i * size, (int) shape[1], values);
        if (maps != null) changed[i] = v.map(maps.maps()[i], (byte) maps.ignored());
        variations[i] = v;
      }
    });
    return batch.with(values, switch (batch.truth()) {
      case Truth.Boxes all -> new Truth.Boxes(all.classes(), boxes(all.boxes(), variations));
      case Truth.Maps all -> new Truth.Maps(all.classes(), all.ignored(), changed);
      case null -> null;
      case Truth.Labels all -> all;
    });
  }

  private static List<List<LabelledBox>> boxes(List<List<LabelledBox>> all, Variation[] variations) {
    List<List<LabelledBox>> out = new ArrayList<>();
    for (int i = 0; i < variations.length; i++) {
      List<LabelledBox> kept = new ArrayList<>();
      for (LabelledBox b : all.get(i)) {
        LabelledBox moved = variations[i].box(b);
        if (moved != null) kept.add(moved);
      }
      out.add(kept);
    }
    return out;
  }

  private Variation variation(float[] u, int at, int width, int height) {
    double factor = between(least, most, u[at]);
    double aspect = between(1 / stretch, stretch, u[at + 1]);
    double w = width / (factor * StrictMath.sqrt(aspect));
    double h = height / (factor / StrictMath.sqrt(aspect));
    return new Variation(width, height, u[at + 2] * (width - w), u[at + 3] * (height - h), w, h, u[at + 4] < flip,
        factor(brightness, u[at + 5]), factor(contrast, u[at + 6]), factor(saturation, u[at + 7]));
  }

  /** Even in the logarithm. */
  private static double between(double low, double high, float u) {
    return low == high ? low : low * StrictMath.exp(u * StrictMath.log(high / low));
  }

  private static float factor(double strength, float u) {
    return (float) (1 + strength * (2 * u - 1));
  }
}
