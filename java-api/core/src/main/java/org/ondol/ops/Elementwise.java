package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.spi.ElementwiseArgs;

/** Element by element operations with NumPy's broadcasting. Formulas and roundings: docs/arithmetic.md. */
public final class Elementwise {
  /** The operations; the order is the C ABI's. */
  public enum Op {
    COPY(1), NEG(1), ABS(1), RELU(1), GELU(1), GELU_TANH(1), SIGMOID(1), TANH(1), SILU(1), EXP(1), LOG(1), SQRT(1), ERF(1),
    SQUARE(1), RECIPROCAL(1),
    /** x · param. */
    SCALE(1),
    /** x + param. */
    SHIFT(1),
    /** param, whatever x is. */
    FILL(1),
    ADD(2), SUB(2), MUL(2), DIV(2), MAX(2), MIN(2),
    /** Gradients: (x, dy) of relu. */
    RELU_GRAD(2),
    /** (y, dy) of sigmoid. */
    SIGMOID_GRAD(2),
    /** (y, dy) of tanh. */
    TANH_GRAD(2),
    /** (x, dy) of silu. */
    SILU_GRAD(2),
    /** (x, dy) of gelu. */
    GELU_GRAD(2),
    /** (x, dy) of gelu_tanh. */
    GELU_TANH_GRAD(2),
    /** fma(param, x, y). */
    AXPY(2);

    private final int operands;

    Op(int operands) {
      this.operands = operands;
    }

    /** 1 or 2. */
    public int operands() {
      return operands;
    }
  }

  private static final int MAX_RANK = 6;

  private Elementwise() {}

  /** op(x) as a new contiguous tensor. */
  public static Tensor apply(Op op, Tensor x) {
    return apply(op, x, null, 0);
  }

  /** op(x, y) as a new contiguous tensor of the broadcast shape. */
  public static Tensor apply(Op op, Tensor x, Tensor y) {
    return apply(op, x, y, 0);
  }

  /** op(x, y) with a constant; y is null for unary operations. */
  public static Tensor apply(Op op, Tensor x, Tensor y, double param) {
    check(op, x, y);
    Tensor out = Tensor.empty(x.device(), y == null ? x.shape() : Shapes.broadcast("y", x.shape(), y.shape()));
    return Outputs.finish(out, () -> run(op, x, y, out, param));
  }

  /**
   * Writes op(x, y) into out, to whose shape x and y must broadcast. out may be exactly x or y (in place), else it must not
   * overlap them.
   */
  public static void run(Op op, Tensor x, Tensor y, Tensor out, double param) {
    check(op, x, y);
    Check.floats("out", out, x.device());
    Check.writable("out", out);
    if (out.rank() > MAX_RANK) throw new ShapeException("out", Arrays.toString(out.shape()), "rank of at most " + MAX_RANK);
    try (Tensor bx = expand("x", x, out); Tensor by = y == null ? null : expand("y", y, out)) {
      Check.disjointOrSame("out", out, "x", bx);
      Check.disjointOrSame("out", out, "y", by);
      if (out.count() == 0) return;
      Check.launch(out.device(), k -> k.elementwise(new ElementwiseArgs(op, bx, by, out, (float) param)), bx, by, out);
    }
  }

  private static void check(Op op, Tensor x, Tensor y) {
    Check.present("op", op);
    Check.present("x", x);
    Check.floats("x", x, x.device());
    if ((op.operands() == 2) != (y != null)) {
      throw new InvalidArgumentException("y", y == null ? "null" : y, op + " takes " + op.operands() + " operand(s)");
    }
    if (y != null) Check.floats("y", y, x.device());
  }

  private static Tensor expand(String argument, Tensor t, Tensor out) {
    try {
      return t.expand(out.shape());
    } catch (ShapeException e) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(t.shape()),
          "a shape that broadcasts to " + Arrays.toString(out.shape()));
    }
  }

  public static Tensor add(Tensor x, Tensor y) {
    return apply(Op.ADD, x, y);
  }

  public static Tensor sub(Tensor x, Tensor y) {
    return apply(Op.SUB, x, y);
  }

  public static Tensor mul(Tensor x, Tensor y) {
    return apply(Op.MUL, x, y);
  }

  public static Tensor div(Tensor x, Tensor y) {
    return apply(Op.DIV, x, y);
  }

  public static Tensor scale(Tensor x, double factor) {
    return apply(Op.SCALE, x, null, factor);
  }

  public static Tensor relu(Tensor x) {
    return apply(Op.RELU, x);
  }

  /** The exact GELU, x Φ(x) (Hendrycks and Gimpel 2016). */
  public static Tensor gelu(Tensor x) {
    return apply(Op.GELU, x);
  }

  public static Tensor sigmoid(Tensor x) {
    return apply(Op.SIGMOID, x);
  }

  public static Tensor tanh(Tensor x) {
    return apply(Op.TANH, x);
  }

  /** Overwrites every element with a constant. */
  public static void fill(Tensor out, double value) {
    run(Op.FILL, out, null, out, value);
  }
}
