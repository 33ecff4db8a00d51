package org.ondol.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.vector.Philox;

/**
 * Which boxes, anchors or proposals, a detector learns from and what they should become (Girshick 2015; Ren et al. 2015).
 * Overlaps are computed on the boxes' device; the choice, some comparisons a box, on the host, in order of indices: the same
 * everywhere.
 */
public final class Matching {
  /** The label of a box that matches an object. */
  public static final int POSITIVE = 1;
  /** The label of background. */
  public static final int NEGATIVE = 0;
  /** The label of a box that is neither. */
  public static final int IGNORED = -1;

  /** Boxes that are positive although they overlap an object less than they should, so that each object has one. */
  public enum Forced {
    NONE,
    /**
     * For each object all boxes that overlap it as much as the best one does, if at all; each keeps the object that it itself
     * overlaps most (Faster R-CNN).
     */
    ALL,
    /** For each object the first of them, which takes that object; of several objects the last one counts (SSD). */
    FIRST
  }

  /**
   * Thresholds of the intersection over union with the object that a box overlaps most.
   *
   * @param high positive from here
   * @param low negative below, and from {@code lowest}
   * @param lowest Fast R-CNN takes 0.1; 0 for all
   * @param ignore a box of which at least this part lies in an ignored region is not negative
   */
  public record Rules(double high, double low, double lowest, Forced forced, double ignore) {
    /** Of Faster R-CNN's proposal network. */
    public static final Rules RPN = new Rules(0.7, 0.3, 0, Forced.ALL, 0.5);
    /** Of Fast R-CNN's detector. */
    public static final Rules FAST_RCNN = new Rules(0.5, 0.5, 0.1, Forced.NONE, 0.5);

    public Rules {
      Check.present("forced", forced);
      Check.finite("low", low);
      Check.finite("lowest", lowest);
      Check.finite("ignore", ignore);
      if (!(high > 0) || !(high >= low)) {
        throw new InvalidArgumentException("high", high, "a positive number of at least low, " + low);
      }
    }
  }

  /**
   * What each of N boxes is.
   *
   * @param labels POSITIVE, NEGATIVE or IGNORED
   * @param truths the object that it overlaps most, the first of equals; -1 where there is none. With FIRST, the object that it
   *     was forced upon
   * @param overlaps with that object; 0 without objects, NaN for a box with a NaN, which is ignored
   */
  public record Matches(int[] labels, int[] truths, float[] overlaps) {}

  /** Chosen boxes, each list ascending. */
  public record Sample(int[] positives, int[] negatives) {
    /** Positives, then negatives. */
    public int[] all() {
      int[] all = Arrays.copyOf(positives, positives.length + negatives.length);
      System.arraycopy(negatives, 0, all, positives.length, negatives.length);
      return all;
    }
  }

  /**
   * Targets and weights [P, 4 K] where each class has deltas of its own: those of a box's class, and zeros.
   */
  public record PerClass(Tensor targets, Tensor weights) implements AutoCloseable {
    @Override
    public void close() {
      Outputs.closeAll(targets, weights);
    }
  }

  private Matching() {}

  /**
   * Labels boxes.
   *
   * @param boxes [N, 4]
   * @param truths the objects' boxes [M, 4]; M may be 0
   * @param ignored regions to be ignored [K, 4], or null
   */
  public static Matches assign(Tensor boxes, Tensor truths, Tensor ignored, Rules rules, Pixels pixels) {
    Check.present("rules", rules);
    Iou.list("boxes", boxes, null);
    Iou.list("truths", truths, boxes.device());
    if (ignored != null) Iou.list("ignored", ignored, boxes.device());
    Check.present("pixels", pixels);
    count("boxes", boxes);
    count("truths", truths);
    int n = (int) boxes.size(0);
    int m = (int) truths.size(0);
    float[] iou = overlaps(Iou.Kind.IOU, boxes, truths, pixels);
    Matches matches = new Matches(new int[n], new int[n], new float[n]);
    best(boxes.toFloats(), iou, m, matches);
    for (int i = 0; i < n; i++) {
      float v = matches.overlaps[i];
      boolean negative = v < (float) rules.low && v >= (float) rules.lowest;
      matches.labels[i] = v >= (float) rules.high ? POSITIVE : negative ? NEGATIVE : IGNORED;
    }
    if (rules.forced != Forced.NONE) force(iou, m, rules.forced, matches);
    if (ignored != null && ignored.size(0) > 0) ignore(overlaps(Iou.Kind.IOA, boxes, ignored, pixels), rules, matches);
    return matches;
  }

