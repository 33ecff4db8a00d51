package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.Scope;
import org.ondol.models.PositionClassifier;
import org.ondol.models.weights.SafeTensors;

/** A transformer encoder of one block that was trained elsewhere to turn a sequence of 16 digits round. */
class TransformerReverseTest {
  private static final int LENGTH = 16;
  private static final int DIGITS = 10;
  private static final PositionClassifier.Config CONFIG = new PositionClassifier.Config(1, 1, 1e-5);

  private static List<long[]> sequences(long[] x) {
    List<long[]> all = new ArrayList<>();
    for (int from = 0; from < x.length; from += LENGTH) all.add(Arrays.copyOfRange(x, from, from + LENGTH));
    return all;
  }

  @Test
  void turnsSequencesRound() throws IOException {
    SafeTensors golden = Network.open("transformer-reverse", "golden");
    SafeTensors weights = Network.open("transformer-reverse", "weights");
    long[] x = golden.longs("x");
    float[] logits = Network.everywhere(weights, n -> {
      try (PositionClassifier model = PositionClassifier.load(weights, CONFIG, n.device())) {
        assertEquals(DIGITS, model.symbols());
        return model.forward(sequences(x));
      }
    });
    double distance = Network.distance(logits, golden.floats("logits"));
    System.out.printf(Locale.ROOT, "[transformer-reverse] largest difference of a logit: %.2g%n", distance);
    assertTrue(distance <= 1e-4, "differs by " + distance);
    for (int i = 0; i < x.length; i++) {
      int best = 0;
      for (int d = 1; d < DIGITS; d++) best = logits[i * DIGITS + d] > logits[i * DIGITS + best] ? d : best;
      int mirrored = i / LENGTH * LENGTH + LENGTH - 1 - i % LENGTH;
      assertEquals(x[mirrored], best, "digit " + i);
    }
  }

  /** Sequences side by side do not see each other, whatever their lengths; a copy on another device has the same bits. */
  @Test
  void sequencesAreTheirOwn() throws IOException {
    SafeTensors weights = Network.open("transformer-reverse", "weights");
    long[][] all = {{3, 1, 4}, {1}, {5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4}};
    try (Scope scope = Scope.open();
        PositionClassifier model = PositionClassifier.load(weights, CONFIG, Device.of("java"));
        PositionClassifier other = model.to(Device.of("java:scalar"))) {
      float[] together = model.forward(List.of(all)).toFloats();
      assertArrayEquals(together, other.forward(List.of(all)).toFloats(), 0);
      int from = 0;
      for (long[] one : all) {
        int to = from + one.length * DIGITS;
        assertArrayEquals(Arrays.copyOfRange(together, from, to), model.forward(List.of(one)).toFloats(), 0);
        from = to;
      }
      assertThrows(InvalidArgumentException.class, () -> model.forward(null));
      assertThrows(InvalidArgumentException.class, () -> model.forward(List.of(new long[0])));
      assertThrows(InvalidArgumentException.class, () -> model.forward(Arrays.asList(new long[] {1}, null)));
      assertThrows(OndolException.class, () -> model.forward(List.of(new long[] {10})));
      assertThrows(OndolException.class, () -> model.forward(List.of(new long[] {-1})));
    }
  }
}
