package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.data.Size;
import org.ondol.models.detection.FastRcnn;
import org.ondol.models.detection.FasterRcnn;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.RegionDetector;
import org.ondol.models.detection.RegionHead;
import org.ondol.models.detection.RegionProposals;
import org.ondol.models.detection.RegionTargets;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.models.proposals.SelectiveSearch;
import org.ondol.models.trunks.Trunk;
import org.ondol.ops.ConvGeometry;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/**
 * The losses of Fast and Faster R-CNN from pixels to the last sum, written out in float64 by the papers' equations, on a
 * trunk of two convolutions: values, gradients against central differences, and the same bits everywhere. Every anchor and
 * region that has a label is learnt from, so that nothing depends on chance.
 */
class RegionDetectorLossTest {
  private static final int HEIGHT = 25;
  private static final int WIDTH = 33;
  /** Of the map, at stride 4; its outermost centres lie 2.5 pixels within the image. */
  private static final int ROWS = 6;
  private static final int COLUMNS = 8;
  private static final double INSET = 2.5;
  private static final int JOINED = 4;
  private static final int BINS = 2;
  private static final List<String> CLASSES = List.of("a", "b");
  private static final double[] SIZES = {7, 12};
  private static final double[] RATIOS = {0.5, 1, 2};
  private static final int ANCHORS = SIZES.length * RATIOS.length;
  private static final long ALL = 4000;

  private static final List<List<LabelledBox>> TRUTHS = List.of(
      List.of(new LabelledBox(0, 3.25f, 4.5f, 12.125f, 12.75f), new LabelledBox(1, 17.5f, 9.25f, 30.25f, 21.5f)),
      List.of(new LabelledBox(1, 8.25f, 3.5f, 15.75f, 17.25f)));
  private static final float[][] PROPOSALS = {
      {2.5f, 3.25f, 12.75f, 13.5f, 16.25f, 8.5f, 30.75f, 22.5f, 4.25f, 6.5f, 25.75f, 20.25f, 20.25f, 1.25f, 31.5f, 8.75f},
      {7.75f, 3.25f, 16.25f, 16.5f, 9.25f, 8.5f, 13.75f, 21.25f, 19.25f, 2.5f, 30.75f, 22.25f}};

  /** Two convolutions, of stride 4 and 2. */
  private record Small(Units units, ConvUnit first, ConvUnit second) implements Trunk {
    static Small of(Units units) {
      return new Small(units, units.conv("first", 3, 3, 3, ConvGeometry.UNIT.stride(4)).relu(),
          units.conv("second", 3, 5, 3, ConvGeometry.UNIT.stride(2).padding(1)).relu());
    }

    @Override
    public Device device() {
      return units.device();
    }

    @Override
    public Parameters parameters() {
      return units.parameters();
    }

    @Override
    public List<Stage> stages() {
      return List.of(new Stage("first", 4, 3), new Stage("second", 8, 5));
    }

    @Override
    public <M> List<M> maps(Net<M> net, M image) {
      M x = net.conv(image, first);
      return List.of(x, net.conv(x, second));
    }

    @Override
    public Tensor preprocess(Tensor rgb) {
      return rgb;
    }

    @Override
    public void close() {
      units.own().forEach(Parameter::close);
    }
  }

  private static RegionDetector model(Device device, boolean faster, RegionHead.Pooling pooling) {
    Units units = Units.of(new Parameters(), "", device, new Generator(5));
    RegionDetector.Parts parts =
        new RegionDetector.Parts(Small.of(units.under("trunk")), units, CLASSES, new Size(WIDTH, HEIGHT));
    RegionHead.Options head = new RegionHead.Options(pooling, BINS, 6, 0);
    RegionHead.Choice choice = new RegionHead.Choice(0.05, 0.5, 10);
    RegionTargets.Options targets = RegionTargets.Options.FASTER_RCNN.count(ALL);
    RegionDetector model = faster
        ? new FasterRcnn(parts, new FasterRcnn.Options(JOINED, new RegionProposals.Options(List.of(7.0, 12.0),
            List.of(0.5, 1.0, 2.0), 5, (int) ALL, 10, 0), 100, 20, 10, head, targets, choice))
        : new FastRcnn(parts, new FastRcnn.Options(JOINED, head, targets, choice, SelectiveSearch.Options.fast(), 10));
    SplittableRandom random = new SplittableRandom(7);
    for (Parameter p : model.parameters()) { // first values of the last layers are too small to move anything
      float[] values = p.tensor().toFloats();
      boolean last = p.name().startsWith("rpn.") || p.name().startsWith("head.");
      for (int i = 0; i < values.length; i++) values[i] += (float) (random.nextDouble(-1, 1) * (last ? 0.3 : 0.1));
      try (Tensor t = Tensor.of(device, values, p.tensor().shape())) {
        p.assign(t);
      }
    }
    return model;
  }

