package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.detection.LabelledBox;

/**
 * Fast and Faster R-CNN's losses from pixels to the last sum in float64, written out by the papers' equations, for
 * {@link RegionDetectorLossTest}.
 *
 * @param parameters of the model, by name
 * @param truths the objects of each image
 * @param proposals corners of those of each image
 */
record WideRegionDetector(Map<String, Wide> parameters, List<List<LabelledBox>> truths, float[][] proposals) {
  static final int HEIGHT = 25;
  static final int WIDTH = 33;
  static final int JOINED = 4;
  static final int BINS = 2;
  /** Of the map, at stride 4; its outermost centres lie 2.5 pixels within the image. */
  private static final int ROWS = 6;
  private static final int COLUMNS = 8;
  private static final double INSET = 2.5;
  private static final double[] SIZES = {7, 12};
  private static final double[] RATIOS = {0.5, 1, 2};
  private static final int ANCHORS = SIZES.length * RATIOS.length;

  /** Of a model's parameters as they are. */
  static WideRegionDetector of(Parameters all, List<List<LabelledBox>> truths, float[][] proposals) {
    Map<String, Wide> wide = new HashMap<>();
    for (Parameter p : all) {
      float[] values = p.tensor().toFloats();
      double[] doubles = new double[values.length];
      for (int i = 0; i < doubles.length; i++) doubles[i] = values[i];
      long[] shape = p.tensor().shape();
      int[] sizes = new int[shape.length];
      for (int i = 0; i < sizes.length; i++) sizes[i] = (int) shape[i];
      wide.put(p.name(), new Wide(doubles, sizes));
    }
    return new WideRegionDetector(wide, truths, proposals);
  }

  /** Of anchors the classes and boxes, where there are such; of regions the classes and boxes. */
  double[] losses(Wide image, boolean faster, boolean align) {
    Wide map = map(image);
    double[] head = head(map, align);
    if (!faster) return head;
    double[] rpn = rpn(map);
    return new double[] {rpn[0], rpn[1], head[0], head[1]};
  }

  private Wide conv(Wide x, String name, int stride, int pad) {
    Wide y = WideMaps.conv(x, parameters.get(name + ".weight"), stride, pad, 1, WideMaps.ALL);
    return y.add(WideMaps.perChannel(y, parameters.get(name + ".bias")));
  }

  private Wide linear(Wide x, String name) {
    return x.matmul(parameters.get(name + ".weight")).add(parameters.get(name + ".bias").unsqueeze(0));
  }

  private Wide map(Wide image) {
    Wide fine = conv(image, "trunk.first", 4, 0).relu();
    Wide coarse = conv(fine, "trunk.second", 2, 1).relu();
    Wide up = WideMaps.bilinear(conv(coarse, "map.coarse", 1, 0), ROWS, COLUMNS);
    return conv(fine, "map.fine", 1, 0).add(up).relu();
  }

