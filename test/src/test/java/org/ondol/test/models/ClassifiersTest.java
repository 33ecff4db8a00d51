package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;
import org.ondol.models.layers.Units;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.trunks.AlexNet;
import org.ondol.models.trunks.ClassifierSizes;
import org.ondol.models.trunks.Trunk;
import org.ondol.models.trunks.Vgg16;
import org.ondol.models.weights.SafeTensorsWriter;
import org.ondol.models.weights.WeightsException;
import org.ondol.ops.Elementwise;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** VGG-16 and AlexNet with few channels against plain loops in float64 that read their dense layers as matrices. */
class ClassifiersTest {
  private static final Device JAVA = Device.of("java");
  private static final int WIDTH = 2;
  private static final int HIDDEN = 5;
  private static final int CLASSES = 3;

  @TempDir
  Path folder;

  private static Vgg16 vgg(Parameters parameters, Device device) {
    return new Vgg16(units(parameters, device), new ClassifierSizes(WIDTH, HIDDEN, CLASSES));
  }

  private static AlexNet alexNet(Parameters parameters, Device device) {
    return new AlexNet(units(parameters, device), new ClassifierSizes(WIDTH, HIDDEN, CLASSES));
  }

  private static Units units(Parameters parameters, Device device) {
    return Units.of(parameters, "", device, new Generator(3));
  }

  private static Tensor logits(Inference inference, Trunk net, Tensor x) {
    return net instanceof Vgg16 vgg ? inference.map(vgg::logits, x) : inference.map(((AlexNet) net)::logits, x);
  }

  /** Biases other than the zeros that they begin as. */
  private static void stir(Parameters parameters) {
    Generator random = new Generator(9);
    for (Parameter p : parameters) {
      if (!p.name().endsWith(".bias")) continue;
      try (Tensor t = random.normal(p.tensor().device(), 0, 0.5, p.tensor().shape())) {
        p.assign(t);
      }
    }
  }

  private static float[] picture(int height, int width) {
    try (Tensor t = new Generator(7).normal(JAVA, 0, 1, 3L * height * width)) {
      return t.toFloats();
    }
  }

  // ---- the same in plain loops

  /** A map of one picture in float64. */
  private record Plain(int channels, int height, int width, double[] values) {
    double at(int c, int y, int x) {
      return y < 0 || x < 0 || y >= height || x >= width ? 0 : values[(c * height + y) * width + x];
    }

    Plain conv(Parameters p, String layer, int stride, int padding) {
      float[] w = p.get(layer + ".weight").tensor().toFloats();
      float[] b = p.get(layer + ".bias").tensor().toFloats();
      int k = (int) p.get(layer + ".weight").tensor().size(2);
      int h = (height + 2 * padding - k) / stride + 1;
      int wide = (width + 2 * padding - k) / stride + 1;
      double[] y = new double[b.length * h * wide];
      for (int o = 0; o < b.length; o++) {
        for (int i = 0; i < h * wide; i++) {
          double sum = b[o];
          for (int j = 0; j < channels * k * k; j++) {
            sum += w[o * channels * k * k + j]
                * at(j / (k * k), i / wide * stride - padding + j / k % k, i % wide * stride - padding + j % k);
          }
          y[o * h * wide + i] = Math.max(0, sum);
        }
      }
      return new Plain(b.length, h, wide, y);
    }

    Plain pool(int k) {
      int h = (height - k) / 2 + 1;
      int wide = (width - k) / 2 + 1;
      double[] y = new double[channels * h * wide];
      for (int i = 0; i < y.length; i++) {
        y[i] = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < k * k; j++) {
          y[i] = Math.max(y[i], at(i / (h * wide), i / wide % h * 2 + j / k, i % wide * 2 + j % k));
        }
      }
      return new Plain(channels, h, wide, y);
    }

