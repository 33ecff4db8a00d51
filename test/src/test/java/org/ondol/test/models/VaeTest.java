package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.latent.Vae;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** The variational autoencoder beside its formulas in float64, and its bounds beside the likelihood itself. */
class VaeTest {
  private static final int PIXELS = 6;
  private static final int HIDDEN = 5;

  private static Vae tiny(Device device, int latents) {
    return Vae.dense(device, PIXELS, 1, HIDDEN, latents, false, new Generator(3));
  }

  private static float[] pictures(int n) {
    float[] x = new Generator(5).uniform(Device.of("java"), 0, 1, n * PIXELS).toFloats();
    for (int i = 0; i < x.length; i++) x[i] = Math.round(x[i]);
    return x;
  }

  private static double[] wide(float[] x, int from, int n) {
    double[] y = new double[n];
    for (int i = 0; i < n; i++) y[i] = x[from + i];
    return y;
  }

  // ---- gradients

  /** A loss on the tape and the same in float64. */
  private static void gradients(String name, Vae model, Function<Tape, Value> loss, Function<PlainVae, Double> plain) {
    PlainVae copy = new PlainVae(model.parameters(), PIXELS, HIDDEN, model.latents());
    try (Scope scope = Scope.open(); Tape tape = Tape.open(new Generator(11))) {
      Value l = loss.apply(tape);
      tape.backward(l);
      assertEquals(plain.apply(copy), l.item(), 2e-5, name);
    }
    for (Parameter p : model.parameters()) {
      float[] actual = p.gradient().toFloats();
      double[] values = copy.values.get(p.name());
      for (int i = 0; i < values.length; i++) {
        double was = values[i];
        double step = 1e-5;
        values[i] = was + step;
        double above = plain.apply(copy);
        values[i] = was - step;
        double below = plain.apply(copy);
        values[i] = was;
        assertEquals((above - below) / (2 * step), actual[i], 1e-5, name + ": " + p.name() + "[" + i + "]");
      }
    }
    model.parameters().clearGradients();
  }

