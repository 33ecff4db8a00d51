package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleBinaryOperator;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Losses;
import org.ondol.grad.Reduction;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Losses against their formulas in float64, and their gradients against central differences of these. */
class LossTest {
  private static final double STEP = 1e-5;
  private static final long[] SHAPE = {4, 3, 5};
  private static final int COUNT = 60;

  /** A loss of two operands. */
  private interface Loss {
    Value of(Value x, Value t, Reduction reduction);
  }

  private record Case(String name, Loss loss, DoubleBinaryOperator formula, boolean signs) {}

  private static double log1p(double e) {
    return Math.log1p(e);
  }

  private static final List<Case> PAIRS = List.of(
      new Case("bernoulli", Losses::bernoulli, (x, t) -> Math.max(x, 0) - x * t + log1p(Math.exp(-Math.abs(x))), false),
      new Case("mse", Losses::mse, (x, t) -> (x - t) * (x - t), false),
      new Case("l1", Losses::l1, (x, t) -> Math.abs(x - t), false),
      new Case("smooth l1", (x, t, r) -> Losses.smoothL1(x, t, 0.75, r), (x, t) -> smooth(Math.abs(x - t), 0.75),
          false),
      new Case("hinge", (x, t, r) -> Losses.hinge(x, t, 1, r), (x, t) -> Math.max(0, 1 - x * t), true),
      new Case("gaussian kl", Losses::gaussianKl, (m, s) -> (m * m + Math.exp(s) - 1 - s) / 2, false));

  private static double smooth(double d, double beta) {
    return d < beta ? d * d / (2 * beta) : d - beta / 2;
  }

  private static double reduced(Reduction reduction, double sum) {
    return switch (reduction) {
      case NONE, SUM -> sum;
      case MEAN -> sum / COUNT;
      case BATCH_MEAN -> sum / SHAPE[0];
    };
  }

