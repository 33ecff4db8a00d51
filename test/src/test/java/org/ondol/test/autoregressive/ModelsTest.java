package org.ondol.test.autoregressive;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.autoregressive.BinaryChain;
import org.ondol.models.autoregressive.Ordering;
import org.ondol.models.autoregressive.PixelModel;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Softmax;
import org.ondol.test.support.TestDevices;

/** What every autoregressive model promises, on models small enough to list all examples. */
class ModelsTest {
  private static final Device DEVICE = Device.of("best");
  private static final int DRAWN = 20_000;

  private static List<DynamicNode> each(Predicate<Autoregressive> which, Consumer<Tiny> test) {
    List<DynamicNode> tests = new ArrayList<>();
    for (Tiny tiny : Tiny.all()) {
      try (Autoregressive model = tiny.maker().make(DEVICE, new Generator(1))) {
        if (which.test(model)) tests.add(DynamicTest.dynamicTest(tiny.name(), () -> test.accept(tiny)));
      }
    }
    return tests;
  }

  private static List<DynamicNode> each(Consumer<Tiny> test) {
    return each(m -> true, test);
  }

  @TestFactory
  List<DynamicNode> probabilitiesSumToOne() {
    return each(tiny -> {
      try (Autoregressive model = tiny.random(DEVICE, 4)) {
        double[] p = Tiny.probabilities(model);
        assertEquals(1, Arrays.stream(p).sum(), 2e-6);
        assertTrue(Arrays.stream(p).max().getAsDouble() > 1.5 / p.length, "all examples are as likely as each other");
      }
    });
  }

  @TestFactory
  List<DynamicNode> noConditionalSeesWhatComesLater() {
    return each(m -> m instanceof PixelModel || m instanceof BinaryChain, tiny -> {
      try (Scope scope = Scope.open(); Autoregressive model = tiny.random(DEVICE, 5)) {
        Ordering order = Tiny.order(model);
        int n = model.variables();
        float[] x = new float[n];
        for (int i = 0; i < n; i++) x[i] = i % model.levels();
        float[][] before = Tiny.outputs(model, Tiny.rows(model, x))[0];
        boolean seen = false;
        for (int i = 0; i < n; i++) {
          float[] other = x.clone();
          other[order.of(i)] = (x[order.of(i)] + 1) % model.levels();
          float[][] after = Tiny.outputs(model, Tiny.rows(model, other))[0];
          for (int j = 0; j < n; j++) {
            boolean same = Arrays.equals(before[order.of(j)], after[order.of(j)]);
            assertTrue(same || j > i, "position " + j + " sees position " + i);
            seen |= !same;
          }
        }
        assertTrue(seen || tiny.name().equals("independent"), "nothing is seen at all");
      }
    });
  }

  /** Four examples, which differ in the first variable's successors as much as in others. */
  private static float[] fewExamples(Autoregressive model) {
    Generator random = new Generator(11);
    float[] all = Tiny.everything(model);
    int n = model.variables();
    int[] chosen = random.permutation(all.length / n);
    float[] few = new float[4 * n];
    for (int i = 0; i < 4; i++) System.arraycopy(all, chosen[i] * n, few, i * n, n);
    return few;
  }

  /** The entropy of each variable by itself, summed: what no model of independent variables can be better than. */
  private static double independentEntropy(Autoregressive model, float[] few) {
    double sum = 0;
    for (int i = 0; i < model.variables(); i++) {
      for (int level = 0; level < model.levels(); level++) {
        int count = 0;
        for (int k = 0; k < 4; k++) if (few[k * model.variables() + i] == level) count++;
        if (count > 0) sum -= count / 4.0 * Math.log(count / 4.0);
      }
    }
    return sum;
  }

