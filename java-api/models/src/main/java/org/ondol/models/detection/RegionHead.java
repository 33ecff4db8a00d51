package org.ondol.models.detection;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Initializer;
import org.ondol.grad.Losses;
import org.ondol.grad.Parameter;
import org.ondol.grad.Reduction;
import org.ondol.grad.Regions;
import org.ondol.grad.Sequences;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Units;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Nms;
import org.ondol.ops.Pixels;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.ops.Softmax;

/**
 * What Fast R-CNN does with a region of a map (R. Girshick, Fast R-CNN, 2015, sections 2.1 and 2.3; Faster R-CNN has
 * the same): pooled to a grid of bins, two fully connected layers, and side by side the classes p = softmax(s) of K
 * objects and background 0, and for each class u deltas t^u to the object's box. For a region of class u with the
 * deltas v to its object
 *
 * <pre>
 * L(p, u, t^u, v) = L_cls(p, u) + lambda [u >= 1] L_loc(t^u, v)                   (1)
 * L_cls(p, u)     = -log p_u
 * L_loc(t^u, v)   = sum over x, y, w, h of smooth_L1(t^u_i - v_i)                 (2)
 * smooth_L1(d)    = 0.5 d^2 where |d| < 1, else |d| - 0.5                         (3)
 * </pre>
 *
 * and the loss is the mean over the regions, lambda = 1. Objects found: boxes moved by the deltas of their class, those
 * of a class thinned out where they overlap.
 */
public final class RegionHead {
  /** How a region's features are taken. */
  public enum Pooling {
    /** The greatest elements of bins of whole cells (Fast R-CNN). */
    ROIPOOL,
    /** Interpolated samples, averaged (Mask R-CNN). */
    ROIALIGN
  }

  /**
   * The head's form.
   *
   * @param bins rows and columns that a region is pooled to
   * @param hidden units of both connected layers, 4096 in the paper's VGG16
   * @param dropout of these while training
   */
  public record Options(Pooling pooling, int bins, int hidden, double dropout) {
    public Options {
      if (pooling == null) throw new InvalidArgumentException("pooling", "null", "a value");
      if (bins < 1 || bins > 64) throw new InvalidArgumentException("bins", bins, "1 to 64");
      if (hidden < 1) throw new InvalidArgumentException("hidden", hidden, "at least 1");
      if (!(dropout >= 0 && dropout < 1)) throw new InvalidArgumentException("dropout", dropout, "0 to below 1");
    }
  }

  /**
   * What makes found objects of scores.
   *
   * @param score the least that is told
   * @param overlap IoU above which one of a class suppresses another
   * @param most objects in an image
   */
  public record Choice(double score, double overlap, int most) {
    public Choice {
      if (!(score >= 0)) throw new InvalidArgumentException("score", score, "at least 0");
      if (!(overlap >= 0)) throw new InvalidArgumentException("overlap", overlap, "at least 0");
      if (most < 1) throw new InvalidArgumentException("most", most, "at least 1");
    }
  }

  /**
   * What it says of R regions.
   *
   * @param classes scores [R, K + 1], background first
   * @param deltas [R, 4 K]
   */
  record Scores(Value classes, Value deltas) {}

  /** Of a bin along each axis. */
  private static final long SAMPLES = 2;
  /** Of the paper: deviations of the first values of the last layers. */
  private static final double CLASS_DEVIATION = 0.01;
  private static final double DELTA_DEVIATION = 0.001;

  private final Options options;
  private final int classes;
  private final Layer first;
  private final Layer second;
  private final Layer scores;
  private final Layer deltas;

  private record Layer(Parameter weight, Parameter bias) {
    static Layer of(Units units, String name, Initializer values, long in, long out) {
      return new Layer(units.add(name + ".weight", values, in, out),
          units.add(name + ".bias", Initializer.zeros(), out));
    }

    Value run(Value x) {
      return x.linear(x.tape().parameter(weight), x.tape().parameter(bias));
    }
  }

