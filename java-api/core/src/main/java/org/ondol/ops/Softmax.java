package org.ondol.ops;

import java.util.Arrays;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.spi.SoftmaxArgs;
import org.ondol.spi.SoftmaxBackwardArgs;

/**
 * Softmax along one dimension: y_i = exp(x_i - m) / Σ_j exp(x_j - m), m = max x. A row of -inf only gives NaN; attention,
 * which has masked rows, has its own softmax.
 */
public final class Softmax {
  private Softmax() {}

  /** Softmax of x over dimension dim (negative counts from the end), as a new contiguous tensor. */
  public static Tensor softmax(Tensor x, int dim) {
    return forward(x, dim, false);
  }

  /** The logarithm of the softmax, x_i - m - log Σ exp(x_j - m). */
  public static Tensor logSoftmax(Tensor x, int dim) {
    return forward(x, dim, true);
  }

  /** dx for y = softmax(x) and the gradient dy of y. */
  public static Tensor backward(Tensor y, Tensor dy, int dim) {
    return gradient(y, dy, dim, false);
  }

  /** dx for y = logSoftmax(x) and the gradient dy of y. */
  public static Tensor logBackward(Tensor y, Tensor dy, int dim) {
    return gradient(y, dy, dim, true);
  }

  private static Tensor forward(Tensor x, int dim, boolean log) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    int d = Shapes.dim("dim", dim, x.rank());
    Tensor y = Tensor.empty(x.device(), x.shape());
    return Outputs.finish(y, () -> {
      if (x.count() == 0) return;
      try (Tensor dense = x.contiguous()) {
        var args = new SoftmaxArgs(product(x, 0, d), x.size(d), product(x, d + 1, x.rank()), dense, y, log);
        Check.launch(x.device(), k -> k.softmax(args), dense, y);
      }
    });
  }

  private static Tensor gradient(Tensor y, Tensor dy, int dim, boolean log) {
    Check.present("y", y);
    Check.floats("y", y, y.device());
    Check.floats("dy", dy, y.device());
    if (!Arrays.equals(y.shape(), dy.shape())) {
      throw new ShapeException("dy", "of shape " + Arrays.toString(dy.shape()), Arrays.toString(y.shape()));
    }
    int d = Shapes.dim("dim", dim, y.rank());
    Tensor dx = Tensor.empty(y.device(), y.shape());
    return Outputs.finish(dx, () -> {
      if (y.count() == 0) return;
      try (Tensor denseY = y.contiguous(); Tensor denseDy = dy.contiguous()) {
        var args = new SoftmaxBackwardArgs(product(y, 0, d), y.size(d), product(y, d + 1, y.rank()), denseY, denseDy, dx, log);
        Check.launch(y.device(), k -> k.softmaxBackward(args), denseY, denseDy, dx);
      }
    });
  }

  static long product(Tensor t, int from, int to) {
    long n = 1;
    for (int i = from; i < to; i++) n *= t.size(i);
    return n;
  }
}
