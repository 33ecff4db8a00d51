package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.models.data.DataException;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.images.Picture;
import org.ondol.models.recipes.Detecting;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.training.Trainer;
import org.ondol.test.support.TestDevices;

/** R-CNN, SPPNet, YOLO, Fast and Faster R-CNN learn four drawn pictures by heart, from random values. */
class DetectorsTest {
  private static final int SIDE = 96;
  /** Of selective search, for pictures as plain as these. */
  private static final String COARSE = "segments=50,100";
  private static final String FEW = "proposals=500";
  private static final List<String> CLASSES = List.of("square", "disc");
  /** Of each picture class, left, top, side of its objects. */
  private static final int[][][] DRAWN = {{{0, 8, 10, 30}, {1, 52, 48, 36}}, {{1, 10, 50, 32}}, {{0, 50, 12, 36}, {0, 14, 56, 28}},
      {{1, 54, 8, 28}, {0, 40, 52, 34}}};

  private static void draw(byte[] values, int picture, int[] o) {
    for (int y = 0; y < o[3]; y++) {
      for (int x = 0; x < o[3]; x++) {
        double r = Math.hypot(x + 0.5 - o[3] / 2.0, y + 0.5 - o[3] / 2.0);
        if (o[0] == 1 && r > o[3] / 2.0) continue;
        int at = picture * 3 * SIDE * SIDE + (o[2] + y) * SIDE + o[1] + x;
        values[at] = (byte) (o[0] == 0 ? 210 : 40);
        values[at + SIDE * SIDE] = 60;
        values[at + 2 * SIDE * SIDE] = (byte) (o[0] == 0 ? 30 : 220);
      }
    }
  }

  private static DataSet pictures() {
    byte[] values = new byte[DRAWN.length * 3 * SIDE * SIDE];
    for (int i = 0; i < values.length; i++) values[i] = (byte) (108 + i % 7);
    List<List<LabelledBox>> boxes = new ArrayList<>();
    for (int p = 0; p < DRAWN.length; p++) {
      List<LabelledBox> own = new ArrayList<>();
      for (int[] o : DRAWN[p]) {
        draw(values, p, o);
        own.add(new LabelledBox(o[0], o[1], o[2], o[1] + o[3], o[2] + o[3]));
      }
      boxes.add(own);
    }
    Examples train = new Examples("train", new long[] {3, SIDE, SIDE}, 256, values, new Truth.Boxes(CLASSES, boxes));
    return new DataSet("drawn", train, train, null);
  }

  private static Settings settings(Recipe recipe, String... changes) {
    Settings s = recipe.settings();
    for (String change : changes) s = s.with(change.split("=")[0], change.split("=")[1]);
    return s;
  }

  private static Experiment trained(Device device, String name, int epochs, int batch, Path folder, String... changes) {
    Recipe recipe = Recipes.named(name);
    Settings s = settings(recipe, changes).with("epochs", epochs + "").with("batch", batch + "");
    DataSet data = pictures();
    Form form = Form.of(data, Trainer.steps(data, batch) * epochs);
    Generator random = new Generator(1);
    Experiment e = recipe.create(device, form, s, random);
    DataSet unseen = new DataSet("drawn", data.train(), null, null);
    new Trainer(e, unseen, new Trainer.Options(1, epochs, batch, folder, 1e9, Saved.notes(recipe, s, form)), random,
        new Trainer.Listener() {}).run(() -> false);
    return e;
  }

  private static void knows(Experiment e) {
    Map<String, Double> figures = e.evaluate(pictures().train(), new Generator(1));
    assertEquals(1, figures.get("mAP@0.5"), 1e-9, figures.toString());
    assertEquals(0, figures.get("error"), 1e-9);
    Detector detector = ((Detecting) e).detector();
    assertEquals(CLASSES, detector.classes());
    List<Detection> found = detector.detect(pictures().train().picture(1));
    assertEquals(1, found.getFirst().label(), found.toString());
    for (int i = 1; i < found.size(); i++) assertTrue(found.get(i - 1).score() >= found.get(i).score(), "order");
  }

  /** A model that is read from its checkpoint finds what the trained one finds. */
  private static void reads(Experiment e, Path folder) {
    Picture picture = pictures().train().picture(0);
    try (Experiment again = Saved.of(folder).load(Device.of("java"))) {
      List<Detection> found = ((Detecting) e).detector().detect(picture);
      assertFalse(found.isEmpty());
      assertEquals(found, ((Detecting) again).detector().detect(picture));
    }
  }

  private static void seesInItsOwnPixels(Detector detector) {
    Picture picture = pictures().train().picture(1);
    Detection small = detector.detect(picture).getFirst();
    Detection large = detector.detect(picture.resized(2 * SIDE, 3 * SIDE)).getFirst();
    assertEquals(2 * small.x1(), large.x1(), 8);
    assertEquals(3 * small.y2(), large.y2(), 12);
  }

  @Test
  void rcnnLearnsByHeart(@TempDir Path folder) {
    try (Experiment e = trained(Device.of("java"), "rcnn", 3, 1, folder, "side=48", "levels=1,2", "cost=1", COARSE, FEW)) {
      knows(e);
      reads(e, folder);
      seesInItsOwnPixels(((Detecting) e).detector());
    }
  }

