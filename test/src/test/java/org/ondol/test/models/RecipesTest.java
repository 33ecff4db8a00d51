package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.models.data.DataException;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.data.Examples;
import org.ondol.models.recipes.Classification;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.training.Trainer;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Recipes of latent-variable models and of their judge, on a few digits. */
class RecipesTest {
  @TempDir
  Path folder;

  /** The first digits of MNIST, or an abort with the reason. */
  private static DataSet digits(int train, int valid) {
    Path path = Path.of(System.getProperty("ondol.data", "../../shared/data"), "mnist");
    Assumptions.assumeTrue(Files.isDirectory(path), "no folder " + path);
    DataSet all = DataSets.open(path);
    return new DataSet("digits", all.train().first(train), all.valid().first(valid), null);
  }

  private static Settings settings(Recipe recipe, String... changes) {
    Settings s = recipe.settings();
    for (String change : changes) s = s.with(change.split("=")[0], change.split("=")[1]);
    return s;
  }

  /** Trains, and returns the trainer's best figure; the run is in the folder of this name. */
  private double train(String name, Device device, String recipeName, DataSet data, String... changes) {
    Recipe recipe = Recipes.named(recipeName);
    Settings s = settings(recipe, changes);
    int epochs = s.whole("epochs");
    Form form = Form.of(data, Trainer.steps(data, s.whole("batch")) * epochs);
    Generator random = new Generator(1);
    try (Experiment e = recipe.create(device, form, s, random)) {
      Trainer trainer = new Trainer(e, data, new Trainer.Options(1, epochs, s.whole("batch"), folder.resolve(name), 60,
          Saved.notes(recipe, s, form)), random, new Trainer.Listener() {});
      assertTrue(trainer.run(() -> false));
      return trainer.best();
    }
  }

  @Test
  void autoencodersLearnToCode() {
    DataSet data = digits(1000, 128);
    for (String kind : new String[] {"dense", "conv"}) {
      double nats = train("ae-" + kind, TestDevices.require("cpu"), "autoencoder", data, "kind=" + kind, "epochs=16",
          "batch=32", "rate=0.003", "hidden=96", "width=6");
      System.out.printf(Locale.ROOT, "[recipes] %s autoencoder: %.1f nats a picture%n", kind, nats);
      // The mean picture costs some 200; the shades themselves, were they known, 45.
      assertTrue(nats > 45 && nats < 130, kind + ": " + nats);
    }
  }

  @Test
  void vaesLearnAndShowWhatTheyKnow() {
    DataSet data = digits(1000, 100);
    for (String kind : new String[] {"dense", "conv"}) {
      double nll = train("vae-" + kind, TestDevices.require("cpu"), "vae", data, "kind=" + kind, "epochs=20",
          "batch=32", "rate=0.003", "schedule=cosine", "hidden=96", "width=6", "latents=2", "warmup=50", "samples=5");
      System.out.printf(Locale.ROOT, "[recipes] %s vae of 2 latents: %.1f nats a picture%n", kind, nll);
      // The mean picture costs some 200.
      assertTrue(nll > 60 && nll < 190, kind + ": " + nll);
      try (Scope scope = Scope.open(); Experiment e = Saved.of(folder.resolve("vae-" + kind)).load(Device.of("cpu"))) {
        Map<String, Double> figures = e.evaluate(data.valid(), new Generator(1));
        assertArrayEquals(new String[] {"nll", "elbo", "reconstruction", "kl"}, figures.keySet().toArray());
        assertEquals(-figures.get("elbo"), figures.get("reconstruction") + figures.get("kl"), 1e-9);
        assertTrue(figures.get("nll") < -figures.get("elbo"));
        Map<String, Tensor> pictures = e.pictures(data.valid(), new Generator(1));
        assertArrayEquals(new long[] {64, 1, 28, 28}, pictures.get("reconstructions").shape());
        assertArrayEquals(new long[] {400, 1, 28, 28}, pictures.get("plane").shape());
        float[] first = pictures.get("reconstructions").select(0, 0).toFloats();
        for (float v : first) assertTrue(v == 0 || v == 1, "a drawn pixel of " + v);
        assertArrayEquals(new long[] {3, 1, 28, 28}, e.sample(3, new Generator(1)).shape());
      }
    }
  }

  @Test
  void lenetLearnsAndJudges() {
    DataSet data = digits(1500, 300);
    double error = train("lenet", TestDevices.require("cpu"), "lenet", data, "epochs=3", "batch=50");
    System.out.printf(Locale.ROOT, "[recipes] lenet: %.1f %% of 300 digits wrong%n", 100 * error);
    assertTrue(error < 0.12, "error " + error);
    Form form = Form.of(data, 0);
    try (Experiment judge = Saved.of(folder.resolve("lenet")).load(Device.of("cpu"));
        Experiment maker = Recipes.named("autoencoder").create(Device.of("cpu"), form,
            Recipes.named("autoencoder").settings(), new Generator(1))) {
      Classification c = (Classification) judge;
      Map<String, Double> figures = c.judge(maker, 250, 0.9, new Generator(1));
      assertEquals(11, figures.size());
      double sum = 0;
      for (int i = 0; i < 10; i++) sum += figures.get("class " + i);
      assertEquals(1, sum, 1e-9);
      assertTrue(figures.get("sure") < 0.85, "sure of noise: " + figures);
      assertEquals(0, c.judge(maker, 10, 1.1, new Generator(1)).get("sure"));
      assertThrows(InvalidArgumentException.class, () -> c.judge(maker, 0, 0.9, new Generator(1)));
      assertThrows(InvalidArgumentException.class, () -> c.judge(judge, 1, 0.9, new Generator(1)));
    }
  }

