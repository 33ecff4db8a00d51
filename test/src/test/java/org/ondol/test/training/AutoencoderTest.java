package org.ondol.test.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.HostMemory;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.grad.Sgd;
import org.ondol.models.training.Checkpoint;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.SafeTensorsWriter;
import org.ondol.models.weights.WeightsException;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Training on real digits: it learns, the same bits everywhere, and going on from a checkpoint leaves no trace. */
class AutoencoderTest {
  private static final int IMAGES = 512;
  private static final int STEPS = 60;

  @TempDir
  Path folder;

  private static float[] losses(Autoencoder model, int steps) {
    float[] losses = new float[steps];
    for (int i = 0; i < steps; i++) losses[i] = model.step();
    return losses;
  }

  @Test
  void theLossFallsWithTheSameBitsEverywhere() throws IOException {
    float[] images = Digits.require(IMAGES);
    float[] first = null;
    int bits = 0;
    int threads = Threads.count();
    try {
      for (Device device : TestDevices.available()) {
        for (int n : device.name().equals("java:scalar") ? new int[] {2} : new int[] {1, 2, 7}) {
          Threads.set(n);
          try (Autoencoder model = new Autoencoder(device, images)) {
            float[] losses = losses(model, STEPS);
            if (first == null) {
              first = losses;
              bits = model.bits();
            }
            assertNull(Bits.difference(losses, first), device + " with " + n + " threads");
            assertEquals(bits, model.bits(), device + " with " + n + " threads");
          }
        }
      }
    } finally {
      Threads.set(threads);
    }
    double begin = mean(first, 0, 3);
    double end = mean(first, STEPS - 5, STEPS);
    System.out.printf(Locale.ROOT, "[autoencoder] loss per pixel from %.3f to %.3f nats in %d steps%n", begin, end,
        STEPS);
    // Each pixel's mean over these images would cost 0.257 nats, and their grey values cost at least 0.058.
    assertTrue(begin > 0.4 && end < 0.23, "from " + begin + " to " + end);
  }

