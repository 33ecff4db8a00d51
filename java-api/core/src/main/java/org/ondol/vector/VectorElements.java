package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.ONE;
import static org.ondol.vector.VectorMath.SPECIES;
import static org.ondol.vector.VectorMath.ZERO;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.ondol.ops.Elementwise.Op;

/**
 * {@link Elements} on vectors. One method per operation: a loop over an operation passed as an object would box every
 * vector once a third operation has been seen.
 */
final class VectorElements implements Elements {
  /** Elements that pass through the larger functions together: they and their temporaries stay in the L1 cache. */
  private static final int CHUNK = 1024;

  private static final FloatVector HALF = broadcast(SPECIES, 0.5f);
  private static final FloatVector MINUS_HALF = broadcast(SPECIES, -0.5f);
  private static final FloatVector THREE = broadcast(SPECIES, 3);
  private static final FloatVector SQRT_HALF = broadcast(SPECIES, 0x1.6a09e6p-1f);
  private static final FloatVector CUBE = broadcast(SPECIES, 0x1.6e4e26p-5f);
  private static final FloatVector SQRT_2_PI = broadcast(SPECIES, 0x1.988454p-1f);
  private static final FloatVector DENSITY = broadcast(SPECIES, 0x1.988454p-2f);

  @Override
  public void unary(Op op, float param, float[] x, int at, int n) {
    switch (op) {
      case COPY -> { }
      case FILL -> Arrays.fill(x, at, at + n, param);
      case NEG -> neg(x, at, n);
      case ABS -> abs(x, at, n);
      case RELU -> relu(x, at, n);
      case SQRT -> sqrt(x, at, n);
      case SQUARE -> square(x, at, n);
      case RECIPROCAL -> reciprocal(x, at, n);
      case SCALE -> scale(x, at, n, param);
      case SHIFT -> shift(x, at, n, param);
      case EXP -> VectorMath.exp(x, at, x, at, n);
      case LOG -> VectorMath.log(x, at, n);
      case SIGMOID -> VectorMath.sigmoid(x, at, x, at, n);
      default -> composed(op, x, at, n);
    }
  }

  /** Operations with temporaries, piece by piece. */
  private static void composed(Op op, float[] x, int at, int n) {
    float[] t = new float[CHUNK];
    float[] u = new float[CHUNK];
    for (int i = 0; i < n; i += CHUNK) {
      int length = Math.min(CHUNK, n - i);
      switch (op) {
        case TANH -> VectorMath.tanh(x, at + i, length, t);
        case ERF -> VectorMath.erf(x, at + i, length, t);
        case SILU -> silu(x, at + i, length, t);
        case GELU -> gelu(x, at + i, length, t, u);
        case GELU_TANH -> geluTanh(x, at + i, length, t, u);
        default -> throw new AssertionError(op);
      }
    }
  }

  private static void silu(float[] x, int at, int n, float[] t) {
    VectorMath.sigmoid(x, at, t, 0, n);
    for (int i = 0; i < n; i += LANES) {
      fromArray(SPECIES, x, at + i).mul(fromArray(SPECIES, t, i)).intoArray(x, at + i);
    }
  }

  private static void gelu(float[] x, int at, int n, float[] t, float[] u) {
    scaled(x, at, SQRT_HALF, u, n);
    VectorMath.erf(u, 0, n, t);
    halfTimesOnePlus(x, at, u, n);
  }