  private static void count(String name, Tensor boxes) {
    if (boxes.size(0) > Integer.MAX_VALUE / 4) {
      throw new ShapeException(name, "of shape " + Arrays.toString(boxes.shape()), "less than 2^29 boxes");
    }
  }

  private static float[] overlaps(Iou.Kind kind, Tensor a, Tensor b, Pixels pixels) {
    if (a.size(0) * b.size(0) > Integer.MAX_VALUE - 8) {
      throw new ShapeException("boxes", "of shape " + Arrays.toString(a.shape()) + " with others of "
          + Arrays.toString(b.shape()), "less than 2^31 pairs");
    }
    try (Tensor overlaps = Iou.pairwise(kind, a, b, pixels)) {
      return overlaps.toFloats();
    }
  }

  private static void best(float[] corners, float[] iou, int m, Matches to) {
    for (int i = 0; i < to.labels.length; i++) {
      float best = -1;
      int truth = -1;
      for (int j = 0; j < m; j++) {
        if (iou[i * m + j] > best) {
          best = iou[i * m + j];
          truth = j;
        }
      }
      boolean nan = false;
      for (int k = 4 * i; k < 4 * i + 4; k++) nan |= Float.isNaN(corners[k]);
      to.truths[i] = truth;
      to.overlaps[i] = nan ? Float.NaN : Math.max(best, 0);
    }
  }

  private static void force(float[] iou, int m, Forced forced, Matches to) {
    for (int j = 0; j < m; j++) {
      float best = 0;
      for (int i = 0; i < to.labels.length; i++) best = iou[i * m + j] > best ? iou[i * m + j] : best;
      for (int i = 0; i < to.labels.length && best > 0; i++) {
        if (iou[i * m + j] != best) continue;
        to.labels[i] = POSITIVE;
        if (forced == Forced.ALL) continue;
        to.truths[i] = j;
        to.overlaps[i] = best;
        break;
      }
    }
  }

  private static void ignore(float[] part, Rules rules, Matches to) {
    int k = part.length / Math.max(1, to.labels.length);
    for (int i = 0; i < part.length; i++) {
      int box = i / k;
      if (to.labels[box] == NEGATIVE && part[i] >= (float) rules.ignore) to.labels[box] = IGNORED;
    }
  }

  /**
   * At most {@code count} boxes at random, a part of them positive and the rest negative, each box of a label as likely as any
   * other. The same seed and stream give the same boxes everywhere: box i draws the number w0 + w1 2^32 of Philox-4x32-10
   * with the key (seed low, seed high) and the counter (i, 0, stream low, stream high), and the least ones are taken, the first
   * of equals.
   *
   * @param positiveFraction of count, rounded down, the positives at most
   * @param stream tells draws of one seed apart: the number of the image or of the step
   */
  public static Sample sample(int[] labels, long count, double positiveFraction, long seed, long stream) {
    Check.present("labels", labels);
    if (count < 0) throw new InvalidArgumentException("count", count, "at least 0");
    if (!(positiveFraction >= 0 && positiveFraction <= 1)) {
      throw new InvalidArgumentException("positiveFraction", positiveFraction, "0 to 1");
    }
    int[] positives = least(labels, POSITIVE, (long) (count * positiveFraction), seed, stream);
    int[] negatives = least(labels, NEGATIVE, count - positives.length, seed, stream);
    return new Sample(positives, negatives);
  }

