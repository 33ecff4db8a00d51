package org.ondol.test.badinput;

import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Embedding;
import org.ondol.ops.Gemm;
import org.ondol.ops.Gemm.Epilogue;
import org.ondol.ops.LayerNorm;
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.Reduce;
import org.ondol.ops.Softmax;
import org.ondol.test.badinput.BadInputTest.Row;

/** gemm, elementwise, softmax, layernorm, reduce and embedding. */
final class BadOps {
  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  /** A tensor somewhere else than d. */
  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static Tensor longs(Device d, long... ids) {
    return Tensor.of(d, ids, ids.length);
  }

  /** A tensor whose last stride is 2. */
  private static Tensor sparse(Device d, long rows, long columns) {
    return t(d, rows, 2 * columns).view(0, new long[] {rows, columns}, new long[] {2 * columns, 2});
  }

  static final List<Row> ROWS = List.of(
      // gemm
      new Row("gemm: null a", InvalidArgumentException.class, "a", "null", d -> Gemm.matmul(null, t(d, 2, 2))),
      new Row("gemm: null b", InvalidArgumentException.class, "b", "null", d -> Gemm.matmul(t(d, 2, 2), null)),
      new Row("gemm: null epilogue", InvalidArgumentException.class, "epilogue", "null",
          d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2), null)),
      new Row("gemm: null activation", InvalidArgumentException.class, "activation", "null",
          d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE.activation(null))),
      new Row("gemm: vector", ShapeException.class, "a", "rank", d -> Gemm.matmul(t(d, 2), t(d, 2, 2))),
      new Row("gemm: rank 7", ShapeException.class, "a", "rank", d -> Gemm.matmul(t(d, 1, 1, 1, 1, 1, 2, 2), t(d, 2, 2))),
      new Row("gemm: inner sizes differ", ShapeException.class, "b", "3 rows", d -> Gemm.matmul(t(d, 2, 3), t(d, 2, 3))),
      new Row("gemm: batches do not broadcast", ShapeException.class, "b", "broadcasts",
          d -> Gemm.matmul(t(d, 2, 2, 2), t(d, 3, 2, 2))),
      new Row("gemm: closed a", ClosedException.class, null, "closed", d -> Gemm.matmul(closed(d, 2, 2), t(d, 2, 2))),
      new Row("gemm: closed b", ClosedException.class, null, "closed", d -> Gemm.matmul(t(d, 2, 2), closed(d, 2, 2))),
      new Row("gemm: integers", DTypeException.class, "a", "INT64",
          d -> Gemm.matmul(Tensor.of(d, new long[4], 2, 2), t(d, 2, 2))),
      new Row("gemm: b elsewhere", DeviceMismatchException.class, "b", "to(\"",
          d -> Gemm.matmul(t(d, 2, 2), elsewhere(d, 2, 2))),
      new Row("gemm: bias of another size", ShapeException.class, "bias", "[3]",
          d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2), Epilogue.bias(t(d, 3)))),
      new Row("gemm: residual of another shape", ShapeException.class, "residual", "[2, 3]",
          d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE.residual(t(d, 2, 3)))),
      new Row("gemm: NaN alpha", InvalidArgumentException.class, "alpha", "NaN",
          d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE.alpha(Double.NaN))),
      new Row("gemm: alpha beyond float32", InvalidArgumentException.class, "alpha", "1.0E300",
          d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE.alpha(1e300))),
      new Row("gemm: c of another shape", ShapeException.class, "c", "[2, 3]",
          d -> Gemm.matmulInto(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE, t(d, 2, 3))),
      new Row("gemm: c strided along columns", ShapeException.class, "c", "stride",
          d -> Gemm.matmulInto(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE, sparse(d, 2, 2))),
      new Row("gemm: c expanded", ShapeException.class, "c", "distinct",
          d -> Gemm.matmulInto(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE, t(d, 1, 2).expand(2, 2))),
      new Row("gemm: c with rows that overlap", ShapeException.class, "c", "distinct",
          d -> Gemm.matmulInto(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE, t(d, 8).view(0, new long[] {2, 2}, new long[] {1, 1}))),
      new Row("gemm: c is a", InvalidArgumentException.class, "c", "overlapping a", d -> {
        Tensor a = t(d, 2, 2);
        Gemm.matmulInto(a, t(d, 2, 2), Epilogue.NONE, a);
      }),
      new Row("gemm: c is part of b", InvalidArgumentException.class, "c", "overlapping b", d -> {
        Tensor b = t(d, 4, 4);
        Gemm.matmulInto(t(d, 2, 4), b, Epilogue.NONE, b.slice(0, 1, 3));
      }),
      new Row("gemm: c is bias", InvalidArgumentException.class, "c", "overlapping bias", d -> {
        Tensor c = t(d, 1, 2);
        Gemm.matmulInto(t(d, 1, 2), t(d, 2, 2), Epilogue.bias(c.select(0, 0)), c);
      }),
      new Row("gemm: c is partly the residual", InvalidArgumentException.class, "c", "residual", d -> {
        Tensor c = t(d, 3, 2);
        Gemm.matmulInto(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE.residual(c.slice(0, 1, 3)), c.slice(0, 0, 2));
      }),
      new Row("gemm: closed c", ClosedException.class, null, "closed",
          d -> Gemm.matmulInto(t(d, 2, 2), t(d, 2, 2), Epilogue.NONE, closed(d, 2, 2))),
      new Row("linear: null weight", InvalidArgumentException.class, "weight", "null",
          d -> Gemm.linear(t(d, 2, 2), null, Epilogue.NONE)),
      new Row("linear: null epilogue", InvalidArgumentException.class, "epilogue", "null",
          d -> Gemm.linear(t(d, 2, 2), PackedMatrix.of(t(d, 2, 2)), null)),
      new Row("linear: x of another width", ShapeException.class, "x", "last size 3",
          d -> Gemm.linear(t(d, 2, 2), PackedMatrix.of(t(d, 3, 2)), Epilogue.NONE)),
      new Row("linear: closed weight", ClosedException.class, null, "closed", d -> {
        PackedMatrix w = PackedMatrix.of(t(d, 2, 2));
        w.close();
        Gemm.linear(t(d, 2, 2), w, Epilogue.NONE);
      }),
      new Row("linear: weight elsewhere", DeviceMismatchException.class, "weight", "to(\"",
          d -> Gemm.linear(t(d, 2, 2), PackedMatrix.of(elsewhere(d, 2, 2)), Epilogue.NONE)),
      new Row("pack: rank 3", ShapeException.class, "b", "rank", d -> PackedMatrix.of(t(d, 2, 2, 2))),
      new Row("gemm backward: dc of another shape", ShapeException.class, "dc", "[2, 2]",
          d -> Gemm.backward(t(d, 2, 3), t(d, 3, 2), t(d, 3, 3))),
      // elementwise
      new Row("elementwise: null op", InvalidArgumentException.class, "op", "null", d -> Elementwise.apply(null, t(d, 2))),
      new Row("elementwise: null x", InvalidArgumentException.class, "x", "null", d -> Elementwise.apply(Op.EXP, null)),
      new Row("elementwise: y missing", InvalidArgumentException.class, "y", "null", d -> Elementwise.apply(Op.ADD, t(d, 2))),
      new Row("elementwise: y too many", InvalidArgumentException.class, "y", "1 operand",
          d -> Elementwise.apply(Op.EXP, t(d, 2), t(d, 2))),
      new Row("elementwise: no broadcast", ShapeException.class, "y", "broadcasts",
          d -> Elementwise.add(t(d, 2), t(d, 3))),
      new Row("elementwise: x does not broadcast to out", ShapeException.class, "x", "[3]",
          d -> Elementwise.run(Op.EXP, t(d, 3), null, t(d, 2), 0)),
      new Row("elementwise: rank 7", ShapeException.class, "out", "rank",
          d -> Elementwise.apply(Op.EXP, t(d, 1, 1, 1, 1, 1, 1, 2))),
      new Row("elementwise: integers", DTypeException.class, "x", "INT64",
          d -> Elementwise.apply(Op.EXP, longs(d, 1, 2))),
      new Row("elementwise: elsewhere", DeviceMismatchException.class, "y", "to(\"",
          d -> Elementwise.add(t(d, 2), elsewhere(d, 2))),
      new Row("elementwise: closed", ClosedException.class, null, "closed", d -> Elementwise.relu(closed(d, 2))),
      new Row("elementwise: null out", InvalidArgumentException.class, "out", "null",
          d -> Elementwise.run(Op.EXP, t(d, 2), null, null, 0)),
      new Row("elementwise: out expanded", ShapeException.class, "out", "distinct",
          d -> Elementwise.run(Op.EXP, t(d, 2, 2), null, t(d, 1, 2).expand(2, 2), 0)),
      new Row("elementwise: out overlaps itself", ShapeException.class, "out", "distinct",
          d -> Elementwise.run(Op.EXP, t(d, 2, 2), null, t(d, 8).view(0, new long[] {2, 2}, new long[] {1, 1}), 0)),
      new Row("elementwise: out is shifted x", InvalidArgumentException.class, "out", "partly overlapping x", d -> {
        Tensor x = t(d, 8);
        Elementwise.run(Op.EXP, x.slice(0, 0, 7), null, x.slice(0, 1, 8), 0);
      }),
      new Row("elementwise: out is x in another order", InvalidArgumentException.class, "out", "partly overlapping x", d -> {
        Tensor x = t(d, 3, 3);
        Elementwise.run(Op.EXP, x, null, x.transpose(0, 1), 0);
      }),
      // softmax
      new Row("softmax: null", InvalidArgumentException.class, "x", "null", d -> Softmax.softmax(null, 0)),
      new Row("softmax: dimension", InvalidArgumentException.class, "dim", "2", d -> Softmax.softmax(t(d, 2, 2), 2)),
      new Row("softmax: scalar", InvalidArgumentException.class, "dim", "rank 0", d -> Softmax.softmax(t(d), 0)),
      new Row("softmax: integers", DTypeException.class, "x", "INT64", d -> Softmax.softmax(longs(d, 1, 2), 0)),
      new Row("softmax: closed", ClosedException.class, null, "closed", d -> Softmax.softmax(closed(d, 2), 0)),
      new Row("softmax backward: shapes", ShapeException.class, "dy", "[3]", d -> Softmax.backward(t(d, 2), t(d, 3), 0)),
      new Row("softmax backward: null", InvalidArgumentException.class, "dy", "null", d -> Softmax.backward(t(d, 2), null, 0)),
      new Row("softmax backward: elsewhere", DeviceMismatchException.class, "dy", "to(\"",
          d -> Softmax.backward(t(d, 2), elsewhere(d, 2), 0)),
      // layernorm
      new Row("layernorm: scalar", ShapeException.class, "x", "rank", d -> LayerNorm.apply(t(d), null, null, 1e-5)),
      new Row("layernorm: gamma", ShapeException.class, "gamma", "[3]", d -> LayerNorm.apply(t(d, 2, 2), t(d, 3), null, 0)),
      new Row("layernorm: beta", ShapeException.class, "beta", "[1, 2]",
          d -> LayerNorm.apply(t(d, 2, 2), null, t(d, 1, 2), 0)),
      new Row("layernorm: negative eps", InvalidArgumentException.class, "eps", "-1",
          d -> LayerNorm.apply(t(d, 2, 2), null, null, -1)),
      new Row("layernorm: NaN eps", InvalidArgumentException.class, "eps", "NaN",
          d -> LayerNorm.apply(t(d, 2, 2), null, null, Double.NaN)),
      new Row("layernorm: closed", ClosedException.class, null, "closed",
          d -> LayerNorm.apply(closed(d, 2), null, null, 0)),
      new Row("layernorm: gamma elsewhere", DeviceMismatchException.class, "gamma", "to(\"",
          d -> LayerNorm.apply(t(d, 2, 2), elsewhere(d, 2), null, 0)),
      new Row("layernorm backward: mean", ShapeException.class, "mean", "[3]",
          d -> LayerNorm.backward(t(d, 2, 2), null, t(d, 2, 2), t(d, 3), t(d, 2))),
      new Row("layernorm backward: null rstd", InvalidArgumentException.class, "rstd", "null",
          d -> LayerNorm.backward(t(d, 2, 2), null, t(d, 2, 2), t(d, 2), null)),
      // reduce
      new Row("reduce: null op", InvalidArgumentException.class, "op", "null", d -> Reduce.apply(null, t(d, 2), 0, true)),
      new Row("reduce: dimension", InvalidArgumentException.class, "dim", "-2", d -> Reduce.sum(t(d, 2), -2)),
      new Row("reduce: scalar", InvalidArgumentException.class, "dim", "rank 0", d -> Reduce.max(t(d), 0)),
      new Row("reduce: closed", ClosedException.class, null, "closed", d -> Reduce.mean(closed(d, 2), 0)),
      new Row("reduce backward: max", InvalidArgumentException.class, "op", "MAX",
          d -> Reduce.backward(Reduce.Op.MAX, t(d, 2), 0, 2)),
      new Row("reduce backward: negative n", InvalidArgumentException.class, "n", "-1",
          d -> Reduce.backward(Reduce.Op.SUM, t(d, 2), 0, -1)),
      // embedding
      new Row("embedding: null ids", InvalidArgumentException.class, "ids", "null", d -> Embedding.lookup(t(d, 2, 2), null)),
      new Row("embedding: float ids", DTypeException.class, "ids", "FLOAT32", d -> Embedding.lookup(t(d, 2, 2), t(d, 2))),
      new Row("embedding: id too large", InvalidArgumentException.class, "ids", "2 at position 1",
          d -> Embedding.lookup(t(d, 2, 2), longs(d, 0, 2))),
      new Row("embedding: id beyond 32 bits", InvalidArgumentException.class, "ids", "4294967296",
          d -> Embedding.lookup(t(d, 2, 2), longs(d, 1L << 32))),
      new Row("embedding: negative id", InvalidArgumentException.class, "ids", "-1 at position 0",
          d -> Embedding.lookup(t(d, 2, 2), longs(d, -1))),
      new Row("embedding: table of rank 3", ShapeException.class, "table", "rank",
          d -> Embedding.lookup(t(d, 2, 2, 2), longs(d, 0))),
      new Row("embedding: ids elsewhere", DeviceMismatchException.class, "ids", "to(\"", d -> Embedding.lookup(t(d, 2, 2),
          longs(elsewhere(d, 1).device(), 0))),
      new Row("embedding: closed ids", ClosedException.class, null, "closed", d -> {
        Tensor ids = longs(d, 0);
        ids.close();
        Embedding.lookup(t(d, 2, 2), ids);
      }),
      new Row("embedding backward: dout", ShapeException.class, "dout", "[3, 2]",
          d -> Embedding.backward(t(d, 3, 2), longs(d, 0, 1), 4)),
      new Row("embedding backward: id", InvalidArgumentException.class, "ids", "4",
          d -> Embedding.backward(t(d, 2, 2), longs(d, 0, 4), 4)),
      new Row("embedding backward: vocabulary", InvalidArgumentException.class, "vocabulary", "-1",
          d -> Embedding.backward(t(d, 2, 2), longs(d, 0, 1), -1)),
      new Row("activation of a closed bias", ClosedException.class, null, "closed", d -> Gemm.matmul(t(d, 2, 2), t(d, 2, 2),
          Epilogue.bias(closed(d, 2)).activation(Activation.GELU))));

  private BadOps() {}
}