  private static float[] pixels() {
    SplittableRandom random = new SplittableRandom(9);
    float[] x = new float[2 * 3 * HEIGHT * WIDTH];
    for (int i = 0; i < x.length; i++) x[i] = random.nextInt(256) / 255f;
    return x;
  }

  // ---- the losses, written out

  /** The model's parameters in float64. */
  private record Plain(Map<String, Wide> parameters) {
    static Plain of(Parameters all) {
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
      return new Plain(wide);
    }

    Wide conv(Wide x, String name, int stride, int pad) {
      Wide y = WideMaps.conv(x, parameters.get(name + ".weight"), stride, pad, 1, WideMaps.ALL);
      return y.add(WideMaps.perChannel(y, parameters.get(name + ".bias")));
    }

    Wide linear(Wide x, String name) {
      return x.matmul(parameters.get(name + ".weight")).add(parameters.get(name + ".bias").unsqueeze(0));
    }

    Wide map(Wide image) {
      Wide fine = conv(image, "trunk.first", 4, 0).relu();
      Wide coarse = conv(fine, "trunk.second", 2, 1).relu();
      Wide up = WideMaps.bilinear(conv(coarse, "map.coarse", 1, 0), ROWS, COLUMNS);
      return conv(fine, "map.fine", 1, 0).add(up).relu();
    }
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
    return new double[] {((to[0] + to[2]) - (from[0] + from[2])) / 2 / w, ((to[1] + to[3]) - (from[1] + from[3])) / 2 / h,
        Math.log((to[2] - to[0]) / w), Math.log((to[3] - to[1]) / h)};
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
  private static double[] rpn(Plain p, Wide map) {
    Wide hidden = p.conv(map, "rpn.conv", 1, 1).relu();
    Wide objects = p.conv(hidden, "rpn.objects", 1, 0);
    Wide moves = p.conv(hidden, "rpn.deltas", 1, 0);
    double classes = 0;
    double boxes = 0;
    int sampled = 0;
    int positives = 0;
    for (int n = 0; n < TRUTHS.size(); n++) {
      double[] reached = new double[TRUTHS.get(n).size()];
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
          int truth = best(anchor, TRUTHS.get(n));
          double overlap = iou(anchor, corners(TRUTHS.get(n).get(truth)));
          boolean forced = false;
          for (int t = 0; t < reached.length; t++) {
            double with = iou(anchor, corners(TRUTHS.get(n).get(t)));
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
          double[] wanted = deltas(anchor, corners(TRUTHS.get(n).get(truth)));
          for (int c = 0; c < 4; c++) {
            boxes += smooth(moves.at(n, 4 * a + c, cell / COLUMNS, cell % COLUMNS) - wanted[c], 1.0 / 9);
          }
        }
      }
    }
    assertTrue(positives >= 3 && sampled > 10 * positives, positives + " of " + sampled);
    return new double[] {classes / sampled, 10 * boxes / (ROWS * COLUMNS) / TRUTHS.size()};
  }

