package org.ondol.test.detection;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Matching;
import org.ondol.ops.Matching.Forced;
import org.ondol.ops.Matching.Matches;
import org.ondol.ops.Matching.Rules;
import org.ondol.ops.Matching.Sample;
import org.ondol.ops.Pixels;
import org.ondol.test.oracle.IouOracle;
import org.ondol.test.page.PagePhilox;
import org.ondol.test.support.TestDevices;

/** Labels, samples and targets: by hand, against plain float64 rules on random boxes, and the same on every device. */
class MatchingTest {
  /** Two objects, [0, 10]² and [20, 30]². */
  private static final float[] TRUTHS = {0, 0, 10, 10, 20, 20, 30, 30};

  private static final float[] BOXES = {
    0, 0, 10, 9, // 0.9 with the first
    0, 0, 10, 4, // 0.4 with the first
    0, 0, 10, 2, // 0.2 with the first
    20, 20, 30, 25, // 0.5 with the second
    20, 25, 30, 30, // 0.5 with the second as well
    40, 40, 50, 50, // none
    0, 0, Float.NaN, 10,
    10, 10, 0, 0, // reversed
  };

  private static Matches assign(Device d, float[] truths, float[] ignored, Rules rules) {
    try (Scope scope = Scope.open()) {
      return Matching.assign(Tensor.of(d, BOXES, 8, 4), Tensor.of(d, truths, truths.length / 4, 4),
          ignored == null ? null : Tensor.of(d, ignored, ignored.length / 4, 4), rules, Pixels.BETWEEN);
    }
  }

  @Test
  void byHand() {
    for (Device d : TestDevices.available()) {
      Matches m = assign(d, TRUTHS, null, new Rules(0.7, 0.3, 0, Forced.NONE, 0.5));
      assertArrayEquals(new int[] {1, -1, 0, -1, -1, 0, -1, 0}, m.labels());
      assertArrayEquals(new int[] {0, 0, 0, 1, 1, 0, -1, 0}, m.truths());
      assertEquals(0.9f, m.overlaps()[0]);
      assertEquals(0f, m.overlaps()[5]);
      assertTrue(Float.isNaN(m.overlaps()[6]));
      // All boxes that are best for an object: the second has two.
      assertArrayEquals(new int[] {1, -1, 0, 1, 1, 0, -1, 0}, assign(d, TRUTHS, null, Rules.RPN).labels());
      assertArrayEquals(new int[] {1, -1, 0, 1, -1, 0, -1, 0},
          assign(d, TRUTHS, null, new Rules(0.7, 0.3, 0, Forced.FIRST, 0.5)).labels());
      // Background must overlap something in Fast R-CNN.
      assertArrayEquals(new int[] {1, 0, 0, 1, 1, -1, -1, -1}, assign(d, TRUTHS, null, Rules.FAST_RCNN).labels());
      // Half of the box lies in the region: no background.
      float[] region = {45, 40, 60, 60};
      assertArrayEquals(new int[] {1, -1, 0, 1, 1, -1, -1, 0}, assign(d, TRUTHS, region, Rules.RPN).labels());
      assertArrayEquals(new int[] {1, -1, 0, 1, 1, 0, -1, 0}, assign(d, TRUTHS, new float[] {45.5f, 40, 60, 60}, Rules.RPN).labels());
    }
  }

  @Test
  void withoutObjects() {
    for (Device d : TestDevices.available()) {
      Matches m = assign(d, new float[0], null, Rules.RPN);
      assertArrayEquals(new int[] {0, 0, 0, 0, 0, 0, -1, 0}, m.labels());
      assertArrayEquals(new int[] {-1, -1, -1, -1, -1, -1, -1, -1}, m.truths());
      Sample s = Matching.sample(m.labels(), 4, 0.5, 1, 0);
      assertEquals(0, s.positives().length);
      assertEquals(4, s.negatives().length);
      // An object that nothing overlaps forces nothing.
      assertFalse(Arrays.stream(assign(d, new float[] {90, 90, 99, 99}, null, Rules.RPN).labels()).anyMatch(l -> l == 1));
    }
  }

