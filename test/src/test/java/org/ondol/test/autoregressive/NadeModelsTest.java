package org.ondol.test.autoregressive;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.autoregressive.BinaryChain;
import org.ondol.models.autoregressive.Nade;
import org.ondol.models.autoregressive.Ordered;
import org.ondol.models.autoregressive.Ordering;
import org.ondol.models.autoregressive.Rnade;
import org.ondol.test.support.TestDevices;

/** NADE's one pass against a pass for each variable; RNADE's densities against their formula. */
class NadeModelsTest {
  /** Another model's logits, drawn from as any chain is: all of them anew for each variable. */
  private record Recomputed(Nade nade) implements BinaryChain {
    @Override
    public Value logits(Tape tape, Tensor x) {
      return nade.logits(tape, x);
    }

    @Override
    public int variables() {
      return nade.variables();
    }

    @Override
    public Device device() {
      return nade.device();
    }

    @Override
    public Parameters parameters() {
      return nade.parameters();
    }
  }

  private static Nade nade(Device device, int variables, int hidden) {
    Generator random = new Generator(3);
    Nade model = new Nade(device, variables, hidden, random);
    try (Scope scope = Scope.open()) {
      model.parameters().forEach(p -> p.assign(random.normal(device, 0, 1, p.tensor().shape())));
    }
    return model;
  }

