package org.ondol.test.regions;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool;
import org.ondol.ops.RoiPool.Rounding;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;
import org.ondol.test.support.TestDevices;

/** Pooling of regions on cases that were worked out by hand, and on boxes that are hardly boxes. */
class RoiPoolTest {
  private static final float NAN = Float.NaN;
  private static final float INF = Float.POSITIVE_INFINITY;

  /** Runs on every device in a scope of its own. */
  private static void everywhere(java.util.function.Consumer<Device> test) {
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        test.accept(device);
      }
    }
  }

  /** [1, channels, height, width] of channel * 100 + row * 10 + column. */
  private static Tensor map(Device d, int channels, int height, int width) {
    float[] x = new float[channels * height * width];
    for (int i = 0; i < x.length; i++) {
      x[i] = i / (height * width) * 100 + i / width % height * 10 + i % width;
    }
    return Tensor.of(d, x, 1, channels, height, width);
  }

  private static Rois box(Device d, float... corners) {
    return Rois.of(Tensor.of(d, corners, corners.length / 4, 4));
  }

  private static int[] ints(Tensor t) {
    return Arrays.stream(t.toLongs()).mapToInt(Math::toIntExact).toArray();
  }

  @Test
  void fastRcnnRoundsHalfAwayFromZeroAndCountsBothEnds() {
    everywhere(d -> {
      // 24 / 16 = 1.5 -> 2 and 71 / 16 = 4.4 -> 4: rows 2 to 4 and columns 2 to 4, bins of 3 / 2: [2, 4) and [3, 5).
      try (Rois rois = box(d, 24, 24, 71, 71); Pool.Max max = RoiPool.maxWithIndices(map(d, 2, 6, 8), rois, 1 / 16.0, 2, 2)) {
        assertArrayEquals(new float[] {33, 34, 43, 44, 133, 134, 143, 144}, max.y().toFloats());
        assertArrayEquals(new int[] {27, 28, 35, 36, 27, 28, 35, 36}, ints(max.indices()));
        assertArrayEquals(new float[] {27.5f, 28.5f, 37.5f, 38.5f},
            Arrays.copyOf(RoiPool.average(map(d, 1, 6, 8), rois, 1 / 16.0, 2, 2).toFloats(), 4));
      }
    });
  }

  @Test
  void spatialPyramidOfAWholeMapAndOfARegion() {
    everywhere(d -> {
      // 5 rows and 7 columns; of 2 x 2 bins rows [0, 3) and [2, 5), columns [0, 4) and [3, 7).
      assertArrayEquals(new float[] {46, 23, 26, 43, 46}, Spp.apply(map(d, 1, 5, 7), 1, 2).toFloats());
      // floor(16 / 16) + 1 = 2 to ceil(80 / 16) - 1 = 4 each way; of two channels, level after level.
      try (Rois rois = box(d, 16, 16, 80, 80)) {
        assertArrayEquals(new float[] {44, 144, 33, 34, 43, 44, 133, 134, 143, 144},
            Spp.apply(Pyramid.of(map(d, 2, 6, 8), 1 / 16.0), rois, 1, 2).toFloats());
      }
    });
  }

  @Test
  void positionSensitiveBinsReadChannelsOfTheirOwn() {
    everywhere(d -> {
      try (Rois rois = box(d, 16, 16, 79, 79)) {
        // R-FCN: 1 to (79 + 1) / 16 = 5, bins of 2: rows and columns [1, 3) and [3, 5), averages at their middles.
        assertArrayEquals(new float[] {16.5f, 118.5f, 236.5f, 338.5f},
            PsRoiPool.apply(map(d, 4, 6, 8), rois, 1 / 16.0, Rounding.RFCN, 2, 2).toFloats());
        // torchvision: 1 to round(4.94) = 5: the same bins here.
        assertArrayEquals(new float[] {16.5f, 118.5f, 236.5f, 338.5f},
            PsRoiPool.apply(map(d, 4, 6, 8), rois, 1 / 16.0, Rounding.GRID, 2, 2).toFloats());
        // On a map of 5 rows torchvision's second bin of rows is [3, 4): it never reads the last row.
        assertArrayEquals(new float[] {16.5f, 118.5f, 231.5f, 333.5f},
            PsRoiPool.apply(map(d, 4, 5, 8), rois, 1 / 16.0, Rounding.GRID, 2, 2).toFloats());
      }
    });
  }

  @Test
  void uglyBoxesAreVoidOrCut() {
    everywhere(d -> {
      float[] boxes = {NAN, 0, 3, 3, 0, 0, INF, 3, 0, -INF, 3, 3, 0, 0, 3, 3e38f, 3, 3, 1, 1, 2, 2, 2, 2, 100, 100, 200, 200, -9, -9, -5, -5,
        -2, -2, 1, 1, 5, 3, 90, 90, 0, 0, 4.1e6f, 4.1e6f};
      try (Rois rois = box(d, boxes); Pool.Max max = RoiPool.maxWithIndices(map(d, 1, 4, 6), rois, 1, 1, 1)) {
        // Four void ones; reversed: the element of the first corner; a point; outside twice; across two edges; nearly everything.
        assertArrayEquals(new float[] {0, 0, 0, 0, 33, 22, 0, 0, 11, 35, 35}, max.y().toFloats());
        assertArrayEquals(new int[] {-1, -1, -1, -1, 21, 14, -1, -1, 7, 23, 23}, ints(max.indices()));
        Tensor dx = RoiPool.maxBackward(max.y(), max.indices(), rois, 1, 1, 1, 4, 6);
        float[] expected = new float[24];
        expected[21] = 33;
        expected[14] = 22;
        expected[7] = 11;
        expected[23] = 70;
        assertArrayEquals(expected, dx.toFloats());
      }
    });
  }

  @Test
  void nothingIsPooledToNothing() {
    everywhere(d -> {
      try (Rois none = Rois.of(Tensor.empty(d, 0, 4)); Rois one = box(d, 0, 0, 1, 1)) {
        assertArrayEquals(new long[] {0, 3, 2, 2}, RoiPool.max(map(d, 3, 4, 4), none, 1, 2, 2).shape());
        assertArrayEquals(new float[48], RoiPool.averageBackward(Tensor.empty(d, 0, 3, 2, 2), none, 1, 1, 3, 4, 4).toFloats());
        assertArrayEquals(new long[] {1, 0, 2, 2}, RoiPool.max(Tensor.empty(d, 1, 0, 4, 4), one, 1, 2, 2).shape());
        assertArrayEquals(new long[] {0, 15}, Spp.apply(Tensor.empty(d, 0, 3, 4, 4), 1, 2).shape());
      }
    });
  }

  @Test
  void eachRegionReadsItsLevel() {
    everywhere(d -> {
      Pyramid maps = new Pyramid(java.util.List.of(map(d, 1, 8, 8), map(d, 1, 4, 4)), java.util.List.of(1.0, 0.5));
      try (Rois plain = box(d, 0, 0, 5, 6, 0, 0, 5, 6); Rois rois = plain.onLevels(Tensor.of(d, new int[] {1, 0}, 2))) {
        // Level 1: columns 0 to round(2.5) = 3, rows 0 to 3.
        assertArrayEquals(new float[] {33, 65}, RoiPool.max(maps, rois, 1, 1).toFloats());
        assertThrows(InvalidArgumentException.class, () -> RoiPool.max(Pyramid.of(map(d, 1, 8, 8), 1), rois, 1, 1));
      }
    });
  }

  /** A million regions of one channel need the memory of their results and little more. */
  @Test
  void aMillionRegions() {
    int n = 1_000_000;
    float[] boxes = new float[4 * n];
    for (int r = 0; r < n; r++) {
      boxes[4 * r] = r % 50;
      boxes[4 * r + 1] = r % 38;
      boxes[4 * r + 2] = r % 50 + r % 7;
      boxes[4 * r + 3] = r % 38 + r % 5;
    }
    for (String name : new String[] {"java:vector", "cpu"}) {
      Device d = Device.of(name);
      try (Scope scope = Scope.open(); Rois rois = Rois.of(Tensor.of(d, boxes, n, 4));
          Pool.Max max = RoiPool.maxWithIndices(map(d, 1, 38, 50), rois, 1, 1, 1)) {
        float[] y = max.y().toFloats();
        for (int r = 0; r < n; r++) {
          assertEquals(Math.min(37, r % 38 + r % 5) * 10 + Math.min(49, r % 50 + r % 7), y[r], "region " + r + " on " + d);
        }
        double sum = 0;
        for (float v : RoiPool.averageBackward(Tensor.of(d, new float[] {1}, 1).expand(n, 1, 1, 1), rois, 1, 1, 1, 38, 50).toFloats()) {
          sum += v;
        }
        assertEquals(n, sum, n * 1e-3, "sum of the gradient on " + d);
      }
    }
  }
}
