package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.RoiAlignOracle;
import org.ondol.test.page.PageRoiAlign;
import org.ondol.test.support.Operands;

/** Samples of regions, with and without indices. */
final class RoiAlignCases implements ParityCase {
  private final RoiAlignProblem p;
  private final Draw.Fill fill;
  private final boolean indexed;
  private final List<float[]> x = new ArrayList<>();

  RoiAlignCases(Draw d) {
    p = new RoiAlignProblem(d);
    fill = d.fill();
    indexed = !p.average() && d.oneIn(2);
    for (int l = 0; l < p.sizes.length; l++) {
      x.add(d.floats(fill, p.elements(l)));
    }
  }

  @Override
  public String describe() {
    return "roialign " + p + " " + fill;
  }

  @Override
  public Map<String, float[]> page() {
    float[] y = new float[p.results()];
    float[] indices = new float[p.results()];
    Arrays.fill(indices, -1);
    for (int r = 0; r < p.count(); r++) {
      PageRoiAlign.Axis[] axes = p.axes(r);
      for (int k = 0; k < p.outputs() * p.grid() && axes != null; k++) {
        int bin = k % p.grid();
        int at = r * p.outputs() * p.grid() + k;
        int plane = p.planeOf(r, k / p.grid(), bin);
        float[] map = x.get(p.levels[r]);
        int width = p.sizes[p.levels[r]][1];
        if (p.average()) {
          y[at] = PageRoiAlign.average(map, plane, width, axes[0], bin / p.columns, axes[1], bin % p.columns);
        } else {
          PageRoiAlign.Max max = PageRoiAlign.maximum(p.corners(), map, plane, width, axes[0], bin / p.columns, axes[1], bin % p.columns);
          y[at] = max.y();
          indices[at] = max.index();
        }
      }
    }
    return indexed ? results("y", y, "indices", indices) : results("y", y);
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!fill.finite() || !p.exact) {
      return Map.of();
    }
    Bound.Values y = new Bound.Values(p.results());
    for (int at = 0; at < p.results(); at++) {
      int r = at / p.grid() / p.outputs();
      int bin = at % p.grid();
      RoiAlignOracle.bin(p.region(r), x.get(p.levels[r]), p.planeOf(r, at / p.grid() % p.outputs(), bin), bin / p.columns, bin % p.columns,
          y, at);
    }
    return Map.of("y", y);
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Pyramid maps = p.pyramid(o, x);
    try (Rois rois = p.rois(o)) {
      o.poison(p.resultShape());
      if (!indexed) {
        return results("y", o.adopt(p.positionSensitive ? PsRoiAlign.apply(maps, rois, p.rows, p.columns, p.options)
            : RoiAlign.apply(maps, rois, p.rows, p.columns, p.options)));
      }
      Pool.Max max = p.positionSensitive ? PsRoiAlign.maxWithIndices(maps, rois, p.rows, p.columns, p.options)
          : RoiAlign.maxWithIndices(maps, rois, p.rows, p.columns, p.options);
      Tensor indices = o.adopt(max.indices());
      return results("y", o.adopt(max.y()), "indices",
          PoolCases.floats(Arrays.stream(indices.toLongs()).mapToInt(Math::toIntExact).toArray()));
    }
  }
}
