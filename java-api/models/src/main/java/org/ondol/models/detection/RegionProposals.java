package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Initializer;
import org.ondol.grad.Losses;
import org.ondol.grad.Reduction;
import org.ondol.grad.Sequences;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.ops.Anchors;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Matching;
import org.ondol.ops.Nms;
import org.ondol.ops.Pixels;
import org.ondol.ops.RpnProposals;

/**
 * The region proposal network of Faster R-CNN (S. Ren, K. He, R. Girshick and J. Sun, Faster R-CNN: Towards Real-Time
 * Object Detection with Region Proposal Networks, 2015, section 3.1): over each cell of a map a small network looks at
 * k anchors, boxes of some scales and ratios around the cell, and says of each whether it is an object, p, and by which
 * deltas t it should move,
 *
 * <pre>
 * t_x = (x - x_a) / w_a, t_y likewise;  t_w = log(w / w_a), t_h likewise          (2)
 * L   = 1 / N_cls sum over i of L_cls(p_i, p*_i) + lambda / N_reg sum over i of p*_i L_reg(t_i, t*_i)      (1)
 * </pre>
 *
 * over N_cls sampled anchors, half of them objects where there are so many; N_reg is the number of cells. An anchor is
 * an object (p* = 1) where it overlaps one by at least 0.7 or as much as the best one does, and none below 0.3; anchors
 * that reach beyond the image are not learnt from. The paper's softmax of two classes is the logistic regression that
 * it names as its equal.
 */
public final class RegionProposals {
  /**
   * The network's form and how it learns.
   *
   * @param sizes of anchors, square roots of their areas in pixels; 128, 256 and 512 in the paper
   * @param ratios of their heights to their widths; 0.5, 1 and 2 in the paper
   * @param hidden channels of the small network, 512 in the paper's VGG16
   * @param sampled anchors of an image that are learnt from
   * @param lambda weight of boxes
   * @param border pixels by which anchors may reach beyond the image and still be learnt from; 0 in the paper
   */
  public record Options(List<Double> sizes, List<Double> ratios, int hidden, int sampled, double lambda,
      double border) {
    public Options {
      sizes = positive("sizes", sizes);
      ratios = positive("ratios", ratios);
      if (hidden < 1) throw new InvalidArgumentException("hidden", hidden, "at least 1");
      if (sampled < 1) throw new InvalidArgumentException("sampled", sampled, "at least 1");
      weight("lambda", lambda);
      weight("border", border);
    }

    private static List<Double> positive(String name, List<Double> values) {
      if (values == null || values.isEmpty() || !values.stream().allMatch(v -> v != null && v > 0 && v < MOST)) {
        throw new InvalidArgumentException(name, values, "one number or more, above 0 and below " + MOST);
      }
      return List.copyOf(values);
    }

    private static void weight(String name, double value) {
      if (!(value >= 0 && value <= MOST)) throw new InvalidArgumentException(name, value, "0 to " + MOST);
    }

    int anchors() {
      return sizes.size() * ratios.size();
    }
  }

  /**
   * Anchors of a batch to learn from. Anchor k of image n has the number n K + k; tensors are of the current scope.
   *
   * @param sampled INT32 [S], their numbers
   * @param objects [S, 1], 1 for an object, else 0
   * @param positives INT32 [P], the numbers of those that are objects
   * @param deltas [P, 4] to their objects
   */
  public record Targets(Tensor sampled, Tensor objects, Tensor positives, Tensor deltas) {}

  private static final double MOST = 1 << 20;
  /** A box may not grow without end. */
  private static final BoxDeltas.Coding CODING = BoxDeltas.Coding.PLAIN.limit(BoxDeltas.LIMIT);
  /** Of the authors' code: smooth L1 is quadratic below 1 / sigma^2, sigma = 3. */
  private static final double BETA = 1.0 / 9;
  private static final double DEVIATION = 0.01;
  /** Proposals overlap each other by at most so much. */
  private static final double OVERLAP = 0.7;

  private final Options options;
  private final ConvUnit conv;
  private final ConvUnit objects;
  private final ConvUnit deltas;

  RegionProposals(Units units, long channels, Options options) {
    this.options = options;
    Units small = units.weights(layout -> Initializer.normal(0, DEVIATION));
    conv = units.conv("conv", channels, options.hidden, 3, ConvGeometry.UNIT.padding(1)).relu();
    objects = small.conv("objects", options.hidden, options.anchors(), 1, ConvGeometry.UNIT);
    deltas = small.conv("deltas", options.hidden, 4L * options.anchors(), 1, ConvGeometry.UNIT);
  }

  /** Of each anchor the logit of being an object, [N, A, rows, columns], and its deltas, [N, 4 A, rows, columns]. */
  <M> List<M> run(Net<M> net, M map) {
    M x = net.conv(map, conv);
    return List.of(net.conv(x, objects), net.conv(x, deltas));
  }

