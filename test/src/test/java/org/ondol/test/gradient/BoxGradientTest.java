package org.ondol.test.gradient;

import static org.ondol.test.gradient.GradientTest.close;
import static org.ondol.test.gradient.GradientTest.differences;
import static org.ondol.test.gradient.GradientTest.dot;
import static org.ondol.test.gradient.GradientTest.onEveryDevice;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Iou;
import org.ondol.ops.Pixels;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.Rois;
import org.ondol.ops.YoloBoxes;
import org.ondol.test.oracle.BoxOracle;
import org.ondol.test.oracle.IouOracle;
import org.ondol.test.oracle.RoiWarpOracle;
import org.ondol.test.page.PageRoiWarp;

/**
 * Gradients of overlaps, of decoded boxes and of warped images against central differences of the float64 oracles. No two
 * corners are nearer than two steps, where minimum and maximum have no derivative.
 */
class BoxGradientTest {
  private static final int PAIRS = 24;

  private final Random random = new Random(29);

  /** Different multiples of 1/16 from 0 to 3.9, each a little off so that no extent is that of a missing pixel: corners of boxes that meet, contain each other or lie apart, some reversed. */
  private float[][] boxes() {
    float[][] both = new float[2][4 * PAIRS];
    for (int i = 0; i < PAIRS; i++) {
      for (int axis = 0; axis < 2; axis++) {
        List<Integer> places = new ArrayList<>();
        for (int k = 0; k < 64; k++) {
          places.add(k);
        }
        Collections.shuffle(places, random);
        for (float[] boxes : both) {
          float one = places.removeFirst() / 16f + random.nextFloat() * 0.04f;
          float two = places.removeFirst() / 16f + random.nextFloat() * 0.04f;
          boolean reversed = i % 8 == 7;
          boxes[4 * i + axis] = reversed ? Math.max(one, two) : Math.min(one, two);
          boxes[4 * i + 2 + axis] = reversed ? Math.min(one, two) : Math.max(one, two);
        }
      }
    }
    return both;
  }

