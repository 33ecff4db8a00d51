package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Arrays;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.RoiPoolOracle;
import org.ondol.test.page.PagePool;
import org.ondol.test.page.PageRoiPool;
import org.ondol.test.support.Operands;

/** Pooling of regions, with and without indices, plain, in pyramids of grids and position-sensitive. */
final class RoiPoolCases implements ParityCase {
  private final RoiProblem p;
  private final boolean indexed;
  private final Draw.Fill fill;
  private final float[][] x;

  RoiPoolCases(Draw d) {
    p = RoiProblem.draw(d, d.oneIn(3));
    indexed = !p.call().average() && d.oneIn(2);
    fill = d.fill();
    x = new float[p.call().levels().length][];
    for (int l = 0; l < x.length; l++) {
      x[l] = d.floats(fill, p.xCount(l));
    }
  }

  @Override
  public String describe() {
    return "roipool " + p + (indexed ? " with indices " : " ") + fill;
  }

  @Override
  public Map<String, float[]> page() {
    PagePool.Max max = PageRoiPool.forward(p.call(), x);
    return indexed ? results("y", max.y(), "indices", PoolCases.floats(max.indices())) : results("y", max.y());
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    return fill.finite() ? Map.of("y", RoiPoolOracle.forward(p.call(), x)) : Map.of();
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Pyramid maps = p.pyramid(o, x);
    o.poison(p.yShape());
    o.poison(p.yShape());
    try (Rois rois = p.rois(o)) {
      if (!indexed) {
        return results("y", o.adopt(plain(maps, rois)));
      }
      Pool.Max max = withIndices(maps, rois);
      o.adopt(max.indices());
      int[] indices = Arrays.stream(max.indices().toLongs()).mapToInt(Math::toIntExact).toArray();
      return results("y", o.adopt(max.y()), "indices", PoolCases.floats(indices));
    }
  }

  private Tensor plain(Pyramid maps, Rois rois) {
    boolean average = p.call().average();
    return switch (p.kind()) {
      case POOL -> average ? RoiPool.average(maps, rois, p.height(), p.width()) : RoiPool.max(maps, rois, p.height(), p.width());
      case SPP -> Spp.apply(maps, rois, p.levels());
      case SENSITIVE -> average ? PsRoiPool.apply(maps, rois, p.rounding(), p.height(), p.width())
          : PsRoiPool.max(maps, rois, p.rounding(), p.height(), p.width());
    };
  }

  private Pool.Max withIndices(Pyramid maps, Rois rois) {
    return switch (p.kind()) {
      case POOL -> RoiPool.maxWithIndices(maps, rois, p.height(), p.width());
      case SPP -> Spp.withIndices(maps, rois, p.levels());
      case SENSITIVE -> PsRoiPool.maxWithIndices(maps, rois, p.rounding(), p.height(), p.width());
    };
  }
}