  /** Equations 1 to 3 of Fast R-CNN. */
  private static double[] head(Plain p, Wide map, RegionHead.Pooling pooling) {
    List<WideRegions.Region> regions = new ArrayList<>();
    List<double[]> boxes = new ArrayList<>();
    for (int n = 0; n < TRUTHS.size(); n++) {
      List<double[]> own = new ArrayList<>();
      for (int i = 0; i < PROPOSALS[n].length; i += 4) {
        own.add(new double[] {PROPOSALS[n][i], PROPOSALS[n][i + 1], PROPOSALS[n][i + 2], PROPOSALS[n][i + 3]});
      }
      TRUTHS.get(n).forEach(t -> own.add(corners(t)));
      for (double[] b : own) {
        double shift = 2 - INSET;
        double last = pooling == RegionHead.Pooling.ROIPOOL ? 1 : 0;
        regions.add(new WideRegions.Region(n, 0, b[0] + shift, b[1] + shift, b[2] + shift - last, b[3] + shift - last));
        boxes.add(b);
      }
    }
    WideRegions.Region[] all = regions.toArray(WideRegions.Region[]::new);
    Wide[] maps = {map};
    double[] scale = {0.25};
    Wide pooled = pooling == RegionHead.Pooling.ROIPOOL ? WideRegions.pool(maps, scale, all, BINS, BINS)
        : WideRegions.align(maps, scale, all, BINS, BINS, WideRegions.Sampling.AVERAGE, true, 2);
    Wide x = p.linear(pooled.reshape(all.length, JOINED * BINS * BINS), "head.fc6").relu();
    x = p.linear(x, "head.fc7").relu();
    Wide probabilities = p.linear(x, "head.classes").softmax(1);
    Wide moves = p.linear(x, "head.deltas");
    double classes = 0;
    double moved = 0;
    double[] deviations = {0.1, 0.1, 0.2, 0.2};
    for (int r = 0; r < all.length; r++) {
      List<LabelledBox> truths = TRUTHS.get(all[r].image());
      LabelledBox truth = truths.get(best(boxes.get(r), truths));
      boolean object = iou(boxes.get(r), corners(truth)) >= 0.5;
      classes -= Math.log(probabilities.at(r, object ? truth.label() + 1 : 0));
      double[] wanted = deltas(boxes.get(r), corners(truth));
      for (int c = 0; object && c < 4; c++) {
        moved += smooth(moves.at(r, 4 * truth.label() + c) - wanted[c] / deviations[c], 1);
      }
    }
    return new double[] {classes / all.length, moved / all.length};
  }

  private static double[] plain(Plain p, boolean faster, RegionHead.Pooling pooling) {
    float[] pixels = pixels();
    double[] x = new double[pixels.length];
    for (int i = 0; i < x.length; i++) x[i] = pixels[i];
    Wide map = p.map(new Wide(x, 2, 3, HEIGHT, WIDTH));
    double[] head = head(p, map, pooling);
    if (!faster) return head;
    double[] rpn = rpn(p, map);
    return new double[] {rpn[0], rpn[1], head[0], head[1]};
  }

  // ---- and compared

  private static Map<String, Value> losses(RegionDetector model, Tape tape, boolean own) {
    Device d = model.device();
    List<Tensor> proposals = new ArrayList<>();
    for (float[] p : PROPOSALS) proposals.add(Tensor.of(d, p, p.length / 4, 4));
    Tensor rgb = Tensor.of(d, pixels(), 2, 3, HEIGHT, WIDTH);
    return model.losses(tape, rgb, TRUTHS, own ? null : proposals, new Generator(3));
  }

  private interface Case {
    void of(boolean faster, RegionHead.Pooling pooling);
  }

  private static void each(Case c) {
    for (RegionHead.Pooling pooling : RegionHead.Pooling.values()) {
      c.of(false, pooling);
      c.of(true, pooling);
    }
  }

