package org.ondol.ops;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.spi.ReduceArgs;

/** Sums, means and maxima over one dimension. The empty sum is 0, the empty mean NaN, the empty maximum -inf. */
public final class Reduce {
  /** The operations; the order is the C ABI's. */
  public enum Op { SUM, MEAN, MAX, SUMSQ }

  private Reduce() {}

  /**
   * Reduces x over dimension dim.
   *
   * @param keep whether the dimension stays with size 1
   */
  public static Tensor apply(Op op, Tensor x, int dim, boolean keep) {
    Check.present("op", op);
    Check.present("x", x);
    Check.floats("x", x, x.device());
    int d = Shapes.dim("dim", dim, x.rank());
    long[] kept = x.shape();
    kept[d] = 1;
    try (Tensor y = Tensor.empty(x.device(), kept)) {
      if (y.count() > 0) {
        try (Tensor dense = x.contiguous()) {
          var args = new ReduceArgs(op, Softmax.product(x, 0, d), x.size(d), Softmax.product(x, d + 1, x.rank()), dense, y);
          Check.launch(x.device(), k -> k.reduce(args), dense, y);
        }
      }
      return keep ? y.reshape(kept) : y.squeeze(d);
    }
  }

  public static Tensor sum(Tensor x, int dim) {
    return apply(Op.SUM, x, dim, false);
  }

  public static Tensor mean(Tensor x, int dim) {
    return apply(Op.MEAN, x, dim, false);
  }

  public static Tensor max(Tensor x, int dim) {
    return apply(Op.MAX, x, dim, false);
  }

  /**
   * The gradient of sum or mean: dy, without the reduced dimension, spread over n elements of dimension dim.
   *
   * @param op SUM or MEAN
   */
  public static Tensor backward(Op op, Tensor dy, int dim, long n) {
    Check.present("op", op);
    Check.present("dy", dy);
    Check.floats("dy", dy, dy.device());
    if (op != Op.SUM && op != Op.MEAN) throw new InvalidArgumentException("op", op, "SUM or MEAN");
    if (n < 0) throw new InvalidArgumentException("n", n, "at least 0");
    try (Tensor column = dy.unsqueeze(dim)) {
      long[] shape = column.shape();
      shape[Shapes.dim("dim", dim, shape.length)] = n;
      try (Tensor spread = column.expand(shape)) {
        return Elementwise.apply(Elementwise.Op.SCALE, spread, null, op == Op.MEAN ? 1.0 / n : 1.0);
      }
    }
  }

  /**
   * The gradient of a broadcast operand: leading dimensions, then those that were stretched, are summed away in ascending
   * order.
   *
   * @param t of a shape that {@code shape} broadcasts to
   */
  public static Tensor sumTo(Tensor t, long... shape) {
    Check.present("t", t);
    Check.floats("t", t, t.device());
    Shapes.count("shape", shape);
    if (shape.length > t.rank() || !Arrays.equals(Shapes.broadcast("shape", t.shape(), shape), t.shape())) {
      throw new ShapeException("shape", Arrays.toString(shape), "a shape that broadcasts to " + Arrays.toString(t.shape()));
    }
    Tensor current = t.view(t.offset(), t.shape(), t.strides());
    while (current.rank() > shape.length) current = closing(current, 0, false);
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] == 1 && current.size(i) != 1) current = closing(current, i, true);
    }
    return current;
  }

  private static Tensor closing(Tensor t, int dim, boolean keep) {
    try (t) {
      return apply(Op.SUM, t, dim, keep);
    }
  }
}