  private static double mean(float[] x, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++) sum += x[i];
    return sum / (to - from);
  }

  @Test
  void aResumedRunEndsWithTheSameBits() throws IOException {
    float[] images = Digits.require(IMAGES);
    for (String name : new String[] {"java", "cpu"}) {
      Device device = TestDevices.require(name);
      Path file = folder.resolve(name);
      int expected;
      try (Autoencoder model = new Autoencoder(device, images)) {
        losses(model, 12);
        expected = model.bits();
      }
      try (Autoencoder model = new Autoencoder(device, images)) {
        losses(model, 7);
        model.save(file);
      }
      try (Autoencoder model = new Autoencoder(device, images)) {
        losses(model, 3); // must leave no trace
        model.load(file);
        assertEquals(7, model.steps());
        losses(model, 5);
        assertEquals(expected, model.bits(), "on " + device);
      }
    }
  }

  @Test
  void stepsLeaveNothingBehind() throws IOException {
    float[] images = Digits.require(64);
    try (Autoencoder model = new Autoencoder(Device.of("java"), images)) {
      losses(model, 1);
      long before = HostMemory.INSTANCE.inUse();
      losses(model, 3);
      assertEquals(before, HostMemory.INSTANCE.inUse());
    }
  }

  // ---- checkpoints

  private static Parameters parameters(String... names) {
    Parameters all = new Parameters();
    for (int i = 0; i < names.length; i++) all.add(names[i], Tensor.of(Device.of("java"), new float[] {i, i + 1}, 2));
    return all;
  }

  private static void refused(Path file, Parameters parameters, Optimizer optimizer, Generator generator,
      String message) {
    WeightsException e = assertThrows(WeightsException.class, () ->
        Checkpoint.load(file, parameters, optimizer, generator));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void whatDoesNotFitIsRefusedAndChangesNothing() throws IOException {
    Path file = folder.resolve("checkpoint");
    Path bare = folder.resolve("bare");
    try (Scope scope = Scope.open(); Parameters all = parameters("a", "b"); Adam adam = new Adam(all,
        Schedule.constant(1), Adam.Options.ADAM);
        Adam w = new Adam(all, Schedule.constant(1), Adam.Options.ADAMW); Sgd sgd = new Sgd(all, Schedule.constant(1),
            Sgd.Options.PLAIN);
        Parameters fewer = parameters("a"); Parameters others = parameters("a",
            "c"); Parameters larger = parameters("a")) {
      larger.add("b", Tensor.zeros(Device.of("java"), 3));
      Generator generator = new Generator(8);
      generator.seek(44);
      Checkpoint.save(file, all, adam, generator, 9, Map.of("note", "é"));
      Checkpoint.save(bare, all, null, null, 9, Map.of());
      assertThrows(InvalidArgumentException.class, () -> Checkpoint.save(null, all, null, null, 0, Map.of()));
      assertThrows(InvalidArgumentException.class, () -> Checkpoint.save(bare, null, null, null, 0, Map.of()));
      assertThrows(InvalidArgumentException.class, () -> Checkpoint.save(bare, all, null, null, 0, null));
      assertThrows(InvalidArgumentException.class, () -> Checkpoint.save(bare, all, null, null, -1, Map.of()));
      assertThrows(InvalidArgumentException.class, () -> Checkpoint.save(bare, all, null, null, 0, Map.of("ondol.x", "")));
      assertThrows(InvalidArgumentException.class, () -> Checkpoint.load(null, all, null, null));
      assertThrows(InvalidArgumentException.class, () -> Checkpoint.load(bare, null, null, null));
      refused(folder.resolve("absent"), all, adam, generator, "absent");
      refused(file, fewer, null, null, "[b]");
      refused(file, others, null, null, "named c");
      refused(file, larger, null, null, "[3]");
      refused(file, all, w, generator, "adamw");
      refused(file, all, sgd, generator, "sgd");
      refused(bare, all, adam, null, "optimizer");
      refused(bare, all, null, generator, "generator");
      for (String fact : new String[] {"step", "generator.seed", "generator.position", "optimizer.steps"}) {
        Path odd = folder.resolve("odd");
        try (SafeTensors saved = SafeTensors.open(file)) {
          Map<String, Tensor> tensors = new LinkedHashMap<>();
          for (String name : saved.names()) tensors.put(name, saved.tensor(name, Device.of("java")));
          Map<String, String> facts = new LinkedHashMap<>(saved.metadata());
          facts.put("ondol." + fact, "1x");
          SafeTensorsWriter.write(odd, tensors, facts);
          refused(odd, all, adam, generator, fact + " is 1x");
          facts.remove("ondol." + fact);
          SafeTensorsWriter.write(odd, tensors, facts);
          refused(odd, all, adam, generator, "does not say its " + fact);
        }
        Files.delete(odd);
      }
      Path cut = Files.write(folder.resolve("cut"),
          Arrays.copyOf(Files.readAllBytes(file), (int) Files.size(file) - 1));
      refused(cut, all, adam, generator, "cut short");
      assertNull(Bits.difference(others.get("a").tensor().toFloats(), new float[] {0, 1}));
      all.get("b").assign(Tensor.of(Device.of("java"), new float[] {7, 7}, 2));
      Generator fresh = new Generator(1);
      Checkpoint.Loaded loaded = Checkpoint.load(file, all, adam, fresh);
      assertEquals(new Checkpoint.Loaded(9, Map.of("note", "é")), loaded);
      assertEquals(8, fresh.seed());
      assertEquals(44, fresh.position());
      assertNull(Bits.difference(all.get("b").tensor().toFloats(), new float[] {1, 2}));
      try (var files = Files.list(folder)) {
        assertFalse(files.anyMatch(f -> f.toString().endsWith(".tmp")));
      }
    }
  }
}
