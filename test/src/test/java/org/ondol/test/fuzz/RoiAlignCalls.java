package org.ondol.test.fuzz;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of samples of regions. */
final class RoiAlignCalls {
  static final List<Call> ALIGN = List.of(a -> apply(a, false), a -> indices(a, false), a -> backward(a, false));
  static final List<Call> POSITION_SENSITIVE = List.of(a -> apply(a, true), a -> indices(a, true), a -> backward(a, true));

  private RoiAlignCalls() {}

  /** Sizes of one call. */
  private static final class Sizes {
    final int batch;
    final int rows;
    final int columns;
    final int outputs;
    final int channels;
    final int count;
    final List<long[]> maps = new ArrayList<>();
    final List<Double> scales = new ArrayList<>();

    Sizes(Arguments a, boolean positionSensitive) {
      batch = 1 + a.below(2);
      rows = 1 + a.below(3);
      columns = 1 + a.below(3);
      outputs = a.size();
      channels = positionSensitive ? outputs * rows * columns : outputs;
      count = a.size();
      for (int l = a.oneIn(3) ? 1 + a.below(3) : 0; l >= 0; l--) {
        maps.add(new long[] {batch, channels, 1 + a.below(6), 1 + a.below(20)});
        scales.add(a.number(Math.scalb(1.0, -a.below(3))));
      }
    }

    Pyramid pyramid(Arguments a) {
      List<Tensor> x = new ArrayList<>();
      for (long[] map : maps) {
        x.add(a.tensor(map.clone()));
      }
      return new Pyramid(x, scales);
    }

    Pyramid.Shape shape(Arguments a) {
      List<long[]> shapes = new ArrayList<>();
      for (long[] map : maps) {
        shapes.add(a.integers(map.clone()));
      }
      return new Pyramid.Shape(shapes, scales);
    }

    /** Boxes that are mostly on a map; of any other numbers where the fuzzer gives them. */
    Rois rois(Arguments a) {
      Rois rois = a.oneIn(4) ? Rois.ofRows(rowsOf(a)) : Rois.of(a.tensor(count, 4), a.indices(count, batch));
      if (maps.size() == 1) {
        return rois;
      }
      try (rois) {
        return a.oneIn(3) ? rois.onPyramid(a.smallInteger(2), a.smallInteger(maps.size()), a.smallInteger(3), a.number(8))
            : rois.onLevels(a.indices(count, maps.size()));
      }
    }

    /** [R, 5] of the first image. */
    private Tensor rowsOf(Arguments a) {
      Tensor rows = a.rows(count, 5);
      if (rows != null && !rows.isClosed() && rows.rank() == 2 && rows.size(1) == 5) {
        try (Tensor images = rows.select(1, 0)) {
          Elementwise.fill(images, 0);
        }
      }
      return rows;
    }

    RoiAlign.Options options(Arguments a, RoiAlign.Op op) {
      return new RoiAlign.Options(op, a.flag(), a.integer(a.below(4)), a.integer(a.below(3)));
    }
  }

  private static Tensor[] apply(Arguments a, boolean positionSensitive) {
    Sizes s = new Sizes(a, positionSensitive);
    Pyramid maps = s.pyramid(a);
    try (Rois rois = s.rois(a)) {
      RoiAlign.Options options = s.options(a, a.of(RoiAlign.Op.values()));
      long rows = a.integer(s.rows);
      long columns = a.integer(s.columns);
      return new Tensor[] {positionSensitive ? PsRoiAlign.apply(maps, rois, rows, columns, options)
          : RoiAlign.apply(maps, rois, rows, columns, options)};
    }
  }

  private static Tensor[] indices(Arguments a, boolean positionSensitive) {
    Sizes s = new Sizes(a, positionSensitive);
    Pyramid maps = s.pyramid(a);
    try (Rois rois = s.rois(a)) {
      RoiAlign.Options o = s.options(a, a.of(RoiAlign.Op.MAX, RoiAlign.Op.MAX_CORNERS));
      try (Pool.Max max = positionSensitive ? PsRoiAlign.maxWithIndices(maps, rois, s.rows, s.columns, o)
          : RoiAlign.maxWithIndices(maps, rois, s.rows, s.columns, o)) {
        Pyramid.Shape shape = s.shape(a);
        List<Tensor> dx = positionSensitive ? PsRoiAlign.maxBackward(max.y(), max.indices(), rois, shape, o)
            : RoiAlign.maxBackward(max.y(), max.indices(), rois, shape, o);
        List<Tensor> results = new ArrayList<>(dx);
        results.add(max.y().copy());
        return results.toArray(Tensor[]::new);
      }
    }
  }

  private static Tensor[] backward(Arguments a, boolean positionSensitive) {
    Sizes s = new Sizes(a, positionSensitive);
    Pyramid.Shape shape = s.shape(a);
    try (Rois rois = s.rois(a)) {
      RoiAlign.Options o = s.options(a, RoiAlign.Op.AVERAGE);
      Tensor dy = a.tensor(s.count, s.outputs, s.rows, s.columns);
      List<Tensor> dx = positionSensitive ? PsRoiAlign.averageBackward(dy, rois, shape, o)
          : RoiAlign.averageBackward(dy, rois, shape, o);
      return dx.toArray(Tensor[]::new);
    }
  }
}
