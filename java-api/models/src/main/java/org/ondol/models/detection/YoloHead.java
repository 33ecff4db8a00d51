package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.trunks.DarknetLayer;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Softmax;
import org.ondol.ops.YoloBoxes;

/**
 * Boxes of one map [1, A (5 + classes), H, W] of a YOLO network, version 2 or later: of each anchor and cell the best class, with
 * the score p(object) · p(class). Cells whose p(object) alone is too small are passed over.
 */
final class YoloHead {
  /** Values of an anchor before its classes: x, y, width, height, objectness. */
  private static final int BOX = 5;
  /** So much smaller logits than the threshold's are passed over: sigmoids are rounded. */
  private static final double MARGIN = 1e-3;

  /** Boxes in centre form, in pixels of the network's image. */
  record Found(int label, float score, float x, float y, float width, float height) {}

  private final double[][] anchors;
  private final int classes;
  private final double scale;
  private final boolean softmax;

  private YoloHead(double[][] anchors, int classes, double scale, boolean softmax) {
    this.anchors = anchors;
    this.classes = classes;
    this.scale = scale;
    this.softmax = softmax;
  }

  static YoloHead of(DarknetLayer layer) {
    return switch (layer) {
      case DarknetLayer.Yolo y -> new YoloHead(y.anchors(), y.classes(), y.scale(), false);
      case DarknetLayer.Region r -> new YoloHead(r.anchors(), r.classes(), 1, r.softmax());
      default -> throw new AssertionError(layer);
    };
  }

  int classes() {
    return classes;
  }

  /** Where a candidate lies: its anchor and cell. */
  private record Place(int anchor, int cell) {}

  /**
   * The boxes of a map, in order of anchors and cells.
   *
   * @param width of the network's image, in pixels
   * @param threshold scores are greater
   */
  List<Found> find(Tensor map, double width, double height, double threshold) {
    int rows = Math.toIntExact(map.size(2));
    int columns = Math.toIntExact(map.size(3));
    int cells = rows * columns;
    float[] values = map.toFloats();
    List<Place> places = places(values, cells, threshold);
    if (places.isEmpty()) return List.of();
    try (Scope scope = Scope.open()) {
      int n = places.size();
      float[] objects = new float[n];
      float[] logits = new float[n * classes];
      for (int i = 0; i < n; i++) {
        int at = at(places.get(i), BOX - 1, cells);
        objects[i] = values[at];
        for (int c = 0; c < classes; c++) logits[i * classes + c] = values[at + (c + 1) * cells];
      }
      int[] best = best(logits, n);
      float[] scores = scores(map, objects, logits, best);
      float[] boxes = boxes(map, rows, columns, width, height);
      List<Found> found = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        if (!(scores[i] > (float) threshold)) continue;
        Place p = places.get(i);
        int b = (p.cell * anchors.length + p.anchor) * 4;
        found.add(new Found(best[i], scores[i], boxes[b], boxes[b + 1], boxes[b + 2], boxes[b + 3]));
      }
      return found;
    }
  }

  /** A value of an anchor in the map. */
  private int at(Place place, int value, int cells) {
    return (place.anchor * (BOX + classes) + value) * cells + place.cell;
  }

  private List<Place> places(float[] values, int cells, double threshold) {
    double least = threshold <= 0 ? Double.NEGATIVE_INFINITY : Math.log(threshold / (1 - threshold)) - MARGIN;
    List<Place> places = new ArrayList<>();
    for (int a = 0; a < anchors.length; a++) {
      int at = (a * (BOX + classes) + BOX - 1) * cells;
      for (int cell = 0; cell < cells; cell++) {
        if (values[at + cell] > least) places.add(new Place(a, cell));
      }
    }
    return places;
  }

  private int[] best(float[] logits, int n) {
    int[] best = new int[n];
    for (int i = 0; i < n; i++) {
      for (int c = 1; c < classes; c++) {
        if (logits[i * classes + c] > logits[i * classes + best[i]]) best[i] = c;
      }
    }
    return best;
  }

  private float[] scores(Tensor map, float[] objects, float[] logits, int[] best) {
    int n = objects.length;
    Tensor object = Elementwise.sigmoid(Tensor.of(map.device(), objects, n));
    float[] own = new float[n];
    if (softmax) {
      float[] all = Softmax.softmax(Tensor.of(map.device(), logits, n, classes), 1).toFloats();
      for (int i = 0; i < n; i++) own[i] = all[i * classes + best[i]];
      return Elementwise.mul(object, Tensor.of(map.device(), own, n)).toFloats();
    }
    for (int i = 0; i < n; i++) own[i] = logits[i * classes + best[i]];
    Tensor ofClass = Elementwise.sigmoid(Tensor.of(map.device(), own, n));
    Elementwise.run(Op.MUL, object, ofClass, ofClass, 0);
    return ofClass.toFloats();
  }

  /** All boxes of the map: four values of each anchor of each cell. */
  private float[] boxes(Tensor map, int rows, int columns, double width, double height) {
    YoloBoxes.Grid grid = new YoloBoxes.Grid(anchors, height / rows, width / columns, scale);
    Tensor values = map.reshape(1, anchors.length, BOX + classes, rows, columns).slice(2, 0, 4).permute(0, 3, 4, 1, 2);
    return YoloBoxes.decode(grid, values).toFloats();
  }
}
