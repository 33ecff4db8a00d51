package org.ondol.test.badinput;

import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Lstm;
import org.ondol.ops.Lstm.Options;
import org.ondol.test.badinput.BadInputTest.Row;

/** lstm: what can be wrong with three steps of two sequences of four positions with two channels and three taps. */
final class BadLstm {
  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor x(Device d) {
    return t(d, 3, 2, 4, 8);
  }

  private static Tensor weight(Device d) {
    return t(d, 3, 2, 8);
  }

  private static Tensor state(Device d) {
    return t(d, 2, 4, 2);
  }

  private static Tensor closed(Tensor t) {
    t.close();
    return t;
  }

  /** A tensor somewhere else than d. */
  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static Row forward(String name, Class<? extends OndolException> type, String argument, String message,
      java.util.function.Function<Device, Tensor> x, java.util.function.Function<Device, Tensor> weight,
      java.util.function.Function<Device, Options> options) {
    return new Row("lstm: " + name, type, argument, message,
        d -> Lstm.forward(x == null ? x(d) : x.apply(d), weight == null ? weight(d) : weight.apply(d),
            options == null ? Options.NONE : options.apply(d)));
  }

  private static Lstm.Training pass(Device d) {
    return Lstm.forward(x(d), weight(d), Options.NONE);
  }

  /** A step whose operands are right but for one; a null takes the place of what is wanted. */
  private static Row step(String name, Class<? extends OndolException> type, String argument, String message,
      Step call) {
    return new Row("lstm step: " + name, type, argument, message,
        d -> call.run(d, t(d, 2, 4, 8), t(d, 2, 6, 2), state(d), state(d)));
  }

  @FunctionalInterface
  private interface Step {
    void run(Device d, Tensor x, Tensor h0, Tensor h, Tensor c);
  }

