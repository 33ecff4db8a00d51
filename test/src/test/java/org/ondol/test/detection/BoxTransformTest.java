package org.ondol.test.detection;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Anchors;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Iou;
import org.ondol.ops.Pixels;
import org.ondol.ops.YoloBoxes;
import org.ondol.test.oracle.BoxOracle;
import org.ondol.test.oracle.IouOracle;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/**
 * Centre form, clipping, deltas, YOLO's boxes and anchors on every device: near what float64 gives, known by hand, and with the
 * same bits everywhere.
 */
class BoxTransformTest {
  private static final double RELATIVE = 1e-5;

  /** Runs on every device, compares bits among them, and gives the values. */
  private static float[] everywhere(Function<Device, Tensor> call) {
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        float[] values = call.apply(device).toFloats();
        String difference = first == null ? null : Bits.difference(values, first);
        if (difference != null) {
          fail("on " + device + ": " + difference);
        }
        first = first == null ? values : first;
      }
    }
    return first;
  }

  private static void near(float[] actual, double[] expected, double scale) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= RELATIVE * (scale + Math.abs(expected[i])))) {
        fail("element " + i + " is " + actual[i] + ", expected " + expected[i]);
      }
    }
  }

  private static float[] boxes(Random random, int n, double size) {
    float[] boxes = new float[4 * n];
    for (int i = 0; i < 4 * n; i += 4) {
      for (int k = i; k < i + 2; k++) {
        boxes[k] = (float) (random.nextDouble() * size);
        boxes[k + 2] = boxes[k] + (float) (1 + random.nextDouble() * size);
      }
    }
    return boxes;
  }

  private static float[] normal(Random random, int n, double deviation) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (random.nextGaussian() * deviation);
    }
    return x;
  }

  @Test
  void centreFormByHand() {
    float[] boxes = {1, 2, 4, 8, -3, 0, -1, 5};
    assertArrayEquals(new float[] {2.5f, 5, 3, 6, -2, 2.5f, 2, 5},
        everywhere(d -> Boxes.toCentre(Tensor.of(d, boxes, 2, 4), Pixels.BETWEEN)));
    assertArrayEquals(new float[] {3, 5.5f, 4, 7, -1.5f, 3, 3, 6},
        everywhere(d -> Boxes.toCentre(Tensor.of(d, boxes, 2, 4), Pixels.INCLUSIVE)));
    for (Pixels pixels : Pixels.values()) {
      assertArrayEquals(boxes, everywhere(d -> Boxes.toCorners(Boxes.toCentre(Tensor.of(d, boxes, 2, 4), pixels), pixels)));
    }
  }

  @Test
  void clippingByHand() {
    float[] boxes = {-1, 2, 30, 40, 5, -7, 9, Float.NaN, Float.NEGATIVE_INFINITY, 3, Float.POSITIVE_INFINITY, 4, 50, 60, 55, 70};
    assertArrayEquals(new float[] {0, 2, 20, 10, 5, 0, 9, Float.NaN, 0, 3, 20, 4, 20, 10, 20, 10},
        everywhere(d -> Boxes.clip(Tensor.of(d, boxes, 4, 4), new Boxes.Size(10, 20), Pixels.BETWEEN)));
    List<Boxes.Size> sizes = List.of(new Boxes.Size(10, 20), new Boxes.Size(100, 52));
    assertArrayEquals(new float[] {0, 2, 19, 9, 5, 0, 9, Float.NaN, 0, 3, 51, 4, 50, 60, 51, 70},
        everywhere(d -> Boxes.clip(Tensor.of(d, boxes, 2, 2, 4), sizes, Pixels.INCLUSIVE)));
  }

  @Test
  void smallAndOutlyingBoxesByHand() {
    float[] boxes = {0, 0, 4, 4, 1, 1, 5, 4.5f, 2, 2, Float.NaN, 9, 7, 7, 3, 12, -2, 0, 6, 20};
    for (Device device : TestDevices.available()) {
      try (Tensor t = Tensor.of(device, boxes, 5, 4)) {
        assertArrayEquals(new int[] {0, 4}, Boxes.large(t, 4, 4, Pixels.BETWEEN, false));
        assertArrayEquals(new int[] {4}, Boxes.large(t, 4, 4, Pixels.BETWEEN, true));
        assertArrayEquals(new int[] {0, 1, 4}, Boxes.large(t, 4, 4, Pixels.INCLUSIVE, true));
        assertArrayEquals(new int[] {0, 1}, Boxes.inside(t, new Boxes.Size(5, 5), 0, Pixels.BETWEEN));
        assertArrayEquals(new int[] {0}, Boxes.inside(t, new Boxes.Size(5, 5), 0, Pixels.INCLUSIVE));
        assertArrayEquals(new int[] {0, 1, 3, 4}, Boxes.inside(t, new Boxes.Size(20, 6), 2, Pixels.BETWEEN));
        try (Tensor taken = Boxes.take(t, 3, 0)) {
          assertArrayEquals(new float[] {7, 7, 3, 12, 0, 0, 4, 4}, taken.toFloats());
        }
      }
    }
  }

  private static BoxOracle.Coding oracle(BoxDeltas.Coding c) {
    return new BoxOracle.Coding(c.pixels().offset(), c.legacy() ? 0 : c.pixels().offset(), array(c.means()), array(c.deviations()),
        array(c.weights()), c.limit());
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(v -> v).toArray();
  }

  private static List<BoxDeltas.Coding> codings() {
    List<BoxDeltas.Coding> all = new ArrayList<>(List.of(BoxDeltas.Coding.PLAIN, BoxDeltas.Coding.FASTER_RCNN,
        BoxDeltas.Coding.TORCHVISION));
    all.add(BoxDeltas.Coding.PLAIN.pixels(Pixels.INCLUSIVE, false).limit(BoxDeltas.LIMIT));
    all.add(BoxDeltas.Coding.FASTER_RCNN.normalised(List.of(0.1, -0.2, 0.0, 0.3), List.of(0.1, 0.1, 0.2, 0.2)).limit(0.4));
    return all;
  }

  @Test
  void deltasAreThoseOfFloat64() {
    Random random = new Random(5);
    int n = 300;
    float[] boxes = boxes(random, n, 400);
    float[] targets = boxes(random, n, 400);
    float[] deltas = normal(random, 12 * n, 0.7); // three classes
    for (BoxDeltas.Coding coding : codings()) {
      double[] encoded = new double[4 * n];
      double[] decoded = new double[12 * n];
      for (int i = 0; i < n; i++) {
        double[] box = IouOracle.box(boxes, i);
        System.arraycopy(BoxOracle.encode(oracle(coding), box, IouOracle.box(targets, i)), 0, encoded, 4 * i, 4);
        for (int k = 0; k < 3; k++) {
          System.arraycopy(BoxOracle.decode(oracle(coding), box, IouOracle.box(deltas, 3 * i + k)), 0, decoded, 12 * i + 4 * k, 4);
        }
      }
      near(everywhere(d -> BoxDeltas.encode(coding, Tensor.of(d, boxes, n, 4), Tensor.of(d, targets, n, 4))), encoded, 10);
      near(everywhere(d -> BoxDeltas.decode(coding, Tensor.of(d, boxes, n, 4), Tensor.of(d, deltas, n, 12))), decoded, 2000);
    }
  }

  @Test
  void decodingUndoesEncoding() {
    Random random = new Random(6);
    int n = 200;
    float[] boxes = boxes(random, n, 100);
    float[] targets = boxes(random, n, 100);
    double[] expected = new double[4 * n];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = targets[i];
    }
    for (BoxDeltas.Coding coding : codings().subList(0, 4)) {
      double corner = coding.legacy() ? 1 : 0; // what the legacy form forgets
      double[] moved = expected.clone();
      for (int i = 0; i < moved.length; i++) {
        moved[i] += i % 4 < 2 ? 0 : corner;
      }
      near(everywhere(d -> {
        Tensor from = Tensor.of(d, boxes, n, 4);
        return BoxDeltas.decode(coding, from, BoxDeltas.encode(coding, from, Tensor.of(d, targets, n, 4)));
      }), moved, 100);
    }
  }

  @Test
  void yoloIsThatOfFloat64AndBack() {
    Random random = new Random(7);
    int rows = 5;
    int columns = 7;
    double[][] anchors = {{10, 13}, {33, 23}};
    for (YoloBoxes.Grid grid : List.of(new YoloBoxes.Grid(null, 1.0 / rows, 1.0 / columns, 1), new YoloBoxes.Grid(anchors, 32, 16, 1),
        new YoloBoxes.Grid(anchors, 32, 16, 1.05))) {
      float[] t = normal(random, 3 * rows * columns * 2 * 4, 1);
      boolean first = grid.anchors() == null;
      for (int i = 0; i < t.length && first; i++) {
        t[i] = Math.abs(t[i]); // square roots
      }
      double[] expected = new double[t.length];
      for (int i = 0; i < t.length / 4; i++) {
        double[] box = BoxOracle.yolo(IouOracle.box(t, i), i / 2 / columns % rows, i / 2 % columns, first ? null : anchors[i % 2],
            grid.strideX(), grid.strideY(), grid.scale());
        System.arraycopy(box, 0, expected, 4 * i, 4);
      }
      near(everywhere(d -> YoloBoxes.decode(grid, Tensor.of(d, t, 3, rows, columns, 2, 4))), expected, first ? 1 : 100);
      double[] back = new double[t.length];
      for (int i = 0; i < t.length; i++) {
        back[i] = t[i];
      }
      near(everywhere(d -> YoloBoxes.encode(grid, YoloBoxes.decode(grid, Tensor.of(d, t, 3, rows, columns, 2, 4)))), back, 30);
      // Darknet's layout is a view away.
      float[] darknet = everywhere(d -> {
        Tensor planes = Tensor.of(d, t, 3, rows, columns, 2, 4).permute(0, 3, 4, 1, 2).copy(); // [N, A, 4, H, W]
        return YoloBoxes.decode(grid, planes.permute(0, 3, 4, 1, 2));
      });
      near(darknet, expected, first ? 1 : 100);
    }
  }

  /** The nine anchors of the paper: its MATLAB code counts pixels from one, which gives the numbers here, and its Python code from zero. */
  @Test
  void baseAnchorsOfFasterRcnn() {
    double[][] expected = {{-83, -39, 100, 56}, {-175, -87, 192, 104}, {-359, -183, 376, 200}, {-55, -55, 72, 72},
      {-119, -119, 136, 136}, {-247, -247, 264, 264}, {-35, -79, 52, 96}, {-79, -167, 96, 184}, {-167, -343, 184, 360}};
    double[][] actual = Anchors.fasterRcnn(16, new double[] {0.5, 1, 2}, new double[] {8, 16, 32});
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      for (int k = 0; k < 4; k++) {
        assertEquals(expected[i][k] - 1, actual[i][k]);
      }
    }
  }

  @Test
  void gridOfAnchorsByHand() {
    double[][] base = Anchors.centred(new double[] {4, 8}, new double[] {1, 4}, 1, 2);
    assertArrayEquals(new double[] {-1, 0, 3, 4}, base[0]);
    assertArrayEquals(new double[] {0, -2, 2, 6}, base[2]);
    float[] grid = everywhere(d -> Anchors.grid(d, base, 3, 5, 10, 20));
    assertEquals(3 * 5 * 4 * 4, grid.length);
    for (int row = 0; row < 3; row++) {
      for (int column = 0; column < 5; column++) {
        for (int k = 0; k < 16; k++) {
          double shift = k % 2 == 0 ? 20 * column : 10 * row;
          assertEquals((float) (base[k / 4][k % 4] + shift), grid[(row * 5 + column) * 16 + k]);
        }
      }
    }
  }

  @Test
  void overlapsByHand() {
    float[] a = {0, 0, 2, 2, 5, 5, 3, 3, 0, 0, 2, Float.NaN};
    float[] b = {1, 1, 3, 3, 0, 0, 2, 2, 9, 9, 10, 10};
    float nan = Float.NaN;
    assertArrayEquals(new float[] {1f / 7, 1, 0, 0, 0, 0, nan, nan, nan},
        everywhere(d -> Iou.pairwise(Tensor.of(d, a, 3, 4), Tensor.of(d, b, 3, 4))));
    assertArrayEquals(new float[] {1f / 7 - 2f / 9, -5f / 9, nan},
        everywhere(d -> Iou.paired(Iou.Kind.GIOU, Tensor.of(d, a, 3, 4), Tensor.of(d, b, 3, 4), Pixels.BETWEEN)));
    // At its maximum the gradient is zero: equal corners share.
    float[] da = everywhere(d -> Iou.backward(Iou.Kind.GIOU, Tensor.of(d, a, 3, 4).slice(0, 0, 1), Tensor.of(d, a, 3, 4).slice(0, 0, 1),
        Tensor.of(d, new float[] {1}, 1), Pixels.BETWEEN).da());
    for (float v : da) {
      assertTrue(v == 0, "gradient " + v + " of a box that is its own target");
    }
  }
}
