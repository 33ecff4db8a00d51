package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiFunction;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Clip;
import org.ondol.grad.GradientException;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.grad.Sgd;
import org.ondol.grad.Tape;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Optimisers against the papers' formulas in float64, step by step; clipping and schedules. */
class OptimizerTest {
  private static final int N = 37;
  private static final int STEPS = 25;
  private static final double RATE = 0.05;

  /** One parameter's update as the papers write it; t counts from 1. */
  private interface Formula {
    double update(double p, double g, int t, double[] state);
  }

  private record Case(String name, BiFunction<Parameters, Schedule, Optimizer> make, Formula formula) {}

  private static double sgd(double p, double g, double[] s, double momentum, boolean nesterov, double decay) {
    g += decay * p;
    s[0] = momentum * s[0] + g;
    return p - RATE * (nesterov ? g + momentum * s[0] : s[0]);
  }

  private static double adam(double p, double g, int t, double[] s, double b1, double b2, double decay,
      boolean decoupled) {
    if (decoupled) p -= RATE * decay * p; else g += decay * p;
    s[0] = b1 * s[0] + (1 - b1) * g;
    s[1] = b2 * s[1] + (1 - b2) * g * g;
    double m = s[0] / (1 - Math.pow(b1, t));
    double v = s[1] / (1 - Math.pow(b2, t));
    return p - RATE * m / (Math.sqrt(v) + 1e-8);
  }

  private static final List<Case> CASES = List.of(
      new Case("sgd", (p, s) -> new Sgd(p, s, Sgd.Options.PLAIN), (p, g, t, s) -> p - RATE * g),
      new Case("sgd decay", (p, s) -> new Sgd(p, s, Sgd.Options.PLAIN.decay(0.1)), (p, g, t, s) ->
          p - RATE * (g + 0.1 * p)),
      new Case("sgd momentum", (p, s) -> new Sgd(p, s, Sgd.Options.PLAIN.momentum(0.9)), (p, g, t, s) ->
          sgd(p, g, s, 0.9, false, 0)),
      new Case("sgd nesterov decay", (p, s) ->
          new Sgd(p, s, Sgd.Options.PLAIN.momentum(0.8).nesterov(true).decay(0.01)),
          (p, g, t, s) -> sgd(p, g, s, 0.8, true, 0.01)),
      new Case("adam", (p, s) -> new Adam(p, s, Adam.Options.ADAM), (p, g, t, s) ->
          adam(p, g, t, s, 0.9, 0.999, 0, false)),
      new Case("adam betas decay", (p, s) -> new Adam(p, s, Adam.Options.ADAM.betas(0.5, 0.99).decay(0.1)),
          (p, g, t, s) -> adam(p, g, t, s, 0.5, 0.99, 0.1, false)),
      new Case("adamw", (p, s) -> new Adam(p, s, Adam.Options.ADAMW.decay(0.1)),
          (p, g, t, s) -> adam(p, g, t, s, 0.9, 0.999, 0.1, true)));

