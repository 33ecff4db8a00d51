package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiMaps;

/**
 * Regions of interest: boxes x1, y1, x2, y2 in image coordinates, each of one image of a batch and, where there is a feature
 * pyramid, of one of its levels. The numbers of images and levels are copied and checked; coordinates may be anything,
 * docs/arithmetic.md (Regions) says what comes of boxes that are reversed, outside, infinite or NaN. No boxes are legal: the
 * results of pooling them are empty.
 */
public final class Rois implements AutoCloseable {
  private final Tensor boxes;
  private final Tensor images;
  private final Tensor levels;
  private final int imageLimit;
  private final int levelLimit;

  private Rois(Tensor boxes, int[] images, int[] levels) {
    Device device = boxes.device();
    imageLimit = limit(images);
    levelLimit = levels == null ? 1 : limit(levels);
    Tensor dense = boxes.contiguous();
    Tensor owned = null;
    try {
      owned = Tensor.of(device, images, images.length);
      this.levels = levels == null ? null : Tensor.of(device, levels, levels.length);
    } catch (RuntimeException e) {
      Outputs.closeAll(dense, owned);
      throw e;
    }
    this.boxes = dense;
    this.images = owned;
  }

  /**
   * @param boxes FLOAT32 [R, 4]
   * @param images INT32 or INT64 [R], at least 0: which image of the batch a box is in
   */
  public static Rois of(Tensor boxes, Tensor images) {
    boxes(boxes);
    return new Rois(boxes, numbers("images", images, boxes), null);
  }

  /** Boxes [R, 4] of one image. */
  public static Rois of(Tensor boxes) {
    boxes(boxes);
    return new Rois(boxes, new int[Math.toIntExact(boxes.size(0))], null);
  }

  /**
   * Rows [R, 5] of image, x1, y1, x2, y2, as Fast R-CNN, torchvision and ONNX's MaxRoiPool write them.
   *
   * @throws InvalidArgumentException where an image is not a whole number of at least 0
   */
  public static Rois ofRows(Tensor rows) {
    Check.present("rows", rows);
    Check.floats("rows", rows, rows.device());
    Check.rank("rows", rows, 2, 2);
    if (rows.size(1) != 5) throw new ShapeException("rows", "of shape " + Arrays.toString(rows.shape()), "[R, 5]");
    int[] images = new int[Math.toIntExact(rows.size(0))];
    float[] numbers;
    try (Tensor column = rows.select(1, 0)) {
      numbers = column.toFloats();
    }
    for (int i = 0; i < images.length; i++) {
      images[i] = (int) numbers[i];
      if (images[i] < 0 || images[i] != numbers[i] || images[i] == Integer.MAX_VALUE) {
        throw new InvalidArgumentException("rows", "image " + numbers[i] + " in row " + i, "a whole number of at least 0");
      }
    }
    try (Tensor corners = rows.slice(1, 1, 5)) {
      return new Rois(corners, images, null);
    }
  }

  /** The same boxes and images on levels of a pyramid: INT32 or INT64 [R], at least 0. */
  public Rois onLevels(Tensor levels) {
    return new Rois(boxes, ints(images), numbers("levels", levels, boxes));
  }

  /**
   * The same boxes on the levels that the feature pyramid network gives them (Lin et al. 2017, equation 1):
   * floor(k0 + log2(sqrt(w h) / canonical)), cut to [first, first + count), less {@code first}. Boxes without an area, NaN
   * among them, go to the first level.
   *
   * @param first the number k of the first map, 2 in the paper
   * @param count of the maps
   * @param k0 the level of a box of canonical size, 4 in the paper
   * @param canonical 224 in the paper
   */
  public Rois onPyramid(int first, int count, int k0, double canonical) {
    if (count < 1 || count > RoiMaps.LEVELS) throw new InvalidArgumentException("count", count, "1 to " + RoiMaps.LEVELS);
    if (!(canonical > 0) || canonical > Float.MAX_VALUE) throw new InvalidArgumentException("canonical", canonical, "a positive number");
    float[] corners = boxes.toFloats();
    int[] levels = new int[corners.length / 4];
    for (int i = 0; i < levels.length; i++) {
      double area = ((double) corners[4 * i + 2] - corners[4 * i]) * ((double) corners[4 * i + 3] - corners[4 * i + 1]);
      // Level k begins at an area of (canonical 2^(k - k0))^2: compared, no logarithm is rounded the wrong way.
      while (levels[i] < count - 1 && area >= square(canonical * Math.scalb(1.0, first + levels[i] + 1 - k0))) levels[i]++;
    }
    return new Rois(boxes, ints(images), levels);
  }

  /** How many. */
  public long count() {
    return boxes.size(0);
  }

  public Device device() {
    return boxes.device();
  }

  /** [R, 4], to be read. */
  public Tensor boxes() {
    return boxes;
  }

  /** INT32 [R], to be read. */
  public Tensor images() {
    return images;
  }

  /** INT32 [R], to be read; null without levels. */
  public Tensor levels() {
    return levels;
  }

  /** Frees what belongs to the regions; not the boxes that they were made from. */
  @Override
  public void close() {
    Outputs.closeAll(boxes, images, levels);
  }

  /** For a call on maps of this device, of so many images and levels. */
  RoiList checked(Device device, long batch, int levelCount) {
    Check.floats("boxes", boxes, device);
    if (imageLimit > batch) {
      throw new InvalidArgumentException("images", imageLimit - 1, "below " + batch + ", the images of the map");
    }
    if (levelLimit > levelCount) throw new InvalidArgumentException("levels", levelLimit - 1, "below " + levelCount + ", the number of maps");
    return new RoiList(boxes, images, levels);
  }

  private static void boxes(Tensor boxes) {
    Check.present("boxes", boxes);
    Check.floats("boxes", boxes, boxes.device());
    Check.rank("boxes", boxes, 2, 2);
    if (boxes.size(1) != 4 || boxes.size(0) > Integer.MAX_VALUE) {
      throw new ShapeException("boxes", "of shape " + Arrays.toString(boxes.shape()), "[R, 4] with less than 2^31 boxes");
    }
  }

  private static int[] numbers(String name, Tensor t, Tensor boxes) {
    Check.present(name, t);
    if (t.isClosed()) t.acquire(); // throws the ClosedException that names it
    if (!t.dtype().isIndex()) throw new DTypeException(name, "of type " + t.dtype(), "INT32 or INT64");
    if (!t.device().equals(boxes.device())) throw new DeviceMismatchException(name, t.device(), boxes.device());
    Check.shape(name, t, boxes.size(0));
    long[] copy = t.toLongs();
    int[] numbers = new int[copy.length];
    for (int i = 0; i < copy.length; i++) {
      if (copy[i] < 0 || copy[i] >= Integer.MAX_VALUE) {
        throw new InvalidArgumentException(name, copy[i] + " at position " + i, "at least 0 and below 2^31 - 1");
      }
      numbers[i] = (int) copy[i];
    }
    return numbers;
  }

  private static double square(double x) {
    return x * x;
  }

  private static int[] ints(Tensor t) {
    return Arrays.stream(t.toLongs()).mapToInt(Math::toIntExact).toArray();
  }

  /** One more than the greatest. */
  private static int limit(int[] numbers) {
    int limit = 0;
    for (int n : numbers) limit = Math.max(limit, n + 1);
    return limit;
  }
}
