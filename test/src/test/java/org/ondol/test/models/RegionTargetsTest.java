package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.RegionProposals;
import org.ondol.models.detection.RegionTargets;
import org.ondol.ops.Boxes;
import org.ondol.ops.Matching;
import org.ondol.test.support.TestDevices;

/** What Fast and Faster R-CNN learn from: regions and anchors of drawn boxes, by hand. */
class RegionTargetsTest {
  /** Two images: a box of class 1 and one of class 0; and none. */
  private static final List<List<LabelledBox>> TRUTHS =
      List.of(List.of(new LabelledBox(1, 0, 0, 16, 16), new LabelledBox(0, 20, 20, 28, 36)), List.of());

  private static Tensor boxes(Device d, float... corners) {
    return Tensor.of(d, corners, corners.length / 4, 4);
  }

  private static final RegionTargets.Options ALL = RegionTargets.Options.FASTER_RCNN.count(100);

  @Test
  void regionsByHand() {
    for (Device d : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        // IoU with the first object 0.5, 0.25, 0; with the second 1, by the object itself too.
        Tensor first = boxes(d, 0, 0, 8, 16, 0, 0, 8, 8, 40, 40, 50, 50, 20, 20, 28, 36);
        RegionTargets t = RegionTargets.of(d, List.of(first, boxes(d, 1, 2, 3, 4)), TRUTHS, 3, ALL, 1);
        assertArrayEquals(new float[] {0, 0, 8, 16, 20, 20, 28, 36, 0, 0, 16, 16, 20, 20, 28, 36, /* background */
            0, 0, 8, 8, 40, 40, 50, 50, 1, 2, 3, 4}, t.boxes().toFloats());
        assertArrayEquals(new long[] {0, 0, 0, 0, 0, 0, 1}, t.images().toLongs());
        assertArrayEquals(new long[] {2, 1, 2, 1, 0, 0, 0}, t.classes().toLongs());
        assertArrayEquals(new long[] {0, 1, 2, 3}, t.positives().toLongs());
        float[] deltas = new float[4 * 12];
        deltas[4] = 4 / 8f / 0.1f; // the centre moves by half the region's width; class 1
        deltas[6] = (float) (Math.log(2) / 0.2);
        assertArrayEquals(deltas, t.deltas().toFloats(), 1e-6f);
        float[] weights = new float[4 * 12];
        for (int row : new int[] {0, 2}) Arrays.fill(weights, 12 * row + 4, 12 * row + 8, 1);
        for (int row : new int[] {1, 3}) Arrays.fill(weights, 12 * row, 12 * row + 4, 1);
        assertArrayEquals(weights, t.weights().toFloats());
      }
    }
  }

  @Test
  void samplesAreAQuarterObjects() {
    Device d = Device.of("java");
    float[] many = new float[4 * 60];
    for (int i = 0; i < 60; i++) { // thirty upon the object, thirty beside it, of IoU 1/3
      float x = i < 30 ? 0 : 8;
      System.arraycopy(new float[] {x, 0, x + 16, 16}, 0, many, 4 * i, 4);
    }
    List<List<LabelledBox>> truths = List.of(List.of(new LabelledBox(0, 0, 0, 16, 16)));
    try (Scope scope = Scope.open()) {
      RegionTargets t = RegionTargets.of(d, List.of(boxes(d, many)), truths, 1,
          RegionTargets.Options.FAST_RCNN.count(16), 1);
      assertEquals(16, t.boxes().size(0));
      assertEquals(4, t.positives().count());
      assertEquals(4, Arrays.stream(t.classes().toLongs()).filter(c -> c == 1).count());
      RegionTargets again = RegionTargets.of(d, List.of(boxes(d, many)), truths, 1,
          RegionTargets.Options.FAST_RCNN.count(16), 1);
      assertArrayEquals(t.boxes().toFloats(), again.boxes().toFloats());
    }
  }

  /** Background overlaps an object by at least 0.1, unless nothing does. */
  @Test
  void backgroundIsNearObjectsWhereItCanBe() {
    Device d = Device.of("java");
    RegionTargets.Options near = RegionTargets.Options.FAST_RCNN.count(100);
    try (Scope scope = Scope.open()) {
      Tensor both = boxes(d, 0, 0, 4, 8, 40, 40, 50, 50); // IoU 1/8, and none
      assertArrayEquals(new long[] {2, 1, 0},
          RegionTargets.of(d, List.of(both), TRUTHS.subList(0, 1), 2, near, 1).classes().toLongs());
      Tensor far = boxes(d, 40, 40, 50, 50, 50, 50, 60, 60);
      assertArrayEquals(new long[] {2, 1, 0, 0},
          RegionTargets.of(d, List.of(far), TRUTHS.subList(0, 1), 2, near, 1).classes().toLongs());
      RegionTargets none = RegionTargets.of(d, List.of(far), TRUTHS.subList(1, 2), 2, near, 1);
      assertArrayEquals(new long[2], none.classes().toLongs());
      assertEquals(0, none.deltas().count());
    }
  }

  @Test
  void difficultObjectsAreNeitherObjectsNorBackground() {
    Device d = Device.of("java");
    List<List<LabelledBox>> truths = List.of(List.of(new LabelledBox(0, 0, 0, 16, 16, true)));
    try (Scope scope = Scope.open()) {
      RegionTargets t = RegionTargets.of(d, List.of(boxes(d, 0, 0, 16, 15, 30, 30, 40, 40)), truths, 1, ALL, 1);
      assertArrayEquals(new float[] {30, 30, 40, 40}, t.boxes().toFloats());
      assertArrayEquals(new long[1], t.classes().toLongs());
    }
  }

  @Test
  void withoutProposalsTheObjectsAreLeft() {
    Device d = Device.of("java");
    try (Scope scope = Scope.open()) {
      Tensor none = Tensor.zeros(d, 0, 4);
      RegionTargets t = RegionTargets.of(d, List.of(none, none), TRUTHS, 2, ALL, 1);
      assertArrayEquals(new long[] {2, 1}, t.classes().toLongs());
      assertArrayEquals(new float[4 * 4], t.deltas().toFloats());
      RegionTargets nothing = RegionTargets.of(d, List.of(none), TRUTHS.subList(1, 2), 2, ALL, 1);
      assertEquals(0, nothing.boxes().size(0));
      assertThrows(InvalidArgumentException.class, () -> RegionTargets.of(d, List.of(none), TRUTHS, 2, ALL, 1));
    }
  }

  // ---- anchors

  private static RegionProposals.Options rpn(int sampled, double border) {
    return new RegionProposals.Options(List.of(16.0), List.of(1.0), 8, sampled, 10, border);
  }

  /** Five anchors in images of 64 x 64; they and their numbers n K + k. */
  @Test
  void anchorsByHand() {
    for (Device d : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        Tensor anchors = boxes(d, 0, 0, 16, 12, /* IoU 3/4 with the first */
            20, 24, 28, 40, /* the best of the second, 0.6 */
            0, 0, 16, 8, /* 1/2: neither */ 40, 40, 56, 56, /* background */ 56, 56, 72, 72 /* reaches out */);
        RegionProposals.Targets t = RegionProposals.targets(anchors, TRUTHS, new Boxes.Size(64, 64), rpn(100, 0), 1);
        assertArrayEquals(new long[] {0, 1, 3, 5, 6, 7, 8}, t.sampled().toLongs());
        assertArrayEquals(new float[] {1, 1, 0, 0, 0, 0, 0}, t.objects().toFloats());
        assertArrayEquals(new long[] {0, 1}, t.positives().toLongs());
        assertArrayEquals(new float[] {0, 2 / 12f, 0, (float) Math.log(16 / 12.0), 0, -4 / 16f, 0, 0},
            t.deltas().toFloats(), 1e-6f);
        // Those that reach out by 8 pixels are learnt from where that is allowed.
        RegionProposals.Targets more = RegionProposals.targets(anchors, TRUTHS, new Boxes.Size(64, 64), rpn(100, 8), 1);
        assertArrayEquals(new long[] {0, 1, 3, 4, 5, 6, 7, 8, 9}, more.sampled().toLongs());
      }
    }
  }

  @Test
  void halfOfTheSampledAnchorsAreObjectsAtMost() {
    Device d = Device.of("java");
    float[] many = new float[4 * 40];
    for (int i = 0; i < 40; i++) {
      float x = i < 20 ? 0 : 32;
      System.arraycopy(new float[] {x, 0, x + 16, 16}, 0, many, 4 * i, 4);
    }
    try (Scope scope = Scope.open()) {
      RegionProposals.Targets t =
          RegionProposals.targets(boxes(d, many), TRUTHS, new Boxes.Size(64, 64), rpn(12, 0), 1);
      assertEquals(24, t.sampled().count());
      assertEquals(6, t.positives().count());
      for (long n : t.positives().toLongs()) assertTrue(n < 20, "anchor " + n);
    }
  }

  @Test
  void noAnchorInsideTheImage() {
    Device d = Device.of("java");
    try (Scope scope = Scope.open()) {
      Tensor outside = boxes(d, -1, 0, 10, 10, 50, 50, 65, 60, 70, 70, 80, 80);
      RegionProposals.Targets t = RegionProposals.targets(outside, TRUTHS, new Boxes.Size(64, 64), rpn(12, 0), 1);
      assertEquals(0, t.sampled().count());
      assertEquals(0, t.positives().count());
      assertEquals(0, t.deltas().count());
    }
  }

  @Test
  void refused() {
    assertThrows(InvalidArgumentException.class,
        () -> new RegionProposals.Options(List.of(), List.of(1.0), 8, 256, 10, 0));
    assertThrows(InvalidArgumentException.class,
        () -> new RegionProposals.Options(List.of(16.0), List.of(-1.0), 8, 256, 10, 0));
    assertThrows(InvalidArgumentException.class,
        () -> new RegionProposals.Options(List.of(16.0), List.of(Double.NaN), 8, 256, 10, 0));
    assertThrows(InvalidArgumentException.class,
        () -> new RegionProposals.Options(List.of(16.0), List.of(1.0), 8, 0, 10, 0));
    assertThrows(InvalidArgumentException.class,
        () -> new RegionProposals.Options(List.of(16.0), List.of(1.0), 8, 256, Double.NaN, 0));
    assertThrows(InvalidArgumentException.class,
        () -> new RegionProposals.Options(List.of(16.0), List.of(1.0), 8, 256, 10, -1));
    assertThrows(InvalidArgumentException.class, () -> new RegionTargets.Options(null, 64, 0.25));
    assertThrows(InvalidArgumentException.class, () -> new RegionTargets.Options(Matching.Rules.FAST_RCNN, 0, 0.25));
    assertThrows(InvalidArgumentException.class, () -> new RegionTargets.Options(Matching.Rules.FAST_RCNN, 64, 1.5));
  }
}
