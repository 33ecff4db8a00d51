package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.ElementwiseOracle;
import org.ondol.test.page.PageElementwise;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random cases of one elementwise operation: broadcasts, any strides, in place, any bit pattern. */
final class ElementwiseCases implements ParityCase {
  private final Elementwise.Op op;
  private final String name;
  private final long[] shape;
  private final long[] xShape;
  private final long[] yShape;
  private final float[] x;
  private final float[] y;
  private final double param;
  private final boolean inPlace;
  private final boolean tame;

  ElementwiseCases(Elementwise.Op op, Draw d) {
    this.op = op;
    name = op.name().toLowerCase(Locale.ROOT);
    int rank = d.between(0, 4);
    shape = new long[rank];
    for (int i = 0; i < rank; i++) {
      shape[i] = i == rank - 1 ? d.sizeOrZero(140) : d.size(rank == 2 ? 40 : 7);
    }
    inPlace = d.oneIn(4);
    xShape = inPlace ? shape : broadcastable(d);
    yShape = broadcastable(d);
    tame = d.oneIn(2);
    x = tame ? d.floats(Draw.Fill.TAME, count(xShape)) : d.anyBits(count(xShape));
    y = op.operands() == 1 ? null : tame ? d.floats(Draw.Fill.TAME, count(yShape)) : d.anyBits(count(yShape));
    param = d.of(0.0, 1.0, -2.5, 0.1, 1e30);
  }

  /** The shape with some dimensions 1 and perhaps leading ones dropped. */
  private long[] broadcastable(Draw d) {
    int drop = d.oneIn(3) && shape.length > 0 ? d.below(shape.length) : 0;
    long[] s = java.util.Arrays.copyOfRange(shape, drop, shape.length);
    for (int i = 0; i < s.length; i++) {
      s[i] = d.oneIn(5) ? 1 : s[i];
    }
    return s;
  }

  private static int count(long[] shape) {
    int n = 1;
    for (long size : shape) {
      n *= (int) size;
    }
    return n;
  }

  /** Index in an operand of the element that meets element e of the result. */
  private int source(long[] operand, int e) {
    int at = 0;
    int step = 1;
    for (int i = shape.length - 1, j = operand.length - 1; j >= 0; i--, j--) {
      int index = (int) (e % shape[i]);
      e /= (int) shape[i];
      at += operand[j] == 1 ? 0 : index * step;
      step *= (int) operand[j];
    }
    return at;
  }

  @Override
  public String describe() {
    return name + " " + java.util.Arrays.toString(shape) + " of x " + java.util.Arrays.toString(xShape)
        + (y == null ? "" : " and y " + java.util.Arrays.toString(yShape)) + " param=" + param
        + (inPlace ? " in place" : "") + (tame ? "" : " any bits");
  }

  @Override
  public Map<String, float[]> page() {
    float[] out = new float[count(shape)];
    for (int e = 0; e < out.length; e++) {
      out[e] = PageElementwise.value(name, x[source(xShape, e)], y == null ? 0 : y[source(yShape, e)], (float) param);
    }
    return results("out", out);
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!tame) {
      return Map.of();
    }
    Bound.Values v = new Bound.Values(count(shape));
    for (int e = 0; e < v.value().length; e++) {
      double ex = x[source(xShape, e)];
      double ey = y == null ? 0 : y[source(yShape, e)];
      v.value()[e] = ElementwiseOracle.value(name, ex, ey, (float) param);
      v.bound()[e] = ElementwiseOracle.bound(name, ex, ey, (float) param);
    }
    return Map.of("out", v);
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor ty = o.input("y", y, Freedom.ANY, yShape);
    if (inPlace) {
      Tensor out = o.adopt(Tensor.of(o.device(), x, shape));
      Elementwise.run(op, out, ty, out, param);
      return results("out", out);
    }
    Tensor tx = o.input("x", x, Freedom.ANY, xShape);
    Tensor out = o.output("out", Freedom.ANY, shape);
    Elementwise.run(op, tx, ty, out, param);
    return results("out", out);
  }
}
