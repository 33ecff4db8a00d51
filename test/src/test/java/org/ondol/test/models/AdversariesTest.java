package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.latent.Dcgan;
import org.ondol.models.recipes.Adversarial;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Adversarial nets: who learns when, and that they do. */
class AdversariesTest {
  private static final int SIDE = 8;
  private static final int BATCH = 16;
  private static final String DENSE = "dcgan with dense layers";
  private static final String[] NAMES = {"gan", "dcgan", DENSE};

  /** Small pictures: a bright square in the middle, a little noise. */
  private static Examples squares() {
    float[] noise = new Generator(2).uniform(Device.of("java"), 0, 64, BATCH * SIDE * SIDE).toFloats();
    byte[] values = new byte[noise.length];
    for (int i = 0; i < values.length; i++) {
      int y = i / SIDE % SIDE;
      int x = i % SIDE;
      values[i] = (byte) ((Math.max(Math.abs(2 * y - 7), Math.abs(2 * x - 7)) <= 3 ? 190 : 0) + (int) noise[i]);
    }
    return new Examples("squares", new long[] {1, SIDE, SIDE}, 256, values);
  }

  private static Adversarial nets(String name, Device device) {
    boolean dense = name.equals(DENSE);
    Recipe recipe = Recipes.named(dense ? "dcgan" : name);
    Settings s = recipe.settings().with("codes", "5").with("rate", "0.002").with("generator-rate", "1").with("schedule", "constant")
        .with("hidden", dense || name.equals("gan") ? "16" : "0");
    if (!name.equals("gan")) s = s.with("width", "4");
    return (Adversarial) recipe.create(device, new Form(new long[] {1, SIDE, SIDE}, 256, 100), s, new Generator(1));
  }

  private static Batch batch(Device device) {
    int[] all = new int[BATCH];
    for (int i = 0; i < BATCH; i++) all[i] = i;
    return squares().batch(device, all);
  }

  private static Map<String, float[]> values(Adversarial e) {
    Map<String, float[]> all = new LinkedHashMap<>();
    for (Parameter p : e.parameters()) all.put(p.name(), p.tensor().toFloats());
    return all;
  }

  /** Which of the trained parameters changed must be exactly those under a name. */
  private static void changed(Adversarial e, Map<String, float[]> before, String under) {
    for (Parameter p : e.parameters()) {
      if (!p.trainable()) continue;
      String difference = Bits.difference(p.tensor().toFloats(), before.get(p.name()));
      if (p.name().startsWith(under + ".")) assertNotNull(difference, p.name() + " did not move");
      else assertNull(difference, p.name() + " moved");
    }
  }

  @Test
  void firstTheDiscriminatorMovesThenTheGenerator() {
    Device device = TestDevices.require("java");
    for (String name : NAMES) {
      try (Scope scope = Scope.open(); Adversarial e = nets(name, device)) {
        Generator random = new Generator(3);
        Map<String, float[]> before = values(e);
        e.discriminatorStep(batch(device), random);
        changed(e, before, "discriminator");
        before = values(e);
        e.generatorStep(BATCH, random);
        changed(e, before, "generator");
      }
    }
  }

  @Test
  void eachLearnsAgainstTheOtherStandingStill() {
    Device device = TestDevices.require("cpu");
    for (String name : NAMES) {
      try (Scope scope = Scope.open(); Adversarial e = nets(name, device)) {
        Generator random = new Generator(3);
        Batch real = batch(device);
        double first = e.discriminatorStep(real, random);
        double last = first;
        for (int i = 0; i < 150; i++) last = e.discriminatorStep(real, random);
        // Not knowing anything costs 2 ln 2. Batch norm just before the logit takes away what all pictures of a batch share.
        assertTrue(last < (name.equals(DENSE) ? 0.8 : 0.2) && last < first, name + ": the discriminator's loss went from " + first + " to " + last);
        double worst = e.generatorStep(BATCH, random);
        assertTrue(worst > Math.log(2), name + ": the generator's loss begins at " + worst);
        double best = worst;
        for (int i = 0; i < 300; i++) best = e.generatorStep(BATCH, random);
        assertTrue(best < 0.5, name + ": the generator's loss went from " + worst + " to " + best);
      }
    }
  }

  @Test
  void theSameBitsEverywhere() {
    for (String name : NAMES) {
      Map<String, float[]> first = null;
      float[] firstSample = null;
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open(); Adversarial e = nets(name, device)) {
          Generator random = new Generator(3);
          for (int i = 0; i < 3; i++) e.step(batch(device), random);
          Map<String, float[]> now = values(e);
          float[] sample = e.sample(3, new Generator(8)).toFloats();
          if (first == null) {
            first = now;
            firstSample = sample;
          }
          for (String p : first.keySet()) assertNull(Bits.difference(now.get(p), first.get(p)), p + " on " + device);
          assertNull(Bits.difference(sample, firstSample), name + " on " + device);
        }
      }
    }
  }

  @Test
  void aPictureIsItsCodesOwn() {
    Device device = TestDevices.require("java");
    try (Scope scope = Scope.open(); Adversarial e = nets("dcgan", device)) {
      for (int i = 0; i < 3; i++) e.step(batch(device), new Generator(3));
      Tensor z = e.nets().codes(4, new Generator(1));
      float[] all = e.nets().pictures(z).toFloats();
      float[] last = e.nets().pictures(z.slice(0, 3, 4)).toFloats();
      int n = SIDE * SIDE;
      for (int i = 0; i < n; i++) assertEquals(all[3 * n + i], last[i]);
      for (float v : e.sample(20, new Generator(2)).toFloats()) assertTrue(v >= 0 && v <= 1, "a pixel of " + v);
    }
  }

  /** Along half a cosine over the run's 100 steps, in each of which the optimiser moves twice. */
  @Test
  void theRateFallsWithTheStepsOfTheRun() {
    Device device = TestDevices.require("java");
    Recipe recipe = Recipes.named("gan");
    Settings s = recipe.settings().with("codes", "2").with("hidden", "2").with("rate", "0.5").with("schedule", "cosine");
    Form form = new Form(new long[] {1, SIDE, SIDE}, 256, 100);
    try (Scope scope = Scope.open(); Adversarial e = (Adversarial) recipe.create(device, form, s, new Generator(1))) {
      double[] expected = {0.5, 0.25, 0};
      for (int i = 0; i <= 100; i++) {
        if (i % 50 == 0) assertEquals(expected[i / 50], e.optimizer().rate(), 1e-12, "after " + i + " steps");
        e.step(batch(device), new Generator(3));
      }
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    assertThrows(InvalidArgumentException.class, () -> new Dcgan.Sizes(1, 28, 3, 32, 0, 100, 1e-5));
    assertThrows(InvalidArgumentException.class, () -> new Dcgan.Sizes(1, 28, 0, 32, 0, 100, 1e-5));
    assertThrows(InvalidArgumentException.class, () -> new Dcgan.Sizes(0, 28, 2, 32, 0, 100, 1e-5));
    assertThrows(InvalidArgumentException.class, () -> new Dcgan.Sizes(1, 28, 2, 32, 0, 0, 1e-5));
    assertThrows(InvalidArgumentException.class, () -> new Dcgan.Sizes(1, 28, 2, 32, -1, 100, 1e-5));
  }
}
