package org.ondol.test.segmentation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Tape;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.recipes.Saved;
import org.ondol.models.recipes.SegmenterFigures;
import org.ondol.models.recipes.Segmenting;
import org.ondol.models.segmentation.EspNet;
import org.ondol.models.segmentation.Views;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.weights.SafeTensors;
import org.ondol.test.support.TestDevices;

/** Segmenters from training to use, and the published ESPNet. */
class SegmentationTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data"));

  private static Path data(String folder) {
    Path path = DATA.resolve(folder);
    if (!Files.exists(path)) {
      System.out.println("[skipped] " + folder + ": no such folder " + path.toAbsolutePath().normalize());
      Assumptions.abort("no " + path);
    }
    return path;
  }

  // ---- training

  /** Four pictures are learned by heart within seconds. */
  @ParameterizedTest
  @CsvSource({"fcn, 300, 0.003, stride=8", "fcn, 200, 0.003, balance=yes", "espnet, 120, 0.01, decay=0"})
  void overfits(String name, int steps, double rate, String setting) {
    Recipe recipe = Recipes.named(name);
    Settings settings = recipe.settings().with("rate", Double.toString(rate)).with("scale", "1").with("flips", "no")
        .with(setting.split("=")[0], setting.split("=")[1]);
    Device device = Device.of("best");
    Generator random = new Generator(1);
    try (Experiment e = recipe.create(device, Form.of(Blocks.data(4), steps), settings, random)) {
      for (int i = 0; i < steps; i++) {
        try (Scope scope = Scope.open()) {
          e.step(Blocks.data(4).train().batch(device, 0, 1, 2, 3), random);
        }
      }
      Map<String, Double> figures = e.evaluate(Blocks.data(4).train(), random);
      System.out.println("[" + name + " " + setting + "] " + figures);
      assertTrue(figures.get("pixel accuracy") > 0.98, name + " " + figures);
      assertEquals(1 - figures.get("error"), figures.get("mean IoU"), 1e-12);
    }
  }

  /** Scores begin at zero: the first loss is that of guessing. */
  @Test
  void aStepHasTheSameBitsEverywhere() {
    double[] first = null;
    for (Device device : TestDevices.available()) {
      Recipe recipe = Recipes.named("fcn");
      Generator random = new Generator(1);
      double[] losses = new double[3];
      try (Experiment e = recipe.create(device, Form.of(Blocks.data(4), 4), recipe.settings(), random)) {
        for (int i = 0; i < losses.length; i++) {
          try (Scope scope = Scope.open()) {
            losses[i] = e.step(Blocks.data(4).train().batch(device, 3, 1), random).get("loss");
          }
        }
      }
      if (first == null) first = losses;
      assertArrayEquals(first, losses, device.toString());
    }
    assertEquals(Math.log(Blocks.CLASSES.size()), first[0], 1e-5);
    assertTrue(first[1] != first[0] && Double.isFinite(first[2]), Arrays.toString(first));
  }

  @Test
  void figuresOfOtherClassesAreRefused() {
    Recipe recipe = Recipes.named("espnet");
    try (Experiment e = recipe.create(Device.of("java"), Form.of(Blocks.data(1), 0), recipe.settings(), new Generator(1))) {
      Examples none = new Examples("plain", new long[] {3, 8, 8}, 256, new byte[192]);
      assertThrows(DataException.class, () -> SegmenterFigures.of(((Segmenting) e).segmenter(), none));
      Form form = Form.of(new DataSet("plain", none, null, null), 0);
      Generator random = new Generator(1);
      assertThrows(DataException.class, () -> recipe.create(Device.of("java"), form, recipe.settings(), random));
      Form two = new Form(new long[] {3, 8, 8}, 256, 0, List.of("a", "b"));
      assertThrows(DataException.class, () -> recipe.create(Device.of("java"), two, recipe.settings(), random), "ESP needs 5");
    }
  }

  // ---- views

  /** Planes that say where a pixel was and what it is: after any view they agree with its map. */
  private static Batch located(int count) {
    int size = 40;
    byte[] values = new byte[count * 3 * size * size];
    byte[][] maps = new byte[count][size * size];
    for (int n = 0; n < count; n++) {
      for (int i = 0; i < size * size; i++) {
        values[n * 3 * size * size + i] = (byte) (6 * (i % size));
        values[(n * 3 + 1) * size * size + i] = (byte) (6 * (i / size));
        maps[n][i] = (byte) (i % size / 10 * 4 + i / size / 10);
      }
    }
    List<String> classes = IntStream.range(0, 16).mapToObj(Integer::toString).toList();
    return new Examples("located", new long[] {3, size, size}, 256, values, new Truth.Maps(classes, 16, maps))
        .batch(Device.of("java"), IntStream.range(0, count).toArray());
  }

  @ParameterizedTest
  @CsvSource({"true, 1", "false, 2", "true, 2"})
  void viewsMovePicturesAndMapsAlike(boolean flips, double scale) {
    int count = 40;
    Batch seen = new Views(flips, scale).of(located(count), new Generator(2));
    byte[] v = seen.values();
    boolean mirrored = false;
    boolean straight = false;
    boolean outside = false;
    for (int n = 0; n < count; n++) {
      byte[] map = ((Truth.Maps) seen.truth()).maps()[n];
      for (int i = 0; i < 1600; i++) {
        double x = (v[n * 4800 + i] & 0xFF) / 6.0;
        double y = (v[n * 4800 + 1600 + i] & 0xFF) / 6.0;
        if (map[i] == 16) {
          outside = true;
          assertEquals(115, v[n * 4800 + i] & 0xFF, "grey");
          continue;
        }
        // The nearest pixel, where no other class is near.
        if (Math.abs((x + 0.5) % 10 - 5) < 4 && Math.abs((y + 0.5) % 10 - 5) < 4) {
          assertEquals((int) ((x + 0.5) / 10) * 4 + (int) ((y + 0.5) / 10), map[i], "picture " + n + " at " + i);
        }
        if (i % 40 == 39) continue;
        int step = (v[n * 4800 + i + 1] & 0xFF) - (v[n * 4800 + i] & 0xFF);
        if (map[i + 1] != 16) {
          mirrored |= step < 0;
          straight |= step > 0;
        }
      }
    }
    assertTrue(straight);
    assertEquals(flips, mirrored);
    assertEquals(scale > 1, outside);
  }

  @Test
  void viewsThatChangeNothing() {
    Batch batch = located(3);
    Generator random = new Generator(2);
    assertArrayEquals(batch.values(), new Views(false, 1).of(batch, random).values());
    assertThrows(InvalidArgumentException.class, () -> new Views(false, 0.5));
    assertThrows(InvalidArgumentException.class, () -> new Views(false, Double.NaN));
  }

  // ---- ESPNet

  /** Within 0.001 and the rounding of the file's scores to float16; the best classes are equal everywhere. */
  @Test
  void espNetAgreesWithItsReference() {
    Path folder = data("espnet-camvid");
    for (String name : new String[] {"java", "cpu"}) {
      try (Scope scope = Scope.open(); SafeTensors golden = SafeTensors.open(folder.resolve("golden.safetensors"));
          EspNet net = EspNet.load(folder, TestDevices.require(name.equals("cpu") ? "cpu:portable" : "java:vector"));
          Tape tape = Tape.open()) {
        Tensor x = golden.tensor("input", net.device(), 1, 3, 360, 480);
        compare(golden, net.scores(x).toFloats(), name + " at once");
        Tensor onTape = tape.frozen(() -> net.logits(new Net.OnTape(tape, Statistics.RUNNING), tape.constant(x))).tensor();
        compare(golden, onTape.toFloats(), name + " on a tape");
      }
    }
  }

  private static void compare(SafeTensors golden, float[] actual, String what) {
    float[] expected = golden.floats("output");
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double rounding = Math.max(Math.abs(expected[i]) * 0x1p-11, 0x1p-25);
      worst = Math.max(worst, Math.abs(actual[i] - expected[i]) - rounding);
    }
    System.out.printf("[espnet] %s: at most %.2g beyond the rounding%n", what, worst);
    assertTrue(worst <= 1e-3, what + " differs by " + worst);
    byte[] best = golden.bytes("argmax");
    for (int i = 0; i < best.length; i++) {
      int c = 0;
      for (int k = 1; k < 12; k++) if (actual[k * best.length + i] > actual[c * best.length + i]) c = k;
      assertEquals(best[i], c, what + " at pixel " + i);
    }
  }

  /** 8 of the 101 pictures over which the authors' weights reach 70.10 % and 92.68 %: the same to some points. */
  @Test
  void espNetOnWholePictures() {
    Path weights = data("espnet-camvid");
    Examples examples = DataSets.open(data("camvid").resolve("val-full")).train();
    try (Experiment e = Saved.of(weights).load(Device.of("best"))) {
      Map<String, Double> figures = e.evaluate(examples, new Generator(1));
      System.out.println("[espnet] " + examples.count() + " pictures: " + figures);
      assertEquals(0.701, figures.get("mean IoU"), 0.03);
      assertEquals(0.9268, figures.get("pixel accuracy"), 0.02);
    }
  }

  /** Pictures whose sides are no multiples of 8 are continued by zeros and cut. */
  @Test
  void espNetOnAnySize() {
    try (EspNet net = new EspNet(Device.of("java"), EspNet.CAMVID, 64, new Generator(1))) {
      for (int[] size : new int[][] {{1, 1}, {33, 50}, {40, 16}}) {
        Picture picture = new Picture(size[0], size[1], new byte[3 * size[0] * size[1]]);
        assertEquals(size[0] * size[1], net.segment(picture).length);
      }
    }
  }
}
