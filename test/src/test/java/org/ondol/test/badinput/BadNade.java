package org.ondol.test.badinput;

import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Nade;
import org.ondol.ops.Nade.Weights;
import org.ondol.test.badinput.BadInputTest.Row;

/** The neural autoregressive estimator, with 2 rows, 3 variables, 1 output and 4 hidden units. */
final class BadNade {
  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static Weights weights(Device d) {
    return new Weights(t(d, 3, 4), t(d, 3, 1, 4), t(d, 3, 1));
  }

  private static Tensor mask(Device d, long... shape) {
    return Tensor.zeros(d, DType.UINT8, shape);
  }

  private static Tensor apply(Device d, Weights weights) {
    return Nade.apply(t(d, 2, 3), weights, t(d, 4));
  }

  static final List<Row> ROWS = List.of(
      new Row("nade: null x", InvalidArgumentException.class, "x", "null", d -> Nade.apply(null, weights(d), t(d, 4))),
      new Row("nade: x of rank 3", ShapeException.class, "x", "rank 2", d -> Nade.apply(t(d, 2, 3, 1), weights(d), t(d, 4))),
      new Row("nade: bytes", DTypeException.class, "x", "FLOAT32", d -> Nade.apply(mask(d, 2, 3), weights(d), t(d, 4))),
      new Row("nade: closed x", ClosedException.class, null, "closed", d -> Nade.apply(closed(d, 2, 3), weights(d), t(d, 4))),
      new Row("nade: null weights", InvalidArgumentException.class, "weights", "null", d -> Nade.apply(t(d, 2, 3), null, t(d, 4))),
      new Row("nade: null w", InvalidArgumentException.class, "w", "null",
          d -> apply(d, new Weights(null, t(d, 3, 1, 4), null))),
      new Row("nade: null v", InvalidArgumentException.class, "v", "null", d -> apply(d, new Weights(t(d, 3, 4), null, null))),
      new Row("nade: w of other variables", ShapeException.class, "w", "[3, 4]",
          d -> apply(d, new Weights(t(d, 2, 4), t(d, 3, 1, 4), null))),
      new Row("nade: v of rank 2", ShapeException.class, "v", "rank 3", d -> apply(d, new Weights(t(d, 3, 4), t(d, 3, 4), null))),
      new Row("nade: v of other units", ShapeException.class, "v", "[3, 1, 4]",
          d -> apply(d, new Weights(t(d, 3, 4), t(d, 3, 1, 5), null))),
      new Row("nade: no outputs", ShapeException.class, "v", "at least one",
          d -> apply(d, new Weights(t(d, 3, 4), t(d, 3, 0, 4), null))),
      new Row("nade: bias", ShapeException.class, "bias", "[3, 1]", d -> apply(d, new Weights(t(d, 3, 4), t(d, 3, 1, 4), t(d, 3)))),
      new Row("nade: scale", ShapeException.class, "scale", "[3]",
          d -> apply(d, new Weights(t(d, 3, 4), t(d, 3, 1, 4), null, t(d, 4), Activation.RELU))),
      new Row("nade: v elsewhere", DeviceMismatchException.class, "v", "to(\"",
          d -> apply(d, new Weights(t(d, 3, 4), elsewhere(d, 3, 1, 4), null))),
      new Row("nade: gelu", InvalidArgumentException.class, "activation", "GELU",
          d -> apply(d, new Weights(t(d, 3, 4), t(d, 3, 1, 4), null, null, Activation.GELU))),
      new Row("nade: no activation", InvalidArgumentException.class, "activation", "null",
          d -> apply(d, new Weights(t(d, 3, 4), t(d, 3, 1, 4), null, null, null))),
      new Row("nade: null start", InvalidArgumentException.class, "start", "null",
          d -> Nade.apply(t(d, 2, 3), weights(d), null)),
      new Row("nade: start of other units", ShapeException.class, "start", "[4]", d -> Nade.apply(t(d, 2, 3), weights(d), t(d, 5))),
      new Row("nade: start of other rows", ShapeException.class, "start", "[2, 4]",
          d -> Nade.forward(t(d, 2, 3), weights(d), t(d, 3, 4))),
      new Row("nade: scalar start", ShapeException.class, "start", "rank 1 to 2", d -> Nade.apply(t(d, 2, 3), weights(d), t(d))),
      new Row("nade range: from", InvalidArgumentException.class, "from", "-1", d -> weights(d).range(-1, 2)),
      new Row("nade range: beyond", InvalidArgumentException.class, "to", "4", d -> weights(d).range(0, 4)),
      new Row("nade range: reversed", InvalidArgumentException.class, "to", "2 to 3", d -> weights(d).range(2, 1)),
      new Row("nade range: v", ShapeException.class, "v", "3 variables",
          d -> new Weights(t(d, 3, 4), t(d, 2, 1, 4), null).range(0, 3)),
      new Row("nade advance: null w", InvalidArgumentException.class, "w", "null", d -> Nade.advance(t(d, 2, 3), null, t(d, 4))),
      new Row("nade advance: w", ShapeException.class, "w", "[3, 4]", d -> Nade.advance(t(d, 2, 3), t(d, 4, 4), t(d, 4))),
      new Row("nade sample: null uniform", InvalidArgumentException.class, "uniform", "null",
          d -> Nade.sample(null, null, null, weights(d), t(d, 4))),
      new Row("nade sample: two outputs", ShapeException.class, "v", "one output", d -> Nade.sample(t(d, 2, 3), null, null,
          new Weights(t(d, 3, 4), t(d, 3, 2, 4), null), t(d, 4))),
      new Row("nade sample: float mask", DTypeException.class, "known", "UINT8",
          d -> Nade.sample(t(d, 2, 3), t(d, 2, 3), t(d, 2, 3), weights(d), t(d, 4))),
      new Row("nade sample: mask's shape", ShapeException.class, "known", "[2, 3]",
          d -> Nade.sample(t(d, 2, 3), mask(d, 3, 2), t(d, 2, 3), weights(d), t(d, 4))),
      new Row("nade sample: known without given", InvalidArgumentException.class, "given", "null",
          d -> Nade.sample(t(d, 2, 3), mask(d, 2, 3), null, weights(d), t(d, 4))),
      new Row("nade sample: given without known", InvalidArgumentException.class, "given", "known",
          d -> Nade.sample(t(d, 2, 3), null, t(d, 2, 3), weights(d), t(d, 4))),
      new Row("nade sample: given's shape", ShapeException.class, "given", "[2, 3]",
          d -> Nade.sample(t(d, 2, 3), mask(d, 2, 3), t(d, 3), weights(d), t(d, 4))),
      new Row("nade backward: null dy", InvalidArgumentException.class, "dy", "null",
          d -> Nade.backward(t(d, 2, 3), weights(d), t(d, 4), null, null, true)),
      new Row("nade backward: dy", ShapeException.class, "dy", "[2, 3, 1]",
          d -> Nade.backward(t(d, 2, 3), weights(d), t(d, 4), t(d, 2, 3), null, true)),
      new Row("nade backward: dstate", ShapeException.class, "dstate", "[2, 4]",
          d -> Nade.backward(t(d, 2, 3), weights(d), t(d, 4), t(d, 2, 3, 1), t(d, 4), false)));

  private BadNade() {}
}
