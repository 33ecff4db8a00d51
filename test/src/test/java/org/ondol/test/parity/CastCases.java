package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Arrays;
import java.util.Map;
import org.ondol.DType;
import org.ondol.Tensor;
import org.ondol.ops.Cast;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.CastOracle;
import org.ondol.test.page.PageCast;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random casts between all pairs of floating-point types: any strides, any bit pattern. Results are compared as floats. */
final class CastCases implements ParityCase {
  private final DType from;
  private final DType to;
  private final long[] shape;
  private final int count;
  /** One of them is null. */
  private final float[] wide;
  private final short[] halves;
  private final boolean fresh;

  CastCases(Draw d) {
    from = d.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16);
    to = d.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16);
    shape = new long[d.between(0, 4)];
    int n = 1;
    for (int i = 0; i < shape.length; i++) {
      shape[i] = i == shape.length - 1 ? d.sizeOrZero(140) : d.size(shape.length == 2 ? 40 : 7);
      n *= (int) shape[i];
    }
    count = n;
    fresh = d.oneIn(3);
    wide = from == DType.FLOAT32 ? numbers(d) : null;
    halves = from == DType.FLOAT32 ? null : new short[count];
    for (int i = 0; i < count && halves != null; i++) {
      halves[i] = (short) d.random().nextInt();
    }
  }

  /** Any bits, or magnitudes around those that a float16 can hold. */
  private float[] numbers(Draw d) {
    float[] x = d.anyBits(count);
    for (int i = 0; i < count; i++) {
      x[i] = d.oneIn(2) ? (float) Math.scalb(d.random().nextGaussian(), d.between(-26, 18)) : x[i];
    }
    return x;
  }

  private float input(int i) {
    return wide != null ? wide[i] : PageCast.widen(from, halves[i]);
  }

  @Override
  public String describe() {
    return "cast of " + Arrays.toString(shape) + " from " + from + " to " + to + (fresh ? " as a new tensor" : "");
  }

  @Override
  public Map<String, float[]> page() {
    float[] y = new float[count];
    for (int i = 0; i < count; i++) {
      y[i] = to == DType.FLOAT32 ? input(i) : PageCast.widen(to, PageCast.narrow(to, input(i)));
    }
    return results("y", y);
  }

  /** A cast is rounded once, so that nothing but the rounded number will do. */
  @Override
  public Map<String, Bound.Values> oracle() {
    Bound.Values v = new Bound.Values(count);
    for (int i = 0; i < count; i++) {
      v.value()[i] = CastOracle.value(to, input(i));
    }
    return Map.of("y", v);
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor x = wide != null ? o.input("x", wide, Freedom.ANY, shape) : o.input("x", halves, from, Freedom.ANY, shape);
    Tensor y;
    if (fresh) {
      y = o.adopt(Cast.apply(x, to));
    } else {
      y = to == DType.FLOAT32 ? o.output("y", Freedom.ANY, shape) : o.output("y", to, Freedom.ANY, shape);
      Cast.into(x, y);
    }
    return results("y", to == DType.FLOAT32 ? y.toFloats() : PageCast.widen(to, y.toShorts()));
  }
}