  private record Drawn(int index, long number) {}

  private static int[] least(int[] labels, int wanted, long count, long seed, long stream) {
    int[] words = new int[4];
    List<Drawn> drawn = new ArrayList<>();
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] != wanted) continue;
      Philox.words(seed, i, 0, (int) stream, (int) (stream >>> 32), words);
      drawn.add(new Drawn(i, (words[1] & 0xFFFFFFFFL) << 32 | words[0] & 0xFFFFFFFFL));
    }
    return drawn.stream().sorted((a, b) -> Long.compareUnsigned(a.number, b.number)).limit(count).mapToInt(Drawn::index).sorted()
        .toArray();
  }

  /**
   * The classes of a sample's boxes, positives first: that of the object for those, 0 (background) for negatives.
   *
   * @param classes of the objects, positive
   */
  public static int[] classTargets(Matches matches, Sample sample, int[] classes) {
    Check.present("matches", matches);
    Check.present("sample", sample);
    Check.present("classes", classes);
    int[] targets = new int[sample.positives.length + sample.negatives.length];
    for (int i = 0; i < sample.positives.length; i++) targets[i] = classes[truth(matches, sample.positives[i], classes.length)];
    return targets;
  }

  private static int truth(Matches matches, int box, int count) {
    if (box < 0 || box >= matches.truths.length) {
      throw new InvalidArgumentException("sample", "box " + box, "0 to " + (matches.truths.length - 1));
    }
    int truth = matches.truths[box];
    if (truth < 0 || truth >= count) {
      throw new InvalidArgumentException("sample", "box " + box + " of object " + truth,
          "a box that matches one of " + count + " objects");
    }
    return truth;
  }

  /**
   * The deltas [P, 4] from positive boxes to their objects.
   *
   * @param boxes [N, 4]
   * @param truths [M, 4]
   * @param positives of a sample
   */
  public static Tensor boxTargets(BoxDeltas.Coding coding, Tensor boxes, Tensor truths, Matches matches, int[] positives) {
    Check.present("coding", coding);
    Iou.list("boxes", boxes, null);
    Iou.list("truths", truths, boxes.device());
    Check.present("matches", matches);
    Check.present("positives", positives);
    int[] objects = new int[positives.length];
    for (int i = 0; i < objects.length; i++) objects[i] = truth(matches, positives[i], (int) truths.size(0));
    try (Tensor from = Boxes.take(boxes, positives); Tensor to = Boxes.take(truths, objects)) {
      return BoxDeltas.encode(coding, from, to);
    }
  }

  /**
   * Targets spread over the classes.
   *
   * @param targets [P, 4]
   * @param classes of the P boxes, below classCount
   */
  public static PerClass perClass(Tensor targets, int[] classes, int classCount) {
    Iou.list("targets", targets, null);
    Check.present("classes", classes);
    Check.shape("targets", targets, classes.length, 4);
    if (classCount < 1 || 4L * classCount * Math.max(1, classes.length) > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException("classCount", classCount, "at least 1, and less than 2^31 targets");
    }
    float[] from = targets.toFloats();
    float[] values = new float[4 * classCount * classes.length];
    float[] weights = new float[values.length];
    for (int i = 0; i < classes.length; i++) {
      if (classes[i] < 0 || classes[i] >= classCount) {
        throw new InvalidArgumentException("classes", classes[i] + " at position " + i, "0 to " + (classCount - 1));
      }
      int at = 4 * (i * classCount + classes[i]);
      System.arraycopy(from, 4 * i, values, at, 4);
      Arrays.fill(weights, at, at + 4, 1);
    }
    long[] shape = {classes.length, 4L * classCount};
    Tensor[] both = {Tensor.of(targets.device(), values, shape), null};
    Outputs.finish(both[0], () -> both[1] = Tensor.of(targets.device(), weights, shape));
    return new PerClass(both[0], both[1]);
  }
}
