package org.ondol.test.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.GradientException;
import org.ondol.grad.Generator;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.Examples;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.MetricsLog;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.training.Trainer;
import org.ondol.models.weights.WeightsException;
import org.ondol.test.support.TestDevices;

/** Runs of training: their bits, their files, and how they end. */
class TrainerTest {
  private static final int VARIABLES = 12;
  private static final Trainer.Listener SILENT = new Trainer.Listener() {};

  @TempDir
  Path folder;

  /** 103 examples in which each variable is likely that before it: ten batches of 10 and some left over. */
  private static DataSet data() {
    return new DataSet("chains", chains("train", 103, 1), chains("valid", 40, 2), null);
  }

  private static Examples chains(String name, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] bits = new byte[count * VARIABLES];
    for (int i = 0; i < bits.length; i++) {
      boolean flip = random.nextInt(10) == 0;
      bits[i] = (byte) (i % VARIABLES == 0 ? random.nextInt(2) : flip ? 1 - bits[i - 1] : bits[i - 1]);
    }
    return new Examples(name, new long[] {VARIABLES}, 2, bits);
  }

  private record Run(Trainer trainer, Experiment experiment) implements AutoCloseable {
    List<float[]> values() {
      List<float[]> all = new ArrayList<>();
      experiment.parameters().forEach(p -> all.add(p.tensor().toFloats()));
      return all;
    }

    @Override
    public void close() {
      experiment.close();
    }
  }

  private static Run run(Device device, Path folder, int epochs, String rate, Trainer.Listener listener) {
    Recipe recipe = Recipes.named("fvsbn");
    Settings settings = recipe.settings().with("rate", rate).with("schedule", "constant");
    Form form = Form.of(data(), 0);
    Generator random = new Generator(7);
    Experiment experiment = recipe.create(device, form, settings, random);
    Trainer.Options options =
        new Trainer.Options(7, epochs, 10, folder, 1e-9, Saved.notes(recipe, settings, form));
    return new Run(new Trainer(experiment, data(), options, random, listener), experiment);
  }

  private static void assertSame(List<float[]> expected, List<float[]> actual, String what) {
    assertEquals(expected.size(), actual.size(), what);
    for (int i = 0; i < expected.size(); i++) assertArrayEquals(expected.get(i), actual.get(i), 0, what);
  }

  @Test
  void sameBitsOnAllDevicesAndThreadsStoppedOrNot() {
    List<float[]> expected = null;
    int before = Threads.count();
    try {
      for (Device device : TestDevices.available()) {
        if (device.name().startsWith("cuda")) continue;
        Threads.set(device.name().endsWith("scalar") ? 3 : 2);
        Path own = folder.resolve(device.name().replace(':', '-'));
        try (Run whole = run(device, own.resolve("whole"), 3, "0.05", SILENT)) {
          assertTrue(whole.trainer.run(() -> false));
          assertEquals(30, whole.trainer.steps());
          if (expected == null) expected = whole.values();
          assertSame(expected, whole.values(), device.name());
        }
        // Stopped within the second epoch, and again before the third.
        for (int stop : new int[] {13, 20, 30}) {
          try (Run part = run(device, own.resolve("parts"), 3, "0.05", SILENT)) {
            if (stop > 13) part.trainer.resume(own.resolve("parts").resolve(Trainer.LAST));
            assertEquals(stop == 30, part.trainer.run(() -> part.trainer.steps() >= stop));
            if (stop == 30) assertSame(expected, part.values(), device.name() + " in parts");
          }
        }
      }
    } finally {
      Threads.set(before);
    }
  }

  @Test
  void learnsAndKeepsTheBest() {
    List<Double> heldOut = new ArrayList<>();
    List<Boolean> best = new ArrayList<>();
    Trainer.Listener listener = new Trainer.Listener() {
      @Override
      public void epoch(int epoch, Map<String, Double> means, Map<String, Double> figures, boolean better) {
        heldOut.add(figures.get("nll"));
        best.add(better);
      }
    };
    try (Run run = run(Device.of("java"), folder, 40, "0.05", listener)) {
      run.trainer.run(() -> false);
      // The entropy of the chains: one fair coin, and eleven of 1/10.
      double entropy = Math.log(2) - 11 * (0.1 * Math.log(0.1) + 0.9 * Math.log(0.9));
      assertTrue(run.trainer.best() > entropy - 1 && run.trainer.best() < entropy + 1.2, run.trainer.best() + " nats");
    }
    assertEquals(40, heldOut.size());
    double least = heldOut.stream().mapToDouble(x -> x).min().orElseThrow();
    assertTrue(best.get(heldOut.indexOf(least)));
    Saved saved = Saved.of(folder);
    assertEquals(folder.resolve(Trainer.BEST), saved.file());
    try (Experiment experiment = saved.load(Device.of("java"))) {
      assertEquals(least, experiment.evaluate(data().valid(), new Generator(1)).get("nll"));
    }
  }

  @Test
  void aResumedRunDropsTheLinesOfStepsThatItDoesAgain() throws Exception {
    try (Run run = run(Device.of("java"), folder, 2, "0.05", SILENT)) {
      run.trainer.run(() -> run.trainer.steps() >= 14);
    }
    Path log = folder.resolve(Trainer.METRICS);
    assertEquals(14, MetricsLog.read(log).size());
    Files.writeString(log, Files.readString(log) + "{\"step\":15,\"loss\":1}\n{\"step\":16,\"los"); // killed while writing
    try (Run run = run(Device.of("java"), folder, 2, "0.05", SILENT)) {
      run.trainer.resume(folder.resolve(Trainer.LAST));
      run.trainer.run(() -> false);
    }
    List<Map<String, Object>> lines = MetricsLog.read(log);
    assertEquals(20, lines.size());
    for (int i = 0; i < 20; i++) assertEquals(i + 1.0, lines.get(i).get("step"));
    assertTrue(lines.get(19).containsKey("heldout nll"));
    assertFalse(lines.get(18).containsKey("heldout nll"));
  }

  @Test
  void aLossThatIsNoNumberEndsTheRunAndKeepsTheCheckpointBefore() {
    try (Run run = run(Device.of("java"), folder, 3, "0.05", SILENT)) {
      run.trainer.run(() -> run.trainer.steps() >= 5);
      run.experiment.parameters().get("b").assign(
          Tensor.wrap(new float[] {Float.NaN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, VARIABLES));
      GradientException e = assertThrows(GradientException.class, () -> run.trainer.run(() -> false));
      assertTrue(e.getMessage().contains("loss is NaN after step 6"), e.getMessage());
    }
    try (Run again = run(Device.of("java"), folder, 3, "0.05", SILENT)) {
      again.trainer.resume(folder.resolve(Trainer.LAST));
      assertEquals(5, again.trainer.steps());
    }
  }

  @Test
  void refusesWhatIsNotThisRun() throws Exception {
    assertThrows(WeightsException.class, () -> Saved.of(folder));
    try (Run run = run(Device.of("java"), folder, 1, "0.05", SILENT)) {
      run.trainer.run(() -> false);
      Generator other = new Generator(8);
      Trainer.Options options = new Trainer.Options(8, 1, 10, folder, 60, Map.of());
      Trainer trainer = new Trainer(run.experiment, data(), options, other, SILENT);
      assertThrows(InvalidArgumentException.class, () -> trainer.resume(folder.resolve(Trainer.LAST)));
    }
    assertThrows(InvalidArgumentException.class, () -> new Trainer.Options(1, 0, 10, folder, 60, Map.of()));
    assertThrows(InvalidArgumentException.class, () -> new Trainer.Options(1, 1, 0, folder, 60, Map.of()));
    Path file = folder.resolve("file");
    Files.writeString(file, "no folder");
    try (Run run = run(Device.of("java"), file, 1, "0.05", SILENT)) {
      assertThrows(WeightsException.class, () -> run.trainer.run(() -> false));
    }
  }

  @Test
  void settingsAreChecked() {
    Settings s = Settings.training(3, 10, 0.1).choice("kind", "a", List.of("a", "b"), "of what");
    assertEquals(20, s.with("batch", "20").whole("batch"));
    assertEquals(10, s.whole("batch"));
    assertEquals(0.25, s.with("rate", "0.25").number("rate"));
    assertEquals("b", s.with("kind", "b").choice("kind"));
    for (String[] bad : new String[][] {{"batch", "0"}, {"batch", "ten"}, {"batch", "1.5"}, {"batch", ""}, {"kind", "c"},
        {"rate", "NaN"}, {"rate", "-1"}, {"speed", "1"}, {"batch", "99999999999999999999"}}) {
      InvalidArgumentException e =
          assertThrows(InvalidArgumentException.class, () -> s.with(bad[0], bad[1]), String.join("=", bad));
      assertTrue(e.getMessage().contains(bad[0]) || e.getMessage().contains("speed"), e.getMessage());
    }
    assertThrows(InvalidArgumentException.class, () -> s.whole("batch", 1, 1, 2, "twice"));
  }
}
