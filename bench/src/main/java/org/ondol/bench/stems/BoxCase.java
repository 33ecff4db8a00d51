package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.bench.Case;
import org.ondol.ops.Nms;

/**
 * Boxes around a number of objects, as a detector proposes them: centres and sizes scatter about those of an object,
 * and scores fall with the distance.
 */
final class BoxCase implements Case {
  private final String name;
  final int classes;
  final int count;
  final Nms.Options options;
  private final int objects;
  private final double spread;
  private float[] boxes;
  private float[] scores;

  private BoxCase(String name, int classes, int count, int objects, double spread, Nms.Options options) {
    this.name = name;
    this.classes = classes;
    this.count = count;
    this.objects = objects;
    this.spread = spread;
    this.options = options;
  }

  static List<BoxCase> all() {
    Nms.Options yolo = Nms.Options.DEFAULT.format(Nms.Format.CENTER).iouAbove(0.45);
    return List.of(
        new BoxCase("rpn 6000 to 300", 1, 6000, 400, 0.15, Nms.Options.DEFAULT.iouAbove(0.7).maxPerClass(300)),
        new BoxCase("yolo 80x8400", 80, 8400, 60, 0.1, yolo.scoreThreshold(0.1).maxPerClass(300)),
        new BoxCase("soft 2000", 1, 2000, 100, 0.15, Nms.Options.DEFAULT.gaussian(0.5, 0.001).scoreThreshold(0)));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public double flops() {
    return 0;
  }

  @Override
  public double bytes() {
    return 4.0 * count * (4 + classes);
  }

  boolean soft() {
    return options.method() != Nms.Method.HARD;
  }

  float[] boxes() {
    draw();
    return boxes;
  }

  /** [classes, count]. */
  float[] scores() {
    draw();
    return scores;
  }

  private void draw() {
    if (boxes != null) {
      return;
    }
    SplittableRandom random = new SplittableRandom(29);
    double[][] object = new double[objects][];
    for (int o = 0; o < objects; o++) {
      object[o] = new double[] {random.nextDouble() * 1000, random.nextDouble() * 600, 20 + random.nextDouble() * 200,
        20 + random.nextDouble() * 200, random.nextInt(classes)};
    }
    boxes = new float[4 * count];
    scores = new float[classes * count];
    for (int i = 0; i < count; i++) {
      double[] o = object[random.nextInt(objects)];
      double dx = spread * random.nextGaussian();
      double dy = spread * random.nextGaussian();
      put(i, o[0] + dx * o[2], o[1] + dy * o[3], o[2] * Math.exp(spread * random.nextGaussian()),
          o[3] * Math.exp(spread * random.nextGaussian()));
      double near = Math.exp(-(dx * dx + dy * dy) / (2 * spread * spread)) * random.nextDouble();
      for (int c = 0; c < classes; c++) {
        scores[c * count + i] = (float) (c == (int) o[4] ? near : 0.02 * random.nextDouble());
      }
    }
  }

  private void put(int i, double x, double y, double w, double h) {
    boolean center = options.format() == Nms.Format.CENTER;
    double[] box = center ? new double[] {x, y, w, h} : new double[] {x - w / 2, y - h / 2, x + w / 2, y + h / 2};
    for (int d = 0; d < 4; d++) {
      boxes[4 * i + d] = (float) box[d];
    }
  }

  private double[] corners(int i) {
    float[] b = Arrays.copyOfRange(boxes, 4 * i, 4 * i + 4);
    return options.format() == Nms.Format.CENTER
        ? new double[] {b[0] - b[2] / 2.0, b[1] - b[3] / 2.0, b[0] + b[2] / 2.0, b[1] + b[3] / 2.0}
        : new double[] {b[0], b[1], b[2], b[3]};
  }

  private static double iou(double[] p, double[] q) {
    double w = Math.max(0, Math.min(p[2], q[2]) - Math.max(p[0], q[0]));
    double h = Math.max(0, Math.min(p[3], q[3]) - Math.max(p[1], q[1]));
    return w * h / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - w * h);
  }

  /** Repeated maximum in float64. Boxes and scores are drawn, so that no two decisions are as close as float32 is. */
  private void select(int c, List<Integer> selected, List<Double> selectedScores) {
    double[] s = new double[count];
    for (int i = 0; i < count; i++) {
      s[i] = scores[c * count + i] > options.scoreThreshold() ? scores[c * count + i] : -1;
    }
    for (int taken = 0; options.maxPerClass() < 0 || taken < options.maxPerClass(); taken++) {
      int best = 0;
      for (int i = 1; i < count; i++) {
        best = s[i] > s[best] ? i : best;
      }
      if (s[best] < 0) {
        return;
      }
      selected.addAll(List.of(0, c, best));
      selectedScores.add(s[best]);
      s[best] = -1;
      double[] box = corners(best);
      for (int i = 0; i < count; i++) {
        double iou = s[i] < 0 ? 0 : iou(box, corners(i));
        double left = soft() ? s[i] * Math.exp(-iou * iou / options.sigma()) : iou > options.iouThreshold() ? -1 : s[i];
        s[i] = soft() && left < options.softThreshold() ? -1 : left;
      }
    }
  }

  @Override
  public String check(Map<String, float[]> answer) {
    List<Integer> selected = new ArrayList<>();
    List<Double> selectedScores = new ArrayList<>();
    for (int c = 0; c < classes; c++) {
      select(c, selected, selectedScores);
    }
    float[] actual = answer.get("indices");
    if (actual.length != selected.size()) {
      return "%d boxes, expected %d".formatted(actual.length / 3, selected.size() / 3);
    }
    for (int i = 0; i < actual.length; i++) {
      if (actual[i] != selected.get(i)) {
        return "indices[%d] is %s, expected %d".formatted(i, actual[i], selected.get(i));
      }
    }
    float[] actualScores = answer.get("scores");
    for (int i = 0; actualScores != null && i < actualScores.length; i++) {
      if (Math.abs(actualScores[i] - selectedScores.get(i)) > 1e-5 * selectedScores.get(i)) {
        return "scores[%d] is %s, expected %s".formatted(i, actualScores[i], selectedScores.get(i));
      }
    }
    return null;
  }
}