  /** @param classes how many there are, without background */
  RegionHead(Units units, long channels, int classes, Options options) {
    this.options = options;
    this.classes = classes;
    Initializer he = Initializer.heNormal(Initializer.Layout.MATRIX, Initializer.Fan.IN, 0);
    long features = channels * options.bins * options.bins;
    first = Layer.of(units, "fc6", he, features, options.hidden);
    second = Layer.of(units, "fc7", he, options.hidden, options.hidden);
    scores = Layer.of(units, "classes", Initializer.normal(0, CLASS_DEVIATION), options.hidden, classes + 1);
    deltas = Layer.of(units, "deltas", Initializer.normal(0, DELTA_DEVIATION), options.hidden, 4L * classes);
  }

  /**
   * What the connected layers make of regions, at least one: [R, hidden].
   *
   * @param map [N, C, rows, columns]
   * @param cells of the map
   * @param boxes [R, 4] in pixels
   * @param images INT32 [R]
   * @param learning whether units drop out
   */
  Value features(Value map, RegionMap.Cells cells, Tensor boxes, Tensor images, boolean learning) {
    try (Tensor moved = onMap(cells, boxes); Rois rois = Rois.of(moved, images)) {
      Value x = pooled(map, 1.0 / cells.stride(), rois).reshape(boxes.size(0), -1);
      x = dropped(first.run(x).relu(), learning);
      return dropped(second.run(x).relu(), learning);
    }
  }

  /** Classes and deltas of features. */
  Scores scores(Value features) {
    return new Scores(scores.run(features), deltas.run(features));
  }

  /**
   * Boxes where cell (i, j) reaches from stride (i, j) to stride (i + 1, j + 1); RoI pooling takes their last pixels.
   */
  private Tensor onMap(RegionMap.Cells cells, Tensor boxes) {
    double y = cells.stride() / 2.0 - cells.y();
    double x = cells.stride() / 2.0 - cells.x();
    double last = options.pooling == Pooling.ROIPOOL ? 1 : 0;
    float[] shift = {(float) x, (float) y, (float) (x - last), (float) (y - last)};
    try (Tensor by = Tensor.of(boxes.device(), shift, 1, 4)) {
      return Elementwise.add(boxes, by);
    }
  }

  private Value pooled(Value map, double scale, Rois rois) {
    return switch (options.pooling) {
      case ROIPOOL -> Regions.roiPool(map, scale, rois, options.bins, options.bins);
      case ROIALIGN -> Regions.roiAlign(map, scale, rois, options.bins, options.bins,
          RoiAlign.Options.ALIGNED.sampling(SAMPLES));
    };
  }

  private Value dropped(Value x, boolean learning) {
    return options.dropout > 0 && learning ? x.dropout(options.dropout) : x;
  }

  /** The two parts of equation 1, each the mean over the regions, by name; nothing where there is no region. */
  Map<String, Value> losses(Value map, RegionMap.Cells cells, RegionTargets t) {
    Map<String, Value> losses = new LinkedHashMap<>();
    long regions = t.boxes().size(0);
    if (regions == 0) return losses;
    Scores s = scores(features(map, cells, t.boxes(), t.images(), true));
    losses.put("classes", Losses.softmax(s.classes, t.classes(), 1, Reduction.MEAN));
    if (t.positives().count() > 0) {
      Tape tape = map.tape();
      Value own = Sequences.embedding(s.deltas, t.positives()).mul(tape.constant(t.weights()));
      losses.put("boxes",
          Losses.smoothL1(own, tape.constant(t.deltas()), 1, Reduction.SUM).scale(1.0 / regions));
    }
    return losses;
  }

  /**
   * The objects in one image, by falling score.
   *
   * @param boxes [R, 4], those that were scored
   */
  List<Detection> detections(Scores s, Tensor boxes, Boxes.Size image, Choice choice) {
    long r = boxes.size(0);
    try (Scope scope = Scope.open()) {
      Tensor p = Softmax.softmax(s.classes.tensor(), 1).slice(1, 1, classes + 1L);
      Tensor moved = BoxDeltas.decode(RegionTargets.CODING, boxes, s.deltas.tensor()).reshape(r, classes, 4);
      Tensor cut = Boxes.clip(moved, image, Pixels.BETWEEN);
      Nms.Result kept = Nms.apply(cut.unsqueeze(0), p.transpose(0, 1).unsqueeze(0), Nms.Options.DEFAULT
          .iouAbove(choice.overlap).scoreThreshold(choice.score).maxPerImage(choice.most));
      return Detections.of(kept.indices().toLongs(), kept.scores().toFloats(), cut.toFloats(), classes);
    }
  }
}
