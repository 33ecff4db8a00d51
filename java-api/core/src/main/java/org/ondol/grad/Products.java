package org.ondol.grad;

import java.util.Arrays;
import org.ondol.Tensor;
import org.ondol.ops.Gemm;
import org.ondol.ops.Reduce;

/** Matrix products on a tape: da = dc · bᵀ and db = aᵀ · dc, each a product of its own, so that one can be left out. */
final class Products {
  private Products() {}

  static Value matmul(Value a, Value b) {
    Require.present("b", b);
    if (b.rank() == 2 && a.rank() > 2) return linear(a, b, null);
    return Tape.apply("matmul", r -> {
      Tensor ta = a.tensor();
      Tensor tb = b.tensor();
      r.backward((dc, g) -> {
        if (g.needs(0)) g.add(0, Reduce.sumTo(Gemm.matmul(dc, tb.transpose(-1, -2)), ta.shape()));
        if (g.needs(1)) g.add(1, Reduce.sumTo(Gemm.matmul(ta.transpose(-1, -2), dc), tb.shape()));
      });
      return Gemm.matmul(ta, tb);
    }, a, b);
  }

  /** The rows of all batches are rows of one matrix: the gradient of the weight is one chain over them. */
  static Value linear(Value x, Value weight, Value bias) {
    Require.present("weight", weight);
    return Tape.apply("linear", r -> {
      Tensor w = weight.tensor();
      Tensor rows = rows(x.tensor());
      Tensor y = Gemm.matmul(rows, w, bias == null ? Gemm.Epilogue.NONE : Gemm.Epilogue.bias(bias.tensor()));
      long[] shape = x.shape();
      shape[shape.length - 1] = y.size(-1);
      r.backward((dy, g) -> {
        Tensor dc = rows(dy);
        if (g.needs(0)) g.add(0, Gemm.matmul(dc, w.transpose(0, 1)).reshape(x.shape()));
        if (g.needs(1)) g.add(1, Gemm.matmul(rows(x.tensor()).transpose(0, 1), dc));
        if (g.needs(2)) g.add(2, Reduce.sum(dc, 0));
      });
      return y.reshape(shape);
    }, x, weight, bias);
  }

  private static Tensor rows(Tensor t) {
    if (t.rank() == 2) return t;
    if (t.rank() < 2) return t.reshape(1, t.count());
    long[] lead = Arrays.copyOf(t.shape(), t.rank() - 1);
    long n = 1;
    for (long size : lead) n *= size;
    return t.reshape(n, t.size(-1));
  }
}
