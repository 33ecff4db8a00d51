package org.ondol.vector;

import java.util.Arrays;
import org.ondol.ops.Elementwise.Op;

/** {@link Elements} with scalar code; one method per operation, so that each is compiled on its own. */
final class ScalarElements implements Elements {
  @Override
  public void unary(Op op, float param, float[] x, int at, int n) {
    switch (op) {
      case COPY -> { }
      case FILL -> Arrays.fill(x, at, at + n, param);
      case NEG -> neg(x, at, n);
      case ABS -> abs(x, at, n);
      case RELU -> relu(x, at, n);
      case GELU -> gelu(x, at, n);
      case GELU_TANH -> geluTanh(x, at, n);
      case SIGMOID -> sigmoid(x, at, n);
      case TANH -> tanh(x, at, n);
      case SILU -> silu(x, at, n);
      case EXP -> exp(x, at, n);
      case LOG -> log(x, at, n);
      case SQRT -> sqrt(x, at, n);
      case ERF -> erf(x, at, n);
      case SQUARE -> square(x, at, n);
      case RECIPROCAL -> reciprocal(x, at, n);
      case SCALE -> scale(x, at, n, param);
      case SHIFT -> shift(x, at, n, param);
      default -> throw new AssertionError(op);
    }
  }

  @Override
  public void binary(Op op, float param, float[] x, int xAt, float[] y, int yAt, int n) {
    switch (op) {
      case ADD -> add(x, xAt, y, yAt, n);
      case SUB -> sub(x, xAt, y, yAt, n);
      case MUL -> mul(x, xAt, y, yAt, n);
      case DIV -> div(x, xAt, y, yAt, n);
      case MAX -> max(x, xAt, y, yAt, n);
      case MIN -> min(x, xAt, y, yAt, n);
      case RELU_GRAD -> reluGrad(x, xAt, y, yAt, n);
      case SIGMOID_GRAD -> sigmoidGrad(x, xAt, y, yAt, n);
      case TANH_GRAD -> tanhGrad(x, xAt, y, yAt, n);
      case SILU_GRAD -> siluGrad(x, xAt, y, yAt, n);
      case GELU_GRAD -> geluGrad(x, xAt, y, yAt, n);
      case GELU_TANH_GRAD -> geluTanhGrad(x, xAt, y, yAt, n);
      case AXPY -> axpy(x, xAt, y, yAt, n, param);
      default -> throw new AssertionError(op);
    }
  }

  private static void neg(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = -x[i];
    }
  }

  private static void abs(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = Math.abs(x[i]);
    }
  }

  private static void relu(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.relu(x[i]);
    }
  }

  private static void gelu(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.gelu(x[i]);
    }
  }

  private static void geluTanh(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.geluTanh(x[i]);
    }
  }

  private static void sigmoid(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.sigmoid(x[i]);
    }
  }

  private static void tanh(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.tanh(x[i]);
    }
  }

  private static void silu(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.silu(x[i]);
    }
  }

  private static void exp(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.exp(x[i]);
    }
  }

  private static void log(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.log(x[i]);
    }
  }

  private static void sqrt(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = (float) Math.sqrt(x[i]);
    }
  }

  private static void erf(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = ScalarMath.erf(x[i]);
    }
  }

  private static void square(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = x[i] * x[i];
    }
  }

  private static void reciprocal(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = 1 / x[i];
    }
  }

  private static void scale(float[] x, int at, int n, float param) {
    for (int i = at; i < at + n; i++) {
      x[i] = x[i] * param;
    }
  }

  private static void shift(float[] x, int at, int n, float param) {
    for (int i = at; i < at + n; i++) {
      x[i] = x[i] + param;
    }
  }

  private static void add(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = x[xAt + i] + y[yAt + i];
    }
  }

  private static void sub(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = x[xAt + i] - y[yAt + i];
    }
  }

  private static void mul(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = x[xAt + i] * y[yAt + i];
    }
  }

  private static void div(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = x[xAt + i] / y[yAt + i];
    }
  }

  private static void max(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.max(x[xAt + i], y[yAt + i]);
    }
  }

  private static void min(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.min(x[xAt + i], y[yAt + i]);
    }
  }

  private static void reluGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.reluGrad(x[xAt + i], y[yAt + i]);
    }
  }

  private static void sigmoidGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.sigmoidGrad(x[xAt + i], y[yAt + i]);
    }
  }

  private static void tanhGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.tanhGrad(x[xAt + i], y[yAt + i]);
    }
  }

  private static void siluGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.siluGrad(x[xAt + i], y[yAt + i]);
    }
  }

  private static void geluGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.geluGrad(x[xAt + i], y[yAt + i]);
    }
  }

  private static void geluTanhGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = ScalarMath.geluTanhGrad(x[xAt + i], y[yAt + i]);
    }
  }

  private static void axpy(float[] x, int xAt, float[] y, int yAt, int n, float param) {
    for (int i = 0; i < n; i++) {
      x[xAt + i] = Math.fma(param, x[xAt + i], y[yAt + i]);
    }
  }
}
