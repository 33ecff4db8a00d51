package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.NmsArgs;

/**
 * Non-maximum suppression: of boxes that overlap, the one with the highest score stays. Greedy as in R-CNN (Girshick et
 * al. 2014), for each class or over all of them, with the conventions of ONNX, torchvision, Fast R-CNN and NNAPI; and
 * soft (Bodla et al. 2017), where scores decay instead. docs/arithmetic.md, Boxes, has the definition.
 *
 * <p>Results are in order of (image, class, descending score, ascending index), the same on every device. A box that is
 * empty, reversed, infinite or has a NaN overlaps nothing; a NaN score is never selected; without boxes the result is
 * empty.
 */
public final class Nms {
  /** What the four numbers of a box are; the order is the C ABI's. */
  public enum Format {
    /** x1, y1, x2, y2. A box whose second corner lies before its first is empty. */
    CORNERS,
    /** Two opposite corners, in any order (ONNX). */
    ANY_CORNERS,
    /** The centre x, y and width, height. */
    CENTER
  }

  /** What overlapping boxes suffer; the order is the C ABI's. */
  public enum Method {
    /** They are dropped. */
    HARD,
    /** The score is multiplied by 1 - IoU where the IoU reaches the threshold. */
    LINEAR,
    /** The score is multiplied by exp(-IoU^2 / sigma). */
    GAUSSIAN
  }

