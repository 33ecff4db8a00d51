package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.YoloV1;
import org.ondol.test.support.TestDevices;

/** YOLO's loss against numbers by hand, equation 3 written out in float64, and central differences of it. */
class YoloLossTest {
  private static final YoloV1.Options SMALL = new YoloV1.Options(2, 2, 2, 5, 0.5);

  /** The loss and its gradient by the predictions. */
  private record Result(float loss, float[] gradient) {}

  private static Result run(Device device, YoloV1.Options o, float[] p, List<List<LabelledBox>> truths) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Value x = tape.variable(Tensor.of(device, p, truths.size(), o.channels(), o.grid(), o.grid()));
      Value loss = YoloV1.loss(o, x, truths);
      float value = loss.item();
      tape.backward(loss);
      return new Result(value, x.gradient().toFloats());
    }
  }

  @Test
  void oneObjectByHand() {
    // An object of class 1 with centre (0.75, 0.25) and sides 0.25, 0.0625: cell (row 0, column 1), x 0.5, y 0.5,
    // roots 0.5 and 0.25. Its predictor 1 is right, predictor 0 far off; all numbers of other cells are 0.
    float[] p = new float[12 * 4];
    int cell = 1;
    float[] values = {0.5f, 0.5f, 1, 1, 0.5f, /* predictor 1 */ 0.5f, 0.5f, 0.5f, 0.25f, 0.75f, /* classes */ 0.25f, 0.5f};
    for (int k = 0; k < 12; k++) p[k * 4 + cell] = values[k];
    LabelledBox box = new LabelledBox(1, 0.625f, 0.21875f, 0.875f, 0.28125f);
    // No error of the box; confidence (0.75 - 1)^2; the other predictor 0.5 · 0.5^2; classes 0.25^2 + 0.5^2.
    double expected = 0.0625 + 0.125 + 0.0625 + 0.25;
    for (Device device : TestDevices.available()) {
      assertEquals(expected, run(device, SMALL, p, List.of(List.of(box))).loss(), 1e-6, device.toString());
    }
    p[5 * 4 + cell] = 0.25f; // moved by a quarter of a cell: IoU (0.25 - 0.125) / (0.25 + 0.125) = 1/3
    double moved = 5 * 0.0625 + (0.75 - 1 / 3.0) * (0.75 - 1 / 3.0) + 0.125 + 0.0625 + 0.25;
    assertEquals(moved, run(Device.of("java"), SMALL, p, List.of(List.of(box))).loss(), 1e-6);
  }

  @Test
  void nothingToFindCostsConfidenceOnly() {
    float[] p = new float[2 * 12 * 4];
    Arrays.fill(p, 0.5f);
    // 2 boxes of each of 4 cells: 0.5 · 8 · 0.25 an image.
    assertEquals(1, run(Device.of("java"), SMALL, p, List.of(List.of(), List.of())).loss(), 1e-6);
    LabelledBox difficult = new LabelledBox(0, 0, 0, 1, 1, true);
    assertEquals(1, run(Device.of("java"), SMALL, p, List.of(List.of(difficult), List.of())).loss(), 1e-6);
  }

  // ---- equation 3, written out

  /** What the loss takes as given: for each image, cell and box the object or -1, and the IoU that it then has. */
  private record Given(int[] object, double[] iou) {}

  private static double[] box(YoloV1.Options o, double[] p, int n, int j, int cell) {
    int s = o.grid();
    double[] v = new double[4];
    for (int k = 0; k < 4; k++) v[k] = p[((n * o.channels() + 5 * j + k) * s * s) + cell];
    double x = (cell % s + v[0]) / s;
    double y = (cell / s + v[1]) / s;
    return new double[] {x - v[2] * v[2] / 2, y - v[3] * v[3] / 2, x + v[2] * v[2] / 2, y + v[3] * v[3] / 2};
  }

  private static double iou(double[] a, LabelledBox b) {
    double w = Math.max(0, Math.min(a[2], b.x2()) - Math.max(a[0], b.x1()));
    double h = Math.max(0, Math.min(a[3], b.y2()) - Math.max(a[1], b.y1()));
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + b.area() - w * h);
  }

  private static int cell(YoloV1.Options o, LabelledBox b) {
    int s = o.grid();
    return (int) ((b.y1() + b.y2()) / 2 * s) * s + (int) ((b.x1() + b.x2()) / 2 * s);
  }

  /** Again and again the pair of an object and a free box of its cell that overlap most. */
  private static Given given(YoloV1.Options o, double[] p, List<List<LabelledBox>> truths) {
    int cells = o.grid() * o.grid();
    int[] object = new int[truths.size() * cells * o.boxes()];
    double[] iou = new double[object.length];
    Arrays.fill(object, -1);
    for (int n = 0; n < truths.size(); n++) {
      boolean[] done = new boolean[truths.get(n).size()];
      while (true) {
        int at = -1;
        int of = -1;
        for (int i = 0; i < done.length; i++) {
          int cell = cell(o, truths.get(n).get(i));
          for (int j = 0; j < o.boxes() && !done[i]; j++) {
            int slot = (n * cells + cell) * o.boxes() + j;
            double overlap = iou(box(o, p, n, j, cell), truths.get(n).get(i));
            if (object[slot] >= 0 || at >= 0 && overlap <= iou(box(o, p, n, at % o.boxes(),
                at / o.boxes() % cells), truths.get(n).get(of))) continue;
            at = slot;
            of = i;
          }
        }
        if (at < 0) break;
        object[at] = of;
        iou[at] = iou(box(o, p, n, at % o.boxes(), at / o.boxes() % cells), truths.get(n).get(of));
        done[of] = true;
      }
    }
    return new Given(object, iou);
  }

  private static double loss(YoloV1.Options o, double[] p, List<List<LabelledBox>> truths, Given given) {
    int s = o.grid();
    double sum = 0;
    for (int n = 0; n < truths.size(); n++) {
      for (int cell = 0; cell < s * s; cell++) {
        for (int j = 0; j < o.boxes(); j++) {
          int slot = (n * s * s + cell) * o.boxes() + j;
          double[] v = new double[5];
          for (int k = 0; k < 5; k++) v[k] = p[((n * o.channels() + 5 * j + k) * s * s) + cell];
          if (given.object[slot] < 0) {
            sum += 0.5 * v[4] * v[4];
            continue;
          }
          LabelledBox b = truths.get(n).get(given.object[slot]);
          double x = (b.x1() + (double) b.x2()) / 2 * s - cell % s;
          double y = (b.y1() + (double) b.y2()) / 2 * s - cell / s;
          sum += 5 * ((v[0] - x) * (v[0] - x) + (v[1] - y) * (v[1] - y));
          sum += 5 * (Math.pow(v[2] - Math.sqrt(b.width()), 2) + Math.pow(v[3] - Math.sqrt(b.height()), 2));
          sum += Math.pow(v[4] - given.iou[slot], 2);
        }
        sum += classes(o, p, truths.get(n), n, cell);
      }
    }
    return sum / truths.size();
  }

  private static double classes(YoloV1.Options o, double[] p, List<LabelledBox> truths, int n, int cell) {
    double[] share = new double[o.classes()];
    int count = 0;
    for (LabelledBox b : truths) {
      if (cell(o, b) != cell) continue;
      share[b.label()]++;
      count++;
    }
    double sum = 0;
    for (int c = 0; c < o.classes() && count > 0; c++) {
      double v = p[((n * o.channels() + 5 * o.boxes() + c) * o.grid() * o.grid()) + cell];
      sum += Math.pow(v - share[c] / count, 2);
    }
    return sum;
  }

  @Test
  void equationThreeAndItsDifferences() {
    YoloV1.Options o = new YoloV1.Options(3, 2, 3, 5, 0.5);
    // Three objects of one cell, more than it has boxes, and others; the second image has one.
    List<List<LabelledBox>> truths = List.of(List.of(new LabelledBox(0, 0.05f, 0.1f, 0.3f, 0.4f),
        new LabelledBox(2, 0.4f, 0.4f, 0.6f, 0.62f), new LabelledBox(1, 0.36f, 0.41f, 0.7f, 0.55f),
        new LabelledBox(2, 0.45f, 0.35f, 0.55f, 0.8f), new LabelledBox(1, 0.7f, 0.7f, 0.95f, 0.9f)),
        List.of(new LabelledBox(1, 0.1f, 0.6f, 0.9f, 1)));
    long seed = 21;
    Random random = new Random(seed);
    float[] p = new float[2 * o.channels() * 9];
    for (int i = 0; i < p.length; i++) p[i] = 0.2f + 0.6f * random.nextFloat();
    double[] exact = new double[p.length];
    for (int i = 0; i < p.length; i++) exact[i] = p[i];
    Given given = given(o, exact, truths);
    float[] first = null;
    for (Device device : TestDevices.available()) {
      Result result = run(device, o, p, truths);
      double expected = loss(o, exact, truths, given);
      assertEquals(expected, result.loss, 1e-5 * expected, "seed " + seed + ", " + device);
      for (int i = 0; i < p.length; i++) {
        double[] up = exact.clone();
        double[] down = exact.clone();
        up[i] += 1e-4;
        down[i] -= 1e-4;
        double slope = (loss(o, up, truths, given) - loss(o, down, truths, given)) / 2e-4;
        assertEquals(slope, result.gradient[i], 1e-4, "seed " + seed + ", " + device + ", " + i);
      }
      if (first == null) first = result.gradient;
      assertArrayEquals(first, result.gradient, device.toString());
    }
  }

  @Test
  void badArgumentsAreNamed() {
    assertThrows(InvalidArgumentException.class, () -> new YoloV1.Options(0, 2, 2, 5, 0.5));
    assertThrows(InvalidArgumentException.class, () -> new YoloV1.Options(2, 0, 2, 5, 0.5));
    assertThrows(InvalidArgumentException.class, () -> new YoloV1.Options(2, 2, 2, Double.NaN, 0.5));
    List<List<LabelledBox>> one = List.of(List.of(new LabelledBox(2, 0, 0, 1, 1)));
    assertThrows(InvalidArgumentException.class, () -> run(Device.of("java"), SMALL, new float[48], one));
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Value x = tape.constant(Tensor.zeros(Device.of("java"), 1, 11, 2, 2));
      assertThrows(ShapeException.class, () -> YoloV1.loss(SMALL, x, List.of(List.of())));
    }
  }
}