  /** Four examples as likely as each other cost ln 4 nats each, if one can tell them apart. */
  @TestFactory
  List<DynamicNode> trainingComesToTheEntropyOfItsExamples() {
    return each(tiny -> {
      try (Autoregressive model = tiny.maker().make(DEVICE, new Generator(2))) {
        float[] few = fewExamples(model);
        double loss = Tiny.train(model, few, 400, model instanceof PixelModel ? 0.01 : 0.2);
        double worst = independentEntropy(model, few);
        assertTrue(loss > Math.log(4) - 1e-4, "better than possible: " + loss);
        assertTrue(loss < (tiny.best() ? Math.log(4) : worst) + 0.1, "loss " + loss + ", independent " + worst);
        if (tiny.best()) assertTrue(worst > Math.log(4) + 0.5, "the examples are too simple: " + worst);
      }
    });
  }

  /** A model that is neither sure nor indifferent: trained for a while. */
  private static Autoregressive halfTrained(Tiny tiny, Device device) {
    Autoregressive model = tiny.random(device, 6);
    Tiny.train(model, fewExamples(model), 12, 0.01);
    return model;
  }

  @TestFactory
  List<DynamicNode> samplesComeAsOftenAsTheyAreLikely() {
    return each(tiny -> {
      try (Scope scope = Scope.open(); Autoregressive model = halfTrained(tiny, DEVICE)) {
        float[] drawn = model.sample(DRAWN, new Generator(8)).toFloats();
        likely(model, drawn, Tiny.probabilities(model));
      }
    });
  }

  /** Pearson's test: with so many expected, chi-square is within five deviations of its mean. */
  private static void likely(Autoregressive model, float[] drawn, double[] p) {
    int rows = drawn.length / model.variables();
    int[] seen = new int[p.length];
    for (int i = 0; i < rows; i++) seen[Tiny.number(model, drawn, i)]++;
    double chi = 0;
    double rare = 0;
    int rareSeen = 0;
    int cells = 0;
    for (int k = 0; k < p.length; k++) {
      double expected = p[k] * rows;
      if (expected < 5) {
        rare += expected;
        rareSeen += seen[k];
        continue;
      }
      chi += (seen[k] - expected) * (seen[k] - expected) / expected;
      cells++;
    }
    if (rare >= 5) {
      chi += (rareSeen - rare) * (rareSeen - rare) / rare;
      cells++;
    }
    assertTrue(cells >= 3, "too few cells: " + cells);
    double bound = cells - 1 + 5 * Math.sqrt(2.0 * (cells - 1));
    assertTrue(chi < bound, "chi-square " + chi + " of " + cells + " cells, bound " + bound);
    if (rare < 5) assertTrue(rareSeen < 30, rareSeen + " rare ones, expected " + rare);
  }

  @TestFactory
  List<DynamicNode> whatIsKnownStaysAndTheRestFollowsFromIt() {
    return each(tiny -> {
      try (Scope scope = Scope.open(); Autoregressive model = halfTrained(tiny, DEVICE)) {
        // What an ordered model knows first is hidden: whatever is known of it just stays.
        Ordering order = Tiny.order(model);
        int n = model.variables();
        boolean[] known = new boolean[n];
        for (int i = 0; i < 2; i++) known[order.of(i)] = true;
        float[] given = new float[DRAWN * n];
        for (int row = 0; row < DRAWN; row++) {
          for (int i = 0; i < n; i++) given[row * n + i] = known[i] ? i % model.levels() : 0;
        }
        float[] drawn = model.complete(Tiny.rows(model, given), known, new Generator(9)).toFloats();
        for (int i = 0; i < drawn.length; i++) {
          if (known[i % n]) assertEquals(given[i], drawn[i]);
        }
        if (!tiny.name().equals("ordered")) likely(model, drawn, conditional(model, given, known));
      }
    });
  }

  private static double[] conditional(Autoregressive model, float[] given, boolean[] known) {
    double[] p = Tiny.probabilities(model);
    float[] all = Tiny.everything(model);
    int n = model.variables();
    double sum = 0;
    for (int k = 0; k < p.length; k++) {
      for (int i = 0; i < n; i++) if (known[i] && all[k * n + i] != given[i]) p[k] = 0;
      sum += p[k];
    }
    for (int k = 0; k < p.length; k++) p[k] /= sum;
    return p;
  }