  /**
   * The conventions.
   *
   * @param offset what is added to the difference of two coordinates to make a length: 0, or 1 where coordinates name
   *     pixels
   * @param iouThreshold 0 or more; used as float32, as are all that follow
   * @param inclusive whether an IoU that equals the threshold suppresses: in NNAPI it does, in ONNX and torchvision not
   * @param scoreThreshold candidates have scores greater than this; -infinity admits all but NaN
   * @param maxPerClass selected at most in each class (agnostic: in each image); -1: no limit
   * @param maxPerImage selected at most in each image, the highest scores of its classes; -1: no limit
   * @param agnostic whether a box suppresses those of other classes too. The candidates of an image are then all pairs
   *     of a class and a box, and its results lie in descending score, then (class, index)
   * @param background a class that is left out; -1: none
   * @param sigma of GAUSSIAN
   * @param softThreshold soft methods end where no score is at least this; 0 or more
   */
  public record Options(Format format, Method method, int offset, double iouThreshold, boolean inclusive,
      double scoreThreshold, long maxPerClass, long maxPerImage, boolean agnostic, long background, double sigma,
      double softThreshold) {
    /** Corners, an IoU above 0.5 suppresses, no limits: torchvision's nms. */
    public static final Options DEFAULT = new Options(Format.CORNERS, Method.HARD, 0, 0.5, false,
        Double.NEGATIVE_INFINITY, -1, -1, false, -1, 0.5, 0);

    public Options format(Format format) {
      return new Options(format, method, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    public Options offset(int offset) {
      return new Options(format, method, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    /** Suppresses where the IoU is greater. */
    public Options iouAbove(double threshold) {
      return iou(threshold, false);
    }

    /** Suppresses where the IoU is greater or equal. */
    public Options iouAtLeast(double threshold) {
      return iou(threshold, true);
    }

    private Options iou(double threshold, boolean inclusive) {
      return new Options(format, method, offset, threshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    public Options scoreThreshold(double scoreThreshold) {
      return new Options(format, method, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    public Options maxPerClass(long maxPerClass) {
      return new Options(format, method, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    public Options maxPerImage(long maxPerImage) {
      return new Options(format, method, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    public Options agnostic(boolean agnostic) {
      return new Options(format, method, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    public Options background(long background) {
      return new Options(format, method, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    /** Linear decay; the score threshold must be 0 or more. */
    public Options linear(double softThreshold) {
      return new Options(format, Method.LINEAR, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }

    /** Gaussian decay; the score threshold must be 0 or more, and the IoU threshold is not used. */
    public Options gaussian(double sigma, double softThreshold) {
      return new Options(format, Method.GAUSSIAN, offset, iouThreshold, inclusive, scoreThreshold,
          maxPerClass, maxPerImage, agnostic, background, sigma, softThreshold);
    }
  }

  /**
   * The selected boxes, M in all.
   *
   * @param indices INT32 [M, 3]: image, class, box
   * @param scores FLOAT32 [M]: soft methods give the decayed ones
   */
  public record Result(Tensor indices, Tensor scores) implements AutoCloseable {
    @Override
    public void close() {
      Outputs.closeAll(indices, scores);
    }
  }

  /**
   * The same in rows of a fixed length, which needs no look at the counts: for a device that should not wait.
   *
   * @param indices INT32 [B, C, K]: boxes, then -1. Agnostic: [B, 1, K] of {@code class * N + box}
   * @param scores FLOAT32, of the same shape: the scores, then 0
   * @param counts INT32 [B, C] (agnostic: [B, 1]): how many of each row there are
   */
  public record Padded(Tensor indices, Tensor scores, Tensor counts) implements AutoCloseable {
    @Override
    public void close() {
      Outputs.closeAll(indices, scores, counts);
    }
  }

  private Nms() {}

  /**
   * Selects boxes.
   *
   * @param boxes [B, N, 4], or [B, N, C, 4] where each class has boxes of its own
   * @param scores [B, C, N]
   */
  public static Result apply(Tensor boxes, Tensor scores, Options options) {
    try (Padded padded = padded(boxes, scores, options)) {
      return NmsResults.compact(padded, scores.size(2), options.agnostic);
    }
  }

  /** The same as {@link #apply} in rows of K elements, the least of the limits and of the candidates in a group. */
  public static Padded padded(Tensor boxes, Tensor scores, Options options) {
    Check.present("scores", scores);
    Device device = scores.device();
    Check.floats("scores", scores, device);
    Check.rank("scores", scores, 3, 3);
    Check.floats("boxes", boxes, device);
    boxShape(boxes, scores.shape());
    check(options, scores.shape());
    long groups = options.agnostic ? Math.min(1, scores.size(1)) : scores.size(1);
    long width = width(scores.shape(), options);
    Tensor indices = null;
    Tensor selected = null;
    Tensor counts = null;
    boolean done = false;
    try {
      indices = Tensor.empty(device, DType.INT32, scores.size(0), groups, width);
      selected = Tensor.empty(device, scores.size(0), groups, width);
      counts = Tensor.zeros(device, DType.INT32, scores.size(0), groups);
      if (indices.count() > 0) launch(boxes, scores, options, indices, selected, counts);
      done = true;
      return new Padded(indices, selected, counts);
    } finally {
      if (!done) Outputs.closeAll(indices, selected, counts);
    }
  }

  private static void launch(Tensor boxes, Tensor scores, Options options, Tensor indices, Tensor selected,
      Tensor counts) {
    try (Tensor b = unitLast(boxes); Tensor s = unitLast(scores)) {
      var args = new NmsArgs(b, s, options, indices, selected, counts);
      Check.launch(scores.device(), k -> k.nms(args), b, s, indices, selected, counts);
    }
  }

  private static Tensor unitLast(Tensor t) {
    return t.stride(-1) == 1 ? t.view(t.offset(), t.shape(), t.strides()) : t.copy();
  }

  private static void boxShape(Tensor boxes, long[] scores) {
    long[] shared = {scores[0], scores[2], 4};
    long[] own = {scores[0], scores[2], scores[1], 4};
    if (!Arrays.equals(boxes.shape(), shared) && !Arrays.equals(boxes.shape(), own)) {
      throw new ShapeException("boxes", "of shape " + Arrays.toString(boxes.shape()),
          Arrays.toString(shared) + " or " + Arrays.toString(own) + ", as scores are " + Arrays.toString(scores));
    }
  }

  private static void check(Options o, long[] scores) {
    Check.present("options", o);
    Check.present("format", o.format);
    Check.present("method", o.method);
    if (o.offset != 0 && o.offset != 1) throw new InvalidArgumentException("offset", o.offset, "0 or 1");
    Check.finite("iouThreshold", o.iouThreshold);
    if (o.iouThreshold < 0) throw new InvalidArgumentException("iouThreshold", o.iouThreshold, "0 or more");
    limit("maxPerClass", o.maxPerClass);
    limit("maxPerImage", o.maxPerImage);
    if (o.background < -1 || o.background >= scores[1]) {
      throw new InvalidArgumentException("background", o.background,
          "a class of scores, 0 to " + (scores[1] - 1) + ", or -1");
    }
    if (o.scoreThreshold != Double.NEGATIVE_INFINITY) Check.finite("scoreThreshold", o.scoreThreshold);
    if (o.method != Method.HARD) soft(o);
    long candidates = o.agnostic ? Math.max(1, scores[1]) * scores[2] : scores[2];
    if (scores[2] > Integer.MAX_VALUE || candidates > Integer.MAX_VALUE) {
      throw new ShapeException("scores", "of shape " + Arrays.toString(scores),
          "less than 2^31 candidates in a group, as indices are INT32");
    }
  }

  /** A product with a factor of at most 1 makes a score smaller only where it is not negative. */
  private static void soft(Options o) {
    if (!(o.scoreThreshold >= 0)) {
      throw new InvalidArgumentException("scoreThreshold", o.scoreThreshold,
          "0 or more, as a decayed score must be a lower one");
    }
    Check.finite("softThreshold", o.softThreshold);
    if (o.softThreshold < 0) throw new InvalidArgumentException("softThreshold", o.softThreshold, "0 or more");
    if (o.method == Method.GAUSSIAN && !(o.sigma > 0 && 1 / o.sigma <= Float.MAX_VALUE)) {
      throw new InvalidArgumentException("sigma", o.sigma, "a positive number whose reciprocal is a float32");
    }
  }

  private static void limit(String argument, long value) {
    if (value < -1) throw new InvalidArgumentException(argument, value, "0 or more, or -1 for no limit");
  }

  private static long width(long[] scores, Options o) {
    long width = o.agnostic ? scores[1] * scores[2] : scores[2];
    if (o.maxPerClass >= 0) width = Math.min(width, o.maxPerClass);
    return o.maxPerImage >= 0 ? Math.min(width, o.maxPerImage) : width;
  }
}
