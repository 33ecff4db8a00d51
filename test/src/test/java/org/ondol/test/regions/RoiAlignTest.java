package org.ondol.test.regions;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.Pool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.RoiAlign.Op;
import org.ondol.ops.RoiAlign.Options;
import org.ondol.ops.Rois;
import org.ondol.test.support.TestDevices;

/** Cases worked by hand, ugly boxes and large numbers. */
class RoiAlignTest {
  private static final Options ONE = new Options(Op.AVERAGE, true, 1, 1);

  static List<Device> devices() {
    return TestDevices.available();
  }

  /** [1, 1, 4, 5] of row * 10 + column: interpolation gives py * 10 + px inside. */
  private static Tensor ramp(Device d) {
    float[] x = new float[20];
    for (int i = 0; i < 20; i++) {
      x[i] = i / 5 * 10 + i % 5;
    }
    return Tensor.of(d, x, 1, 1, 4, 5);
  }

  private static float[] of(Device d, Tensor x, double scale, long rows, long columns, Options o, float... boxes) {
    try (Scope scope = Scope.open(); Rois rois = Rois.of(Tensor.of(d, boxes, boxes.length / 4, 4))) {
      return RoiAlign.apply(x, scale, rois, rows, columns, o).toFloats();
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void halfAnElement(Device d) {
    try (Scope scope = Scope.open()) {
      Tensor x = ramp(d);
      // Box (1, 1) to (3, 3): the one sample is its middle, (2, 2), or (1.5, 1.5) where aligned.
      assertArrayEquals(new float[] {22}, of(d, x, 1, 1, 1, new Options(Op.AVERAGE, false, 1, 1), 1, 1, 3, 3));
      assertArrayEquals(new float[] {16.5f}, of(d, x, 1, 1, 1, ONE, 1, 1, 3, 3));
      // The same of an image that is twice as large.
      assertArrayEquals(new float[] {16.5f}, of(d, x, 0.5, 1, 1, ONE, 2, 2, 6, 6));
      // Two bins a row, of middles 1 and 2 along the columns.
      assertArrayEquals(new float[] {16, 17}, of(d, x, 1, 1, 2, ONE, 1, 1, 3, 3));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void smallBoxesGrowUnlessAligned(Device d) {
    try (Scope scope = Scope.open()) {
      Tensor x = ramp(d);
      // Without an area: from (1, 2), one element wide, so (1.5, 2.5); aligned, the point (0.5, 1.5) itself.
      assertArrayEquals(new float[] {26.5f}, of(d, x, 1, 1, 1, new Options(Op.AVERAGE, false, 1, 1), 1, 2, 1, 2));
      assertArrayEquals(new float[] {15.5f}, of(d, x, 1, 1, 1, ONE, 1, 2, 1, 2));
      // Adaptive numbers of samples: one for the grown box, none for the other.
      assertArrayEquals(new float[] {26.5f}, of(d, x, 1, 1, 1, Options.NOT_ALIGNED, 1, 2, 1, 2));
      assertArrayEquals(new float[] {0}, of(d, x, 1, 1, 1, Options.ALIGNED, 1, 2, 1, 2));
      // Reversed: grown from its first corner; aligned it is sampled backwards, column bins swapped.
      assertArrayEquals(new float[] {26.5f}, of(d, x, 1, 1, 1, Options.NOT_ALIGNED, 1, 2, 0, 0));
      assertArrayEquals(new float[] {17, 16}, of(d, x, 1, 1, 2, ONE, 3, 1, 1, 3));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void adaptiveSamplesFillTheBin(Device d) {
    try (Scope scope = Scope.open()) {
      // Bins of 2.4 x 1.5 elements, 3 x 2 samples each: the average of a ramp is its value in the middle of the bin.
      assertArrayEquals(new float[] {12.75f, 14.25f}, of(d, ramp(d), 1, 1, 2, Options.NOT_ALIGNED, 0, 0, 3, 2.4f), 1e-5f,
          "columns 0.75 and 2.25, row 1.2");
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void maximaOfSamplesAndOfCorners(Device d) {
    try (Scope scope = Scope.open(); Rois rois = Rois.of(Tensor.of(d, new float[] {0.5f, 0.5f, 2.5f, 2.5f}, 1, 4))) {
      Tensor x = Tensor.of(d, new float[] {-8, -4, -4, -8, -8, -4, -16, -4, -4}, 1, 1, 3, 3);
      Pyramid maps = Pyramid.of(x, 1);
      // Samples at (0.5, 0.5), (1.5, 0.5), (0.5, 1.5), (1.5, 1.5), each the mean of four elements: -7, -5, -9, -5.
      Pool.Max max = RoiAlign.maxWithIndices(maps, rois, 1, 1, new Options(Op.MAX, true, 2, 2));
      assertArrayEquals(new float[] {-5}, max.y().toFloats());
      assertArrayEquals(new long[] {1}, max.indices().toLongs(), "the first of two");
      // Corners are quarters of elements: the greatest is -1, first seen as the second corner of the first sample.
      Pool.Max corners = RoiAlign.maxWithIndices(maps, rois, 1, 1, new Options(Op.MAX_CORNERS, true, 2, 2));
      assertArrayEquals(new float[] {-1}, corners.y().toFloats());
      assertArrayEquals(new long[] {1}, corners.indices().toLongs());
      // The gradient of a maximum is spread over the four elements of its sample, that of corners goes to one.
      Tensor dy = Tensor.of(d, new float[] {8}, 1, 1, 1, 1);
      assertArrayEquals(new float[] {0, 2, 2, 0, 2, 2, 0, 0, 0},
          RoiAlign.maxBackward(dy, max.indices(), rois, maps.shape(), new Options(Op.MAX, true, 2, 2)).getFirst().toFloats());
      assertArrayEquals(new float[] {0, 2, 0, 0, 0, 0, 0, 0, 0},
          RoiAlign.maxBackward(dy, corners.indices(), rois, maps.shape(), new Options(Op.MAX_CORNERS, true, 2, 2)).getFirst().toFloats());
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void outsideIsZero(Device d) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(d, new float[] {-8, -8, -8, -8}, 1, 1, 2, 2);
      Options two = new Options(Op.AVERAGE, false, 2, 2);
      // Columns -3 and 1: two of four samples are outside, and still count.
      assertArrayEquals(new float[] {-4}, of(d, x, 1, 1, 1, two, -5, 0, 3, 1));
      assertArrayEquals(new float[] {0}, of(d, x, 1, 1, 1, two.op(Op.MAX), -5, 0, 3, 1));
      assertArrayEquals(new float[] {-8}, of(d, x, 1, 1, 1, two.op(Op.MAX), 0, 0, 1, 1));
      assertArrayEquals(new float[] {0}, of(d, x, 1, 1, 1, two, 10, 10, 12, 12));
      // Up to one element beyond the edge it is the edge.
      assertArrayEquals(new float[] {-8}, of(d, x, 1, 1, 1, two, -1, -1, 0, 0));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void uglyBoxesAreZero(Device d) {
    float nan = Float.NaN;
    float inf = Float.POSITIVE_INFINITY;
    float[][] boxes = {{nan, 0, 1, 1}, {0, nan, 1, 1}, {0, 0, nan, 1}, {0, 0, 1, nan}, {-inf, 0, inf, 1}, {0, 0, inf, 1}, {0, 0, 1, 4.2e6f},
        {-3e38f, -3e38f, 3e38f, 3e38f}};
    try (Scope scope = Scope.open()) {
      for (float[] box : boxes) {
        for (Op op : Op.values()) {
          assertArrayEquals(new float[2], of(d, ramp(d), 1, 1, 2, new Options(op, true, 0, 2), box), op + Arrays.toString(box));
        }
      }
      try (Rois rois = Rois.of(Tensor.of(d, boxes[0], 1, 4))) {
        Tensor dx = RoiAlign.averageBackward(Tensor.of(d, new float[] {1}, 1, 1, 1, 1), rois, Pyramid.Shape.of(1, 1, 1, 2, 2), ONE).getFirst();
        assertArrayEquals(new float[4], dx.toFloats());
      }
    }
  }

  /** Two million samples along each axis of a bin, of which some are on the map. */
  @ParameterizedTest
  @MethodSource("devices")
  void hugeBoxesTakeTheTimeOfTheMap(Device d) {
    try (Scope scope = Scope.open()) {
      float[] box = {-2e6f, -2e6f, 2e6f, 2e6f};
      Tensor x = Tensor.of(d, new float[] {3, 3, 3, 3}, 1, 1, 2, 2);
      float[] y = assertTimeoutPreemptively(Duration.ofSeconds(10), () -> of(d, x, 1, 1, 1, Options.ALIGNED.op(Op.MAX), box));
      assertArrayEquals(new float[] {3}, y);
      try (Rois rois = Rois.of(Tensor.of(d, box, 1, 4))) {
        Tensor dy = Tensor.of(d, new float[] {1}, 1, 1, 1, 1);
        float[] dx = assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
          try (Tensor t = RoiAlign.averageBackward(dy, rois, Pyramid.Shape.of(1, 1, 1, 2, 2), Options.ALIGNED).getFirst()) {
            return t.toFloats();
          }
        });
        // Samples are one element apart, so each axis has about three within one of the map.
        float sum = 0;
        for (float v : dx) {
          sum += v;
        }
        assertTrue(sum * 1.6e13 > 3 && sum * 1.6e13 < 26, "samples on the map over all samples: " + sum);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void positionSensitiveBinsReadTheirOwnChannels(Device d) {
    try (Scope scope = Scope.open(); Rois rois = Rois.of(Tensor.of(d, new float[] {0, 0, 2, 2}, 1, 4))) {
      float[] x = new float[8 * 4];
      for (int i = 0; i < x.length; i++) {
        x[i] = i / 4;
      }
      Tensor y = PsRoiAlign.apply(Tensor.of(d, x, 1, 8, 2, 2), 1, rois, 2, 2, ONE);
      assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5, 6, 7}, y.toFloats(), "channel (c * 2 + i) * 2 + j");
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void levelsOfAPyramid(Device d) {
    try (Scope scope = Scope.open()) {
      Tensor fine = ramp(d);
      Tensor coarse = Tensor.of(d, new float[] {-7, -7, -7, -7}, 1, 1, 2, 2);
      Tensor boxes = Tensor.of(d, new float[] {1, 1, 3, 3, 1, 1, 3, 3}, 2, 4);
      try (Rois plain = Rois.of(boxes); Rois rois = plain.onLevels(Tensor.of(d, new int[] {1, 0}, 2))) {
        Tensor y = RoiAlign.apply(new Pyramid(List.of(fine, coarse), List.of(1.0, 0.5)), rois, 1, 1, ONE);
        assertArrayEquals(new float[] {-7, 16.5f}, y.toFloats());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void noRegions(Device d) {
    try (Scope scope = Scope.open(); Rois rois = Rois.of(Tensor.empty(d, 0, 4))) {
      assertArrayEquals(new long[] {0, 1, 7, 7}, RoiAlign.apply(ramp(d), 1, rois, 7, 7, ONE).shape());
      Tensor dx = RoiAlign.averageBackward(Tensor.empty(d, 0, 1, 7, 7), rois, Pyramid.Shape.of(1, 1, 1, 2, 3), ONE).getFirst();
      assertArrayEquals(new float[6], dx.toFloats());
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void imagesAndLevelsMustBeThere(Device d) {
    try (Scope scope = Scope.open(); Rois other = Rois.of(Tensor.zeros(d, 1, 4), Tensor.of(d, new int[] {1}, 1));
        Rois high = Rois.of(Tensor.zeros(d, 1, 4)).onLevels(Tensor.of(d, new int[] {1}, 1))) {
      Tensor x = ramp(d);
      assertEquals("images", assertThrows(InvalidArgumentException.class, () -> RoiAlign.apply(x, 1, other, 1, 1, ONE)).argument());
      assertEquals("levels", assertThrows(InvalidArgumentException.class, () -> RoiAlign.apply(x, 1, high, 1, 1, ONE)).argument());
    }
  }

  /** A million regions of one channel. */
  @ParameterizedTest
  @MethodSource("devices")
  void aMillionRegions(Device d) {
    int count = 1_000_000;
    float[] boxes = new float[4 * count];
    for (int r = 0; r < count; r++) {
      boxes[4 * r] = r % 4 + 0.5f;
      boxes[4 * r + 1] = r % 3 + 0.5f;
      boxes[4 * r + 2] = boxes[4 * r];
      boxes[4 * r + 3] = boxes[4 * r + 1];
    }
    try (Scope scope = Scope.open(); Rois rois = Rois.of(Tensor.of(d, boxes, count, 4))) {
      Tensor y = RoiAlign.apply(ramp(d), 1, rois, 1, 1, ONE);
      float[] values = y.toFloats();
      for (int r = 0; r < count; r++) {
        assertEquals(r % 3 * 10 + r % 4, values[r]);
      }
      int[] expected = new int[20];
      float[] ones = new float[count];
      for (int r = 0; r < count; r++) {
        expected[r % 3 * 5 + r % 4]++;
        ones[r] = 1;
      }
      Tensor dx = RoiAlign.averageBackward(Tensor.of(d, ones, count, 1, 1, 1), rois, Pyramid.Shape.of(1, 1, 1, 4, 5), ONE).getFirst();
      for (int i = 0; i < 20; i++) {
        assertEquals(expected[i], dx.toFloats()[i], "element " + i);
      }
    }
  }
}
