package org.ondol.grad;

import java.util.Locale;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Reduce;

/**
 * Gradients of the elementwise operations, as compositions of them; docs/arithmetic.md (Gradients) has the formulas.
 */
final class ElementwiseGrad {
  private ElementwiseGrad() {}

  /** dx from x, y = op(x) and dy. */
  @FunctionalInterface
  private interface Unary {
    Tensor apply(Tensor x, Tensor y, Tensor dy);
  }

  static Value unary(Op op, Value x, double param) {
    Require.present("op", op);
    return Tape.apply(op.name().toLowerCase(Locale.ROOT), r -> {
      Tensor in = x.tensor();
      Tensor y = Elementwise.apply(op, in, null, param);
      Unary gradient = gradient(op, param);
      if (gradient != null) r.backward((dy, g) -> g.add(0, gradient.apply(in, y, dy)));
      return y;
    }, x);
  }

  /** The gradient of a unary operation, or null where it has none. */
  private static Unary gradient(Op op, double param) {
    return switch (op) {
      case COPY, SHIFT -> (x, y, dy) -> dy;
      case NEG -> (x, y, dy) -> Elementwise.apply(Op.NEG, dy);
      case ABS -> (x, y, dy) -> abs(x, dy);
      case RELU -> (x, y, dy) -> Elementwise.apply(Op.RELU_GRAD, x, dy);
      case GELU -> (x, y, dy) -> Elementwise.apply(Op.GELU_GRAD, x, dy);
      case GELU_TANH -> (x, y, dy) -> Elementwise.apply(Op.GELU_TANH_GRAD, x, dy);
      case SIGMOID -> (x, y, dy) -> Elementwise.apply(Op.SIGMOID_GRAD, y, dy);
      case TANH -> (x, y, dy) -> Elementwise.apply(Op.TANH_GRAD, y, dy);
      case SILU -> (x, y, dy) -> Elementwise.apply(Op.SILU_GRAD, x, dy);
      case EXP -> (x, y, dy) -> Elementwise.mul(dy, y);
      case LOG -> (x, y, dy) -> Elementwise.div(dy, x);
      case SQRT -> (x, y, dy) -> Elementwise.div(Elementwise.scale(dy, 0.5), y);
      case ERF -> (x, y, dy) -> erf(x, dy);
      case SQUARE -> (x, y, dy) -> Elementwise.mul(Elementwise.scale(dy, 2), x);
      case RECIPROCAL -> (x, y, dy) -> Elementwise.apply(Op.NEG, Elementwise.mul(dy, Elementwise.apply(Op.SQUARE, y)));
      case SCALE -> (x, y, dy) -> Elementwise.scale(dy, param);
      case FILL -> (x, y, dy) -> Elementwise.scale(dy, 0);
      default -> null;
    };
  }

  /** relu_grad(x, dy) - relu_grad(-x, dy): dy times the sign of x, and 0 at 0. */
  private static Tensor abs(Tensor x, Tensor dy) {
    Tensor minus = Elementwise.apply(Op.NEG, x);
    return Elementwise.sub(Elementwise.apply(Op.RELU_GRAD, x, dy), Elementwise.apply(Op.RELU_GRAD, minus, dy));
  }

  /** dy · 2 / √π · exp(-x²). */
  private static Tensor erf(Tensor x, Tensor dy) {
    Tensor e = Elementwise.apply(Op.EXP, Elementwise.apply(Op.NEG, Elementwise.apply(Op.SQUARE, x)));
    return Elementwise.mul(dy, Elementwise.scale(e, 2 / Math.sqrt(Math.PI)));
  }

  static Value leakyRelu(Value x, double slope) {
    if (!(slope >= 0 && slope <= 1)) throw new InvalidArgumentException("slope", slope, "0 to 1");
    return Tape.apply("leaky_relu", r -> {
      Tensor in = x.tensor();
      r.backward((dy, g) -> {
        Tensor positive = Elementwise.apply(Op.RELU_GRAD, in, dy);
        g.add(0, Elementwise.apply(Op.AXPY, Elementwise.sub(dy, positive), positive, slope));
      });
      return Elementwise.apply(Op.MAX, in, Elementwise.scale(in, slope));
    }, x);
  }

  static Value dropout(Value x, double probability) {
    Require.fraction("probability", probability);
    return Tape.apply("dropout", r -> {
      Tensor mask = x.tape.generator().dropout(x.tensor().device(), probability, x.shape());
      r.save(mask);
      r.backward((dy, g) -> g.add(0, Elementwise.mul(dy, mask)));
      return Elementwise.mul(x.tensor(), mask);
    }, x);
  }

  /** Gradients of both operands, each of the result's shape. */
  private static final class Operands {
    final Tensor x;
    final Tensor y;
    final Tensor dy;
    final Gradients gradients;

    Operands(Value x, Value y, Tensor dy, Gradients gradients) {
      this.x = x.tensor();
      this.y = y.tensor();
      this.dy = dy;
      this.gradients = gradients;
    }

    /** Adds the gradient of one operand, summed to its shape. */
    void add(int input, Tensor g) {
      gradients.add(input, Reduce.sumTo(g, (input == 0 ? x : y).shape()));
    }

    boolean needs(int input) {
      return gradients.needs(input);
    }
  }

  static Value binary(Op op, Value x, Value y, double param) {
    Require.present("op", op);
    Require.present("y", y);
    return Tape.apply(op.name().toLowerCase(Locale.ROOT), r -> {
      if (hasGradient(op)) r.backward((dy, g) -> backward(op, param, new Operands(x, y, dy, g)));
      return Elementwise.apply(op, x.tensor(), y.tensor(), param);
    }, x, y);
  }

  private static boolean hasGradient(Op op) {
    return switch (op) {
      case ADD, SUB, MUL, DIV, MAX, MIN, AXPY -> true;
      default -> false;
    };
  }

  private static void backward(Op op, double param, Operands o) {
    switch (op) {
      case ADD -> {
        if (o.needs(0)) o.add(0, o.dy);
        if (o.needs(1)) o.add(1, o.dy);
      }
      case SUB -> {
        if (o.needs(0)) o.add(0, o.dy);
        if (o.needs(1)) o.add(1, Elementwise.apply(Op.NEG, o.dy));
      }
      case MUL -> {
        if (o.needs(0)) o.add(0, Elementwise.mul(o.dy, o.y));
        if (o.needs(1)) o.add(1, Elementwise.mul(o.dy, o.x));
      }
      case DIV -> divide(o);
      case MAX -> choose(o, Elementwise.sub(o.x, o.y));
      case MIN -> choose(o, Elementwise.sub(o.y, o.x));
      case AXPY -> {
        if (o.needs(0)) o.add(0, Elementwise.scale(o.dy, param));
        if (o.needs(1)) o.add(1, o.dy);
      }
      default -> throw new NoGradientException(op.name().toLowerCase(Locale.ROOT));
    }
  }

  /** dx = dy / y; the divisor's is -(dx · x) / y. */
  private static void divide(Operands o) {
    Tensor dx = Elementwise.div(o.dy, o.y);
    if (o.needs(0)) o.add(0, dx);
    if (o.needs(1)) o.add(1, Elementwise.apply(Op.NEG, Elementwise.div(Elementwise.mul(dx, o.x), o.y)));
  }

  /** The first operand has the gradient where the lead is positive, else the second. */
  private static void choose(Operands o, Tensor lead) {
    Tensor first = Elementwise.apply(Op.RELU_GRAD, lead, o.dy);
    if (o.needs(0)) o.add(0, first);
    if (o.needs(1)) o.add(1, Elementwise.sub(o.dy, first));
  }
}
