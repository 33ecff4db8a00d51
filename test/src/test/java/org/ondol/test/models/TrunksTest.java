package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.ondol.Tensor;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;
import org.ondol.models.trunks.SqueezeNet;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.Softmax;

/** The published trunks against their reference outputs, on every device. */
class TrunksTest {
  private static final Path SQUEEZENET =
      Path.of(System.getProperty("ondol.data", "../../shared/data"), "squeezenet", "weights.safetensors");

  private static float[] onTape(SafeTensors golden, String input) {
    int size = (int) golden.shape(input)[2];
    return Network.everywhere(golden, n -> {
      try (SqueezeNet net = SqueezeNet.load(SQUEEZENET, n.device()); Tape tape = Tape.open()) {
        Tensor x = n.tensor(golden.floats(input), 1, 3, size, size);
        Net<Value> maps = new Net.OnTape(tape, Statistics.RUNNING);
        Tensor logits = tape.frozen(() -> net.logits(maps, tape.constant(x))).tensor();
        return Softmax.softmax(logits.reshape(1, SqueezeNet.CLASSES), 1);
      }
    });
  }

  /** The weights went through float16, whence the tolerance. */
  @Test
  void squeezeNetAgreesWithOnnxRuntime() throws IOException {
    SafeTensors golden = Network.open("squeezenet", "golden");
    float[] actual = onTape(golden, "ort_input");
    double distance = Network.distance(actual, golden.floats("ort_prob"));
    System.out.printf(Locale.ROOT, "[squeezenet] on a tape: largest difference %.2g%n", distance);
    assertTrue(distance <= 4.6e-4, "differs by " + distance);
    assertArrayEquals(new int[] {111, 591, 700, 669, 549}, Network.top(actual, 5));
  }

  @Test
  void squeezeNetKnowsTheDogs() throws IOException {
    SafeTensors golden = Network.open("squeezenet", "golden");
    float[] actual = onTape(golden, "dog_input");
    double distance = Network.distance(actual, golden.floats("dog_prob_pad0"));
    assertTrue(distance <= 1e-6, "differs by " + distance);
    assertArrayEquals(new int[] {537, 249, 248}, Network.top(actual, 3), "dogsled, malamute, Eskimo dog");
  }
}
