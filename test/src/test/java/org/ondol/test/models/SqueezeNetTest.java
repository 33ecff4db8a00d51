package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.Conv.Epilogue;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.Reduce;
import org.ondol.ops.Softmax;

/**
 * SqueezeNet 1.1 (Iandola et al. 2016) with its own weights against ONNX Runtime's probabilities and for a photograph.
 */
class SqueezeNetTest {
  private static Tensor conv(Network n, Tensor x, String name, ConvGeometry g) {
    try (PackedFilter filter = PackedFilter.conv(n.weight(name + ".weight"), g)) {
      return Conv.apply(x, filter, relu(n, name));
    }
  }

  private static Epilogue relu(Network n, String name) {
    return Epilogue.bias(n.weight(name + ".bias")).activation(Activation.RELU);
  }

  /** Both expansions write their slice of the result. */
  private static Tensor fire(Network n, Tensor x, String name) {
    Tensor s = conv(n, x, name + "_squeeze1x1", ConvGeometry.UNIT);
    Tensor one = n.weight(name + "_expand1x1.weight");
    Tensor three = n.weight(name + "_expand3x3.weight");
    long e = one.size(0);
    Tensor y = Tensor.empty(n.device(), s.size(0), 2 * e, s.size(2), s.size(3));
    Conv.into(s, one, ConvGeometry.UNIT, relu(n, name + "_expand1x1"), y.slice(1, 0, e));
    Conv.into(s, three, ConvGeometry.UNIT.padding(1), relu(n, name + "_expand3x3"), y.slice(1, e, 2 * e));
    return y;
  }

  private static Tensor probabilities(Network n, float[] image, int size, int lastPadding) {
    Tensor x = n.pool(conv(n, n.tensor(image, 1, 3, size, size), "conv1", ConvGeometry.UNIT.stride(2)), true);
    x = n.pool(fire(n, fire(n, x, "fire2"), "fire3"), true);
    x = n.pool(fire(n, fire(n, x, "fire4"), "fire5"), true);
    for (int i = 6; i <= 9; i++) {
      x = fire(n, x, "fire" + i);
    }
    x = conv(n, x, "conv10", ConvGeometry.UNIT.padding(lastPadding));
    return Softmax.softmax(Reduce.mean(x.reshape(1, 1000, -1), 2), 1);
  }

  private static float[] run(SafeTensors golden, String input, int padding) throws IOException {
    int size = (int) golden.shape(input)[2];
    return Network.everywhere(Network.open("squeezenet", "weights"),
        n -> probabilities(n, golden.floats(input), size, padding));
  }

  /** The weights went through float16, whence the tolerance. */
  @Test
  void agreesWithOnnxRuntime() throws IOException {
    SafeTensors golden = Network.open("squeezenet", "golden");
    float[] actual = run(golden, "ort_input", 0);
    double distance = Network.distance(actual, golden.floats("ort_prob"));
    System.out.printf(Locale.ROOT, "[squeezenet] largest difference to ONNX Runtime's probabilities %.2g%n", distance);
    assertTrue(distance <= 4.6e-4, "differs by " + distance);
    assertArrayEquals(new int[] {111, 591, 700, 669, 549}, Network.top(actual, 5));
  }

  @Test
  void knowsTheDogs() throws IOException {
    SafeTensors golden = Network.open("squeezenet", "golden");
    for (int padding = 0; padding <= 1; padding++) {
      float[] actual = run(golden, "dog_input", padding);
      double distance = Network.distance(actual, golden.floats("dog_prob_pad" + padding));
      assertTrue(distance <= 1e-6, "padding " + padding + " differs by " + distance);
      if (padding == 0) {
        assertArrayEquals(new int[] {537, 249, 248}, Network.top(actual, 3), "dogsled, malamute, Eskimo dog");
      }
    }
  }
}
