package org.ondol.grad;

import java.util.Locale;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Reduce;
import org.ondol.ops.Softmax;

/** Sums, means, maxima and softmax on a tape. */
final class ReduceGrad {
  private ReduceGrad() {}

  static Value reduce(Reduce.Op op, Value x, int dim, boolean keep) {
    Require.present("op", op);
    return Tape.apply(op.name().toLowerCase(Locale.ROOT), r -> {
      Tensor in = x.tensor();
      int d = Shapes.dim("dim", dim, in.rank());
      Tensor y = Reduce.apply(op, in, d, true);
      r.save(y);
      r.backward((dy, g) -> {
        Tensor column = keep ? dy : dy.unsqueeze(d);
        g.add(0, switch (op) {
          case SUM -> column.expand(in.shape());
          case MEAN -> Elementwise.scale(column, 1.0 / in.size(d)).expand(in.shape());
          case SUMSQ -> Elementwise.mul(Elementwise.scale(column, 2), in);
          case MAX -> maximum(in, y, column, d);
        });
      });
      return keep ? y.reshape(y.shape()) : y.squeeze(d);
    }, x);
  }

  /** Where |x - max| is 0 the gradient is shared: e = 1 - relu_grad(|x - max|, 1), dx = e · (dy / Σ e). */
  private static Tensor maximum(Tensor x, Tensor y, Tensor dy, int dim) {
    Tensor distance = Elementwise.apply(Op.ABS, Elementwise.sub(x, y));
    Tensor one = Tensor.empty(x.device());
    Elementwise.fill(one, 1);
    Tensor equal = Elementwise.sub(one, Elementwise.apply(Op.RELU_GRAD, distance, one));
    return Elementwise.mul(equal, Elementwise.div(dy, Reduce.apply(Reduce.Op.SUM, equal, dim, true)));
  }

  static Value softmax(Value x, int dim, boolean log) {
    return Tape.apply(log ? "log_softmax" : "softmax", r -> {
      Tensor y = log ? Softmax.logSoftmax(x.tensor(), dim) : Softmax.softmax(x.tensor(), dim);
      r.backward((dy, g) -> g.add(0, log ? Softmax.logBackward(y, dy, dim) : Softmax.backward(y, dy, dim)));
      return y;
    }, x);
  }
}