  @TestFactory
  List<DynamicNode> knownVariablesAnywhereStay() {
    return each(tiny -> {
      try (Scope scope = Scope.open(); Autoregressive model = halfTrained(tiny, DEVICE)) {
        int n = model.variables();
        boolean[] known = new boolean[n];
        float[] given = new float[50 * n];
        for (int i = 0; i < n; i++) known[i] = i % 2 == 1;
        for (int i = 0; i < given.length; i++) given[i] = i * 7 / 3 % model.levels();
        float[] drawn = model.complete(Tiny.rows(model, given), known, new Generator(9)).toFloats();
        boolean other = false;
        for (int i = 0; i < drawn.length; i++) {
          if (known[i % n]) assertEquals(given[i], drawn[i]);
          other |= given[i] != drawn[i];
        }
        assertTrue(other, "nothing was drawn");
        Arrays.fill(known, true);
        assertArrayEquals(given, model.complete(Tiny.rows(model, given), known, new Generator(9)).toFloats());
        assertEquals(0, model.sample(0, new Generator(1)).size(0));
      }
    });
  }

  /** Pixel by pixel against the whole network for every variable, on every device, with some variables known. */
  @TestFactory
  List<DynamicNode> samplesHaveTheBitsOfWholePasses() {
    return each(m -> m instanceof PixelModel, tiny -> {
      float[] first = null;
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open(); PixelModel model = (PixelModel) tiny.random(device, 7)) {
          int n = model.variables();
          boolean[] known = new boolean[n];
          known[1] = true;
          known[n - 2] = true;
          float[] given = new float[33 * n];
          for (int i = 0; i < given.length; i++) given[i] = i % 5 % model.levels();
          float[] fast = model.complete(Tiny.rows(model, given), known, new Generator(10)).toFloats();
          assertArrayEquals(recomputed(model, given, known, 10), fast, device.toString());
          if (first == null) first = fast;
          assertArrayEquals(first, fast, device.toString());
        }
      }
    });
  }

  private static float[] recomputed(PixelModel model, float[] given, boolean[] known, long seed) {
    int n = model.variables();
    int rows = given.length / n;
    float[] x = given.clone();
    float[] uniform = new Generator(seed).uniform(Device.of("java"), 0, 1, rows, n).toFloats();
    for (int i = 0; i < n; i++) {
      int v = model.order().of(i);
      if (known[v]) continue;
      float[][][] logits = Tiny.outputs(model, Tiny.rows(model, x));
      for (int row = 0; row < rows; row++) x[row * n + v] = draw(model, logits[row][v], uniform[row * n + v]);
    }
    return x;
  }

  private static int draw(PixelModel model, float[] logits, float uniform) {
    Tensor own = Tensor.of(model.device(), logits, 1, logits.length);
    if (logits.length == 1) return uniform < Elementwise.sigmoid(own).item() ? 1 : 0;
    float[] p = Softmax.softmax(own, 1).toFloats();
    double all = 0;
    for (float each : p) all += each;
    double upTo = 0;
    for (int level = 0; level < p.length; level++) {
      upTo += p[level];
      if (uniform * all < upTo) return level;
    }
    return p.length - 1;
  }

  @TestFactory
  List<DynamicNode> trainingHasTheSameBitsEverywhere() {
    return each(tiny -> {
      float[] first = null;
      for (Device device : TestDevices.available()) {
        try (Autoregressive model = tiny.maker().make(device, new Generator(2))) {
          Tiny.train(model, fewExamples(model), 3, 0.01);
          float[] values = new float[0];
          for (Parameter p : model.parameters()) {
            float[] own = p.tensor().toFloats();
            int from = values.length;
            values = Arrays.copyOf(values, from + own.length);
            System.arraycopy(own, 0, values, from, own.length);
          }
          if (first == null) first = values;
          assertFalse(Float.isNaN(values[0]));
          assertArrayEquals(first, values, device.toString());
        }
      }
    });
  }
}
