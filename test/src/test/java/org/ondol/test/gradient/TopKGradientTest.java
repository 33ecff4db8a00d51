package org.ondol.test.gradient;

import static org.ondol.test.gradient.GradientTest.close;
import static org.ondol.test.gradient.GradientTest.differences;
import static org.ondol.test.gradient.GradientTest.dot;
import static org.ondol.test.gradient.GradientTest.onEveryDevice;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.TopK;

/**
 * The gradient of topk against central differences of a sort in float64. Elements are all different and farther apart
 * than a step, so that none changes its place.
 */
class TopKGradientTest {
  private static final int ROWS = 3;
  private static final int N = 11;
  private static final int K = 4;

  private final Random random = new Random(23);

  @TestFactory
  List<DynamicNode> gradients() {
    return List.of(onEveryDevice("greatest of rows", device -> check(device, 1, true)),
        onEveryDevice("least of rows", device -> check(device, 1, false)),
        onEveryDevice("greatest of columns", device -> check(device, 0, true)));
  }

  private float[] distinct(int n) {
    int[] order = random.ints(0, 10 * n).distinct().limit(n).toArray();
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (order[i] - 5 * n) * 0x1p-6f;
    }
    return x;
  }

  /** Row-major values of the result. */
  private static double[] forward(float[] x, int dim, boolean largest) {
    double[] y = new double[ROWS * K];
    for (int r = 0; r < ROWS; r++) {
      int row = r;
      double[] sorted = IntStream.range(0, N).mapToDouble(i -> x[dim == 1 ? row * N + i : i * ROWS + row]).sorted()
          .toArray();
      for (int i = 0; i < K; i++) {
        y[dim == 1 ? r * K + i : i * ROWS + r] = sorted[largest ? N - 1 - i : i];
      }
    }
    return y;
  }

  private void check(Device device, int dim, boolean largest) {
    float[] x = distinct(ROWS * N);
    float[] dy = distinct(ROWS * K);
    long[] shape = dim == 1 ? new long[] {ROWS, N} : new long[] {N, ROWS};
    TopK.Result r = TopK.apply(Tensor.of(device, x, shape), K, dim, largest);
    Tensor dx = TopK.backward(Tensor.of(device, dy, r.values().shape()), r.indices(), N, dim);
    close("dx of " + Arrays.toString(shape), device, dx,
        differences(x, changed -> dot(forward(changed, dim, largest), dy)));
  }
}
