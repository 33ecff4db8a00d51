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
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool;
import org.ondol.ops.RoiPool.Rounding;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;
import org.ondol.test.oracle.RoiPoolOracle;
import org.ondol.test.page.PageRoiPool.Call;
import org.ondol.test.page.PageRoiPool.Level;

/**
 * Gradients of pooling of regions against central differences of the float64 oracle's forward pass. Elements are all different
 * and farther apart than a step, so that no maximum changes its place.
 */
class RoiPoolGradientTest {
  private static final Level LEVEL = new Level(7, 9, 0.5f);
  private static final int BATCH = 2;
  private static final float[] BOXES = {0, 0, 17, 13, 3, 2, 9, 11, -6, 4, 5, 30, 10, 10, 4, 4, 8, 1, 8.4f, 1.3f};
  private static final int[] IMAGES = {0, 1, 1, 0, 1};

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

  private static Call call(Rounding rounding, boolean average, boolean sensitive, int channels, int[]... bins) {
    return new Call(rounding, average, sensitive, BATCH, channels, new Level[] {LEVEL}, BOXES, IMAGES, new int[IMAGES.length], bins);
  }

  /** The op's gradient for given x and dy. */
  private interface Gradient {
    Tensor of(Tensor x, float[] dy, Rois rois, long... xShape);
  }

  private void check(Device device, Call call, Gradient gradient) {
    float[] x = values(BATCH * call.channels() * LEVEL.height() * LEVEL.width());
    float[] dy = values(call.regions() * call.row());
    Tensor map = Tensor.of(device, x, BATCH, call.channels(), LEVEL.height(), LEVEL.width());
    Rois rois = Rois.of(Tensor.of(device, BOXES, IMAGES.length, 4), Tensor.of(device, IMAGES, IMAGES.length));
    Tensor dx = gradient.of(map, dy, rois, map.shape());
    close("dx", device, dx, differences(x, changed -> dot(RoiPoolOracle.forward(call, new float[][] {x}).value(), dy)));
    rois.close();
  }

  @TestFactory
  List<DynamicNode> gradients() {
    List<DynamicNode> tests = new ArrayList<>();
    tests.add(onEveryDevice("roipool max", d -> check(d, call(Rounding.ROUND, false, false, 3, new int[] {3, 2}), (x, dy, rois, shape) -> {
      Pool.Max max = RoiPool.maxWithIndices(x, rois, 0.5, 3, 2);
      return RoiPool.maxBackward(Tensor.of(d, dy, max.y().shape()), max.indices(), rois, 0.5, shape);
    })));
    tests.add(onEveryDevice("roipool average", d -> check(d, call(Rounding.ROUND, true, false, 3, new int[] {2, 4}),
        (x, dy, rois, shape) -> RoiPool.averageBackward(Tensor.of(d, dy, rois.count(), 3, 2, 4), rois, 0.5, shape))));
    tests.add(onEveryDevice("spp", d -> check(d, call(Rounding.SPP, false, false, 2, new int[] {1, 1}, new int[] {2, 2}, new int[] {4, 4}),
        (x, dy, rois, shape) -> {
          Pool.Max max = Spp.withIndices(Pyramid.of(x, 0.5), rois, 1, 2, 4);
          return Spp.backward(Tensor.of(d, dy, max.y().shape()), max.indices(), rois, Pyramid.Shape.of(0.5, shape), 1, 2, 4).get(0);
        })));
    for (Rounding rounding : List.of(Rounding.RFCN, Rounding.GRID)) {
      tests.add(onEveryDevice("psroipool " + rounding, d -> check(d, call(rounding, true, true, 12, new int[] {3, 2}),
          (x, dy, rois, shape) -> PsRoiPool.backward(Tensor.of(d, dy, rois.count(), 2, 3, 2), rois, 0.5, rounding, shape))));
    }
    return tests;
  }
}
