package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Matching;
import org.ondol.ops.Pixels;

/**
 * The regions of a batch that a detector learns from, and what they should become (Girshick 2015, section 2.3): of each
 * image the same number, at most a part of them overlapping an object by at least 0.5, the others background. Tensors
 * are of the scope that was current.
 *
 * @param boxes [R, 4], those of one image after those of another, in it the ones with an object first
 * @param images INT32 [R]
 * @param classes INT32 [R]: 0 is background, else the object's label + 1
 * @param positives INT32 [P], which of the R have an object
 * @param deltas [P, 4 K], at its class the deltas to the object, zeros elsewhere
 * @param weights [P, 4 K], 1 at its class
 */
public record RegionTargets(Tensor boxes, Tensor images, Tensor classes, Tensor positives, Tensor deltas,
    Tensor weights) {
  /** Deltas come with about unit variance, as section 2.3 has it, by the constants of the authors' code. */
  public static final BoxDeltas.Coding CODING = BoxDeltas.Coding.PLAIN
      .normalised(List.of(0.0, 0.0, 0.0, 0.0), List.of(0.1, 0.1, 0.2, 0.2)).limit(BoxDeltas.LIMIT);

  /**
   * How regions are chosen.
   *
   * @param rules when a region is an object and when background
   * @param count of each image
   * @param positive the part of them that may have objects
   */
  public record Options(Matching.Rules rules, long count, double positive) {
    /** 64 of each image, a quarter of them with IoU of at least 0.5, background from 0.1. */
    public static final Options FAST_RCNN = new Options(Matching.Rules.FAST_RCNN, 64, 0.25);
    /** The same, background from 0, as Faster R-CNN's code has it. */
    public static final Options FASTER_RCNN =
        new Options(new Matching.Rules(0.5, 0.5, 0, Matching.Forced.NONE, 0.5), 64, 0.25);

    /** The same, with so many of each image. */
    public Options count(long regions) {
      return new Options(rules, regions, positive);
    }

    public Options {
      if (rules == null) throw new InvalidArgumentException("rules", "null", "a value");
      if (count < 1) throw new InvalidArgumentException("count", count, "at least 1");
      if (!(positive >= 0 && positive <= 1)) throw new InvalidArgumentException("positive", positive, "0 to 1");
    }
  }

  /**
   * Chooses at random. The objects' own boxes are proposals too, so that each can be chosen.
   *
   * @param proposals [n, 4] for each image
   * @param truths the objects of each image
   * @param classes how many there are, without background
   * @param seed of the choice
   */
  public static RegionTargets of(Device device, List<Tensor> proposals, List<List<LabelledBox>> truths, int classes,
      Options options, long seed) {
    if (proposals.size() != truths.size()) {
      throw new InvalidArgumentException("proposals", "of " + proposals.size() + " images", "" + truths.size());
    }
    Rows rows = new Rows(classes);
    try (Scope scope = Scope.open()) {
      for (int n = 0; n < truths.size(); n++) {
        rows.image(n, proposals.get(n), TruthBoxes.of(device, truths.get(n)), options, seed);
      }
    }
    return rows.on(device);
  }

  /** What is chosen, image by image, on the host. */
  private static final class Rows {
    private final int classes;
    private final List<float[]> boxes = new ArrayList<>();
    private final List<Integer> images = new ArrayList<>();
    private final List<Integer> targets = new ArrayList<>();
    private final List<Integer> positives = new ArrayList<>();
    private final List<float[]> deltas = new ArrayList<>();
    private final List<float[]> weights = new ArrayList<>();

    Rows(int classes) {
      this.classes = classes;
    }

    void image(int n, Tensor proposals, TruthBoxes truth, Options o, long seed) {
      Tensor all = joined(proposals, truth.boxes());
      Matching.Matches matches = Matching.assign(all, truth.boxes(), truth.ignored(), o.rules, Pixels.BETWEEN);
      Matching.Sample sample = Matching.sample(labels(matches, o.rules), o.count, o.positive, seed, n);
      int first = images.size();
      for (int i = 0; i < sample.positives().length; i++) positives.add(first + i);
      int[] shifted = new int[truth.labels().length];
      for (int i = 0; i < shifted.length; i++) shifted[i] = truth.labels()[i] + 1;
      for (int t : Matching.classTargets(matches, sample, shifted)) {
        images.add(n);
        targets.add(t);
      }
      boxes.add(Boxes.take(all, sample.all()).toFloats());
      deltas(all, truth, matches, sample.positives());
    }

    /** Where nothing is background because nothing overlaps an object a little, all that overlaps less is. */
    private static int[] labels(Matching.Matches matches, Matching.Rules rules) {
      int[] labels = matches.labels().clone();
      for (int label : labels) if (label == Matching.NEGATIVE) return labels;
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] == Matching.IGNORED && matches.overlaps()[i] < rules.lowest()) labels[i] = Matching.NEGATIVE;
      }
      return labels;
    }

    private void deltas(Tensor all, TruthBoxes truth, Matching.Matches matches, int[] chosen) {
      if (chosen.length == 0) return;
      int[] own = new int[chosen.length];
      for (int i = 0; i < own.length; i++) own[i] = truth.labels()[matches.truths()[chosen[i]]];
      Tensor plain = Matching.boxTargets(CODING, all, truth.boxes(), matches, chosen);
      Matching.PerClass spread = Matching.perClass(plain, own, classes);
      deltas.add(spread.targets().toFloats());
      weights.add(spread.weights().toFloats());
    }

    RegionTargets on(Device device) {
      int r = images.size();
      int p = positives.size();
      return new RegionTargets(Tensor.of(device, concat(boxes), r, 4), Tensor.of(device, ints(images), r),
          Tensor.of(device, ints(targets), r), Tensor.of(device, ints(positives), p),
          Tensor.of(device, concat(deltas), p, 4L * classes), Tensor.of(device, concat(weights), p, 4L * classes));
    }
  }

  private static Tensor joined(Tensor proposals, Tensor truths) {
    float[] all = concat(List.of(proposals.toFloats(), truths.toFloats()));
    return Tensor.of(proposals.device(), all, all.length / 4, 4);
  }

  static float[] concat(List<float[]> parts) {
    int n = 0;
    for (float[] part : parts) n += part.length;
    float[] all = new float[n];
    int at = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  static int[] ints(List<Integer> numbers) {
    return numbers.stream().mapToInt(Integer::intValue).toArray();
  }
}