  @Test
  void sppnetLearnsByHeart(@TempDir Path folder) {
    try (Experiment e = trained(Device.of("java"), "sppnet", 3, 1, folder, "scales=192", "levels=1,2", "cost=1", COARSE, FEW)) {
      knows(e);
      reads(e, folder);
    }
  }

  @Test
  void yoloLearnsByHeart(@TempDir Path folder) {
    try (Experiment e = trained(Device.of("java"), "yolo", 120, 4, folder, "grid=5", "vary=0", "rate=0.002")) {
      knows(e);
      reads(e, folder);
    }
  }

  private static final String[] REGIONS = {"hidden=64", "joined=32", "vary=0", "regions=32"};

  private static String[] regions(String... more) {
    return Stream.concat(Arrays.stream(REGIONS), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void fastRcnnLearnsByHeart(@TempDir Path folder) {
    try (Experiment e = trained(Device.of("java"), "fast-rcnn", 40, 4, folder, regions("pooling=roipool"))) {
      knows(e);
      reads(e, folder);
    }
  }

  @Test
  void fasterRcnnLearnsByHeart(@TempDir Path folder) {
    try (Experiment e = trained(Device.of("java"), "faster-rcnn", 100, 4, folder,
        regions("pooling=roialign", "anchors=0.35"))) {
      knows(e);
      reads(e, folder);
    }
  }

  /** A photograph without an object, and one that has neither object nor proposal. */
  @Test
  void pictureWithoutObjects() {
    Examples drawn = pictures().train();
    Examples empty = new Examples("empty", drawn.shape(), 256, new byte[2 * drawn.size()],
        new Truth.Boxes(CLASSES, List.of(List.of(), List.of())));
    for (String name : List.of("fast-rcnn", "faster-rcnn")) {
      for (String side : List.of("8", "97")) { // of selective search's boxes at least: none is so large
        Recipe recipe = Recipes.named(name);
        Settings s = settings(recipe, REGIONS);
        if (name.equals("fast-rcnn")) s = s.with("side", side);
        Generator random = new Generator(1);
        try (Experiment e = recipe.create(Device.of("java"), Form.of(pictures(), 4), s, random);
            Scope scope = Scope.open()) {
          Map<String, Double> metrics = e.step(empty.batch(Device.of("java"), 0, 1), random);
          assertTrue(Double.isFinite(metrics.get("loss")), metrics.toString());
          assertFalse(metrics.containsKey("boxes"), metrics.toString());
          for (Parameter p : e.parameters()) {
            for (float v : p.tensor().toFloats()) assertTrue(Float.isFinite(v), p.name());
          }
          ((Detecting) e).detector().detect(empty.picture(0));
          assertThrows(DataException.class, () -> e.evaluate(empty, random));
        }
      }
    }
  }

  @Test
  void parametersAreTheSameOnEveryDevice(@TempDir Path folder) {
    for (String model : List.of("rcnn side=32 levels=1 proposals=10", "sppnet scales=96 levels=1 proposals=10",
        "yolo grid=3 vary=1", "yolo grid=3 vary=1 hidden=16",
        "fast-rcnn hidden=16 joined=16 vary=1 dropout=0.2 proposals=50",
        "faster-rcnn hidden=16 joined=16 vary=1 dropout=0.2 proposals=50")) {
      String name = model.split(" ")[0];
      String[] small = model.substring(name.length() + 1).split(" ");
      float[][] first = null;
      for (Device device : TestDevices.available()) {
        Path own = folder.resolve(model.replace(' ', '-') + device.name().replace(':', '-'));
        try (Experiment e = trained(device, name, 1, 2, own, small)) {
          float[][] values = e.parameters().all().stream().map(Parameter::tensor).map(t -> t.toFloats()).toArray(float[][]::new);
          if (first == null) first = values;
          for (int i = 0; i < values.length; i++) {
            assertArrayEquals(first[i], values[i], model + " on " + device + ": " + e.parameters().all().get(i).name());
          }
        }
      }
    }
  }

  @Test
  void aStoppedRunCannotGoOnWithoutWhatItLearntFrom(@TempDir Path folder) {
    Recipe recipe = Recipes.named("rcnn");
    Settings s = settings(recipe, "side=32", "levels=1", "proposals=10");
    DataSet data = pictures();
    Form form = Form.of(data, 4);
    Generator random = new Generator(1);
    try (Experiment e = recipe.create(Device.of("java"), form, s, random); Scope scope = Scope.open()) {
      e.step(data.train().batch(Device.of("java"), 0), random);
      try (Experiment later = recipe.create(Device.of("java"), form, s, random)) {
        for (Parameter p : later.parameters()) p.assign(e.parameters().get(p.name()).tensor());
        assertThrows(DataException.class, () -> later.step(data.train().batch(Device.of("java"), 1), random));
      }
    }
  }

  @Test
  void dataOfAnotherKindAreRefused() {
    for (String name : List.of("rcnn", "sppnet", "yolo", "fast-rcnn", "faster-rcnn")) {
      Recipe recipe = Recipes.named(name);
      for (Form form : List.of(new Form(new long[] {10}, 2, 1), new Form(new long[] {1, 64, 64}, 256, 1, CLASSES),
          new Form(new long[] {3, 64, 64}, 256, 1), new Form(new long[] {3, 16, 64}, 256, 1, CLASSES))) {
        assertThrows(DataException.class, () -> recipe.create(Device.of("java"), form, recipe.settings(), new Generator(1)));
      }
    }
  }
}
