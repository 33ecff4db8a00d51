package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What the loss of {@link YoloV1} compares predictions [N, 5B + C, S, S] with: a number for each of them, and its weight.
 * The loss is the sum of weight (prediction - target)^2.
 */
final class YoloTargets {
  /** Centre, size in units of the image. */
  private record Box(double x, double y, double w, double h) {
    double iou(Box o) {
      double across = Math.min(x + w / 2, o.x + o.w / 2) - Math.max(x - w / 2, o.x - o.w / 2);
      double down = Math.min(y + h / 2, o.y + o.h / 2) - Math.max(y - h / 2, o.y - o.h / 2);
      if (!(across > 0 && down > 0)) return 0;
      return across * down / (w * h + o.w * o.h - across * down);
    }

    double distance(Box o) {
      return (x - o.x) * (x - o.x) + (y - o.y) * (y - o.y) + (w - o.w) * (w - o.w) + (h - o.h) * (h - o.h);
    }
  }

  private record Pair(int object, int predictor, double iou, double distance) {}

  private final YoloV1.Options options;
  private final float[] predictions;
  private final int grid;
  private final int plane;
  private final float[] targets;
  private final float[] weights;

  private YoloTargets(YoloV1.Options options, float[] predictions) {
    this.options = options;
    this.predictions = predictions;
    grid = options.grid();
    plane = grid * grid;
    targets = new float[predictions.length];
    weights = new float[predictions.length];
  }

  /**
   * For predictions as they are now.
   *
   * @param predictions [N, 5B + C, S, S]
   * @param truths the objects of each image in units of the image
   */
  static YoloTargets of(YoloV1.Options options, float[] predictions, List<List<LabelledBox>> truths) {
    YoloTargets all = new YoloTargets(options, predictions);
    for (int n = 0; n < truths.size(); n++) all.image(n, truths.get(n));
    return all;
  }

  float[] targets() {
    return targets;
  }

  float[] weights() {
    return weights;
  }

  private void image(int n, List<LabelledBox> objects) {
    List<List<LabelledBox>> cells = new ArrayList<>();
    for (int cell = 0; cell < plane; cell++) cells.add(new ArrayList<>());
    for (LabelledBox b : objects) {
      if (!b.difficult()) cells.get(cell((b.y1() + b.y2()) / 2) * grid + cell((b.x1() + b.x2()) / 2)).add(b);
    }
    for (int cell = 0; cell < plane; cell++) {
      for (int j = 0; j < options.boxes(); j++) weights[at(n, 5 * j + 4, cell)] = (float) options.noObject();
      if (!cells.get(cell).isEmpty()) objects(n, cell, cells.get(cell));
    }
  }

  private int cell(double position) {
    return Math.clamp((int) Math.floor(position * grid), 0, grid - 1);
  }

  private int at(int n, int channel, int cell) {
    return (n * options.channels() + channel) * plane + cell;
  }

  /** A cell's objects: each gets a predictor of its own, as long as there are some, those that fit best first. */
  private void objects(int n, int cell, List<LabelledBox> objects) {
    boolean[] taken = new boolean[options.boxes()];
    boolean[] done = new boolean[objects.size()];
    for (Pair p : pairs(n, cell, objects)) {
      if (taken[p.predictor] || done[p.object]) continue;
      taken[p.predictor] = true;
      done[p.object] = true;
      responsible(n, cell, p, box(objects.get(p.object)));
    }
    for (int c = 0; c < options.classes(); c++) {
      int i = at(n, 5 * options.boxes() + c, cell);
      int label = c;
      targets[i] = (float) objects.stream().filter(b -> b.label() == label).count() / objects.size();
      weights[i] = 1;
    }
  }

  /** By falling IoU; where nothing overlaps, by the distance of centres and sizes. */
  private List<Pair> pairs(int n, int cell, List<LabelledBox> objects) {
    List<Pair> pairs = new ArrayList<>();
    for (int o = 0; o < objects.size(); o++) {
      Box box = box(objects.get(o));
      for (int j = 0; j < options.boxes(); j++) {
        Box predicted = predicted(n, cell, j);
        pairs.add(new Pair(o, j, box.iou(predicted), box.distance(predicted)));
      }
    }
    pairs.sort(Comparator.comparingDouble((Pair p) -> -p.iou).thenComparingDouble(Pair::distance));
    return pairs;
  }

  private Box predicted(int n, int cell, int j) {
    double w = predictions[at(n, 5 * j + 2, cell)];
    double h = predictions[at(n, 5 * j + 3, cell)];
    return new Box((cell % grid + predictions[at(n, 5 * j, cell)]) / (double) grid,
        (cell / grid + predictions[at(n, 5 * j + 1, cell)]) / (double) grid, w * w, h * h);
  }

  private static Box box(LabelledBox b) {
    return new Box((b.x1() + (double) b.x2()) / 2, (b.y1() + (double) b.y2()) / 2, b.width(), b.height());
  }

  private void responsible(int n, int cell, Pair p, Box box) {
    int from = 5 * p.predictor;
    double[] wanted = {box.x * grid - cell % grid, box.y * grid - cell / grid, Math.sqrt(box.w), Math.sqrt(box.h), p.iou};
    for (int k = 0; k < 5; k++) {
      int i = at(n, from + k, cell);
      targets[i] = (float) wanted[k];
      weights[i] = k < 4 ? (float) options.coordinates() : 1;
    }
  }
}
