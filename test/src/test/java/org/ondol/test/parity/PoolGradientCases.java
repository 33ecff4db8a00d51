package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.PoolOracle;
import org.ondol.test.page.PagePool;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Gradients of pooling; now and then with indices that no pooling gives. */
final class PoolGradientCases implements ParityCase {
  private final PoolProblem p;
  private final boolean max;
  private final Draw.Fill fill;
  private final float[] dy;
  private final int[] indices;

  PoolGradientCases(Draw d) {
    this(d, PoolProblem.draw(d), d.oneIn(2), d.oneIn(4), d.fill());
  }

  private PoolGradientCases(Draw d, PoolProblem p, boolean max, boolean spoil, Draw.Fill fill) {
    this.p = p;
    this.max = max;
    this.fill = fill;
    dy = d.floats(fill, p.planes() * p.outputs());
    indices = PagePool.max(d.floats(Draw.Fill.INTEGER, p.planes() * p.size()), p.planes(), p.rows(), p.columns()).indices();
    for (int i = 0; spoil && i < indices.length; i++) {
      indices[i] = d.oneIn(3) ? d.between(-3, p.size() + 3) : d.oneIn(20) ? d.of(Integer.MIN_VALUE, Integer.MAX_VALUE) : indices[i];
    }
  }

  /** Wider than what a kernel spreads at once. */
  static PoolGradientCases[] large(Draw d) {
    PagePool.Axis rows = new PagePool.Axis(9, 3, 1, 1, 1, 1, false, 0);
    PagePool.Axis even = new PagePool.Axis(9, 3, 2, 1, 1, 1, true, 0);
    PagePool.Axis wide = new PagePool.Axis(5001, 3, 1, 1, 1, 1, false, 0);
    PagePool.Axis dealt = new PagePool.Axis(5001, 3, 2, 1, 1, 1, true, 0);
    PoolGradientCases[] all = new PoolGradientCases[4];
    for (int i = 0; i < 4; i++) {
      PoolProblem p = i < 2 ? new PoolProblem(1, 1, rows, wide, false, false) : new PoolProblem(1, 1, even, dealt, true, false);
      all[i] = new PoolGradientCases(d, p, false, false, Draw.Fill.TAME);
    }
    return all;
  }

  @Override
  public String describe() {
    return "gradient of pool " + (max ? "max " : "average ") + p + " " + fill;
  }

  @Override
  public Map<String, float[]> page() {
    return results("dx", max ? PagePool.maxBackward(dy, indices, p.planes(), p.rows(), p.columns())
        : PagePool.averageBackward(dy, p.planes(), p.rows(), p.columns(), p.countPadding()));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!fill.finite()) {
      return Map.of();
    }
    return Map.of("dx", max ? PoolOracle.maxBackward(dy, indices, p.planes(), p.windows())
        : PoolOracle.averageBackward(dy, p.planes(), p.windows()));
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor tdy = o.input("dy", dy, Freedom.ANY, p.yShape(0));
    Tensor at = o.ints(indices, p.yShape(0));
    long[] x = p.xShape(0);
    o.poison(x);
    if (max) {
      return results("dx", o.adopt(p.adaptive() ? Pool.adaptiveMaxBackward(tdy, at, x) : Pool.maxBackward(tdy, at, p.geometry(), x)));
    }
    return results("dx", o.adopt(p.adaptive() ? Pool.adaptiveAverageBackward(tdy, x) : Pool.averageBackward(tdy, p.geometry(), x)));
  }
}
