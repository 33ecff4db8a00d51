package org.ondol.grad;

import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.ops.Reduce;

/** Views on a tape: no memory of their own forward, and none backward but for slices. */
final class Views {
  private Views() {}

  private static Value view(String name, Value x, UnaryOperator<Tensor> forward, UnaryOperator<Tensor> back) {
    return Tape.apply(name, r -> {
      r.backward((dy, g) -> g.add(0, back.apply(dy)));
      return forward.apply(x.tensor());
    }, x);
  }

  static Value reshape(Value x, long... shape) {
    return view("reshape", x, t -> t.reshape(shape), dy -> dy.reshape(x.shape()));
  }

  static Value transpose(Value x, int a, int b) {
    return view("transpose", x, t -> t.transpose(a, b), dy -> dy.transpose(a, b));
  }

  static Value permute(Value x, int... order) {
    return view("permute", x, t -> t.permute(order), dy -> dy.permute(inverse(order)));
  }

  private static int[] inverse(int[] order) {
    int[] inverse = new int[order.length];
    for (int i = 0; i < order.length; i++) inverse[Shapes.dim("order", order[i], order.length)] = i;
    return inverse;
  }

  static Value squeeze(Value x, int dim) {
    return view("squeeze", x, t -> t.squeeze(dim), dy -> dy.reshape(x.shape()));
  }

  static Value unsqueeze(Value x, int dim) {
    return view("unsqueeze", x, t -> t.unsqueeze(dim), dy -> dy.reshape(x.shape()));
  }

  static Value expand(Value x, long... shape) {
    return view("expand", x, t -> t.expand(shape), dy -> Reduce.sumTo(dy, x.shape()));
  }

  static Value slice(Value x, int dim, long from, long to) {
    return Tape.apply("slice", r -> {
      int d = Shapes.dim("dim", dim, x.rank());
      r.backward((dy, g) -> g.addSlice(0, d, from, dy));
      return x.tensor().slice(d, from, to);
    }, x);
  }

  static Value select(Value x, int dim, long index) {
    return Tape.apply("select", r -> {
      int d = Shapes.dim("dim", dim, x.rank());
      r.backward((dy, g) -> g.addSlice(0, d, index, dy.unsqueeze(d)));
      return x.tensor().select(d, index);
    }, x);
  }

  static Value concat(int dim, Value... parts) {
    Require.present("parts", parts);
    if (parts.length == 0) throw new InvalidArgumentException("parts", "empty", "at least one value");
    for (Value part : parts) Require.present("parts", part);
    return Tape.apply("concat", r -> {
      int d = Shapes.dim("dim", dim, parts[0].rank());
      r.backward((dy, g) -> {
        long at = 0;
        for (int i = 0; i < parts.length; i++) {
          long to = at + parts[i].size(d);
          g.add(i, dy.slice(d, at, to));
          at = to;
        }
      });
      return joined(d, parts);
    }, parts);
  }

  private static Tensor joined(int d, Value[] parts) {
    long[] shape = parts[0].shape();
    shape[d] = 0;
    for (Value part : parts) {
      long[] like = part.shape();
      if (like.length == shape.length) like[d] = shape[d];
      if (!Arrays.equals(like, shape)) {
        throw new ShapeException("parts", part, "the shape of " + parts[0] + " but for dimension " + d);
      }
      shape[d] += part.size(d);
    }
    Tensor out = Tensor.empty(parts[0].tensor().device(), shape);
    long at = 0;
    for (Value part : parts) {
      long to = at + part.size(d);
      out.slice(d, at, to).assign(part.tensor());
      at = to;
    }
    return out;
  }
}
