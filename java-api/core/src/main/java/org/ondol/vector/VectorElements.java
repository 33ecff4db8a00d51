package org.ondol.vector;

import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.all;
import static org.ondol.vector.VectorMath.load;

import jdk.incubator.vector.FloatVector;
import java.util.Arrays;
import org.ondol.ops.Elementwise.Op;

/**
 * {@link Elements} on vectors. One method per operation: a loop over an operation passed as an object would box every
 * vector once a third operation has been seen.
 */
final class VectorElements implements Elements {
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
    for (int i = at; i < at + n; i += LANES) {
      load(x, i).neg().intoArray(x, i);
    }
  }

  private static void abs(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      load(x, i).abs().intoArray(x, i);
    }
  }

  private static void relu(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.relu(load(x, i)).intoArray(x, i);
    }
  }

  private static void gelu(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.gelu(load(x, i)).intoArray(x, i);
    }
  }

  private static void geluTanh(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.geluTanh(load(x, i)).intoArray(x, i);
    }
  }

  private static void sigmoid(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.sigmoid(load(x, i)).intoArray(x, i);
    }
  }

  private static void tanh(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.tanh(load(x, i)).intoArray(x, i);
    }
  }

  private static void silu(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.silu(load(x, i)).intoArray(x, i);
    }
  }

  private static void exp(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.exp(load(x, i)).intoArray(x, i);
    }
  }

  private static void log(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.log(load(x, i)).intoArray(x, i);
    }
  }

  private static void sqrt(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      load(x, i).sqrt().intoArray(x, i);
    }
  }

  private static void erf(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      VectorMath.erf(load(x, i)).intoArray(x, i);
    }
  }

  private static void square(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = load(x, i);
      v.mul(v).intoArray(x, i);
    }
  }

  private static void reciprocal(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      all(1).div(load(x, i)).intoArray(x, i);
    }
  }

  private static void scale(float[] x, int at, int n, float param) {
    for (int i = at; i < at + n; i += LANES) {
      load(x, i).mul(param).intoArray(x, i);
    }
  }

  private static void shift(float[] x, int at, int n, float param) {
    for (int i = at; i < at + n; i += LANES) {
      load(x, i).add(param).intoArray(x, i);
    }
  }

  private static void add(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      load(x, xAt + i).add(load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void sub(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      load(x, xAt + i).sub(load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void mul(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      load(x, xAt + i).mul(load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void div(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      load(x, xAt + i).div(load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void max(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.max(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void min(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.min(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void reluGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.reluGrad(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void sigmoidGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.sigmoidGrad(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void tanhGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.tanhGrad(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void siluGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.siluGrad(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void geluGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.geluGrad(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void geluTanhGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      VectorMath.geluTanhGrad(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }

  private static void axpy(float[] x, int xAt, float[] y, int yAt, int n, float param) {
    for (int i = 0; i < n; i += LANES) {
      all(param).fma(load(x, xAt + i), load(y, yAt + i)).intoArray(x, xAt + i);
    }
  }
}