  private static double iou(double[] a, double[] b) {
    double w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
    double h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    if (w <= 0 || h <= 0) return 0;
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h);
  }

  private static double[] corners(LabelledBox b) {
    return new double[] {b.x1(), b.y1(), b.x2(), b.y2()};
  }

  /** Equation 2 of Faster R-CNN. */
  private static double[] deltas(double[] from, double[] to) {
    double w = from[2] - from[0];
    double h = from[3] - from[1];
    return new double[] {((to[0] + to[2]) - (from[0] + from[2])) / 2 / w,
        ((to[1] + to[3]) - (from[1] + from[3])) / 2 / h, Math.log((to[2] - to[0]) / w), Math.log((to[3] - to[1]) / h)};
  }

  private static double smooth(double d, double beta) {
    return Math.abs(d) < beta ? d * d / (2 * beta) : Math.abs(d) - beta / 2;
  }

  private static int best(double[] box, List<LabelledBox> truths) {
    int best = 0;
    for (int t = 1; t < truths.size(); t++) {
      if (iou(box, corners(truths.get(t))) > iou(box, corners(truths.get(best)))) best = t;
    }
    return best;
  }

  /** Equation 1 of Faster R-CNN. */
  private double[] rpn(Wide map) {
    Wide hidden = conv(map, "rpn.conv", 1, 1).relu();
    Wide objects = conv(hidden, "rpn.objects", 1, 0);
    Wide moves = conv(hidden, "rpn.deltas", 1, 0);
    double classes = 0;
    double boxes = 0;
    int sampled = 0;
    int positives = 0;
    for (int n = 0; n < truths.size(); n++) {
      double[] reached = new double[truths.get(n).size()];
      for (int pass = 0; pass < 2; pass++) { // first how well each object is met at best
        for (int k = 0; k < ROWS * COLUMNS * ANCHORS; k++) {
          int cell = k / ANCHORS;
          int a = k % ANCHORS;
          double w = SIZES[a % SIZES.length] / Math.sqrt(RATIOS[a / SIZES.length]);
          double h = SIZES[a % SIZES.length] * Math.sqrt(RATIOS[a / SIZES.length]);
          double x = INSET + 4 * (cell % COLUMNS);
          double y = INSET + 4 * (cell / COLUMNS);
          double[] anchor = {x - w / 2, y - h / 2, x + w / 2, y + h / 2};
          if (anchor[0] < 0 || anchor[1] < 0 || anchor[2] > WIDTH || anchor[3] > HEIGHT) continue;
          int truth = best(anchor, truths.get(n));
          double overlap = iou(anchor, corners(truths.get(n).get(truth)));
          boolean forced = false;
          for (int t = 0; t < reached.length; t++) {
            double with = iou(anchor, corners(truths.get(n).get(t)));
            if (pass == 0) reached[t] = Math.max(reached[t], with);
            forced |= with == reached[t];
          }
          if (pass == 0 || !forced && overlap >= 0.3 && overlap < 0.7) continue;
          boolean object = forced || overlap >= 0.7;
          double logit = objects.at(n, a, cell / COLUMNS, cell % COLUMNS);
          sampled++;
          classes += Math.log1p(Math.exp(object ? -logit : logit));
          if (!object) continue;
          positives++;
          double[] wanted = deltas(anchor, corners(truths.get(n).get(truth)));
          for (int c = 0; c < 4; c++) {
            boxes += smooth(moves.at(n, 4 * a + c, cell / COLUMNS, cell % COLUMNS) - wanted[c], 1.0 / 9);
          }
        }
      }
    }
    assertTrue(positives >= 3 && sampled > 10 * positives, positives + " of " + sampled);
    return new double[] {classes / sampled, 10 * boxes / (ROWS * COLUMNS) / truths.size()};
  }

  /** Equations 1 to 3 of Fast R-CNN. */
  private double[] head(Wide map, boolean align) {
    List<WideRegions.Region> regions = new ArrayList<>();
    List<double[]> boxes = new ArrayList<>();
    for (int n = 0; n < truths.size(); n++) {
      List<double[]> own = new ArrayList<>();
      for (int i = 0; i < proposals[n].length; i += 4) {
        own.add(new double[] {proposals[n][i], proposals[n][i + 1], proposals[n][i + 2], proposals[n][i + 3]});
      }
      truths.get(n).forEach(t -> own.add(corners(t)));
      for (double[] b : own) {
        double shift = 2 - INSET;
        double last = align ? 0 : 1;
        regions.add(new WideRegions.Region(n, 0, b[0] + shift, b[1] + shift, b[2] + shift - last, b[3] + shift - last));
        boxes.add(b);
      }
    }
    WideRegions.Region[] all = regions.toArray(WideRegions.Region[]::new);
    Wide[] maps = {map};
    double[] scale = {0.25};
    Wide pooled = !align ? WideRegions.pool(maps, scale, all, BINS, BINS)
        : WideRegions.align(maps, scale, all, BINS, BINS, WideRegions.Sampling.AVERAGE, true, 2);
    Wide x = linear(pooled.reshape(all.length, JOINED * BINS * BINS), "head.fc6").relu();
    x = linear(x, "head.fc7").relu();
    Wide probabilities = linear(x, "head.classes").softmax(1);
    Wide moves = linear(x, "head.deltas");
    double classes = 0;
    double moved = 0;
    double[] deviations = {0.1, 0.1, 0.2, 0.2};
    for (int r = 0; r < all.length; r++) {
      List<LabelledBox> own = truths.get(all[r].image());
      LabelledBox truth = own.get(best(boxes.get(r), own));
      boolean object = iou(boxes.get(r), corners(truth)) >= 0.5;
      classes -= Math.log(probabilities.at(r, object ? truth.label() + 1 : 0));
      double[] wanted = deltas(boxes.get(r), corners(truth));
      for (int c = 0; object && c < 4; c++) {
        moved += smooth(moves.at(r, 4 * truth.label() + c) - wanted[c] / deviations[c], 1);
      }
    }
    return new double[] {classes / all.length, moved / all.length};
  }
}
