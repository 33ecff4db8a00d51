package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
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
 * The losses of Fast and Faster R-CNN from pixels to the last sum, on a trunk of two convolutions: values against those
 * of {@link WideRegionDetector}, gradients against its central differences, and the same bits everywhere. Every anchor
 * and region that has a label is learnt from, so that nothing depends on chance.
 */
class RegionDetectorLossTest {
  private static final int HEIGHT = WideRegionDetector.HEIGHT;
  private static final int WIDTH = WideRegionDetector.WIDTH;
  private static final int JOINED = WideRegionDetector.JOINED;
  private static final int BINS = WideRegionDetector.BINS;
  private static final List<String> CLASSES = List.of("a", "b");
  private static final long ALL = 4000;

  private static final List<List<LabelledBox>> TRUTHS = List.of(
      List.of(new LabelledBox(0, 3.25f, 4.5f, 12.125f, 12.75f), new LabelledBox(1, 17.5f, 9.25f, 30.25f, 21.5f)),
      List.of(new LabelledBox(1, 8.25f, 3.5f, 15.75f, 17.25f)));
  private static final float[][] PROPOSALS = {
      {2.5f, 3.25f, 12.75f, 13.5f, 16.25f, 8.5f, 30.75f, 22.5f, 4.25f, 6.5f, 25.75f, 20.25f, 20.25f, 1.25f, 31.5f,
          8.75f},
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

  private static WideRegionDetector plain(RegionDetector model) {
    return WideRegionDetector.of(model.parameters(), TRUTHS, PROPOSALS);
  }

  private static double[] plain(WideRegionDetector p, boolean faster, RegionHead.Pooling pooling) {
    float[] pixels = pixels();
    double[] x = new double[pixels.length];
    for (int i = 0; i < x.length; i++) x[i] = pixels[i];
    return p.losses(new Wide(x, 2, 3, HEIGHT, WIDTH), faster, pooling == RegionHead.Pooling.ROIALIGN);
  }

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
          double[] expected = plain(plain(model), faster, pooling);
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
        WideRegionDetector plain = plain(model);
        SplittableRandom random = new SplittableRandom(1);
        double steepest = 0;
        for (Parameter p : model.parameters()) {
          float[] gradient = p.gradient().toFloats();
          double[] values = plain.parameters().get(p.name()).data;
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

  private static double difference(WideRegionDetector plain, double[] values, int i, boolean faster,
      RegionHead.Pooling pooling) {
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