  @Test
  void lossesAreThoseOfTheEquations() {
    each((faster, pooling) -> {
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open(); RegionDetector model = model(device, faster, pooling);
            Tape tape = Tape.open()) {
          double[] expected = plain(Plain.of(model.parameters()), faster, pooling);
          Map<String, Value> losses = losses(model, tape, false);
          assertEquals(faster ? List.of("rpn objects", "rpn boxes", "classes", "boxes") : List.of("classes", "boxes"),
              List.copyOf(losses.keySet()));
          int i = 0;
          for (Map.Entry<String, Value> loss : losses.entrySet()) {
            assertTrue(expected[i] > 0.01, loss.getKey() + " is " + expected[i]);
            assertEquals(expected[i], loss.getValue().item(), 1e-5 * Math.max(1, expected[i]),
                loss.getKey() + " of " + pooling + " on " + device);
            i++;
          }
        }
      }
    });
  }

  /** Some elements of each parameter, all of those of few. */
  @Test
  void gradientsAreTheDifferences() {
    each((faster, pooling) -> {
      try (Scope scope = Scope.open(); RegionDetector model = model(Device.of("java"), faster, pooling);
          Tape tape = Tape.open()) {
        tape.backward(losses(model, tape, false).values().stream().reduce(Value::add).orElseThrow());
        Plain plain = Plain.of(model.parameters());
        SplittableRandom random = new SplittableRandom(1);
        double steepest = 0;
        for (Parameter p : model.parameters()) {
          float[] gradient = p.gradient().toFloats();
          double[] values = plain.parameters.get(p.name()).data;
          double greatest = 0;
          for (float g : gradient) greatest = Math.max(greatest, Math.abs(g));
          for (int k = 0; k < Math.min(3, values.length); k++) {
            int i = values.length <= 3 ? k : random.nextInt(values.length);
            double difference = difference(plain, values, i, faster, pooling);
            assertEquals(difference, gradient[i], 1e-4 * greatest + 2e-6, p.name() + " " + i + " of " + pooling);
            steepest = Math.max(steepest, Math.abs(difference));
          }
        }
        assertTrue(steepest > 0.05, "the losses move: " + steepest);
      }
    });
  }

  private static double difference(Plain plain, double[] values, int i, boolean faster, RegionHead.Pooling pooling) {
    double h = 1e-6;
    double before = values[i];
    double sum = 0;
    for (int sign = -1; sign <= 1; sign += 2) {
      values[i] = before + sign * h;
      for (double loss : plain(plain, faster, pooling)) sum += sign * loss;
    }
    values[i] = before;
    return sum / (2 * h);
  }

  /** With the network's own proposals too, and whatever the number of threads. */
  @Test
  void gradientsHaveTheSameBitsEverywhere() {
    int threads = Threads.count();
    try {
      each((faster, pooling) -> {
        float[][] first = null;
        for (Device device : TestDevices.available()) {
          for (int n = 1; n <= 2; n++) {
            Threads.set(n);
            float[][] gradients = gradients(device, faster, pooling);
            if (first == null) first = gradients;
            for (int i = 0; i < first.length; i++) {
              assertEquals(null, Bits.difference(gradients[i], first[i]), "parameter " + i + " on " + device);
            }
          }
        }
      });
    } finally {
      Threads.set(threads);
    }
  }

  private static float[][] gradients(Device device, boolean faster, RegionHead.Pooling pooling) {
    try (Scope scope = Scope.open(); RegionDetector model = model(device, faster, pooling); Tape tape = Tape.open()) {
      tape.backward(losses(model, tape, faster).values().stream().reduce(Value::add).orElseThrow());
      return model.parameters().all().stream().map(p -> p.gradient().toFloats()).toArray(float[][]::new);
    }
  }

  /** What is found, at once, is what values on a tape say: scores of the regions given. */
  @Test
  void detectionsAreTheSameEverywhere() {
    each((faster, pooling) -> {
      List<?> first = null;
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open(); RegionDetector model = model(device, faster, pooling)) {
          Tensor rgb = Tensor.of(device, pixels(), 2, 3, HEIGHT, WIDTH).slice(0, 0, 1);
          Tensor proposals = Tensor.of(device, PROPOSALS[0], PROPOSALS[0].length / 4, 4);
          List<?> found = model.detect(rgb, faster ? null : proposals);
          assertTrue(!found.isEmpty() && found.size() <= 10, found.toString());
          if (first == null) first = found;
          assertArrayEquals(first.toArray(), found.toArray(), device.toString());
        }
      }
    });
  }
}