  private float[] values(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (random.nextInt(1 << 14) - (1 << 13)) * 0x1p-13f;
    }
    return x;
  }

  @TestFactory
  List<DynamicNode> overlaps() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Iou.Kind kind : List.of(Iou.Kind.IOU, Iou.Kind.GIOU)) {
      for (Pixels pixels : Pixels.values()) {
        tests.add(onEveryDevice(kind + " " + pixels, device -> overlap(device, kind, pixels)));
      }
    }
    return tests;
  }

  private void overlap(Device device, Iou.Kind kind, Pixels pixels) {
    float[][] boxes = boxes();
    float[] dy = values(PAIRS);
    String name = kind.name().toLowerCase(Locale.ROOT);
    Iou.Gradients g = Iou.backward(kind, Tensor.of(device, boxes[0], PAIRS, 4), Tensor.of(device, boxes[1], PAIRS, 4),
        Tensor.of(device, dy, PAIRS), pixels);
    close("da", device, g.da(), IouOracle.gradient(name, boxes[0], boxes[1], dy, pixels.offset(), false));
    close("db", device, g.db(), IouOracle.gradient(name, boxes[0], boxes[1], dy, pixels.offset(), true));
  }

  @TestFactory
  List<DynamicNode> deltas() {
    List<DynamicNode> tests = new ArrayList<>();
    List<BoxDeltas.Coding> codings = List.of(BoxDeltas.Coding.PLAIN, BoxDeltas.Coding.FASTER_RCNN,
        BoxDeltas.Coding.PLAIN.pixels(Pixels.INCLUSIVE, false).limit(0.5),
        BoxDeltas.Coding.PLAIN.normalised(List.of(0.1, -0.2, 0.05, 0.0), List.of(0.1, 0.1, 0.2, 0.2)).weights(2, 3, 1, 1));
    for (BoxDeltas.Coding coding : codings) {
      tests.add(onEveryDevice(coding.toString(), device -> delta(device, coding)));
    }
    return tests;
  }

  /** Deltas of two classes each. */
  private void delta(Device device, BoxDeltas.Coding coding) {
    int n = 9;
    float[] boxes = Arrays.copyOf(boxes()[0], 4 * n);
    float[] deltas = values(8 * n);
    float[] dy = values(8 * n);
    BoxOracle.Coding c = new BoxOracle.Coding(coding.pixels().offset(), 0, array(coding.means()), array(coding.deviations()),
        array(coding.weights()), coding.limit());
    double[] expected = differences(deltas, changed -> {
      double[] out = new double[changed.length];
      for (int i = 0; i < out.length; i += 4) {
        double[] box = BoxOracle.decode(c, IouOracle.box(boxes, i / 8), IouOracle.box(changed, i / 4));
        System.arraycopy(box, 0, out, i, 4);
      }
      return dot(out, dy);
    });
    close("ddeltas", device, BoxDeltas.backward(coding, Tensor.of(device, boxes, n, 4), Tensor.of(device, deltas, n, 8),
        Tensor.of(device, dy, n, 8)), expected);
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(v -> v).toArray();
  }

  @TestFactory
  List<DynamicNode> yolo() {
    double[][] anchors = {{1.5, 2}, {0.5, 3}};
    return List.of(
        onEveryDevice("version 1", device -> yolo(device, new YoloBoxes.Grid(null, 0.5, 0.25, 1))),
        onEveryDevice("anchors", device -> yolo(device, new YoloBoxes.Grid(anchors, 2, 1.5, 1))),
        onEveryDevice("anchors, scale 1.2", device -> yolo(device, new YoloBoxes.Grid(anchors, 2, 1.5, 1.2))));
  }

  private void yolo(Device device, YoloBoxes.Grid grid) {
    int rows = 3;
    int columns = 4;
    float[] t = values(rows * columns * 2 * 4);
    float[] dy = values(t.length);
    double[][] anchors = grid.anchors();
    double[] expected = differences(t, changed -> {
      double[] out = new double[changed.length];
      for (int i = 0; i < out.length; i += 4) {
        double[] box = BoxOracle.yolo(IouOracle.box(changed, i / 4), i / 8 / columns, i / 8 % columns,
            anchors == null ? null : anchors[i / 4 % 2], grid.strideX(), grid.strideY(), grid.scale());
        System.arraycopy(box, 0, out, i, 4);
      }
      return dot(out, dy);
    });
    close("dt", device, YoloBoxes.backward(grid, Tensor.of(device, t, rows, columns, 2, 4), Tensor.of(device, dy, rows, columns, 2, 4)),
        expected);
  }

  @TestFactory
  List<DynamicNode> warped() {
    List<DynamicNode> tests = new ArrayList<>();
    for (RoiWarp.Mode mode : RoiWarp.Mode.values()) {
      tests.add(onEveryDevice(mode.toString(), device -> warp(device, mode)));
    }
    return tests;
  }

  /** Overlapping boxes of two images, partly outside. */
  private void warp(Device device, RoiWarp.Mode mode) {
    String name = mode == RoiWarp.Mode.WARP ? "warp" : mode == RoiWarp.Mode.SQUARE ? "square" : "alone";
    PageRoiWarp.Shape shape = new PageRoiWarp.Shape(name, 1, 1, 2, 2, 7, 18, 5, 6);
    float[] boxes = {0.3f, 0.2f, 5.1f, 4.4f, -3.2f, 1.7f, 9.3f, 8.9f, 2.6f, 3.1f, 4.9f, 3.8f, 6.2f, -2.3f, 16.4f, 5.7f};
    int[] images = {1, 0, 1, 1};
    float[] x = values(shape.xSize());
    float[] dy = values(4 * 2 * 5 * 6);
    double[] expected = differences(x, changed -> dot(RoiWarpOracle.forward(shape, changed, boxes, images, null).value(), dy));
    try (Rois rois = Rois.of(Tensor.of(device, boxes, 4, 4), Tensor.of(device, images, 4))) {
      close("dx", device, RoiWarp.backward(Tensor.of(device, dy, 4, 2, 5, 6), rois, new long[] {2, 2, 7, 18},
          RoiWarp.Options.DEFAULT.mode(mode).pixels(Pixels.INCLUSIVE).context(1)), expected);
    }
  }
}
