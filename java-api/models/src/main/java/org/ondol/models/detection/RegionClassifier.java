package org.ondol.models.detection;

import java.util.List;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.models.layers.Units;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Gemm;
import org.ondol.ops.Nms;
import org.ondol.ops.Pixels;

/**
 * From features of regions to objects, as R-CNN has it (Girshick et al. 2014, sections 2.2 and 2.3, appendix C). For a
 * region P with features f, scaled so that their mean length is 20, and each class:
 *
 * <pre>
 * score = w f + b                                                 a linear support vector machine
 * d     = V f + m                                                 ridge regression of four numbers
 * G_x   = P_w d_x + P_x,  G_y likewise                            (1), (2)
 * G_w   = P_w exp(d_w),   G_h likewise                            (3), (4)
 * </pre>
 *
 * with x and y the centre. Of the boxes G of a class that overlap by more than a share, the one with the greatest score stays.
 */
final class RegionClassifier {
  /** Regions below are background beyond doubt. */
  private static final double LEAST_SCORE = -1.2;
  private static final BoxDeltas.Coding CODING = BoxDeltas.Coding.PLAIN.limit(BoxDeltas.LIMIT);

  private final int size;
  private final int classes;
  private final Parameter scale;
  private final Parameter weights;
  private final Parameter biases;
  private final Parameter moves;
  private final Parameter means;
  private final Nms.Options nms;

  RegionClassifier(Units units, int size, int classes, double overlap) {
    this.size = size;
    this.classes = classes;
    scale = units.add("scale", Initializer.zeros(), 1);
    weights = units.add("svm.weight", Initializer.zeros(), size, classes);
    biases = units.add("svm.bias", Initializer.zeros(), classes);
    moves = units.add("box.weight", Initializer.zeros(), size, 4L * classes);
    means = units.add("box.mean", Initializer.zeros(), 4L * classes);
    nms = Nms.Options.DEFAULT.iouAbove(overlap).scoreThreshold(LEAST_SCORE);
  }

  int size() {
    return size;
  }

  int classes() {
    return classes;
  }

  Device device() {
    return weights.tensor().device();
  }

  /** The factor of features; 0 before the first picture. */
  double scale() {
    return scale.tensor().item();
  }

  void scale(double factor) {
    assign(scale, new float[] {(float) factor});
  }

  /** Sets what the machines and regressions of all classes have learnt. */
  void learnt(List<LinearSvm> machines, List<float[]> regressions, List<float[]> regressionMeans) {
    float[] w = new float[size * classes];
    float[] b = new float[classes];
    float[] v = new float[4 * size * classes];
    float[] m = new float[4 * classes];
    for (int c = 0; c < classes; c++) {
      float[] own = machines.get(c).weights();
      for (int i = 0; i < size; i++) w[i * classes + c] = own[i];
      b[c] = machines.get(c).bias();
      for (int i = 0; i < 4 * size; i++) v[(i / 4 * classes + c) * 4 + i % 4] = regressions.get(c)[i];
      System.arraycopy(regressionMeans.get(c), 0, m, 4 * c, 4);
    }
    assign(weights, w);
    assign(biases, b);
    assign(moves, v);
    assign(means, m);
  }

  private static void assign(Parameter p, float[] values) {
    try (Tensor t = Tensor.of(p.tensor().device(), values, p.tensor().shape())) {
      p.assign(t);
    }
  }

  /**
   * The objects among regions, by falling score.
   *
   * @param features [R, size]
   * @param boxes of the regions
   */
  List<Detection> detections(Tensor features, float[] boxes, int width, int height) {
    int n = boxes.length / 4;
    try (Scope scope = Scope.open()) {
      Tensor f = Elementwise.scale(features, scale());
      Tensor scores = Gemm.matmul(f, weights.tensor(), Gemm.Epilogue.bias(biases.tensor()));
      Tensor deltas = Gemm.matmul(f, moves.tensor(), Gemm.Epilogue.bias(means.tensor()));
      Tensor moved = BoxDeltas.decode(CODING, Tensor.of(device(), boxes, n, 4), deltas).reshape(1, n, classes, 4);
      Tensor inside = Boxes.clip(moved.reshape(1, (long) n * classes, 4), new Boxes.Size(height, width), Pixels.BETWEEN)
          .reshape(1, n, classes, 4);
      Nms.Result kept = Nms.apply(inside, scores.transpose(0, 1).contiguous().unsqueeze(0), nms);
      return Detections.of(kept.indices().toLongs(), probabilities(kept.scores()), inside.toFloats(), classes);
    }
  }

  /** Scores from 0 to 1 that order as the margins do, 0.5 being the border between class and background. */
  private static float[] probabilities(Tensor scores) {
    return Elementwise.apply(Op.SIGMOID, scores).toFloats();
  }
}