  /** Gives a parameter this gradient, by way of a tape. */
  private static void give(Parameter p, float[] gradient) {
    p.clearGradient();
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      tape.backward(tape.parameter(p).mul(tape.constant(Tensor.of(p.tensor().device(), gradient,
          gradient.length))).sum());
    }
  }

  private static float[] gradient(int step, int parameter) {
    Random random = new Random(100 * step + parameter);
    float[] g = new float[N];
    for (int i = 0; i < N; i++) g[i] = (float) random.nextGaussian();
    return g;
  }

  /** The second parameter has a gradient in every other step only. */
  private static boolean has(int step, int parameter) {
    return parameter == 0 || step % 2 == 1;
  }

  private static void check(Case c) {
    double[][] expected = new double[2][N];
    double[][][] state = new double[2][N][2];
    for (int p = 0; p < 2; p++) for (int i = 0; i < N; i++) expected[p][i] = gradient(1000, p)[i];
    for (int step = 0; step < STEPS; step++) {
      for (int p = 0; p < 2; p++) {
        if (!has(step, p)) continue;
        float[] g = gradient(step, p);
        int t = p == 0 ? step + 1 : (step + 1) / 2;
        for (int i = 0; i < N; i++) expected[p][i] = c.formula.update(expected[p][i], g[i], t, state[p][i]);
      }
    }
    float[][] first = new float[2][];
    for (Device device : TestDevices.available()) {
      float[][] actual = run(c, device, STEPS + 1);
      for (int p = 0; p < 2; p++) {
        for (int i = 0; i < N; i++) {
          if (!(Math.abs(actual[p][i] - expected[p][i]) <= 1e-5 * (1 + Math.abs(expected[p][i])))) {
            fail(c.name + " on " + device + ": parameter " + p + "[" + i + "] is " + actual[p][i] + ", expected "
                + expected[p][i]);
          }
        }
        if (first[p] == null) first[p] = actual[p];
        assertNull(Bits.difference(actual[p], first[p]), c.name + " on " + device);
      }
      assertNull(Bits.difference(run(c, device, 11)[1], first[1]), c.name + " restored on " + device);
    }
  }

  /** @param restart the step before which the state goes into a fresh optimiser */
  private static float[][] run(Case c, Device device, int restart) {
    try (Scope scope = Scope.open(); Parameters all = new Parameters()) {
      for (int p = 0; p < 2; p++) all.add("p" + p, Tensor.of(device, gradient(1000, p), N));
      Optimizer optimizer = c.make.apply(all, Schedule.constant(RATE));
      for (int step = 0; step < STEPS; step++) {
        if (step == restart) {
          Map<String, Tensor> copies = new LinkedHashMap<>();
          optimizer.state().forEach((name, t) -> copies.put(name, t.copy()));
          Optimizer next = c.make.apply(all, Schedule.constant(RATE));
          next.restore(optimizer.steps(), optimizer.updates(), copies);
          optimizer.close();
          optimizer = next;
        }
        for (int p = 0; p < 2; p++) {
          if (has(step, p)) give(all.get("p" + p), gradient(step, p)); else all.get("p" + p).clearGradient();
        }
        optimizer.step();
      }
      assertEquals(STEPS, optimizer.steps());
      optimizer.close();
      return new float[][] {all.get("p0").tensor().toFloats(), all.get("p1").tensor().toFloats()};
    }
  }

  @TestFactory
  List<DynamicNode> formulas() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Case c : CASES) tests.add(DynamicTest.dynamicTest(c.name, () -> check(c)));
    return tests;
  }

  @Test
  void frozenParametersStay() {
    try (Scope scope = Scope.open(); Parameters all = new Parameters()) {
      Parameter p = all.add("p", Tensor.zeros(Device.of("java"), N));
      try (Optimizer sgd = new Sgd(all, Schedule.constant(1), Sgd.Options.PLAIN)) {
        give(p, gradient(1, 1));
        p.freeze();
        sgd.step();
        assertNull(Bits.difference(p.tensor().toFloats(), new float[N]));
      }
    }
  }

  @Test
  void restoreChecksFirst() {
    Device java = Device.of("java");
    try (Scope scope = Scope.open(); Parameters all = new Parameters()) {
      Parameter p = all.add("p", Tensor.zeros(java, N));
      try (Optimizer adam = new Adam(all, Schedule.constant(1), Adam.Options.ADAM)) {
        give(p, gradient(1, 1));
        adam.step();
        Map<String, Tensor> good = Map.of("p/first", Tensor.zeros(java, N), "p/second", Tensor.zeros(java, N));
        Map<String, Tensor> small = Map.of("p/first", Tensor.zeros(java, N), "p/second", Tensor.zeros(java, N - 1));
        Map<String, Tensor> few = Map.of("p/first", Tensor.zeros(java, N));
        float[] before = adam.state().get("p/first").toFloats();
        assertThrows(InvalidArgumentException.class, () -> adam.restore(1, Map.of("p", 1L), small));
        assertThrows(InvalidArgumentException.class, () -> adam.restore(1, Map.of("p", 1L), few));
        assertThrows(InvalidArgumentException.class, () -> adam.restore(1, Map.of("q", 1L), good));
        assertThrows(InvalidArgumentException.class, () -> adam.restore(1, Map.of(), good));
        assertThrows(InvalidArgumentException.class, () -> adam.restore(-1, Map.of("p", 1L), good));
        assertNull(Bits.difference(adam.state().get("p/first").toFloats(), before));
        adam.restore(7, Map.of("p", 3L), good);
        assertEquals(7, adam.steps());
        assertEquals(Map.of("p", 3L), adam.updates());
      }
    }
  }

  @Test
  void clipsByNorm() {
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Parameters all = new Parameters()) {
        for (int i = 0; i < 3; i++) give(all.add("p" + i, Tensor.zeros(device, N)), gradient(2, i));
        all.add("without", Tensor.zeros(device, N));
        double sum = 0;
        for (int i = 0; i < 3; i++) for (float g : gradient(2, i)) sum += (double) g * g;
        assertEquals(Math.sqrt(sum), Clip.byNorm(all, 1e6), 1e-5);
        assertNull(Bits.difference(all.get("p1").gradient().toFloats(), gradient(2, 1)),
            "below the limit nothing changes");
        Clip.byNorm(all, 2);
        assertEquals(2, Clip.byNorm(all, 1e6), 1e-6);
      }
      try (Scope scope = Scope.open(); Parameters all = new Parameters()) {
        float[] bad = gradient(2, 0);
        give(all.add("good", Tensor.zeros(device, N)), gradient(2, 1));
        bad[3] = Float.NaN;
        give(all.add("bad", Tensor.zeros(device, N)), bad);
        GradientException e = assertThrows(GradientException.class, () -> Clip.byNorm(all, 1));
        assertTrue(e.getMessage().contains("bad"), e.getMessage());
        assertNull(Bits.difference(all.get("good").gradient().toFloats(), gradient(2, 1)));
      }
    }
  }

  @Test
  void clipsByValue() {
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Parameters all = new Parameters()) {
        give(all.add("p", Tensor.zeros(device, N)), gradient(2, 0));
        Clip.byValue(all, -0.5, 0.25);
        float[] expected = gradient(2, 0);
        for (int i = 0; i < N; i++) expected[i] = Math.clamp(expected[i], -0.5f, 0.25f);
        assertNull(Bits.difference(all.get("p").gradient().toFloats(), expected));
      }
    }
  }

  @Test
  void schedules() {
    assertEquals(0.3, Schedule.constant(0.3).rate(1000));
    Schedule step = Schedule.step(0.8, 10, 0.5);
    assertEquals(0.8, step.rate(9));
    assertEquals(0.4, step.rate(10));
    assertEquals(0.1, step.rate(35));
    Schedule cosine = Schedule.cosine(1, 0.2, 100);
    assertEquals(1, cosine.rate(0));
    assertEquals(0.6, cosine.rate(50), 1e-15);
    assertEquals(0.2, cosine.rate(100), 1e-15);
    assertEquals(0.2, cosine.rate(1000), 1e-15);
    Schedule warm = Schedule.warmUp(4, cosine);
    assertEquals(0.25, warm.rate(0));
    assertEquals(1, warm.rate(3));
    assertEquals(1, warm.rate(4));
    assertEquals(0.6, warm.rate(54), 1e-15);
  }

  /** SGD moves by rate · factor · gradient: exact for powers of two. */
  @Test
  void scaledParametersMoveByAPartOfTheRate() {
    Device device = Device.of("java");
    try (Scope scope = Scope.open(); Parameters all = new Parameters(); Parameters others = new Parameters()) {
      for (String name : List.of("half", "still", "whole")) all.add(name, Tensor.of(device, new float[] {1, 2}, 2));
      Optimizer sgd = new Sgd(all, Schedule.constant(0.25), Sgd.Options.PLAIN);
      sgd.scale(List.of(all.get("half")), 0.5);
      sgd.scale(List.of(all.get("still")), 0);
      try (Tape tape = Tape.open()) {
        tape.backward(tape.parameter(all.get("half")).add(tape.parameter(all.get("still")))
            .add(tape.parameter(all.get("whole"))).sum());
      }
      sgd.step();
      assertEquals(1 - 0.125f, all.get("half").tensor().toFloats()[0]);
      assertEquals(1, all.get("still").tensor().toFloats()[0]);
      assertEquals(2 - 0.25f, all.get("whole").tensor().toFloats()[1]);
      Parameter other = others.add("other", Tensor.of(device, new float[] {1}, 1));
      assertThrows(InvalidArgumentException.class, () -> sgd.scale(List.of(other), 1));
      assertThrows(InvalidArgumentException.class, () -> sgd.scale(all, -1));
      assertThrows(InvalidArgumentException.class, () -> sgd.scale(null, 1));
      sgd.close();
    }
  }
}
