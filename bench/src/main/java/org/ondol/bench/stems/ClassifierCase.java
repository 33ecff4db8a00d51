package org.ondol.bench.stems;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.ondol.Device;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.models.trunks.SqueezeNet;
import org.ondol.models.trunks.ClassifierSizes;
import org.ondol.models.trunks.Vgg16;

/** Scores of 1000 classes for images of 224 x 224, as the network takes them. */
final class ClassifierCase implements Case {
  static final int SIDE = 224;
  static final int CLASSES = 1000;
  /** Of a score to the largest one; Winograd's mode needs the most of it. */
  private static final double BOUND = 5e-5;

  /** Networks by the names of their stems. */
  enum Kind {
    /** With its published weights. */
    SQUEEZENET(349_151_872) {
      @Override
      Classifier open(Device device) throws Contender.Unavailable {
        Path file = Path.of(System.getProperty("ondol.data", "../shared/data"), "squeezenet", "weights.safetensors");
        if (!Files.isReadable(file)) {
          throw new Contender.Unavailable("no weights " + file.toAbsolutePath().normalize() + "; set ONDOL_DATA");
        }
        SqueezeNet net = SqueezeNet.load(file, device);
        return new Classifier() {
          @Override
          public <M> M logits(Net<M> maps, M image) {
            return net.logits(maps, image);
          }
        };
      }
    },
    /** With random weights, for want of published ones; its time does not depend on them. */
    VGG16(15_470_264_320L) {
      @Override
      Classifier open(Device device) {
        Vgg16 net = new Vgg16(Units.of(new Parameters(), "", device, new Generator(1)), ClassifierSizes.paper(CLASSES));
        return new Classifier() {
          @Override
          public <M> M logits(Net<M> maps, M image) {
            return net.logits(maps, image);
          }
        };
      }
    };

    /** Multiply-adds of an image. */
    private final long products;

    Kind(long products) {
      this.products = products;
    }

    abstract Classifier open(Device device) throws Contender.Unavailable;

    private final Map<Device, Classifier> networks = new HashMap<>();

    /** The network on a device. It stays open for all cases: half a gigabyte takes its time. */
    synchronized Classifier of(Device device) throws Contender.Unavailable {
      Classifier net = networks.get(device);
      if (net == null) {
        net = open(device);
        networks.put(device, net);
      }
      return net;
    }

    /** The network whose weights the peers get. */
    Classifier host() throws Contender.Unavailable {
      return of(Device.of("java"));
    }
  }

  /** A network. */
  interface Classifier {
    <M> M logits(Net<M> net, M image);
  }

  final Kind kind;
  final int batch;
  private float[] images;
  private double[] expected;

  ClassifierCase(Kind kind, int batch) {
    this.kind = kind;
    this.batch = batch;
  }

  @Override
  public String name() {
    return "B%d".formatted(batch);
  }

  long[] shape() {
    return new long[] {batch, 3, SIDE, SIDE};
  }

  /** Of about the range that the networks take. */
  float[] images() {
    if (images == null) {
      images = Inputs.normal(5, batch * 3 * SIDE * SIDE);
      if (kind == Kind.SQUEEZENET) for (int i = 0; i < images.length; i++) images[i] *= 60;
    }
    return images;
  }

  @Override
  public double flops() {
    return 2.0 * batch * kind.products;
  }

  @Override
  public double bytes() {
    return 4.0 * images().length;
  }

  /** The first image against float64; the comparison with one another covers the others. */
  @Override
  public String check(Map<String, float[]> answer) {
    float[] scores = answer.get("scores");
    if (scores.length != batch * CLASSES) return "%d scores, expected %d".formatted(scores.length, batch * CLASSES);
    if (expected == null) {
      try {
        expected = kind.host().logits(new ReferenceNet(), ReferenceNet.Plain.of(images(), 3, SIDE, SIDE)).values();
      } catch (Contender.Unavailable e) {
        return e.getMessage();
      }
    }
    double bound = BOUND * Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    for (int i = 0; i < CLASSES; i++) {
      String wrong = Check.within("scores", i, expected[i], scores[i], bound);
      if (wrong != null) return wrong;
    }
    return null;
  }
}