  /** Which of several objects takes a box that each of them would force. */
  @Test
  void theLastObjectTakesAForcedBox() {
    float[] both = {0, 0, 4, 10, 0, 5, 4, 10};
    for (Device d : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        Tensor one = Tensor.of(d, new float[] {0, 0, 10, 10}, 1, 4);
        Tensor truths = Tensor.of(d, both, 2, 4);
        Matches first = Matching.assign(one, truths, null, new Rules(0.7, 0.3, 0, Forced.FIRST, 0.5), Pixels.BETWEEN);
        assertArrayEquals(new int[] {1}, first.truths());
        assertEquals(0.2f, first.overlaps()[0]);
        Matches all = Matching.assign(one, truths, null, Rules.RPN, Pixels.BETWEEN);
        assertArrayEquals(new int[] {0}, all.truths());
        assertEquals(0.4f, all.overlaps()[0]);
      }
    }
  }

  /** The rules in float64, box by box. Overlaps of random corners do not lie within a rounding of a threshold. */
  @Test
  void randomBoxesAgainstPlainRules() {
    Random random = new Random(11);
    int n = 400;
    int m = 7;
    float[] boxes = boxes(random, n);
    float[] truths = boxes(random, m);
    int[] expected = new int[n];
    double[] best = new double[m];
    double[][] iou = new double[n][m];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < m; j++) {
        iou[i][j] = IouOracle.value("iou", IouOracle.box(boxes, i), IouOracle.box(truths, j), 1);
        best[j] = Math.max(best[j], iou[i][j]);
      }
    }
    for (int i = 0; i < n; i++) {
      double most = Arrays.stream(iou[i]).max().orElse(0);
      expected[i] = most >= 0.6 ? 1 : most < 0.25 ? 0 : -1;
      for (int j = 0; j < m; j++) {
        expected[i] = best[j] > 0 && iou[i][j] == best[j] ? 1 : expected[i];
      }
    }
    assertTrue(IntStream.of(expected).filter(l -> l == 1).count() >= m / 2, "too few positives to mean anything");
    for (Device d : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        Matches matches = Matching.assign(Tensor.of(d, boxes, n, 4), Tensor.of(d, truths, m, 4), null,
            new Rules(0.6, 0.25, 0, Forced.ALL, 0.5), Pixels.INCLUSIVE);
        assertArrayEquals(expected, matches.labels(), "on " + d);
      }
    }
  }

  private static float[] boxes(Random random, int n) {
    float[] boxes = new float[4 * n];
    for (int i = 0; i < boxes.length; i += 4) {
      for (int k = i; k < i + 2; k++) {
        boxes[k] = random.nextFloat() * 60;
        boxes[k + 2] = boxes[k] + 10 + random.nextFloat() * 60;
      }
    }
    return boxes;
  }

  @Test
  void samples() {
    int[] labels = new int[1000];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % 10 == 0 ? 1 : i % 10 == 1 ? -1 : 0;
    }
    Sample s = Matching.sample(labels, 128, 0.25, 42, 3);
    assertEquals(32, s.positives().length);
    assertEquals(96, s.negatives().length);
    for (int[] list : new int[][] {s.positives(), s.negatives()}) {
      for (int i = 0; i < list.length; i++) {
        assertEquals(list == s.positives() ? 1 : 0, labels[list[i]]);
        assertTrue(i == 0 || list[i] > list[i - 1], "ascending, none twice");
      }
    }
    assertArrayEquals(s.all(), Matching.sample(labels, 128, 0.25, 42, 3).all());
    assertFalse(Arrays.equals(s.all(), Matching.sample(labels, 128, 0.25, 42, 4).all()), "another stream, another draw");
    assertFalse(Arrays.equals(s.all(), Matching.sample(labels, 128, 0.25, 43, 3).all()), "another seed, another draw");
    // Where positives are rare, negatives fill up; where everything fits, everything is taken.
    Sample most = Matching.sample(labels, 5000, 0.25, 1, 1);
    assertEquals(100, most.positives().length);
    assertEquals(800, most.negatives().length);
    assertEquals(0, Matching.sample(labels, 0, 0.5, 1, 1).all().length);
  }

  /** Each box is as likely as any other: over many seeds, counts lie within five standard deviations. */
  @Test
  void samplesAreEven() {
    int[] labels = new int[40];
    int[] counts = new int[40];
    int draws = 4000;
    for (int seed = 0; seed < draws; seed++) {
      for (int i : Matching.sample(labels, 10, 0, seed, 0).negatives()) {
        counts[i]++;
      }
    }
    double deviation = Math.sqrt(draws * 0.25 * 0.75);
    for (int i = 0; i < counts.length; i++) {
      assertTrue(Math.abs(counts[i] - draws / 4) < 5 * deviation, "box " + i + " was drawn " + counts[i] + " times");
    }
  }

  /** The least numbers of the reference generator are drawn. */
  @Test
  void drawsAreThoseOfPhilox() {
    long[] numbers = new long[6];
    for (int i = 0; i < numbers.length; i++) {
      int[] words = PagePhilox.generate(i, 0, 9, 0, 7, 0);
      numbers[i] = (words[1] & 0xFFFFFFFFL) << 32 | words[0] & 0xFFFFFFFFL;
    }
    Integer[] order = {0, 1, 2, 3, 4, 5};
    Arrays.sort(order, (a, b) -> Long.compareUnsigned(numbers[a], numbers[b]));
    int[] expected = {order[0], order[1], order[2]};
    Arrays.sort(expected);
    assertArrayEquals(expected, Matching.sample(new int[6], 3, 0, 7, 9).negatives());
  }

  @Test
  void targets() {
    for (Device d : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        Tensor boxes = Tensor.of(d, BOXES, 8, 4);
        Tensor truths = Tensor.of(d, TRUTHS, 2, 4);
        Matches m = Matching.assign(boxes, truths, null, Rules.RPN, Pixels.BETWEEN);
        Sample s = new Sample(new int[] {0, 3}, new int[] {5});
        assertArrayEquals(new int[] {4, 9, 0}, Matching.classTargets(m, s, new int[] {4, 9}));
        Tensor deltas = Matching.boxTargets(BoxDeltas.Coding.PLAIN, boxes, truths, m, s.positives());
        float[] t = deltas.toFloats();
        assertEquals(0, t[0]);
        assertEquals(0.5 / 9, t[1], 1e-6);
        assertEquals(Math.log(10.0 / 9), t[3], 1e-6);
        assertEquals(0.5, t[5], 1e-6);
        assertEquals(Math.log(2), t[7], 1e-6);
        Matching.PerClass spread = Matching.perClass(deltas, new int[] {2, 0}, 3);
        float[] values = spread.targets().toFloats();
        float[] weights = spread.weights().toFloats();
        for (int i = 0; i < 24; i++) {
          boolean live = i / 4 == 2 || i / 4 == 3;
          assertEquals(live ? 1 : 0, weights[i]);
          assertEquals(live ? t[i / 4 == 2 ? i % 4 : 4 + i % 4] : 0, values[i]);
        }
      }
    }
  }
}
