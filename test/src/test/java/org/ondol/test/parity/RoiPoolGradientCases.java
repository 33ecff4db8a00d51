package org.ondol.test.parity;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.RoiPoolOracle;
import org.ondol.test.page.PageRoiPool;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Gradients of pooling of regions; now and then with indices that no pooling gives. */
final class RoiPoolGradientCases implements ParityCase {
  private final RoiProblem p;
  private final Draw.Fill fill;
  private final float[] dy;
  private final int[] indices;

  RoiPoolGradientCases(Draw d) {
    p = RoiProblem.draw(d, d.oneIn(3));
    fill = d.fill();
    dy = d.floats(fill, p.call().regions() * p.call().row());
    float[][] x = new float[p.call().levels().length][];
    for (int l = 0; l < x.length; l++) {
      x[l] = d.floats(Draw.Fill.INTEGER, p.xCount(l));
    }
    indices = PageRoiPool.forward(p.call(), x).indices();
    boolean spoil = d.oneIn(4);
    for (int i = 0; spoil && i < indices.length; i++) {
      indices[i] = d.oneIn(3) ? d.between(-3, 900) : d.oneIn(20) ? d.of(Integer.MIN_VALUE, Integer.MAX_VALUE) : indices[i];
    }
  }

  @Override
  public String describe() {
    return "gradient of roipool " + p + " " + fill;
  }

  @Override
  public Map<String, float[]> page() {
    Map<String, float[]> map = new LinkedHashMap<>();
    float[][] dx = PageRoiPool.backward(p.call(), dy, indices);
    for (int l = 0; l < dx.length; l++) {
      map.put("dx" + l, dx[l]);
    }
    return map;
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    Map<String, Bound.Values> map = new LinkedHashMap<>();
    for (int l = 0; l < p.call().levels().length && fill.finite(); l++) {
      map.put("dx" + l, RoiPoolOracle.backward(p.call(), l, dy, indices));
    }
    return map;
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor tdy = o.input("dy", dy, Freedom.ANY, p.yShape());
    Tensor at = o.ints(indices, p.yShape());
    Pyramid.Shape shape = p.shape();
    for (long[] map : shape.maps()) {
      o.poison(map);
    }
    Map<String, float[]> map = new LinkedHashMap<>();
    try (Rois rois = p.rois(o)) {
      List<Tensor> dx = gradient(tdy, at, rois, shape);
      for (int l = 0; l < dx.size(); l++) {
        map.put("dx" + l, o.adopt(dx.get(l)).toFloats());
      }
    }
    return map;
  }

  private List<Tensor> gradient(Tensor tdy, Tensor at, Rois rois, Pyramid.Shape shape) {
    boolean average = p.call().average();
    return switch (p.kind()) {
      case POOL -> average ? RoiPool.averageBackward(tdy, rois, shape) : RoiPool.maxBackward(tdy, at, rois, shape);
      case SPP -> Spp.backward(tdy, at, rois, shape, p.levels());
      case SENSITIVE -> average ? PsRoiPool.backward(tdy, rois, p.rounding(), shape)
          : PsRoiPool.maxBackward(tdy, at, rois, p.rounding(), shape);
    };
  }
}
