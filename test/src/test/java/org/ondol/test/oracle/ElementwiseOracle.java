package org.ondol.test.oracle;

import static org.ondol.test.oracle.Bound.U;

/**
 * Elementwise functions in float64 by name, with a bound on the error of their float32 versions for float32 arguments.
 * Binary functions take (x, y), gradients (x or the forward's output, dy).
 */
public final class ElementwiseOracle {
  private static final double SQRT_HALF = Math.sqrt(0.5);
  private static final double INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
  private static final double GELU_C = Math.sqrt(2 / Math.PI);

  private ElementwiseOracle() {}

  public static double value(String op, double x, double y) {
    return value(op, x, y, 0);
  }

  public static double value(String op, double x, double y, double param) {
    return switch (op) {
      case "scale" -> x * param;
      case "shift" -> x + param;
      case "fill" -> param;
      case "axpy" -> param * x + y;
      case "none", "copy" -> x;
      case "add" -> x + y;
      case "sub" -> x - y;
      case "mul" -> x * y;
      case "div" -> x / y;
      case "max" -> x > y || x != x ? x : y;
      case "min" -> x < y || x != x ? x : y;
      case "neg" -> -x;
      case "abs" -> Math.abs(x);
      case "square" -> x * x;
      case "sqrt" -> Math.sqrt(x);
      case "reciprocal" -> 1 / x;
      case "exp" -> Math.exp(x);
      case "log" -> Math.log(x);
      case "tanh" -> Math.tanh(x);
      case "erf" -> erf(x);
      case "sigmoid" -> 1 / (1 + Math.exp(-x));
      case "silu" -> x / (1 + Math.exp(-x));
      case "relu" -> x < 0 ? 0 : x;
      case "gelu" -> 0.5 * x * erfc(-x * SQRT_HALF);
      case "gelu_tanh" -> 0.5 * x * (1 + Math.tanh(GELU_C * (x + 0.044715 * x * x * x)));
      case "relu_grad" -> x > 0 ? y : 0;
      case "sigmoid_grad" -> y * x * (1 - x);
      case "tanh_grad" -> y * (1 - x * x);
      case "silu_grad" -> {
        double s = 1 / (1 + Math.exp(-x));
        yield y * s * (1 + x * (1 - s));
      }
      case "gelu_grad" -> y * (0.5 * erfc(-x * SQRT_HALF) + x * INV_SQRT_2PI * Math.exp(-0.5 * x * x));
      case "gelu_tanh_grad" -> {
        double h = Math.tanh(GELU_C * (x + 0.044715 * x * x * x));
        double du = GELU_C * (1 + 3 * 0.044715 * x * x);
        yield y * (0.5 * (1 + h) + 0.5 * x * (1 - h * h) * du);
      }
      default -> throw new IllegalArgumentException("the oracle does not know the elementwise function " + op);
    };
  }

  /**
   * How far the float32 result may be. The polynomials are good to about 2 u before their own roundings; where a formula
   * subtracts from or adds to 1 the bound is absolute in the factor that is multiplied by it.
   */
  public static double bound(String op, double x, double y) {
    return bound(op, x, y, 0);
  }

  public static double bound(String op, double x, double y, double param) {
    double v = Math.abs(value(op, x, y, param));
    return switch (op) {
      case "none", "copy", "fill", "max", "min", "neg", "abs", "relu", "relu_grad" -> 0;
      case "add", "sub", "mul", "div", "square", "sqrt", "reciprocal", "scale", "shift", "axpy" -> U * v;
      case "exp", "log", "tanh", "erf" -> 6 * U * v + 1e-37 * (op.equals("exp") ? 0 : 1);
      case "sigmoid" -> 6 * U * v + 0x1p-126; // 1 / (1 + inf) where the true value is below the smallest normal
      case "silu" -> 8 * U * v + Math.abs(x) * 0x1p-126;
      case "gelu" -> 10 * U * Math.abs(x);
      case "gelu_tanh" -> 10 * U * Math.abs(x) * (1 + slack(x));
      case "sigmoid_grad" -> Math.abs(y) * 3 * U * (Math.abs(x) * (1 + Math.abs(x)));
      case "tanh_grad" -> Math.abs(y) * 3 * U * (1 + x * x);
      case "silu_grad" -> Math.abs(y) * 20 * U * (1 + Math.abs(x));
      case "gelu_grad" -> Math.abs(y) * (20 * U * (1 + Math.abs(x)) + U * slack(x));
      case "gelu_tanh_grad" -> Math.abs(y) * (20 * U * (1 + Math.abs(x)) + 20 * U * slack(x));
      default -> throw new IllegalArgumentException("the oracle has no bound for the elementwise function " + op);
    };
  }

  /** Size of x^3 exp(-x^2 / 2) and its like: how much a rounded exponent moves the tail of a Gaussian. */
  private static double slack(double x) {
    return 4 * (1 + Math.abs(x * x * x) + Math.abs(x * x * x * x)) * Math.exp(-0.5 * x * x);
  }

  public static double erf(double x) {
    return x < 0 ? -erf(-x) : x < 2 ? erfSeries(x) : 1 - erfcFraction(x);
  }

  static double erfc(double x) {
    return x < 2 ? 1 - erf(x) : erfcFraction(x);
  }

  /** erf by its everywhere convergent series, 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!: no cancellation. */
  private static double erfSeries(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; term > sum * 1e-18; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  /** erfc for x >= 2 by the Laplace continued fraction, evaluated from far enough down. */
  private static double erfcFraction(double x) {
    if (x == Double.POSITIVE_INFINITY) {
      return 0;
    }
    double tail = x;
    for (int n = 200; n >= 1; n--) {
      tail = x + n / 2.0 / tail;
    }
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
  }
}