  @Test
  void gradientsPassThroughTheNoise() {
    int n = 3;
    int latents = 2;
    float[] x = pictures(n);
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Vae model = tiny(device, latents)) {
        Tensor rows = Tensor.of(device, x, n, PIXELS);
        float[] eps = new Generator(11).normal(device, 0, 1, n, latents).toFloats();
        gradients("bound on " + device, model, tape -> model.bound(tape, rows).loss(1), plain -> {
          double sum = 0;
          for (int i = 0; i < n; i++) sum -= plain.bound(wide(x, i * PIXELS, PIXELS), wide(eps, i * latents, latents));
          return sum / n;
        });
        int k = 4;
        float[] more = new Generator(11).normal(device, 0, 1, k, n, latents).toFloats();
        gradients("importance bound on " + device, model, tape -> model.importanceBound(tape, rows, k).mean().neg(),
            plain -> {
              double sum = 0;
              for (int i = 0; i < n; i++) {
                double inner = 0;
                for (int j = 0; j < k; j++) {
                  double[] e = wide(more, (j * n + i) * latents, latents);
                  inner += Math.exp(plain.logWeight(wide(x, i * PIXELS, PIXELS), e));
                }
                sum -= Math.log(inner / k);
              }
              return sum / n;
            });
      }
    }
  }

  // ---- bounds

  /** Pictures of a bar at one of PIXELS places, or of its reverse. */
  private static float[] bars() {
    float[] x = new float[2 * PIXELS * PIXELS];
    for (int i = 0; i < 2 * PIXELS; i++) {
      for (int j = 0; j < PIXELS; j++) x[i * PIXELS + j] = (j == i % PIXELS) == (i < PIXELS) ? 1 : 0;
    }
    return x;
  }

  private static void train(Vae model, Tensor x, int steps, double rate) {
    Generator random = new Generator(7);
    try (Adam adam = new Adam(model.parameters(), Schedule.constant(rate), Adam.Options.ADAM)) {
      for (int i = 0; i < steps; i++) {
        try (Scope scope = Scope.open(); Tape tape = Tape.open(random)) {
          tape.backward(model.bound(tape, x).loss(1));
        }
        adam.step();
        model.parameters().clearGradients();
      }
    }
  }

  @Test
  void boundsRiseToTheLikelihood() {
    Device device = TestDevices.require("java");
    float[] x = bars();
    int n = 2 * PIXELS;
    try (Scope scope = Scope.open(); Vae model = tiny(device, 1)) {
      Tensor rows = Tensor.of(device, x, n, PIXELS);
      train(model, rows, 300, 0.02);
      PlainVae plain = new PlainVae(model.parameters(), PIXELS, HIDDEN, 1);
      double exact = 0;
      for (int i = 0; i < n; i++) exact += plain.logLikelihood(wide(x, i * PIXELS, PIXELS)) / n;
      int draws = 4000;
      Generator random = new Generator(9);
      Tensor many = rows.expand(draws, n, PIXELS).reshape(draws * n, PIXELS);
      double elbo;
      try (Tape tape = Tape.open(random)) {
        Value loss = tape.frozen(() -> model.bound(tape, many).loss(1));
        elbo = -loss.item();
      }
      double five = mean(model.importanceBound(many, 5, 60000, random));
      double most = mean(model.importanceBound(rows, 200_000, 60000, random));
      System.out.printf(Locale.ROOT, "[vae] elbo %.4f <= bound of 5 %.4f <= bound of 200000 %.4f, likelihood %.4f%n",
          elbo, five, most, exact);
      // Means over 48000 pictures: their standard errors are below 0.005.
      assertTrue(elbo < five - 0.02 && five < exact - 0.01, elbo + " " + five + " " + exact);
      assertEquals(exact, most, 0.005);
    }
  }

  private static double mean(double[] x) {
    return Arrays.stream(x).average().orElseThrow();
  }

  @Test
  void onTheTapeAndInPiecesTheBoundIsTheSame() {
    Device device = TestDevices.require("java");
    try (Scope scope = Scope.open(); Vae model = tiny(device, 2); Tape tape = Tape.open(new Generator(4))) {
      Tensor x = Tensor.of(device, pictures(3), 3, PIXELS);
      float[] whole = model.importanceBound(tape, x, 8).tensor().toFloats();
      double[] again = model.importanceBound(x, 8, 1000, new Generator(4));
      for (int i = 0; i < whole.length; i++) assertEquals(again[i], whole[i], 2e-6);
    }
  }

  // ---- training

  /** Bright and dark pixels in turn, or the reverse. */
  private static float[] coins(int n) {
    float[] x = new float[n * PIXELS];
    for (int i = 0; i < x.length; i++) x[i] = (i % PIXELS + i / PIXELS) % 2;
    return x;
  }

  @Test
  void aCoinIsLearnedWithTheSameBitsEverywhere() {
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Vae model = tiny(device, 2)) {
        Tensor x = Tensor.of(device, coins(16), 16, PIXELS);
        train(model, x, 10, 0.02);
        float[] w = model.parameters().get("encoder.hidden1.weight").tensor().toFloats();
        if (first == null) first = w;
        assertNull(Bits.difference(w, first), device.toString());
        if (!device.name().equals("cpu:portable")) continue;
        train(model, x, 1500, 0.01);
        double nll = -mean(model.importanceBound(x, 2000, 60000, new Generator(1)));
        System.out.printf(Locale.ROOT, "[vae] one of two pictures costs %.3f nats%n", nll);
        // Two equally likely pictures cost ln 2 = 0.693 at least; without a code they cost 6 ln 2 = 4.159.
        assertTrue(nll > Math.log(2) - 0.01 && nll < 0.9, "nll " + nll);
      }
    }
  }

  // ---- errors

  @Test
  void whatDoesNotFitIsRefused() {
    Device device = TestDevices.require("java");
    Generator random = new Generator(1);
    assertThrows(InvalidArgumentException.class, () -> Vae.dense(device, PIXELS, 0, 5, 2, false, random));
    assertThrows(InvalidArgumentException.class, () -> Vae.dense(device, PIXELS, 1, 0, 2, false, random));
    assertThrows(InvalidArgumentException.class, () -> Vae.dense(device, PIXELS, 1, 5, 0, false, random));
    assertThrows(InvalidArgumentException.class, () -> Vae.conv(device, new long[] {1, 6, 8}, 4, 5, 2, random));
    try (Scope scope = Scope.open(); Vae model = tiny(device, 2); Tape tape = Tape.open(random)) {
      Tensor x = Tensor.of(device, pictures(3), 3, PIXELS);
      assertThrows(ShapeException.class, () -> model.bound(tape, Tensor.zeros(device, 3, PIXELS + 1)));
      assertThrows(InvalidArgumentException.class, () -> model.encode(tape, null));
      assertThrows(InvalidArgumentException.class, () -> model.importanceBound(tape, x, 0));
      assertThrows(InvalidArgumentException.class, () -> model.importanceBound(x, 0, 10, random));
      assertThrows(InvalidArgumentException.class, () -> model.importanceBound(x, 1, 0, random));
      assertThrows(ShapeException.class, () -> model.pictures(Tensor.zeros(device, 1, 3)));
    }
  }
}
