package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.models.detection.LinearSvm;

/** Support vector machines against solutions by hand, and against the definition of a minimum. */
class LinearSvmTest {
  private static LinearSvm.Options options(double cost, double positive) {
    return new LinearSvm.Options(cost, positive, 1, 1e-9, 100_000);
  }

  private static LinearSvm machine(LinearSvm.Options options, float[][] x, int... y) {
    LinearSvm svm = new LinearSvm(x[0].length, options);
    for (int i = 0; i < x.length; i++) svm.add(i, x[i], y[i] > 0);
    svm.fit(new Generator(1));
    return svm;
  }

  @Test
  void twoOppositePointsAreSeparatedHalfway() {
    // Least w^2 / 2 with w · 4 >= 1 on both sides: w = 1/4 and no bias; the value is w^2 / 2.
    LinearSvm svm = machine(options(1000, 1), new float[][] {{4, 0}, {-4, 0}}, 1, -1);
    assertArrayEquals(new float[] {0.25f, 0}, svm.weights(), 1e-6f);
    assertEquals(0, svm.bias(), 1e-6);
    assertEquals(0.03125, svm.objective(), 1e-8);
    assertEquals(1, svm.score(new float[] {4, 7}), 1e-6);
  }

  @Test
  void aLowCostLeavesPointsWithinTheMargin() {
    // Both multipliers are at C = 0.125: w = C (1 + 1), hinges 1 - w.
    LinearSvm svm = machine(options(0.125, 1), new float[][] {{1}, {-1}}, 1, -1);
    assertEquals(0.25, svm.weights()[0], 1e-6);
    assertEquals(0, svm.bias(), 1e-6);
    assertEquals(0.25 * 0.25 / 2 + 2 * 0.125 * 0.75, svm.objective(), 1e-8);
  }

  @Test
  void positivesCostMore() {
    // Multipliers at 0.25 and 0.125: w = 0.25 + 0.125, b = 0.25 - 0.125.
    LinearSvm svm = machine(options(0.125, 2), new float[][] {{1}, {-1}}, 1, -1);
    assertEquals(0.375, svm.weights()[0], 1e-6);
    assertEquals(0.125, svm.bias(), 1e-6);
  }

  @Test
  void theFeatureThatAllShareIsTheBias() {
    // One point at 0: only b / B counts; least (b / 10)^2 / 2 + C (1 - b) has b / 10 = 10 C while b < 1.
    LinearSvm svm = machine(new LinearSvm.Options(0.004, 1, 10, 1e-9, 1000), new float[][] {{0}}, 1);
    assertEquals(0.4, svm.bias(), 1e-6);
    assertEquals(0, svm.weights()[0]);
  }

  private static double value(List<float[]> x, List<Integer> y, double[] wb, double cost, double positive) {
    double value = 0;
    for (double v : wb) value += v * v / 2; // B is 1
    for (int i = 0; i < x.size(); i++) {
      double score = wb[wb.length - 1];
      for (int j = 0; j < wb.length - 1; j++) score += wb[j] * x.get(i)[j];
      value += (y.get(i) > 0 ? positive : 1) * cost * Math.max(0, 1 - y.get(i) * score);
    }
    return value;
  }

  @Test
  void noOtherMachineIsBetter() {
    long seed = 5;
    Random random = new Random(seed);
    int size = 7;
    List<float[]> x = new ArrayList<>();
    List<Integer> y = new ArrayList<>();
    LinearSvm svm = new LinearSvm(size, options(0.05, 2));
    for (int i = 0; i < 120; i++) {
      float[] row = new float[size];
      for (int j = 0; j < size; j++) row[j] = (float) random.nextGaussian();
      int label = row[0] + 0.5 * row[1] + random.nextGaussian() > 0.4 ? 1 : -1;
      x.add(row);
      y.add(label);
      svm.add(i, row, label > 0);
      if (i % 40 == 17) svm.fit(new Generator(i)); // where it goes on from
    }
    double reached = svm.fit(new Generator(3));
    double[] wb = new double[size + 1];
    for (int j = 0; j < size; j++) wb[j] = svm.weights()[j];
    wb[size] = svm.bias();
    double least = value(x, y, wb, 0.05, 2);
    assertEquals(least, reached, 1e-5 * least);
    for (int trial = 0; trial < 2000; trial++) {
      double[] other = wb.clone();
      double step = Math.pow(10, -4 * random.nextDouble());
      for (int j = 0; j <= size; j++) other[j] += step * random.nextGaussian();
      // Convex: a neighbour that is better would be found in some direction.
      assertTrue(value(x, y, other, 0.05, 2) >= least - 1e-6 * least, "seed " + seed + ", trial " + trial);
    }
  }

  @Test
  void easyNegativesAreForgottenWithoutAChange() {
    float[][] x = {{4, 0}, {-4, 0}, {-40, 1}, {-60, 2}};
    LinearSvm svm = machine(options(1000, 1), x, 1, -1, -1, -1);
    double score = svm.score(new float[] {3, 3});
    assertEquals(2, svm.forget(-1.2));
    assertEquals(2, svm.count());
    assertEquals(1, svm.positives());
    assertEquals(score, svm.score(new float[] {3, 3}), 1e-9);
    svm.fit(new Generator(9));
    assertEquals(score, svm.score(new float[] {3, 3}), 1e-6);
  }

  @Test
  void whatIsKnownIsNotTakenTwice() {
    LinearSvm svm = new LinearSvm(1, options(1, 1));
    assertTrue(svm.add(7, new float[] {1}, true));
    assertFalse(svm.add(7, new float[] {1}, true));
    assertTrue(svm.add(8, new float[] {-9}, false));
    svm.fit(new Generator(1));
    assertEquals(1, svm.forget(-1.2));
    assertTrue(svm.add(8, new float[] {-9}, false));
    assertEquals(2, svm.count());
  }

  @Test
  void theSameSeedGivesTheSameBits() {
    float[][] x = {{1, 2}, {2, 1}, {-1, 0}, {0.5f, -1}};
    assertArrayEquals(machine(options(1, 1), x, 1, -1, -1, 1).weights(), machine(options(1, 1), x, 1, -1, -1, 1).weights());
  }

  @Test
  void badArgumentsAreNamed() {
    assertThrows(InvalidArgumentException.class, () -> new LinearSvm(0, LinearSvm.Options.RCNN));
    assertThrows(InvalidArgumentException.class, () -> new LinearSvm(1, null));
    assertThrows(InvalidArgumentException.class, () -> options(0, 1));
    assertThrows(InvalidArgumentException.class, () -> options(1, Double.NaN));
    LinearSvm svm = new LinearSvm(2, LinearSvm.Options.RCNN);
    assertThrows(InvalidArgumentException.class, () -> svm.add(1, null, true));
    assertThrows(InvalidArgumentException.class, () -> svm.add(1, new float[3], true));
    assertThrows(InvalidArgumentException.class, () -> svm.add(1, new float[] {0, Float.NaN}, true));
    assertThrows(InvalidArgumentException.class, () -> svm.score(new float[1]));
    assertEquals(0, svm.fit(new Generator(1)));
  }
}
