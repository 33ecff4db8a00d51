package org.ondol.test.page;

/** The elementwise operations by name. param is the operation's constant, rounded to float32. */
public final class PageElementwise {
  private PageElementwise() {}

  public static float value(String op, float x, float y, float param) {
    return switch (op) {
      case "copy" -> x;
      case "neg" -> -x;
      case "abs" -> Math.abs(x);
      case "relu" -> PageMath.relu(x);
      case "gelu" -> PageMath.gelu(x);
      case "gelu_tanh" -> PageMath.geluTanh(x);
      case "sigmoid" -> PageMath.sigmoid(x);
      case "tanh" -> PageMath.tanh(x);
      case "silu" -> PageMath.silu(x);
      case "exp" -> PageMath.exp(x);
      case "log" -> PageMath.log(x);
      case "sqrt" -> (float) Math.sqrt(x);
      case "erf" -> PageMath.erf(x);
      case "square" -> x * x;
      case "reciprocal" -> 1f / x;
      case "scale" -> x * param;
      case "shift" -> x + param;
      case "fill" -> param;
      case "add" -> x + y;
      case "sub" -> x - y;
      case "mul" -> x * y;
      case "div" -> x / y;
      case "max" -> PageMath.max(x, y);
      case "min" -> PageMath.min(x, y);
      case "relu_grad" -> PageMath.reluGrad(x, y);
      case "sigmoid_grad" -> PageMath.sigmoidGrad(x, y);
      case "tanh_grad" -> PageMath.tanhGrad(x, y);
      case "silu_grad" -> PageMath.siluGrad(x, y);
      case "gelu_grad" -> PageMath.geluGrad(x, y);
      case "gelu_tanh_grad" -> PageMath.geluTanhGrad(x, y);
      case "axpy" -> Math.fma(param, x, y);
      default -> throw new IllegalArgumentException("no page entry for the elementwise operation " + op);
    };
  }
}