    /** The dense layers on each part of side x side, as the classifier reads the map of its own size. */
    double[] classify(Parameters p, int side, int... layers) {
      int h = height - side + 1;
      int wide = width - side + 1;
      double[] scores = null;
      for (int i = 0; i < h * wide; i++) {
        double[] row = new double[channels * side * side];
        for (int j = 0; j < row.length; j++) {
          row[j] = at(j / (side * side), i / wide + j / side % side, i % wide + j % side);
        }
        for (int layer : layers) {
          row = dense(p, "classifier." + layer, row, layer != layers[layers.length - 1]);
        }
        if (scores == null) scores = new double[row.length * h * wide];
        for (int c = 0; c < row.length; c++) scores[c * h * wide + i] = row[c];
      }
      return scores;
    }

    private static double[] dense(Parameters p, String layer, double[] x, boolean relu) {
      float[] w = p.get(layer + ".weight").tensor().toFloats();
      float[] b = p.get(layer + ".bias").tensor().toFloats();
      double[] y = new double[b.length];
      for (int o = 0; o < y.length; o++) {
        y[o] = b[o];
        for (int i = 0; i < x.length; i++) y[o] += w[o * x.length + i] * x[i];
        if (relu) y[o] = Math.max(0, y[o]);
      }
      return y;
    }
  }

  private static Plain plain(float[] picture, int height, int width) {
    double[] values = new double[picture.length];
    for (int i = 0; i < values.length; i++) values[i] = picture[i];
    return new Plain(3, height, width, values);
  }

  /** Torchvision's numbers of the layers are written out here, "p" being a pool. */
  private static double[] plainVgg(Parameters p, Plain x) {
    Plain y = x;
    for (String layer : "0 2 p 5 7 p 10 12 14 p 17 19 21 p 24 26 28 p".split(" ")) {
      y = layer.equals("p") ? y.pool(2) : y.conv(p, "features." + layer, 1, 1);
    }
    return y.classify(p, 7, 0, 3, 6);
  }

  private static double[] plainAlexNet(Parameters p, Plain x) {
    Plain y = x.conv(p, "features.0", 4, 2).pool(3).conv(p, "features.3", 1, 2).pool(3);
    y = y.conv(p, "features.6", 1, 1).conv(p, "features.8", 1, 1).conv(p, "features.10", 1, 1).pool(3);
    return y.classify(p, 6, 1, 4, 6);
  }

  // ---- tests

  /** Of the classifier's own size, and larger: scores for each place. */
  @ParameterizedTest
  @CsvSource({"vgg16, 224, 224, 1, 1", "vgg16, 256, 290, 2, 3", "alexnet, 224, 224, 1, 1", "alexnet, 224, 290, 1, 3"})
  void scoresAreTheClassifiersOfEachPlace(String name, int height, int width, long rows, long columns) {
    boolean vgg = name.equals("vgg16");
    float[] picture = picture(height, width);
    float[] first = null;
    double[] expected = null;
    for (Device device : TestDevices.available()) {
      Parameters parameters = new Parameters();
      try (Scope scope = Scope.open(); Inference inference = new Inference();
          Trunk net = vgg ? vgg(parameters, device) : alexNet(parameters, device)) {
        stir(parameters);
        Tensor x = Tensor.of(device, picture, 1, 3, height, width);
        Tensor y = logits(inference, net, x);
        assertArrayEquals(new long[] {1, CLASSES, rows, columns}, y.shape());
        if (first == null) {
          first = y.toFloats();
          Plain map = plain(picture, height, width);
          expected = vgg ? plainVgg(parameters, map) : plainAlexNet(parameters, map);
        }
        assertNull(Bits.difference(y.toFloats(), first), device.toString());
      }
    }
    double largest = 0;
    for (double e : expected) largest = Math.max(largest, Math.abs(e));
    for (int i = 0; i < expected.length; i++) assertEquals(expected[i], first[i], 1e-5 * largest, "score " + i);
  }

  /** Several pictures at once, and a network on a tape, give the bits of one at a time. */
  @Test
  void batchesAndTapesChangeNothing() {
    float[] two = new float[2 * 3 * 224 * 224];
    System.arraycopy(picture(224, 224), 0, two, 0, two.length / 2);
    System.arraycopy(picture(224, 225), 0, two, two.length / 2, two.length / 2);
    for (Device device : TestDevices.available()) {
      Parameters parameters = new Parameters();
      try (Scope scope = Scope.open(); Tape tape = Tape.open(); Inference inference = new Inference();
          Vgg16 net = vgg(parameters, device)) {
        stir(parameters);
        Tensor x = Tensor.of(device, two, 2, 3, 224, 224);
        float[] both = inference.map(net::logits, x).toFloats();
        Net<Value> maps = new Net.OnTape(tape, Statistics.RUNNING);
        float[] taped = tape.frozen(() -> net.logits(maps, tape.constant(x))).tensor().toFloats();
        assertNull(Bits.difference(both, taped), device + ", on a tape");
        for (int i = 0; i < 2; i++) {
          float[] one = inference.map(net::logits, x.slice(0, i, i + 1)).toFloats();
          for (int c = 0; c < CLASSES; c++) assertTrue(Bits.same(one[c], both[i * CLASSES + c]), device + ", picture " + i);
        }
      }
    }
  }

  @Test
  void mapsHaveTheStagesSizes() {
    stages(p -> new Vgg16(units(p, JAVA), ClassifierSizes.paper(0)), 14_714_688, "conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3");
    stages(p -> new AlexNet(units(p, JAVA), ClassifierSizes.paper(0)), 2_469_696, "conv1", "conv2", "conv5");
    try (Parameters p = new Parameters(); Inference inference = new Inference(); Scope scope = Scope.open()) {
      Vgg16 net = vgg(p, JAVA);
      List<long[]> shapes = inference.maps(net::maps, Tensor.zeros(JAVA, 1, 3, 64, 96)).stream().map(Tensor::shape).toList();
      for (int i = 0; i < shapes.size(); i++) {
        Trunk.Stage stage = net.stages().get(i);
        assertArrayEquals(new long[] {1, stage.channels(), 64 / stage.stride(), 96 / stage.stride()}, shapes.get(i), stage.name());
      }
    }
    try (Parameters p = new Parameters(); Inference inference = new Inference(); Scope scope = Scope.open()) {
      AlexNet net = alexNet(p, JAVA);
      List<long[]> shapes = inference.maps(net::maps, Tensor.zeros(JAVA, 1, 3, 224, 224)).stream().map(Tensor::shape).toList();
      // 55, 27 and 13 cells, as the paper has them.
      assertArrayEquals(new long[] {1, 2, 55, 55}, shapes.get(0));
      assertArrayEquals(new long[] {1, 6, 27, 27}, shapes.get(1));
      assertArrayEquals(new long[] {1, 8, 13, 13}, shapes.get(2));
    }
  }

  /** @param count of the convolutions' parameters, by torchvision's tables less those of the dense layers */
  private static void stages(Function<Parameters, Trunk> trunk, long count, String... names) {
    try (Parameters p = new Parameters()) {
      Trunk net = trunk.apply(p);
      List<String> stages = new ArrayList<>();
      for (Trunk.Stage stage : net.stages()) stages.add(stage.name());
      assertEquals(List.of(names), stages);
      long sum = 0;
      for (Parameter parameter : p) sum += parameter.tensor().count();
      assertEquals(count, sum);
      try (Scope scope = Scope.open(); Inference inference = new Inference()) {
        var e = assertThrows(InvalidArgumentException.class, () -> logits(inference, net,
            Tensor.zeros(JAVA, 1, 3, 224, 224)));
        assertTrue(e.getMessage().contains("made without classes"), e.getMessage());
      }
    }
  }

  // ---- files

  /** Torchvision's file: dense layers are matrices. */
  private Path file(Parameters parameters, String name) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    Path file = folder.resolve(name);
    try (Scope scope = Scope.open()) {
      for (Parameter p : parameters) {
        Tensor t = p.tensor();
        boolean dense = p.name().startsWith("classifier.") && t.rank() == 4;
        tensors.put(p.name(), dense ? t.reshape(t.size(0), -1) : t);
      }
      SafeTensorsWriter.write(file, tensors, Map.of());
    }
    return file;
  }

  @Test
  void filesOfTorchvision() {
    for (Device device : List.of(JAVA, TestDevices.require("cpu"))) {
      try (Parameters p = new Parameters(); Parameters q = new Parameters(); Scope scope = Scope.open();
          Inference inference = new Inference()) {
        Vgg16 vgg = vgg(p, device);
        AlexNet alexNet = alexNet(q, device);
        stir(p);
        stir(q);
        Tensor x = Tensor.of(device, picture(224, 224), 1, 3, 224, 224);
        try (Vgg16 read = Vgg16.load(file(p, "vgg.safetensors"), device);
            AlexNet other = AlexNet.load(file(q, "alexnet.safetensors"), device)) {
          assertNull(Bits.difference(inference.map(read::logits, x).toFloats(), inference.map(vgg::logits, x).toFloats()));
          assertNull(Bits.difference(inference.map(other::logits, x).toFloats(), inference.map(alexNet::logits, x).toFloats()));
        }
      }
    }
  }

  @Test
  void wrongFilesAreRefused() throws IOException {
    try (Parameters p = new Parameters(); Parameters q = new Parameters()) {
      vgg(p, JAVA);
      alexNet(q, JAVA);
      Path vgg = file(p, "vgg.safetensors");
      Path alexNet = file(q, "alexnet.safetensors");
      refused("has no tensor named classifier.1.weight", () -> AlexNet.load(vgg, JAVA));
      refused("has no tensor named classifier.0.weight", () -> Vgg16.load(alexNet, JAVA));
      Path cut = Files.write(folder.resolve("cut.safetensors"), Arrays.copyOf(Files.readAllBytes(vgg), 1000));
      refused("cut short", () -> Vgg16.load(cut, JAVA));
      refused("cannot read", () -> AlexNet.load(folder.resolve("none"), JAVA));
    }
  }

  private static void refused(String message, Runnable load) {
    var e = assertThrows(WeightsException.class, load::run);
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  /** Models stand on the network that is named, with the weights of a file of that network alone. */
  @Test
  void recipesChooseTheTrunk() {
    Form form = new Form(new long[] {3, 64, 64}, 256, 1, List.of("a", "b"));
    for (String name : List.of("fcn", "rcnn", "yolo")) {
      Recipe recipe = Recipes.named(name);
      try (Experiment e = recipe.create(JAVA, form, recipe.settings().with("trunk-net", "alexnet"), new Generator(1))) {
        assertArrayEquals(new long[] {192, 64, 5, 5}, e.parameters().get("trunk.features.3.weight").tensor().shape());
      }
    }
    Recipe fcn = Recipes.named("fcn");
    try (Parameters p = new Parameters()) {
      Units units = units(p, JAVA);
      try (Tensor ones = new AlexNet(units, ClassifierSizes.paper(0)).parameters().get("features.0.bias").tensor().copy()) {
        Elementwise.fill(ones, 1);
        p.get("features.0.bias").assign(ones);
      }
      String file = file(p, "trained.safetensors").toString();
      try (Experiment e = fcn.create(JAVA, form, fcn.settings().with("trunk-net", "alexnet").with("trunk", file), new Generator(1))) {
        assertEquals(1, e.parameters().get("trunk.features.0.bias").tensor().toFloats()[63]);
      }
      refused("trained.safetensors has weights of alexnet; the model stands on squeezenet",
          () -> fcn.create(JAVA, form, fcn.settings().with("trunk", file), new Generator(1)));
      try (Parameters q = new Parameters()) {
        Path small = file(vgg(q, JAVA).parameters(), "vgg.safetensors");
        refused("vgg.safetensors has weights of vgg16", () -> fcn.create(JAVA, form,
            fcn.settings().with("trunk-net", "alexnet").with("trunk", small.toString()), new Generator(1)));
        refused("features.0.weight", () -> fcn.create(JAVA, form,
            fcn.settings().with("trunk-net", "vgg16").with("trunk", small.toString()), new Generator(1)));
      }
    }
  }
}
