package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.models.detection.RidgeRegression;
import org.ondol.test.support.TestDevices;

/** Ridge regression against closed forms and elimination in float64. */
class RidgeRegressionTest {
  private static final Device JAVA = Device.of("java");

  @Test
  void oneFeatureHasAFormula() {
    // t - m = -2, 0, 2; w = sum of x (t - m) / (sum of x x + lambda) = (-2 + 6) / (1 + 4 + 9 + 2).
    try (Scope scope = Scope.open()) {
      RidgeRegression r = new RidgeRegression(1, 1);
      r.add(Tensor.of(JAVA, new float[] {1, 2, 3}, 3, 1), Tensor.of(JAVA, new float[] {3, 5, 7}, 3, 1));
      assertEquals(3, r.count());
      assertArrayEquals(new float[] {5}, r.mean());
      assertArrayEquals(new float[] {0.25f}, r.solve(2), 1e-7f);
    }
  }

  @Test
  void twoFeaturesByCramersRule() {
    // Rows (1, 0), (1, 1), (0, 2), targets 1, 2, 6 of mean 3. X'X = [2 1; 1 5], lambda 1: [3 1; 1 6]; X'(t - m) = (-3, 5).
    try (Scope scope = Scope.open()) {
      RidgeRegression r = new RidgeRegression(2, 1);
      r.add(Tensor.of(JAVA, new float[] {1, 0, 1, 1}, 2, 2), Tensor.of(JAVA, new float[] {1, 2}, 2, 1));
      r.add(Tensor.of(JAVA, new float[] {0, 2}, 1, 2), Tensor.of(JAVA, new float[] {6}, 1, 1));
      assertArrayEquals(new float[] {(-3 * 6 - 5) / 17f, (3 * 5 + 3) / 17f}, r.solve(1), 1e-6f);
    }
  }

  /** (X'X + lambda I)^-1 X'(T - m) by Gaussian elimination. */
  private static double[] naive(float[] x, float[] t, int n, int size, int targets, double lambda) {
    double[][] a = new double[size][size + targets];
    for (int k = 0; k < targets; k++) {
      double mean = 0;
      for (int r = 0; r < n; r++) mean += t[r * targets + k] / n;
      for (int i = 0; i < size; i++) {
        for (int r = 0; r < n; r++) a[i][size + k] += x[r * size + i] * (t[r * targets + k] - mean);
      }
    }
    for (int i = 0; i < size; i++) {
      for (int j = 0; j < size; j++) for (int r = 0; r < n; r++) a[i][j] += (double) x[r * size + i] * x[r * size + j];
      a[i][i] += lambda;
    }
    for (int p = 0; p < size; p++) { // positive definite: no pivots are needed
      for (int i = 0; i < size; i++) {
        if (i == p) continue;
        double f = a[i][p] / a[p][p];
        for (int j = p; j < size + targets; j++) a[i][j] -= f * a[p][j];
      }
    }
    double[] w = new double[size * targets];
    for (int i = 0; i < size; i++) for (int k = 0; k < targets; k++) w[i * targets + k] = a[i][size + k] / a[i][i];
    return w;
  }

  @Test
  void manyFeaturesOnEveryDevice() {
    long seed = 11;
    Random random = new Random(seed);
    int n = 57;
    int size = 23;
    float[] x = new float[n * size];
    float[] t = new float[n * 4];
    for (int i = 0; i < x.length; i++) x[i] = (float) random.nextGaussian();
    for (int i = 0; i < t.length; i++) t[i] = (float) random.nextGaussian() + x[i / 4 * size + i % 4];
    double[] expected = naive(x, t, n, size, 4, 3);
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        RidgeRegression r = new RidgeRegression(size, 4);
        r.add(Tensor.of(device, x, n, size).slice(0, 0, 20), Tensor.of(device, t, n, 4).slice(0, 0, 20));
        r.add(Tensor.of(device, x, n, size).slice(0, 20, n), Tensor.of(device, t, n, 4).slice(0, 20, n));
        float[] w = r.solve(3);
        for (int i = 0; i < w.length; i++) assertEquals(expected[i], w[i], 1e-5, "seed " + seed + ", " + device + ", " + i);
        if (first == null) first = w;
        assertArrayEquals(first, w, device.toString());
      }
    }
  }

  @Test
  void badArgumentsAreNamed() {
    assertThrows(InvalidArgumentException.class, () -> new RidgeRegression(0, 1));
    assertThrows(InvalidArgumentException.class, () -> new RidgeRegression(1, 0));
    RidgeRegression r = new RidgeRegression(2, 1);
    assertThrows(InvalidArgumentException.class, () -> r.solve(0));
    assertThrows(InvalidArgumentException.class, () -> r.solve(Double.NaN));
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(JAVA, 3, 2);
      assertThrows(ShapeException.class, () -> r.add(x, Tensor.zeros(JAVA, 2, 1)));
      assertThrows(ShapeException.class, () -> r.add(Tensor.zeros(JAVA, 3, 3), Tensor.zeros(JAVA, 3, 1)));
      assertThrows(InvalidArgumentException.class, () -> r.add(null, x));
    }
    assertArrayEquals(new float[2], r.solve(1000));
  }
}
