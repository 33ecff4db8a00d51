package org.ondol.grad;

import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Reduce;

/** Gradients cut before an update. Parameters without a gradient take no part. */
public final class Clip {
  private Clip() {}

  /**
   * Scales all gradients by limit / norm where their norm exceeds the limit (Pascanu, Mikolov and Bengio 2013). The
   * norm is the root of the sum, in double and in the parameters' order, of each gradient's sum of squares (a sum16 in
   * float).
   *
   * @return the norm before
   * @throws GradientException if a gradient's sum of squares is NaN or infinite; nothing is changed then
   */
  public static double byNorm(Iterable<Parameter> parameters, double limit) {
    Require.present("parameters", parameters);
    Require.positive("limit", limit);
    double sum = 0;
    for (Parameter p : parameters) {
      if (p.gradient() == null) continue;
      float squares = sumOfSquares(p.gradient());
      if (!Float.isFinite(squares)) {
        throw new GradientException("the gradient of " + p.name() + " has a sum of squares of " + squares);
      }
      sum += squares;
    }
    double norm = StrictMath.sqrt(sum);
    if (norm > limit) {
      for (Parameter p : parameters) {
        if (p.gradient() != null) Elementwise.run(Op.SCALE, p.gradient(), null, p.gradient(), limit / norm);
      }
    }
    return norm;
  }

  private static float sumOfSquares(Tensor t) {
    try (Tensor flat = t.reshape(-1); Tensor sum = Reduce.apply(Reduce.Op.SUMSQ, flat, 0, false)) {
      return sum.item();
    }
  }

  /** Cuts every element to low and high. */
  public static void byValue(Iterable<Parameter> parameters, double low, double high) {
    Require.present("parameters", parameters);
    Require.finite("low", low);
    Require.finite("high", high);
    if (high < low) throw new InvalidArgumentException("high", high, "at least low, " + low);
    for (Parameter p : parameters) {
      if (p.gradient() == null) continue;
      bound(p.gradient(), Op.MAX, low);
      bound(p.gradient(), Op.MIN, high);
    }
  }

  private static void bound(Tensor t, Op op, double value) {
    try (Tensor number = Tensor.empty(t.device())) {
      Elementwise.fill(number, value);
      Elementwise.run(op, t, number, t, 0);
    }
  }
}
