package org.ondol.test.parity;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.RoiAlignOracle;
import org.ondol.test.page.PageRoiAlign;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Gradients of samples of regions; of maxima with indices of any value, most of which name a sample. */
final class RoiAlignGradientCases implements ParityCase {
  private final RoiAlignProblem p;
  private final Draw.Fill fill;
  private final float[] dy;
  private final int[] indices;

  RoiAlignGradientCases(Draw d) {
    p = new RoiAlignProblem(d);
    fill = d.fill();
    dy = d.floats(fill, p.results());
    indices = new int[p.results()];
    for (int i = 0; i < indices.length; i++) {
      indices[i] = d.oneIn(10) ? d.of(-1, -5, Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 20) : d.below(20);
    }
  }

  @Override
  public String describe() {
    return "gradient of roialign " + p + " " + fill;
  }

  @Override
  public Map<String, float[]> page() {
    List<float[]> dx = new ArrayList<>();
    for (int l = 0; l < p.sizes.length; l++) {
      dx.add(new float[p.elements(l)]);
    }
    for (int r = 0; r < p.count(); r++) {
      PageRoiAlign.Axis[] axes = p.axes(r);
      for (int c = 0; c < p.outputs() && axes != null; c++) {
        for (int i = 0; i < p.rows; i++) {
          row(r, c, i, axes, dx.get(p.levels[r]));
        }
      }
    }
    Map<String, float[]> results = new LinkedHashMap<>();
    for (int l = 0; l < dx.size(); l++) {
      float[] level = dx.get(l);
      for (int k = 0; k < level.length; k++) {
        level[k] = level[k] + 0f;
      }
      results.put("dx" + l, level);
    }
    return results;
  }

  private void row(int r, int c, int i, PageRoiAlign.Axis[] axes, float[] dx) {
    int at = ((r * p.outputs() + c) * p.rows + i) * p.columns;
    int width = p.sizes[p.levels[r]][1];
    if (p.average() && !p.positionSensitive) {
      PageRoiAlign.averageBackward(dy, at, axes[0], i, axes[1], 0, p.columns, dx, p.planeOf(r, c, 0), width);
      return;
    }
    for (int j = 0; j < p.columns; j++) {
      int plane = p.planeOf(r, c, i * p.columns + j);
      if (p.average()) {
        PageRoiAlign.averageBackward(dy, at + j, axes[0], i, axes[1], j, j + 1, dx, plane, width);
      } else {
        PageRoiAlign.maximumBackward(p.corners(), dy[at + j], indices[at + j], axes[0], i, axes[1], j, dx, plane, width);
      }
    }
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!fill.finite() || !p.exact || !p.average()) {
      return Map.of();
    }
    Map<String, Bound.Values> results = new LinkedHashMap<>();
    int samples = (int) (p.options.samplingH() * p.options.samplingW());
    for (int l = 0; l < p.sizes.length; l++) {
      Bound.Values dx = new Bound.Values(p.elements(l));
      for (int at = 0; at < p.results(); at++) {
        int r = at / p.grid() / p.outputs();
        int bin = at % p.grid();
        if (p.levels[r] == l) {
          RoiAlignOracle.averageBackward(p.region(r), dy[at], bin / p.columns, bin % p.columns, dx,
              p.planeOf(r, at / p.grid() % p.outputs(), bin), 4 * samples * p.grid() * p.count() + 8);
        }
      }
      results.put("dx" + l, dx);
    }
    return results;
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor tdy = o.input("dy", dy, Freedom.ANY, p.resultShape());
    Tensor at = o.ints(indices, p.resultShape());
    try (Rois rois = p.rois(o)) {
      for (int l = 0; l < p.sizes.length; l++) {
        o.poison(p.shape(l));
      }
      List<Tensor> dx;
      if (p.positionSensitive) {
        dx = p.average() ? PsRoiAlign.averageBackward(tdy, rois, p.shape(), p.options)
            : PsRoiAlign.maxBackward(tdy, at, rois, p.shape(), p.options);
      } else {
        dx = p.average() ? RoiAlign.averageBackward(tdy, rois, p.shape(), p.options)
            : RoiAlign.maxBackward(tdy, at, rois, p.shape(), p.options);
      }
      Map<String, float[]> results = new LinkedHashMap<>();
      for (int l = 0; l < dx.size(); l++) {
        results.put("dx" + l, o.adopt(dx.get(l)).toFloats());
      }
      return results;
    }
  }
}