  private static double total(Case c, double[] x, double[] t) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) sum += c.formula.applyAsDouble(x[i], t[i]);
    return sum;
  }

  private static void close(String what, double actual, double expected, double tolerance) {
    if (!(Math.abs(actual - expected) <= tolerance * (1 + Math.abs(expected)))) {
      fail("%s is %s, expected %s".formatted(what, actual, expected));
    }
  }

  private static void check(Case c, Reduction reduction) {
    double[] x = TapeGradientTest.values(new Random(3), COUNT);
    double[] t = TapeGradientTest.values(new Random(4), COUNT);
    for (int i = 0; i < COUNT; i++) {
      if (c.signs) t[i] = Math.signum(t[i]);
      if (Math.abs(1 - x[i] * t[i]) < 1e-3 || Math.abs(x[i] - t[i]) < 1e-3) {
        x[i] = (float) (x[i] + 0.01); // no kink nearby
      }
    }
    float[][] first = new float[2][];
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
        Value vx = tape.variable(Tensor.of(device, TapeGradientTest.floats(x), SHAPE));
        Value vt = tape.variable(Tensor.of(device, TapeGradientTest.floats(t), SHAPE));
        Value loss = c.loss.of(vx, vt, reduction);
        float[] none = loss.tensor().toFloats();
        for (int i = 0; reduction == Reduction.NONE && i < COUNT; i++) {
          close("element " + i + " on " + device, none[i], c.formula.applyAsDouble(x[i], t[i]), 1e-6);
        }
        if (reduction == Reduction.NONE) loss = loss.sum();
        close("the loss on " + device, loss.item(), reduced(reduction, total(c, x, t)), 2e-6);
        tape.backward(loss);
        float[][] gradients = {vx.gradient().toFloats(), vt.gradient().toFloats()};
        for (int operand = 0; operand < 2; operand++) {
          double[] v = operand == 0 ? x : t;
          for (int i = 0; i < COUNT; i++) {
            double keep = v[i];
            v[i] = keep + STEP;
            double up = total(c, x, t);
            v[i] = keep - STEP;
            double down = total(c, x, t);
            v[i] = keep;
            close("gradient " + i + " of operand " + operand + " on " + device, gradients[operand][i],
                reduced(reduction, (up - down) / (2 * STEP)), 2e-6);
          }
          if (first[operand] == null) first[operand] = gradients[operand];
          assertNull(Bits.difference(gradients[operand], first[operand]), c.name + " on " + device);
        }
      }
    }
  }

  @TestFactory
  List<DynamicNode> pairs() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Case c : PAIRS) {
      for (Reduction r : Reduction.values()) tests.add(DynamicTest.dynamicTest(c.name + " " + r, () -> check(c, r)));
    }
    return tests;
  }

  /** Where a careless formula gives inf, NaN or 0. */
  @TestFactory
  DynamicNode largeLogits() {
    return DynamicTest.dynamicTest("large logits", () -> {
      float[] x = {-1e30f, -200, -30, -17, 0, 17, 30, 200, 1e30f};
      for (Device device : TestDevices.available()) {
        for (float t : new float[] {0, 1}) {
          float[] targets = new float[x.length];
          Arrays.fill(targets, t);
          try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
            Value v = tape.variable(Tensor.of(device, x, x.length));
            Value loss = Losses.bernoulli(v, tape.constant(Tensor.of(device, targets, x.length)), Reduction.NONE);
            float[] actual = loss.tensor().toFloats();
            tape.backward(loss.sum());
            for (int i = 0; i < x.length; i++) {
              double z = t == 1 ? -x[i] : x[i];
              double expected = Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
              assertTrue(Math.abs(actual[i] - expected) <= 3e-7 * expected + Float.MIN_NORMAL, "loss of " + x[i]
                  + " for " + t + " on " + device + " is "
                  + actual[i] + ", expected " + expected);
              assertEquals(1 / (1 + Math.exp(-(double) x[i])) - t, v.gradient().toFloats()[i], 1e-7, "gradient at "
                  + x[i]);
            }
          }
        }
        try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
          Value v = tape.variable(Tensor.of(device, new float[] {1e30f, -1e30f, 0, Float.NEGATIVE_INFINITY, 5, 5}, 2,
              3));
          Value loss = Losses.softmax(v, Tensor.of(device, new long[] {0, 1}, 2), 1, Reduction.NONE);
          float[] actual = loss.tensor().toFloats();
          assertEquals(0, actual[0], "the largest logit's loss on " + device);
          assertEquals(Math.log(2), actual[1], 1e-7, "beside a logit of -inf on " + device);
          tape.backward(loss.sum());
          assertNull(Bits.difference(v.gradient().toFloats(), new float[] {0, 0, 0, 0, -0.5f, 0.5f}), "gradient on "
              + device);
        }
      }
    });
  }

  // ---- classes

  /** Losses of single targets in float64; NaN where one does not count. */
  private static double[] softmax(double[] x, int n, int classes, int inner, long[] targets, long ignored) {
    double[] out = new double[n * inner];
    for (int i = 0; i < n; i++) {
      for (int p = 0; p < inner; p++) {
        double max = Double.NEGATIVE_INFINITY;
        double sum = 0;
        for (int c = 0; c < classes; c++) max = Math.max(max, x[(i * classes + c) * inner + p]);
        for (int c = 0; c < classes; c++) sum += Math.exp(x[(i * classes + c) * inner + p] - max);
        long t = targets[i * inner + p];
        out[i * inner + p] = t == ignored ? Double.NaN : max + Math.log(sum) - x[(int) (i * classes + t) * inner + p];
      }
    }
    return out;
  }

  private static double reduced(Reduction r, double[] losses, int n) {
    double[] counted = Arrays.stream(losses).filter(v -> !Double.isNaN(v)).toArray();
    double sum = Arrays.stream(counted).sum();
    return r == Reduction.MEAN ? sum / counted.length : r == Reduction.BATCH_MEAN ? sum / n : sum;
  }

  private static void checkClasses(Reduction r, boolean pixels) {
    int n = 3;
    int classes = 4;
    int inner = pixels ? 6 : 1;
    long ignored = 255;
    Random random = new Random(5);
    double[] x = TapeGradientTest.values(random, n * classes * inner);
    long[] targets = new long[n * inner];
    for (int i = 0; i < targets.length; i++) targets[i] = i == 1 || i == 9 ? ignored : random.nextInt(classes);
    long[] shape = pixels ? new long[] {n, classes, 2, 3} : new long[] {n, classes};
    long[] targetShape = pixels ? new long[] {n, 2, 3} : new long[] {n};
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
        Value v = tape.variable(Tensor.of(device, TapeGradientTest.floats(x), shape));
        Value loss = Losses.softmax(v, Tensor.of(device, targets, targetShape), 1, ignored, r);
        double[] expected = softmax(x, n, classes, inner, targets, ignored);
        if (r == Reduction.NONE) {
          assertEquals(Arrays.toString(targetShape), Arrays.toString(loss.shape()));
          float[] actual = loss.tensor().toFloats();
          for (int i = 0; i < actual.length; i++) {
            close("target " + i, actual[i], Double.isNaN(expected[i]) ? 0 : expected[i], 1e-6);
          }
          loss = loss.sum();
        }
        close("the loss", loss.item(), reduced(r, expected, n), 1e-6);
        tape.backward(loss);
        float[] actual = v.gradient().toFloats();
        for (int i = 0; i < x.length; i++) {
          double keep = x[i];
          x[i] = keep + STEP;
          double up = reduced(r, softmax(x, n, classes, inner, targets, ignored), n);
          x[i] = keep - STEP;
          double down = reduced(r, softmax(x, n, classes, inner, targets, ignored), n);
          x[i] = keep;
          close("gradient " + i + " on " + device, actual[i], (up - down) / (2 * STEP), 2e-6);
        }
        if (first == null) first = actual;
        assertNull(Bits.difference(actual, first), "on " + device);
      }
    }
  }

  @TestFactory
  List<DynamicNode> classes() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Reduction r : Reduction.values()) {
      for (boolean pixels : new boolean[] {false, true}) {
        tests.add(DynamicTest.dynamicTest(r + (pixels ? " of pixels" : ""), () -> checkClasses(r, pixels)));
      }
    }
    return tests;
  }

  @TestFactory
  DynamicNode nothingCounts() {
    return DynamicTest.dynamicTest("nothing counts", () -> {
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
          Value v = tape.variable(Tensor.zeros(device, 2, 3));
          Tensor none = Tensor.of(device, new long[] {-100, -100}, 2);
          assertEquals(0, Losses.softmax(v, none, 1, -100, Reduction.SUM).item());
          assertTrue(Float.isNaN(Losses.softmax(v, none, 1, -100, Reduction.MEAN).item()));
          tape.backward(Losses.softmax(v, none, 1, -100, Reduction.SUM));
          assertNull(Bits.difference(v.gradient().toFloats(), new float[6]));
        }
      }
    });
  }
}
