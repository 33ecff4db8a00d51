package org.ondol.test.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.BatchNorm;
import org.ondol.test.support.TestDevices;

/**
 * A folded weight and bias give, product by product, what the product followed by the normalisation gives. Only the part of a
 * convolution that folding touches is needed: the weights that meet one output channel, and their inputs.
 */
class BatchNormFoldTest {
  private static final int KERNEL = 6;
  private static final double EPS = 1e-3;

  private final Random random = new Random(5);

  private float[] values(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  /** Statistics and parameters of the normalisation of some channels. */
  private final class Norm {
    final float[] gamma;
    final float[] beta;
    final float[] mean;
    final float[] variance;

    Norm(int channels) {
      gamma = values(channels);
      beta = values(channels);
      mean = values(channels);
      variance = values(channels);
      for (int c = 0; c < channels; c++) {
        variance[c] *= variance[c];
      }
    }

    double of(int c, double v) {
      return (v - mean[c]) / Math.sqrt(variance[c] + EPS) * gamma[c] + beta[c];
    }
  }

  @TestFactory
  List<DynamicNode> convolution() {
    List<DynamicNode> tests = new ArrayList<>();
    for (boolean biased : new boolean[] {true, false}) {
      tests.add(DynamicTest.dynamicTest(biased ? "with a bias" : "without a bias", () -> onEveryDevice(device -> {
        float[] weight = values(5 * 3 * KERNEL);
        float[] bias = biased ? values(5) : null;
        Norm norm = new Norm(5);
        BatchNorm.Folded folded = BatchNorm.fold(Tensor.of(device, weight, 5, 3, 2, 3), tensor(device, bias),
            tensor(device, norm.gamma), tensor(device, norm.beta), tensor(device, norm.mean), tensor(device, norm.variance), EPS);
        compare(5, 3, (o, i) -> o * 3 + i, weight, bias, norm, folded);
      })));
    }
    return tests;
  }

  @TestFactory
  List<DynamicNode> transposedConvolution() {
    List<DynamicNode> tests = new ArrayList<>();
    for (int groups : new int[] {1, 2}) {
      tests.add(DynamicTest.dynamicTest(groups + " groups", () -> onEveryDevice(device -> {
        int perGroup = 3;
        int inputs = 4 / groups;
        float[] weight = values(4 * perGroup * KERNEL);
        float[] bias = values(groups * perGroup);
        Norm norm = new Norm(groups * perGroup);
        BatchNorm.Folded folded = BatchNorm.foldTransposed(Tensor.of(device, weight, 4, perGroup, 2, 3), tensor(device, bias),
            groups, tensor(device, norm.gamma), tensor(device, norm.beta), tensor(device, norm.mean),
            tensor(device, norm.variance), EPS);
        compare(groups * perGroup, inputs, (o, i) -> (o / perGroup * inputs + i) * perGroup + o % perGroup, weight, bias, norm, folded);
      })));
    }
    return tests;
  }

  private static Tensor tensor(Device device, float[] x) {
    return x == null ? null : Tensor.of(device, x, x.length);
  }

  private static void onEveryDevice(java.util.function.Consumer<Device> test) {
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        test.accept(device);
      }
    }
  }

  /** Where the kernel of output channel o and input channel i of its group lies. */
  @FunctionalInterface
  private interface Layout {
    int kernel(int o, int i);
  }

  private void compare(int outputs, int inputs, Layout layout, float[] weight, float[] bias, Norm norm, BatchNorm.Folded folded) {
    float[] x = values(inputs * KERNEL);
    float[] foldedWeight = folded.weight().toFloats();
    float[] foldedBias = folded.bias().toFloats();
    for (int o = 0; o < outputs; o++) {
      double plain = bias == null ? 0 : bias[o];
      double once = foldedBias[o];
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < KERNEL; k++) {
          int at = layout.kernel(o, i) * KERNEL + k;
          plain += (double) weight[at] * x[i * KERNEL + k];
          once += (double) foldedWeight[at] * x[i * KERNEL + k];
        }
      }
      double expected = norm.of(o, plain);
      assertEquals(expected, once, 1e-5 * (1 + Math.abs(expected)) + 1e-4 * Math.abs(norm.gamma[o]), "channel " + o);
    }
  }
}
