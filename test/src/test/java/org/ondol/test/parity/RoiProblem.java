package org.ondol.test.parity;

import java.util.Arrays;
import java.util.ArrayList;
import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool.Rounding;
import org.ondol.ops.Rois;
import org.ondol.test.page.PageRoiPool;
import org.ondol.test.page.PageRoiPool.Level;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Maps, boxes and bins of a pooling of regions, as one of the operations has them. */
record RoiProblem(Kind kind, PageRoiPool.Call call, boolean wide) {
  /** RoiPool, Spp, PsRoiPool. */
  enum Kind { POOL, SPP, SENSITIVE }

  static RoiProblem draw(Draw d, boolean average) {
    Kind kind = average ? d.of(Kind.POOL, Kind.SENSITIVE) : d.of(Kind.values());
    int[][] bins = new int[kind == Kind.SPP ? d.between(1, 5) : 1][];
    for (int g = 0; g < bins.length; g++) {
      int n = d.between(1, 7);
      bins[g] = new int[] {n, kind == Kind.SPP ? n : d.oneIn(8) ? d.between(1, 40) : d.between(1, 7)};
    }
    int channels = kind == Kind.SENSITIVE ? d.sizeOrZero(18) * bins[0][0] * bins[0][1] : d.sizeOrZero(70);
    Rounding rounding = kind == Kind.POOL ? Rounding.ROUND : kind == Kind.SPP ? Rounding.SPP : d.of(Rounding.values());
    Level[] levels = new Level[d.oneIn(3) ? d.between(2, 3) : 1];
    for (int l = 0; l < levels.length; l++) {
      levels[l] = new Level(d.size(24), d.size(33), d.of(1f, 0.5f, 0.0625f, 0.3f, 3f));
    }
    int batch = d.between(1, 3);
    int regions = d.oneIn(10) ? 0 : d.between(1, 20);
    float[] boxes = new float[4 * regions];
    int[] images = new int[regions];
    int[] on = new int[regions];
    for (int r = 0; r < regions; r++) {
      images[r] = d.below(batch);
      on[r] = d.below(levels.length);
      box(d, levels[on[r]], boxes, 4 * r);
    }
    return new RoiProblem(kind, new PageRoiPool.Call(rounding, average, kind == Kind.SENSITIVE, batch, channels, levels, boxes, images,
        on, bins), d.oneIn(2));
  }

  /** Mostly inside the image or across its edge; now and then reversed, without area, far outside or no box at all. */
  private static void box(Draw d, Level level, float[] boxes, int at) {
    boolean ugly = d.oneIn(8);
    for (int k = 0; k < 4; k++) {
      double size = (k % 2 == 0 ? level.width() : level.height()) / (double) level.scale();
      double v = (d.random().nextDouble() * 1.3 - 0.15) * size;
      double half = Math.floor(v * level.scale() * 2) / 2 / level.scale();
      boxes[at + k] = (float) (d.oneIn(3) ? half : v);
      if (ugly && d.oneIn(2)) {
        boxes[at + k] = d.oneIn(2) ? d.extreme() : (float) (d.random().nextGaussian() * 10 * size);
      }
    }
    for (int k = 0; k < 2 && !d.oneIn(6); k++) {
      float low = Math.min(boxes[at + k], boxes[at + k + 2]);
      boxes[at + k + 2] = Math.max(boxes[at + k], boxes[at + k + 2]);
      boxes[at + k] = low;
    }
  }

  int[] levels() {
    return Arrays.stream(call.bins()).mapToInt(b -> b[0]).toArray();
  }

  Rounding rounding() {
    return call.rounding();
  }

  long height() {
    return call.bins()[0][0];
  }

  long width() {
    return call.bins()[0][1];
  }

  long[] yShape() {
    if (kind == Kind.SPP) return new long[] {call.regions(), call.row()};
    long c = kind == Kind.SENSITIVE ? call.channels() / (height() * width()) : call.channels();
    return new long[] {call.regions(), c, height(), width()};
  }

  long[] xShape(int level) {
    return new long[] {call.batch(), call.channels(), call.levels()[level].height(), call.levels()[level].width()};
  }

  int xCount(int level) {
    return call.batch() * call.channels() * call.levels()[level].height() * call.levels()[level].width();
  }

  private List<Double> scales() {
    List<Double> scales = new ArrayList<>();
    for (Level l : call.levels()) scales.add((double) l.scale());
    return scales;
  }

  Pyramid pyramid(Operands o, float[][] x) {
    List<Tensor> maps = new ArrayList<>();
    for (int l = 0; l < x.length; l++) maps.add(o.input("x" + l, x[l], Freedom.ANY, xShape(l)));
    return new Pyramid(maps, scales());
  }

  Pyramid.Shape shape() {
    List<long[]> maps = new ArrayList<>();
    for (int l = 0; l < call.levels().length; l++) maps.add(xShape(l));
    return new Pyramid.Shape(maps, scales());
  }

  private Tensor numbers(Operands o, int[] values) {
    return wide ? o.longs(Arrays.stream(values).asLongStream().toArray(), values.length) : o.ints(values, values.length);
  }

  /** To be closed. */
  Rois rois(Operands o) {
    Tensor boxes = o.input("boxes", call.boxes(), Freedom.ANY, call.regions(), 4);
    Rois rois = Rois.of(boxes, numbers(o, call.images()));
    if (call.levels().length == 1) return rois;
    try (rois) {
      return rois.onLevels(numbers(o, call.on()));
    }
  }

  @Override
  public String toString() {
    return kind + " " + call.rounding() + (call.average() ? " average" : " max") + " of [" + call.batch() + ", " + call.channels() + "] x "
        + Arrays.toString(call.levels()) + ", " + call.regions() + " regions " + Arrays.toString(call.boxes()) + " in "
        + Arrays.deepToString(call.bins());
  }
}
