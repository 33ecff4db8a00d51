package org.ondol.test.fuzz;

import java.util.Arrays;
import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool;
import org.ondol.ops.RoiPool.Rounding;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of pooling of regions. */
final class RoiCalls {
  static final List<Call> POOL = List.of(RoiCalls::pool, RoiCalls::poolBackward, RoiCalls::pyramid);
  static final List<Call> SPP = List.of(RoiCalls::spp, RoiCalls::sppRegions);
  static final List<Call> SENSITIVE = List.of(RoiCalls::sensitive, RoiCalls::sensitiveBackward);

  private RoiCalls() {}

  private static Tensor[] list(Tensor... tensors) {
    return tensors;
  }

  /** Regions of images below the batch; boxes of any numbers. */
  private static Rois rois(Arguments a, int regions, int batch) {
    Tensor boxes = a.tensor(regions, 4);
    return a.oneIn(4) ? Rois.of(boxes, a.indices(regions, batch)) : Rois.of(boxes, a.indices(regions, 1));
  }

  private static Tensor[] pool(Arguments a) {
    int n = 1 + a.below(3);
    int c = a.size();
    try (Rois rois = rois(a, a.size(), n)) {
      Tensor x = a.tensor(n, c, 1 + a.below(6), 1 + a.below(20));
      return list(a.flag() ? RoiPool.max(x, rois, a.number(0.5), a.integer(1 + a.below(4)), a.integer(1 + a.below(8)))
          : RoiPool.average(x, rois, a.number(1), a.integer(1 + a.below(4)), a.integer(1 + a.below(8))));
    }
  }

  private static Tensor[] poolBackward(Arguments a) {
    int n = 1 + a.below(3);
    int c = a.size();
    int h = 1 + a.below(6);
    int w = 1 + a.below(20);
    try (Rois rois = rois(a, a.size(), n);
        Pool.Max max = RoiPool.maxWithIndices(a.tensor(n, c, h, w), rois, 1, a.integer(1 + a.below(4)), a.integer(1 + a.below(8)))) {
      return list(max.y().copy(), a.flag() ? RoiPool.maxBackward(max.y(), max.indices(), rois, a.number(1), a.integers(n, c, h, w))
          : RoiPool.averageBackward(max.y(), rois, a.number(1), a.integers(n, c, h, w)));
    }
  }

  private static Tensor[] pyramid(Arguments a) {
    int n = 1 + a.below(2);
    int c = a.size();
    int regions = a.size();
    Pyramid maps = new Pyramid(Arrays.asList(a.tensor(n, c, 1 + a.below(6), 1 + a.below(20)), a.tensor(n, c, 1 + a.below(3), 1 + a.below(9))),
        Arrays.asList(a.number(1), a.number(0.5)));
    try (Rois rois = rois(a, regions, n);
        Rois on = a.flag() ? rois.onLevels(a.indices(regions, 2)) : rois.onPyramid(a.smallInteger(2), 2, a.smallInteger(4), a.number(2))) {
      return list(RoiPool.max(maps, on, 2, 3));
    }
  }

  private static int[] levels(Arguments a) {
    int[] levels = new int[1 + a.below(4)];
    Arrays.setAll(levels, i -> a.smallInteger(1 + a.below(6)));
    return levels;
  }

  private static Tensor[] spp(Arguments a) {
    int n = a.size();
    int c = a.size();
    int h = 1 + a.below(6);
    int w = 1 + a.below(20);
    int[] levels = levels(a);
    Tensor x = a.tensor(n, c, h, w);
    if (a.flag()) {
      return list(Spp.apply(x, levels));
    }
    try (Pool.Max max = Spp.withIndices(x, levels)) {
      return list(max.y().copy(), Spp.backward(max.y(), max.indices(), a.integers(n, c, h, w), levels));
    }
  }

  private static Tensor[] sppRegions(Arguments a) {
    int n = 1 + a.below(3);
    try (Rois rois = rois(a, a.size(), n)) {
      return list(Spp.apply(Pyramid.of(a.tensor(n, a.size(), 1 + a.below(6), 1 + a.below(20)), a.number(1)), rois, levels(a)));
    }
  }

  private static Tensor[] sensitive(Arguments a) {
    int n = 1 + a.below(3);
    int p = 1 + a.below(3);
    int q = 1 + a.below(3);
    try (Rois rois = rois(a, a.size(), n)) {
      Tensor x = a.tensor(n, a.size() * p * q, 1 + a.below(6), 1 + a.below(20));
      return list(PsRoiPool.apply(x, rois, a.number(1), a.of(Rounding.values()), a.integer(p), a.integer(q)));
    }
  }

  private static Tensor[] sensitiveBackward(Arguments a) {
    int n = 1 + a.below(3);
    int p = 1 + a.below(3);
    int q = 1 + a.below(3);
    int c = a.size();
    int regions = a.size();
    try (Rois rois = rois(a, regions, n)) {
      return list(PsRoiPool.backward(a.tensor(regions, c, p, q), rois, a.number(1), a.of(Rounding.values()),
          a.integers(n, c * p * q, 1 + a.below(6), 1 + a.below(20))));
    }
  }
}
