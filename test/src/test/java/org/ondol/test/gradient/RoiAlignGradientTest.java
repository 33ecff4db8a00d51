package org.ondol.test.gradient;

import static org.ondol.test.gradient.GradientTest.close;
import static org.ondol.test.gradient.GradientTest.differences;
import static org.ondol.test.gradient.GradientTest.dot;
import static org.ondol.test.gradient.GradientTest.onEveryDevice;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.RoiAlignOracle;

/** Gradients of samples of regions against central differences of the float64 oracle's forward pass. */
class RoiAlignGradientTest {
  private static final int HEIGHT = 7;
  private static final int WIDTH = 9;
  private static final int ROWS = 2;
  private static final int COLUMNS = 2;
  private static final double SCALE = 0.5;

  /** Overlapping, partly outside, reversed; coordinates that float32 holds exactly, whatever is done with them. */
  private static final float[] BOXES = {0, 0, 16, 12, 3.25f, 2.5f, 9.75f, 11.5f, -6, -4, 5, 6.5f, 12.5f, 10, 3.5f, 1.25f};
  private static final int[] IMAGES = {0, 1, 1, 0};

  private final Random random = new Random(23);

  /** All different and far apart beside the steps of the differences, so that no maximum changes its place. */
  private float[] values(int n) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      order.add(i + 1);
    }
    Collections.shuffle(order, random);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = order.get(i) * 6.4f * (1 + 0x1p-5f * random.nextInt(16));
    }
    return x;
  }

  @TestFactory
  List<DynamicNode> gradients() {
    List<DynamicNode> tests = new ArrayList<>();
    for (RoiAlign.Op op : RoiAlign.Op.values()) {
      for (boolean aligned : new boolean[] {false, true}) {
        for (boolean positionSensitive : new boolean[] {false, true}) {
          RoiAlign.Options o = new RoiAlign.Options(op, aligned, 2, 4);
          tests.add(onEveryDevice(o + (positionSensitive ? " position-sensitive" : ""), device -> check(device, o, positionSensitive)));
        }
      }
    }
    return tests;
  }

  private void check(Device device, RoiAlign.Options o, boolean positionSensitive) {
    int outputs = 2;
    int channels = positionSensitive ? outputs * ROWS * COLUMNS : outputs;
    float[] x = values(2 * channels * HEIGHT * WIDTH);
    float[] dy = new float[IMAGES.length * outputs * ROWS * COLUMNS];
    for (int i = 0; i < dy.length; i++) {
      dy[i] = (random.nextInt(33) - 16) * 0.125f;
    }
    Tensor tdy = Tensor.of(device, dy, IMAGES.length, outputs, ROWS, COLUMNS);
    Pyramid maps = Pyramid.of(Tensor.of(device, x, 2, channels, HEIGHT, WIDTH), SCALE);
    try (Rois rois = Rois.of(Tensor.of(device, BOXES, IMAGES.length, 4), Tensor.of(device, IMAGES, IMAGES.length))) {
      Tensor dx = gradient(maps, rois, tdy, o, positionSensitive);
      close("dx", device, dx, differences(x, changed -> dot(forward(x, channels, outputs, o, positionSensitive), dy)));
    }
  }

  private static Tensor gradient(Pyramid maps, Rois rois, Tensor dy, RoiAlign.Options o, boolean positionSensitive) {
    if (o.op() == RoiAlign.Op.AVERAGE) {
      return (positionSensitive ? PsRoiAlign.averageBackward(dy, rois, maps.shape(), o)
          : RoiAlign.averageBackward(dy, rois, maps.shape(), o)).getFirst();
    }
    if (positionSensitive) {
      Pool.Max max = PsRoiAlign.maxWithIndices(maps, rois, ROWS, COLUMNS, o);
      return PsRoiAlign.maxBackward(dy, max.indices(), rois, maps.shape(), o).getFirst();
    }
    Pool.Max max = RoiAlign.maxWithIndices(maps, rois, ROWS, COLUMNS, o);
    return RoiAlign.maxBackward(dy, max.indices(), rois, maps.shape(), o).getFirst();
  }

  private static double[] forward(float[] x, int channels, int outputs, RoiAlign.Options o, boolean positionSensitive) {
    String op = o.op() == RoiAlign.Op.AVERAGE ? "average" : o.op().name().toLowerCase(Locale.ROOT).replace("max_", "");
    int grid = ROWS * COLUMNS;
    Bound.Values y = new Bound.Values(IMAGES.length * outputs * grid);
    for (int at = 0; at < y.value().length; at++) {
      int r = at / grid / outputs;
      int c = at / grid % outputs;
      double[] box = new double[4];
      for (int k = 0; k < 4; k++) {
        box[k] = BOXES[4 * r + k] * SCALE;
      }
      var region = new RoiAlignOracle.Region(op, o.aligned(), (int) o.samplingH(), (int) o.samplingW(), ROWS, COLUMNS, HEIGHT, WIDTH, box);
      int plane = (IMAGES[r] * channels + (positionSensitive ? c * grid + at % grid : c)) * HEIGHT * WIDTH;
      RoiAlignOracle.bin(region, x, plane, at % grid / COLUMNS, at % COLUMNS, y, at);
    }
    return y.value();
  }
}
