package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Average;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.test.support.TestDevices;

/** Averages of parameters against their definition in double, and what they refuse. */
class AverageTest {
  private static final int SIZE = 37;

  private static Parameters parameters(Device device) {
    Parameters all = new Parameters();
    all.add("w", Tensor.zeros(device, SIZE));
    all.add("running", Tensor.zeros(device, 2, 3)).freeze();
    return all;
  }

  private static void set(Parameter p, float[] values) {
    try (Scope scope = Scope.open()) {
      p.assign(Tensor.of(p.tensor().device(), values, p.tensor().shape()));
    }
  }

  private static float[] draw(SplittableRandom random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) x[i] = (float) random.nextDouble(-3, 5);
    return x;
  }

  @Test
  void areTheWeightedMeansOfAllSteps() {
    for (double decay : new double[] {0, 0.5, 0.99, 0.9999}) {
      float[] first = null;
      for (Device device : TestDevices.available()) {
        SplittableRandom random = new SplittableRandom(3);
        try (Parameters all = parameters(device); Average average = new Average(all, decay)) {
          double[] sums = new double[SIZE];
          double weights = 0;
          for (int t = 0; t < 50; t++) {
            float[] w = draw(random, SIZE);
            set(all.get("w"), w);
            set(all.get("running"), new float[] {1, 2, 3, 4, 5, 6});
            average.update();
            weights = weights * decay + 1;
            for (int i = 0; i < SIZE; i++) sums[i] = sums[i] * decay + w[i];
          }
          float[] own = all.get("w").tensor().toFloats();
          float[] averages;
          try (Average.Held held = average.hold()) {
            averages = all.get("w").tensor().toFloats();
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, all.get("running").tensor().toFloats(), 1e-5f);
          }
          assertArrayEquals(own, all.get("w").tensor().toFloats(), 0, "given back on " + device.name());
          for (int i = 0; i < SIZE; i++) {
            // Fifty roundings of a sum of at most weights * 5, and one of the product.
            assertEquals(sums[i] / weights, averages[i], 51 * 5 * Math.ulp(1f), device.name() + ", decay " + decay);
          }
          if (first == null) first = averages;
          assertArrayEquals(first, averages, 0, device.name());
          average.assign();
          assertArrayEquals(averages, all.get("w").tensor().toFloats(), 0);
        }
      }
    }
  }

  @Test
  void withoutAnUpdateNothingChanges() {
    try (Parameters all = parameters(Device.of("java")); Average average = new Average(all, 0.9)) {
      float[] w = draw(new SplittableRandom(1), SIZE);
      set(all.get("w"), w);
      average.assign();
      assertArrayEquals(w, all.get("w").tensor().toFloats(), 0);
      assertEquals(0, average.updates());
    }
  }

  @Test
  void goesOnFromASavedState() {
    try (Parameters all = parameters(Device.of("java")); Average whole = new Average(all, 0.9)) {
      SplittableRandom random = new SplittableRandom(5);
      Average parts = new Average(all, 0.9);
      for (int t = 0; t < 9; t++) {
        set(all.get("w"), draw(random, SIZE));
        whole.update();
        parts.update();
        Average next = new Average(all, 0.9);
        next.restore(parts.updates(), parts.state());
        parts.close();
        parts = next;
      }
      assertEquals(9, parts.updates());
      parts.assign();
      float[] values = all.get("w").tensor().toFloats();
      whole.assign();
      assertArrayEquals(values, all.get("w").tensor().toFloats(), 0);
      parts.close();
    }
  }

  @Test
  void refusesWhatIsNoAverageOfThese() {
    try (Scope scope = Scope.open(); Parameters all = parameters(Device.of("java"));
        Average average = new Average(all, 0.9)) {
      for (double decay : new double[] {-0.1, 1, Double.NaN}) {
        InvalidArgumentException e = assertThrows(InvalidArgumentException.class, () -> new Average(all, decay).close());
        assertTrue(e.getMessage().contains("decay"), e.getMessage());
      }
      assertThrows(InvalidArgumentException.class, () -> new Average(null, 0.5).close());
      List<Parameter> twice = new ArrayList<>(all.all());
      twice.addAll(all.all());
      assertThrows(InvalidArgumentException.class, () -> new Average(twice, 0.5).close());
      Map<String, Tensor> state = average.state();
      assertThrows(InvalidArgumentException.class, () -> average.restore(-1, state));
      assertThrows(InvalidArgumentException.class, () -> average.restore(1, null));
      assertThrows(InvalidArgumentException.class, () -> average.restore(1, Map.of("w", state.get("w"))));
      Map<String, Tensor> more = new HashMap<>(state);
      more.put("other", state.get("w"));
      assertThrows(InvalidArgumentException.class, () -> average.restore(1, more));
      more.remove("other");
      more.put("w", Tensor.zeros(Device.of("java"), SIZE + 1));
      assertThrows(ShapeException.class, () -> average.restore(1, more));
      assertEquals(0, average.updates());
      all.get("running").close();
      assertThrows(ClosedException.class, average::update);
      assertThrows(ClosedException.class, average::hold);
      assertThrows(ClosedException.class, () -> new Average(all, 0.5).close());
    }
  }
}