  @Test
  void theSameBitsEverywhere() {
    DataSet data = digits(40, 10);
    for (String name : new String[] {"autoencoder", "vae", "lenet"}) {
      for (String kind : new String[] {"dense", "conv"}) {
        if (name.equals("lenet") && kind.equals("dense")) continue;
        Recipe recipe = Recipes.named(name);
        Settings s = name.equals("lenet") ? settings(recipe)
            : settings(recipe, "kind=" + kind, "hidden=24", "latents=5", "width=3");
        if (name.equals("vae")) s = s.with("k", "3");
        float[] first = null;
        for (Device device : TestDevices.available()) {
          Generator random = new Generator(2);
          try (Scope scope = Scope.open(); Experiment e = recipe.create(device, Form.of(data, 4), s, random)) {
            for (int i = 0; i < 2; i++) e.step(data.train().batch(device, 0, 1, 2, 3, 4, 5, 6), random);
            float[] w = e.parameters().all().getFirst().tensor().toFloats();
            if (first == null) first = w;
            assertNull(Bits.difference(w, first), name + " " + kind + " on " + device);
          }
        }
      }
    }
  }

  /** A run of 2 epochs of 5 steps, stopped after so many and gone on with; the bits of all that it ends with. */
  private float[][] run(String recipeName, DataSet data, int stop, String... changes) {
    Recipe recipe = Recipes.named(recipeName);
    Settings s = settings(recipe, changes).with("batch", "8").with("epochs", "2");
    Form form = Form.of(data, 10);
    Path run = folder.resolve(recipeName + stop);
    float[][] end = null;
    for (boolean again : stop == 0 ? new boolean[] {false} : new boolean[] {false, true}) {
      Generator random = new Generator(1);
      try (Experiment e = recipe.create(Device.of("java"), form, s, random)) {
        Trainer.Options options = new Trainer.Options(1, 2, 8, run, 60, Saved.notes(recipe, s, form));
        Trainer trainer = new Trainer(e, data, options, random, new Trainer.Listener() {});
        if (again) trainer.resume(run.resolve(Trainer.LAST));
        boolean first = stop > 0 && !again;
        assertEquals(!first, trainer.run(() -> first && trainer.steps() >= stop));
        end = e.parameters().all().stream().map(p -> p.tensor().toFloats()).toArray(float[][]::new);
      }
    }
    return end;
  }

  @Test
  void resumedRunsEndWithTheSameBits() {
    DataSet data = digits(40, 10);
    for (String name : new String[] {"vae", "dcgan"}) {
      String[] changes = name.equals("vae") ? new String[] {"hidden=8", "latents=3", "samples=1", "warmup=6"}
          : new String[] {"width=2", "codes=3"};
      float[][] whole = run(name, data, 0, changes);
      float[][] resumed = run(name, data, 3, changes);
      for (int i = 0; i < whole.length; i++) {
        assertNull(Bits.difference(resumed[i], whole[i]), name + ", parameter " + i);
      }
    }
  }

  @Test
  void badSettingsAndExamplesAreRefused() throws IOException {
    Device device = Device.of("java");
    Form row = new Form(new long[] {17}, 2, 10);
    Form odd = new Form(new long[] {1, 9, 9}, 256, 10);
    Generator random = new Generator(1);
    for (String name : new String[] {"dcgan", "lenet"}) {
      Recipe r = Recipes.named(name);
      assertThrows(DataException.class, () -> r.create(device, row, r.settings(), random), name);
      assertThrows(DataException.class, () -> r.create(device, odd, r.settings(), random), name);
    }
    for (String name : new String[] {"vae", "autoencoder"}) {
      Recipe r = Recipes.named(name);
      assertThrows(DataException.class, () -> r.create(device, row, settings(r, "kind=conv"), random), name);
      assertThrows(DataException.class, () -> r.create(device, odd, settings(r, "kind=conv"), random), name);
      for (String bad : new String[] {"latents=0", "hidden=-1", "kind=deep", "rate=x", "layers=11"}) {
        assertThrows(InvalidArgumentException.class, () -> settings(r, bad), name + " " + bad);
      }
    }
    assertThrows(InvalidArgumentException.class, () -> settings(Recipes.named("vae"), "k=0"));
    assertThrows(InvalidArgumentException.class, () -> settings(Recipes.named("dcgan"), "levels=0"));
    Examples labelled = new Examples("labels", new long[] {1, 16, 16}, 256, new byte[512], new int[] {0, 10});
    Recipe lenet = Recipes.named("lenet");
    Form form = Form.of(new DataSet("d", labelled, null, null), 1);
    try (Scope scope = Scope.open();
        Experiment e = lenet.create(device, form, lenet.settings(), random)) {
      assertThrows(InvalidArgumentException.class, () -> e.step(labelled.batch(device, 0, 1), random));
      assertThrows(DataException.class, () -> e.evaluate(labelled, random));
    }
  }
}
