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

/** Max and average pooling, with and without indices, of and into slices of channels. */
final class PoolCases implements ParityCase {
  private enum Kind { MAX, INDICES, AVERAGE }

  private final PoolProblem p;
  private final Kind kind;
  private final boolean slices;
  private final Draw.Fill fill;
  private final float[] x;

  PoolCases(Draw d) {
    this(d, PoolProblem.draw(d), d.of(Kind.values()), d.oneIn(3), d.fill());
  }

  private PoolCases(Draw d, PoolProblem p, Kind kind, boolean slices, Draw.Fill fill) {
    this.p = p;
    this.kind = kind;
    this.slices = slices;
    this.fill = fill;
    x = d.floats(fill, p.planes() * p.size());
  }

  /** Planes wider than a line of any kernel, and more rows than a task. */
  static PoolCases[] large(Draw d) {
    PagePool.Axis tall = new PagePool.Axis(70, 3, 2, 1, 1, 1, false, 0);
    PagePool.Axis wide = new PagePool.Axis(9001, 3, 2, 1, 1, 1, false, 0);
    PagePool.Axis dense = new PagePool.Axis(5003, 2, 1, 1, 0, 0, false, 0);
    PagePool.Axis huge = new PagePool.Axis(12007, 4500, 999, 2, 7, 9, false, 0);
    PagePool.Axis one = new PagePool.Axis(1, 1, 1, 1, 0, 0, false, 0);
    PoolProblem[] problems = {
      new PoolProblem(1, 2, tall, wide, false, false), new PoolProblem(1, 3, tall, dense, true, false),
      new PoolProblem(1, 1, one, huge, false, true),
      new PoolProblem(1, 1, PoolProblem.sized(20, 3), PoolProblem.sized(9000, 2), false, false),
      new PoolProblem(2, 2, PoolProblem.sized(40, 7), PoolProblem.sized(6000, 300), false, false)};
    PoolCases[] all = new PoolCases[problems.length * Kind.values().length];
    for (int i = 0; i < all.length; i++) {
      all[i] = new PoolCases(d, problems[i / Kind.values().length], Kind.values()[i % Kind.values().length], false, Draw.Fill.INTEGER);
    }
    return all;
  }

  @Override
  public String describe() {
    return "pool " + kind + " " + p + (slices ? " slices " : " ") + fill;
  }

  @Override
  public Map<String, float[]> page() {
    if (kind == Kind.AVERAGE) {
      return results("y", PagePool.average(x, p.planes(), p.rows(), p.columns(), p.countPadding()));
    }
    PagePool.Max max = PagePool.max(x, p.planes(), p.rows(), p.columns());
    return kind == Kind.MAX ? results("y", max.y()) : results("y", max.y(), "indices", floats(max.indices()));
  }

  /** Indices are below 2^24, so exact. */
  static float[] floats(int[] indices) {
    float[] f = new float[indices.length];
    for (int i = 0; i < f.length; i++) {
      f[i] = indices[i];
    }
    return f;
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!fill.finite()) {
      return Map.of();
    }
    return Map.of("y", kind == Kind.AVERAGE ? PoolOracle.average(x, p.planes(), p.windows())
        : PoolOracle.max(x, p.planes(), p.windows()));
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor input = slices ? slice(o) : o.input("x", x, Freedom.ANY, p.xShape(0));
    if (slices && !p.adaptive() && kind != Kind.INDICES) {
      return into(o, input);
    }
    o.poison(p.yShape(0));
    if (kind == Kind.INDICES) {
      Pool.Max max = p.adaptive() ? Pool.adaptiveMaxWithIndices(input, p.rows().outputs(), p.columns().outputs())
          : Pool.maxWithIndices(input, p.geometry());
      o.adopt(max.indices());
      int[] indices = java.util.Arrays.stream(max.indices().toLongs()).mapToInt(Math::toIntExact).toArray();
      return results("y", o.adopt(max.y()), "indices", floats(indices));
    }
    return results("y", o.adopt(plain(input)));
  }

  private Tensor plain(Tensor input) {
    long height = p.rows().outputs();
    long width = p.columns().outputs();
    if (p.adaptive()) {
      return kind == Kind.MAX ? Pool.adaptiveMax(input, height, width) : Pool.adaptiveAverage(input, height, width);
    }
    return kind == Kind.MAX ? Pool.max(input, p.geometry()) : Pool.average(input, p.geometry());
  }

  /** The channels [1, channels + 1) of a map with one more at either end, which are NaN. */
  private Tensor slice(Operands o) {
    float[] padded = new float[p.batch() * (p.channels() + 2) * p.size()];
    java.util.Arrays.fill(padded, Float.NaN);
    int n = p.channels() * p.size();
    for (int b = 0; b < p.batch(); b++) {
      System.arraycopy(x, b * n, padded, b * (n + 2 * p.size()) + p.size(), n);
    }
    return o.adopt(o.input("x", padded, Freedom.CONTIGUOUS, p.xShape(2)).slice(1, 1, p.channels() + 1));
  }

  private Map<String, float[]> into(Operands o, Tensor input) {
    Tensor all = o.output("y", Freedom.CONTIGUOUS, p.yShape(1));
    Tensor y = o.adopt(all.slice(1, 0, p.channels()));
    if (kind == Kind.MAX) {
      Pool.maxInto(input, p.geometry(), y);
    } else {
      Pool.averageInto(input, p.geometry(), y);
    }
    for (float f : o.adopt(all.slice(1, p.channels(), p.channels() + 1)).toFloats()) {
      if (f == f) {
        throw new AssertionError("the channel beside the slice was written: " + f);
      }
    }
    return results("y", y);
  }
}
