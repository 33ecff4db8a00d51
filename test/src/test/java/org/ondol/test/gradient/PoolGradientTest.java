package org.ondol.test.gradient;

import static org.ondol.test.gradient.GradientTest.close;
import static org.ondol.test.gradient.GradientTest.differences;
import static org.ondol.test.gradient.GradientTest.dot;
import static org.ondol.test.gradient.GradientTest.onEveryDevice;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Unpool;
import org.ondol.test.oracle.PoolOracle;

/**
 * Gradients of pooling and unpooling against central differences of the float64 oracle's forward pass. Elements are all
 * different and farther apart than a step, so that no maximum changes its place.
 */
class PoolGradientTest {
  private static final int HEIGHT = 6;
  private static final int WIDTH = 9;
  private static final int PLANES = 4;

  private final Random random = new Random(17);

  private float[] values(int n) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      order.add(i - n / 2);
    }
    Collections.shuffle(order, random);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = order.get(i) * 0x1p-6f;
    }
    return x;
  }

  private record Case(String name, PoolGeometry geometry) {}

  private static final List<Case> CASES = List.of(
      new Case("tiles", PoolGeometry.tiles(2)),
      new Case("overlapping", PoolGeometry.window(3, 3).padding(1)),
      new Case("overlapping, padding counts", PoolGeometry.window(3, 2).padding(1, 0, 1, 1).countPadding(true)),
      new Case("strided and uneven", PoolGeometry.window(3, 3).stride(2, 3).padding(1, 2, 0, 1)),
      new Case("dilated", PoolGeometry.window(2, 3).dilation(3, 2).padding(2)),
      new Case("ceil", PoolGeometry.window(2, 4).stride(3, 4).ceil(true).countPadding(true)));

  @TestFactory
  List<DynamicNode> gradients() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Case c : CASES) {
      tests.add(onEveryDevice("max " + c.name, device -> max(device, c.geometry)));
      tests.add(onEveryDevice("average " + c.name, device -> average(device, c.geometry)));
    }
    for (int[] size : new int[][] {{1, 1}, {4, 2}, {7, 12}}) {
      tests.add(onEveryDevice("adaptive to " + size[0] + " x " + size[1], device -> adaptive(device, size[0], size[1])));
    }
    tests.add(onEveryDevice("unpool with repeated indices", this::unpool));
    return tests;
  }

  private static PoolOracle.Windows windows(PoolGeometry g, long[] y) {
    return new PoolOracle.Windows(HEIGHT, WIDTH, (int) y[2], (int) y[3], new int[] {(int) g.kernelH(), (int) g.kernelW()},
        new int[] {(int) g.strideH(), (int) g.strideW()}, new int[] {(int) g.dilationH(), (int) g.dilationW()},
        new int[] {(int) g.padTop(), (int) g.padLeft()}, new int[] {(int) g.padBottom(), (int) g.padRight()}, g.countPadding());
  }

  private Tensor map(Device device, float[] x) {
    return Tensor.of(device, x, 2, 2, HEIGHT, WIDTH);
  }

  private void max(Device device, PoolGeometry g) {
    float[] x = values(PLANES * HEIGHT * WIDTH);
    Tensor tx = map(device, x);
    Pool.Max forward = Pool.maxWithIndices(tx, g);
    float[] dy = values((int) forward.y().count());
    PoolOracle.Windows w = windows(g, forward.y().shape());
    Tensor dx = Pool.maxBackward(Tensor.of(device, dy, forward.y().shape()), forward.indices(), g, tx.shape());
    close("dx", device, dx, differences(x, changed -> dot(PoolOracle.max(x, PLANES, w).value(), dy)));
  }

  private void average(Device device, PoolGeometry g) {
    float[] x = values(PLANES * HEIGHT * WIDTH);
    Tensor tx = map(device, x);
    long[] shape = Pool.average(tx, g).shape();
    float[] dy = values((int) (shape[0] * shape[1] * shape[2] * shape[3]));
    PoolOracle.Windows w = windows(g, shape);
    Tensor dx = Pool.averageBackward(Tensor.of(device, dy, shape), g, tx.shape());
    close("dx", device, dx, differences(x, changed -> dot(PoolOracle.average(x, PLANES, w).value(), dy)));
  }

  private void adaptive(Device device, int height, int width) {
    float[] x = values(PLANES * HEIGHT * WIDTH);
    float[] dy = values(PLANES * height * width);
    Tensor tx = map(device, x);
    Tensor tdy = Tensor.of(device, dy, 2, 2, height, width);
    PoolOracle.Windows w = new PoolOracle.Windows(HEIGHT, WIDTH, height, width, null, null, null, null, null, false);
    Pool.Max forward = Pool.adaptiveMaxWithIndices(tx, height, width);
    close("dx of max", device, Pool.adaptiveMaxBackward(tdy, forward.indices(), tx.shape()),
        differences(x, changed -> dot(PoolOracle.max(x, PLANES, w).value(), dy)));
    close("dx of average", device, Pool.adaptiveAverageBackward(tdy, tx.shape()),
        differences(x, changed -> dot(PoolOracle.average(x, PLANES, w).value(), dy)));
  }

  private void unpool(Device device) {
    int n = 7;
    int size = 20;
    float[] x = values(PLANES * n);
    float[] dy = values(PLANES * size);
    int[] indices = random.ints(PLANES * n, 0, 9).toArray();
    Tensor dx = Unpool.backward(Tensor.of(device, dy, 2, 2, 4, 5), Tensor.of(device, indices, 2, 2, 1, n));
    close("dx", device, dx, differences(x, changed -> {
      double[] wide = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        wide[i] = x[i];
      }
      return dot(PoolOracle.unpool(wide, indices, PLANES, n, size), dy);
    }));
  }
}