  private static void geluTanh(float[] x, int at, int n, float[] t, float[] u) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, at + i);
      v.mul(v).mul(CUBE).fma(v, v).mul(SQRT_2_PI).intoArray(u, i);
    }
    VectorMath.tanh(u, 0, n, t);
    halfTimesOnePlus(x, at, u, n);
  }

  /** y = x factor. */
  private static void scaled(float[] x, int at, FloatVector factor, float[] y, int n) {
    for (int i = 0; i < n; i += LANES) {
      fromArray(SPECIES, x, at + i).mul(factor).intoArray(y, i);
    }
  }

  /** x = (0.5 x) (1 + u). */
  private static void halfTimesOnePlus(float[] x, int at, float[] u, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, at + i).mul(HALF);
      v.mul(fromArray(SPECIES, u, i).add(ONE)).intoArray(x, at + i);
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
      case AXPY -> axpy(x, xAt, y, yAt, n, param);
      default -> composed(op, x, xAt, y, yAt, n);
    }
  }

  /** Gradients with temporaries, piece by piece. */
  private static void composed(Op op, float[] x, int xAt, float[] y, int yAt, int n) {
    float[] t = new float[CHUNK];
    float[] u = new float[CHUNK];
    for (int i = 0; i < n; i += CHUNK) {
      int length = Math.min(CHUNK, n - i);
      switch (op) {
        case SILU_GRAD -> siluGrad(x, xAt + i, y, yAt + i, length, t);
        case GELU_GRAD -> geluGrad(x, xAt + i, y, yAt + i, length, t, u);
        case GELU_TANH_GRAD -> geluTanhGrad(x, xAt + i, y, yAt + i, length, t, u);
        default -> throw new AssertionError(op);
      }
    }
  }

  private static void siluGrad(float[] x, int xAt, float[] dy, int yAt, int n, float[] t) {
    VectorMath.sigmoid(x, xAt, t, 0, n);
    for (int i = 0; i < n; i += LANES) {
      FloatVector s = fromArray(SPECIES, t, i);
      FloatVector slope = s.mul(fromArray(SPECIES, x, xAt + i).fma(ONE.sub(s), ONE));
      fromArray(SPECIES, dy, yAt + i).mul(slope).intoArray(x, xAt + i);
    }
  }

  private static void geluGrad(float[] x, int xAt, float[] dy, int yAt, int n, float[] t, float[] u) {
    scaled(x, xAt, SQRT_HALF, u, n);
    VectorMath.erf(u, 0, n, t);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      v.mul(MINUS_HALF).mul(v).intoArray(t, i);
    }
    VectorMath.exp(t, 0, t, 0, n);
    for (int i = 0; i < n; i += LANES) {
      FloatVector c = fromArray(SPECIES, u, i).add(ONE).mul(HALF);
      FloatVector d = fromArray(SPECIES, t, i).mul(DENSITY);
      FloatVector slope = fromArray(SPECIES, x, xAt + i).fma(d, c);
      fromArray(SPECIES, dy, yAt + i).mul(slope).intoArray(x, xAt + i);
    }
  }

  private static void geluTanhGrad(float[] x, int xAt, float[] dy, int yAt, int n, float[] t, float[] u) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      v.mul(v).mul(CUBE).fma(v, v).mul(SQRT_2_PI).intoArray(u, i);
    }
    VectorMath.tanh(u, 0, n, t);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector h = fromArray(SPECIES, u, i);
      FloatVector du = v.mul(v).mul(CUBE).fma(THREE, ONE).mul(SQRT_2_PI);
      FloatVector a = h.add(ONE).mul(HALF);
      FloatVector b = v.mul(HALF).mul(h.neg().fma(h, ONE));
      fromArray(SPECIES, dy, yAt + i).mul(b.fma(du, a)).intoArray(x, xAt + i);
    }
  }

  private static void neg(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.neg().intoArray(x, i);
    }
  }

  private static void abs(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.abs().intoArray(x, i);
    }
  }

  private static void relu(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.blend(ZERO, v.compare(LT, ZERO)).intoArray(x, i);
    }
  }

  private static void sqrt(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.sqrt().intoArray(x, i);
    }
  }

  private static void square(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.mul(v).intoArray(x, i);
    }
  }

  private static void reciprocal(float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      ONE.div(v).intoArray(x, i);
    }
  }

  private static void scale(float[] x, int at, int n, float param) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.mul(param).intoArray(x, i);
    }
  }

  private static void shift(float[] x, int at, int n, float param) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.add(param).intoArray(x, i);
    }
  }

  private static void add(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      v.add(w).intoArray(x, xAt + i);
    }
  }

  private static void sub(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      v.sub(w).intoArray(x, xAt + i);
    }
  }

  private static void mul(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      v.mul(w).intoArray(x, xAt + i);
    }
  }

  private static void div(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      v.div(w).intoArray(x, xAt + i);
    }
  }

  private static void max(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      w.blend(v, v.compare(GT, w)).blend(v, v.compare(NE, v)).intoArray(x, xAt + i);
    }
  }

  private static void min(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      w.blend(v, v.compare(LT, w)).blend(v, v.compare(NE, v)).intoArray(x, xAt + i);
    }
  }

  private static void reluGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      ZERO.blend(w, v.compare(GT, ZERO)).intoArray(x, xAt + i);
    }
  }

  private static void sigmoidGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      w.mul(v.mul(ONE.sub(v))).intoArray(x, xAt + i);
    }
  }

  private static void tanhGrad(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      w.mul(v.neg().fma(v, ONE)).intoArray(x, xAt + i);
    }
  }

  private static void axpy(float[] x, int xAt, float[] y, int yAt, int n, float param) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, xAt + i);
      FloatVector w = fromArray(SPECIES, y, yAt + i);
      v.fma(broadcast(SPECIES, param), w).intoArray(x, xAt + i);
    }
  }
}