  static final List<Row> ROWS = List.of(
      forward("rank of x", ShapeException.class, "x", "rank 4", d -> t(d, 3, 2, 8), null, null),
      forward("null weight", InvalidArgumentException.class, "weight", "null", null, d -> null, null),
      forward("columns of x", ShapeException.class, "x", "last size 8", d -> t(d, 3, 2, 4, 9), null, null),
      forward("integers", DTypeException.class, "x", "INT64", d -> Tensor.of(d, new long[8], 1, 1, 1, 8), null, null),
      forward("x closed", ClosedException.class, null, "closed", d -> closed(x(d)), null, null),
      forward("weight elsewhere", DeviceMismatchException.class, "weight", "to(\"", null, d -> elsewhere(d, 3, 2, 8),
          null),
      forward("gates of the weight", ShapeException.class, "weight", "[taps, H, 4 H]", null, d -> t(d, 3, 2, 6), null),
      forward("rank of the weight", ShapeException.class, "weight", "rank 3", null, d -> t(d, 2, 8), null),
      forward("no taps", ShapeException.class, "weight", "one tap", null, d -> t(d, 0, 2, 8), null),
      forward("no channels", ShapeException.class, "weight", "channel", d -> t(d, 1, 1, 1, 0), d -> t(d, 1, 0, 0),
          null),
      forward("bias", ShapeException.class, "bias", "[8]", null, null, d -> Options.bias(t(d, 2))),
      forward("h0", ShapeException.class, "h0", "[2, 4, 2]", null, null, d -> Options.NONE.state(t(d, 2, 6, 2), null)),
      forward("c0", ShapeException.class, "c0", "[2, 4, 2]", null, null, d -> Options.NONE.state(null, t(d, 1, 4, 2))),
      forward("c0 elsewhere", DeviceMismatchException.class, "c0", "to(\"", null, null,
          d -> Options.NONE.state(null, elsewhere(d, 2, 4, 2))),
      forward("before its row", InvalidArgumentException.class, "before", "-1", null, null,
          d -> Options.NONE.before(-1)),
      forward("behind its taps", InvalidArgumentException.class, "before", "0 to 2", null, null,
          d -> Options.NONE.before(3)),
      new Row("lstm: null options", InvalidArgumentException.class, "options", "null", d -> Lstm.apply(x(d), weight(d),
          null)),
      new Row("lstm: null x", InvalidArgumentException.class, "x", "null", d -> Lstm.apply(null, weight(d),
          Options.NONE)),
      // the way back
      new Row("lstm backward: null pass", InvalidArgumentException.class, "pass", "null",
          d -> Lstm.backward(weight(d), Options.NONE, null, t(d, 3, 2, 4, 2), null)),
      new Row("lstm backward: dh", ShapeException.class, "dh", "[3, 2, 4, 2]",
          d -> Lstm.backward(weight(d), Options.NONE, pass(d), t(d, 3, 2, 4, 8), null)),
      new Row("lstm backward: null dh", InvalidArgumentException.class, "dh", "null",
          d -> Lstm.backward(weight(d), Options.NONE, pass(d), null, null)),
      new Row("lstm backward: dc", ShapeException.class, "dc", "[2, 4, 2]",
          d -> Lstm.backward(weight(d), Options.NONE, pass(d), t(d, 3, 2, 4, 2), t(d, 3, 2, 4, 2))),
      new Row("lstm backward: another pass", ShapeException.class, "pass.cells", "[3, 2, 4, 2]", d -> {
        Lstm.Training p = pass(d);
        Lstm.backward(weight(d), Options.NONE, new Lstm.Training(p.h(), p.c(), p.gates(), p.gates()), t(d, 3, 2, 4, 2),
            null);
      }),
      new Row("lstm backward: null gates", InvalidArgumentException.class, "pass.gates", "null", d -> {
        Lstm.Training p = pass(d);
        Lstm.backward(weight(d), Options.NONE, new Lstm.Training(p.h(), p.c(), null, p.cells()), t(d, 3, 2, 4, 2),
            null);
      }),
      new Row("lstm backward: another weight", ShapeException.class, "weight", "[taps, H, 4 H]",
          d -> Lstm.backward(t(d, 3, 2, 12), Options.NONE, pass(d), t(d, 3, 2, 4, 2), null)),
      new Row("lstm weight gradient: no taps", InvalidArgumentException.class, "taps", "0",
          d -> Lstm.weightGradients(0, Options.NONE, pass(d), t(d, 3, 2, 4, 8))),
      new Row("lstm weight gradient: columns", ShapeException.class, "dx", "4 H",
          d -> Lstm.weightGradients(3, Options.NONE, pass(d), t(d, 3, 2, 4, 6))),
      new Row("lstm weight gradient: before", InvalidArgumentException.class, "before", "0 to 1",
          d -> Lstm.weightGradients(2, Options.NONE.before(2), pass(d), t(d, 3, 2, 4, 8))),
      // a step
      step("no halo", ShapeException.class, "h0", "[2, 6, 2]",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, state(d), null, h, c)),
      step("null h0", InvalidArgumentException.class, "h0", "null",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, null, null, h, c)),
      step("null h", InvalidArgumentException.class, "h", "null",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, h0, null, null, c)),
      step("null c", InvalidArgumentException.class, "c", "null",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, h0, null, h, null)),
      step("many steps", ShapeException.class, "x", "rank 3",
          (d, x, h0, h, c) -> Lstm.step(x(d), weight(d), null, h0, null, h, c)),
      step("shape of h", ShapeException.class, "h", "[2, 4, 2]",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, h0, null, h0, c)),
      step("h over h0", InvalidArgumentException.class, "h", "overlapping h0",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, h0, null, h0.slice(1, 1, 5), c)),
      step("h over c0", InvalidArgumentException.class, "h", "overlapping c0",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, h0, h, h, c)),
      step("c over h", InvalidArgumentException.class, "c", "overlapping h",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, h0, null, h, h)),
      step("c over a part of c0", InvalidArgumentException.class, "c", "partly overlapping c0", (d, x, h0, h, c) -> {
        Tensor wide = t(d, 2, 5, 2);
        Lstm.step(x, weight(d), null, h0, wide.slice(1, 0, 4), h, wide.slice(1, 1, 5));
      }),
      step("h of one element", ShapeException.class, "h", "distinct",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, h0, null, t(d, 1, 1, 2).expand(2, 4, 2), c)),
      step("channels apart", ShapeException.class, "h0", "last stride",
          (d, x, h0, h, c) -> Lstm.step(x, weight(d), null, t(d, 2, 2, 6).transpose(1, 2), null, h, c)));

  private BadLstm() {}
}