  @Test
  void onePassDrawsWhatAPassForEachVariableDraws() {
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Nade model = nade(device, 37, 21)) {
        boolean[] known = new boolean[37];
        Arrays.fill(known, 5, 9, true);
        Tensor given = new Generator(4).uniform(device, 0, 1, 19, 37);
        float[] fast = model.complete(given, known, new Generator(5)).toFloats();
        float[] slow = new Recomputed(model).complete(given, known, new Generator(5)).toFloats();
        assertArrayEquals(slow, fast, device.toString());
        if (first == null) first = fast;
        assertArrayEquals(first, fast, device.toString());
        assertEquals(given.toFloats()[37 + 6], fast[37 + 6]);
      }
    }
  }

  /** The order is part of the model: the same parameters say something else of the same example. */
  @Test
  void theOrderChangesTheLikelihoodAndNotItsSum() {
    Device device = Device.of("java");
    try (Scope scope = Scope.open(); Nade model = nade(device, 7, 5)) {
      Tensor x = Tiny.rows(model, Tiny.everything(model));
      double[] raster = Tiny.probabilities(model);
      double[] reversed = Tiny.probabilities(new Ordered(model, Ordering.reversed(7)));
      assertEquals(1, Arrays.stream(reversed).sum(), 2e-6);
      assertNotEquals(raster[17], reversed[17]);
      // Example 17 is 0010001; read backwards it is 1000100, number 68.
      assertEquals(raster[68], reversed[17]);
      assertEquals(128, x.size(0));
    }
  }

  private static Rnade rnade(Device device, int variables, int components) {
    Generator random = new Generator(6);
    Rnade model = new Rnade(device, variables, 9, components, random);
    try (Scope scope = Scope.open()) {
      model.parameters().forEach(p -> p.assign(random.normal(device, 0, 0.5, p.tensor().shape())));
    }
    return model;
  }

  /** The paper's formulas in float64, without any of the engine's operations. */
  private static double density(Rnade model, double[] x, int components) {
    float[] w = model.parameters().get("W").tensor().toFloats();
    float[] v = model.parameters().get("V").tensor().toFloats();
    float[] b = model.parameters().get("b").tensor().toFloats();
    float[] rho = model.parameters().get("rho").tensor().toFloats();
    float[] c = model.parameters().get("c").tensor().toFloats();
    int hidden = c.length;
    double[] a = new double[hidden];
    for (int j = 0; j < hidden; j++) a[j] = c[j];
    double product = 1;
    for (int i = 0; i < x.length; i++) {
      double[] y = new double[3 * components];
      for (int o = 0; o < y.length; o++) {
        y[o] = b[i * y.length + o];
        for (int j = 0; j < hidden; j++) y[o] += v[(i * y.length + o) * hidden + j] * Math.max(0, rho[i] * a[j]);
      }
      double all = 0;
      double p = 0;
      for (int k = 0; k < components; k++) all += Math.exp(y[k]);
      for (int k = 0; k < components; k++) {
        double deviation = Math.exp(Math.max(-7, y[2 * components + k]));
        double z = (x[i] - y[components + k]) / deviation;
        p += Math.exp(y[k]) / all * Math.exp(-z * z / 2) / (deviation * Math.sqrt(2 * Math.PI));
      }
      product *= p;
      for (int j = 0; j < hidden; j++) a[j] += x[i] * w[i * hidden + j];
    }
    return product;
  }

  @Test
  void densitiesAreThoseOfTheFormula() {
    for (Device device : TestDevices.available()) {
      for (int components : new int[] {1, 3}) {
        try (Scope scope = Scope.open(); Rnade model = rnade(device, 4, components)) {
          float[] x = new Generator(7).normal(Device.of("java"), 0, 1, 20, 4).toFloats();
          float[] log = model.logLikelihood(Tensor.of(device, x, 20, 4)).toFloats();
          for (int row = 0; row < 20; row++) {
            double[] one = {x[4 * row], x[4 * row + 1], x[4 * row + 2], x[4 * row + 3]};
            assertEquals(Math.log(density(model, one, components)), log[row], 1e-4, device + ", row " + row);
          }
        }
      }
    }
  }

  /** By a sum over a grid of two variables, which is exact for smooth densities but for what lies outside. */
  @Test
  void densitiesIntegrateToOneAndSamplesFollowThem() {
    Device device = Device.of("best");
    int steps = 400;
    double reach = 12;
    double cell = 2 * reach / steps;
    try (Scope scope = Scope.open(); Rnade model = rnade(device, 2, 3)) {
      float[] grid = new float[steps * steps * 2];
      for (int i = 0; i < steps * steps; i++) {
        grid[2 * i] = (float) (-reach + (i / steps + 0.5) * cell);
        grid[2 * i + 1] = (float) (-reach + (i % steps + 0.5) * cell);
      }
      float[] log = model.logLikelihood(Tensor.of(device, grid, steps * steps, 2)).toFloats();
      double sum = 0;
      double[] mean = new double[2];
      double product = 0;
      for (int i = 0; i < log.length; i++) {
        double p = Math.exp(log[i]) * cell * cell;
        sum += p;
        mean[0] += p * grid[2 * i];
        mean[1] += p * grid[2 * i + 1];
        product += p * grid[2 * i] * grid[2 * i + 1];
      }
      assertEquals(1, sum, 1e-3);
      int n = 40_000;
      float[] drawn = model.sample(n, new Generator(8)).toFloats();
      double[] seen = new double[2];
      double seenProduct = 0;
      for (int i = 0; i < n; i++) {
        seen[0] += drawn[2 * i] / (double) n;
        seen[1] += drawn[2 * i + 1] / (double) n;
        seenProduct += (double) drawn[2 * i] * drawn[2 * i + 1] / n;
      }
      // Deviations are near 1, so five of the mean's are 0.025 each, and somewhat more of the product's.
      assertEquals(mean[0], seen[0], 0.04);
      assertEquals(mean[1], seen[1], 0.04);
      assertEquals(product, seenProduct, 0.1);
    }
  }

  @Test
  void whatIsKnownStaysAndTheBitsAreTheSameEverywhere() {
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Rnade model = rnade(device, 5, 2)) {
        Tensor given = new Generator(9).normal(device, 0, 1, 11, 5);
        float[] x = given.toFloats();
        float[] y = model.complete(given, new boolean[] {true, false, true, false, false}, new Generator(2)).toFloats();
        for (int i = 0; i < 55; i++) assertEquals(i % 5 == 0 || i % 5 == 2, x[i] == y[i], "variable " + i % 5);
        if (first == null) first = y;
        assertArrayEquals(first, y, device.toString());
      }
    }
  }

  @Test
  void refusals() {
    Device device = Device.of("java");
    assertThrows(InvalidArgumentException.class, () -> new Rnade(device, 3, 4, 0, new Generator(1)));
    assertThrows(InvalidArgumentException.class, () -> Ordering.of(0, 2));
    assertThrows(InvalidArgumentException.class, () -> Ordering.of(0, 0));
    try (Scope scope = Scope.open(); Nade model = nade(device, 7, 3)) {
      assertThrows(InvalidArgumentException.class, () -> new Ordered(model, Ordering.raster(6)));
      Tensor wide = Tensor.zeros(device, 2, 8);
      assertThrows(ShapeException.class, () -> model.logLikelihood(wide));
      assertThrows(ShapeException.class, () -> model.complete(wide, new boolean[8], new Generator(1)));
      Tensor right = Tensor.zeros(device, 2, 7);
      assertThrows(InvalidArgumentException.class, () -> model.complete(right, new boolean[6], new Generator(1)));
      assertThrows(InvalidArgumentException.class, () -> model.sample(-1, new Generator(1)));
      assertTrue(model.sample(0, new Generator(1)).count() == 0);
    }
  }
}