  /** The anchors of all cells, [K, 4]. */
  Tensor anchors(Device device, RegionMap.Cells cells) {
    double[][] base = Anchors.centred(numbers(options.sizes), numbers(options.ratios), cells.x(), cells.y());
    return Anchors.grid(device, base, cells.rows(), cells.columns(), cells.stride(), cells.stride()).reshape(-1, 4);
  }

  private static double[] numbers(List<Double> values) {
    return values.stream().mapToDouble(v -> v).toArray();
  }

  /** [N, A w, rows, columns] as [N K, w], in the anchors' order. */
  private static Value rows(Value map, long width) {
    return map.permute(0, 2, 3, 1).reshape(-1, width);
  }

  // ---- proposals

  /**
   * The boxes that are most likely objects, for each image [n, 4], best first; tensors of the current scope.
   *
   * @param outputs as {@link #run} gives them
   * @param before boxes that go into the suppression, the best ones
   * @param after proposals of an image at most
   */
  List<Tensor> propose(List<Tensor> outputs, Tensor anchors, Boxes.Size image, long before, long after) {
    int n = (int) outputs.get(0).size(0);
    List<Tensor> all = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Tensor scores = outputs.get(0).permute(0, 2, 3, 1).reshape(n, -1);
      Tensor moves = outputs.get(1).permute(0, 2, 3, 1).reshape(n, -1, 4);
      List<Boxes.Size> sizes = Collections.nCopies(n, image);
      RpnProposals.Result found = RpnProposals.apply(scores, moves, anchors, sizes, new RpnProposals.Options(CODING, 2,
          false, false, before, Nms.Options.DEFAULT.iouAbove(OVERLAP).maxPerImage(after)));
      long[] of = found.images().toLongs();
      int from = 0;
      for (int i = 0; i < n; i++) {
        int to = from;
        while (to < of.length && of[to] == i) to++;
        all.add(scope.keep(found.boxes().slice(0, from, to).copy()));
        from = to;
      }
    }
    return all;
  }

  // ---- learning

  /**
   * Chooses anchors of each image at random.
   *
   * @param anchors [K, 4]
   * @param truths the objects of each image, in pixels
   * @param image the size of the images
   * @param seed of the choice
   */
  public static Targets targets(Tensor anchors, List<List<LabelledBox>> truths, Boxes.Size image, Options options,
      long seed) {
    Device device = anchors.device();
    int[] inside = Boxes.inside(anchors, image, options.border, Pixels.BETWEEN);
    int k = (int) anchors.size(0);
    List<Integer> sampled = new ArrayList<>();
    List<Integer> positives = new ArrayList<>();
    List<float[]> deltas = new ArrayList<>();
    List<Integer> objects = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Tensor boxes = Boxes.take(anchors, inside);
      for (int n = 0; n < truths.size(); n++) {
        TruthBoxes truth = TruthBoxes.of(device, truths.get(n));
        Matching.Matches m = Matching.assign(boxes, truth.boxes(), truth.ignored(), Matching.Rules.RPN, Pixels.BETWEEN);
        Matching.Sample s = Matching.sample(m.labels(), options.sampled, 0.5, seed, n);
        for (int i : s.positives()) positives.add(n * k + inside[i]);
        for (int i : s.all()) sampled.add(n * k + inside[i]);
        for (int i = 0; i < s.all().length; i++) objects.add(i < s.positives().length ? 1 : 0);
        if (s.positives().length == 0) continue;
        deltas.add(Matching.boxTargets(CODING, boxes, truth.boxes(), m, s.positives()).toFloats());
      }
    }
    float[] labels = new float[objects.size()];
    for (int i = 0; i < labels.length; i++) labels[i] = objects.get(i);
    return new Targets(Tensor.of(device, RegionTargets.ints(sampled), sampled.size()),
        Tensor.of(device, labels, labels.length, 1),
        Tensor.of(device, RegionTargets.ints(positives), positives.size()),
        Tensor.of(device, RegionTargets.concat(deltas), positives.size(), 4));
  }

  /** The two parts of equation 1, each the mean over images, by name; nothing where no anchor lies within the image. */
  Map<String, Value> losses(List<Value> outputs, Targets t, RegionMap.Cells cells) {
    Map<String, Value> losses = new LinkedHashMap<>();
    if (t.sampled.count() == 0) return losses;
    Tape tape = outputs.get(0).tape();
    Value chosen = Sequences.embedding(rows(outputs.get(0), 1), t.sampled);
    losses.put("rpn objects", Losses.bernoulli(chosen, tape.constant(t.objects), Reduction.MEAN));
    if (t.positives.count() > 0) {
      Value moves = Sequences.embedding(rows(outputs.get(1), 4), t.positives);
      double images = outputs.get(0).size(0);
      losses.put("rpn boxes", Losses.smoothL1(moves, tape.constant(t.deltas), BETA, Reduction.SUM)
          .scale(options.lambda / (cells.count() * images)));
    }
    return losses;
  }
}
