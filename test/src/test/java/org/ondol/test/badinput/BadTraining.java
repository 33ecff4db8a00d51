package org.ondol.test.badinput;

import java.util.List;
import java.util.Map;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Clip;
import org.ondol.grad.Generator;
import org.ondol.grad.GradientException;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Fan;
import org.ondol.grad.Initializer.Layout;
import org.ondol.grad.Losses;
import org.ondol.grad.Maps;
import org.ondol.grad.NoGradientException;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Schedule;
import org.ondol.grad.Sequences;
import org.ondol.grad.Sgd;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Attention;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Reduce;
import org.ondol.test.badinput.BadInputTest.Row;

/** Tapes, losses, optimisers and initial values. */
final class BadTraining {
  /** Something with a tape and a trained parameter w [3, 2]. */
  private interface Step {
    void run(Tape tape, Parameter w, Device device);
  }

  private static Row row(String name, Class<? extends OndolException> type, String argument, String message,
      Step step) {
    return new Row("training: " + name, type, argument, message, d -> {
      try (Tape tape = Tape.open(); Parameter w = new Parameter("w", t(d, 3, 2))) {
        step.run(tape, w, d);
      }
    });
  }

  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  private static Tensor ids(Device d, long... values) {
    return Tensor.of(d, values, values.length);
  }

  private static Value sum(Tape tape, Parameter w) {
    return tape.parameter(w).sum();
  }

  static final List<Row> TAPES = List.of(
      row("null tensor", InvalidArgumentException.class, "tensor", "null", (tape, w, d) -> tape.constant(null)),
      row("closed tensor", ClosedException.class, null, "closed", (tape, w, d) -> tape.constant(closed(d, 2))),
      row("integers", DTypeException.class, "tensor", "INT64", (tape, w, d) -> tape.variable(ids(d, 1))),
      row("null parameter", InvalidArgumentException.class, "parameter", "null", (tape, w, d) -> tape.parameter(null)),
      row("closed parameter", ClosedException.class, null, "parameter w is closed", (tape, w, d) -> {
        w.close();
        tape.parameter(w);
      }),
      row("parameter closed before backward", ClosedException.class, null, "parameter w is closed", (tape, w, d) -> {
        Value loss = sum(tape, w);
        w.close();
        tape.backward(loss);
      }),
      row("parameter written before backward", GradientException.class, null, "w was written", (tape, w, d) -> {
        Value loss = sum(tape, w);
        w.assign(t(d, 3, 2));
        tape.backward(loss);
      }),
      row("another device", DeviceMismatchException.class, "y", "", (tape, w, d) -> tape.parameter(w).add(
          tape.constant(elsewhere(d, 3, 2)))),
      row("null operand", InvalidArgumentException.class, "y", "null", (tape, w, d) -> tape.parameter(w).add(null)),
      row("shapes that do not broadcast", ShapeException.class, "y", "broadcasts", (tape, w, d) ->
          tape.parameter(w).mul(
          tape.constant(t(d, 3)))),
      row("another tape", GradientException.class, null, "another tape", (tape, w, d) -> {
        try (Tape other = Tape.open()) {
          tape.parameter(w).add(other.parameter(w));
        }
      }),
      row("another thread", InvalidArgumentException.class, "tape", "own thread", (tape, w, d) -> {
        RuntimeException[] thrown = new RuntimeException[1];
        Thread thread = new Thread(() -> {
          try {
            tape.parameter(w);
          } catch (RuntimeException e) {
            thrown[0] = e;
          }
        });
        thread.start();
        try {
          thread.join();
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
        if (thrown[0] != null) throw thrown[0];
      }),
      row("closed tape", ClosedException.class, null, "tape is closed", (tape, w, d) -> {
        tape.close();
        tape.parameter(w);
      }),
      row("value of a closed tape", ClosedException.class, null, "closed", (tape, w, d) -> {
        Value v = tape.parameter(w).exp();
        tape.close();
        v.exp();
      }),
      row("null loss", InvalidArgumentException.class, "loss", "null", (tape, w, d) -> tape.backward(null)),
      row("loss of six elements", ShapeException.class, "loss", "[3, 2]", (tape, w, d) ->
          tape.backward(tape.parameter(w))),
      row("loss of another tape", GradientException.class, null, "another tape", (tape, w, d) -> {
        try (Tape other = Tape.open()) {
          tape.backward(sum(other, w));
        }
      }),
      row("loss without parameters", GradientException.class, null, "no trainable parameter", (tape, w, d) ->
          tape.backward(
          tape.constant(t(d, 2)).sum())),
      row("loss of a frozen parameter", GradientException.class, null, "no trainable parameter", (tape, w, d) -> {
        w.freeze();
        tape.backward(sum(tape, w));
      }),
      row("none of the wanted parameters", GradientException.class, null, "no trainable parameter", (tape, w, d) ->
          tape.backward(
          sum(tape, w), List.of())),
      row("backward twice", GradientException.class, null, "open a new one", (tape, w, d) -> {
        Value loss = sum(tape, w);
        tape.backward(loss);
        tape.backward(loss);
      }),
      row("recording after backward", GradientException.class, null, "open a new one", (tape, w, d) -> {
        Value loss = sum(tape, w);
        tape.backward(loss);
        loss.exp();
      }),
      row("a value after backward", ClosedException.class, null, "keep()", (tape, w, d) -> {
        Value e = tape.parameter(w).exp();
        tape.backward(e.sum());
        e.tensor();
      }),
      row("no generator", GradientException.class, null, "Tape.open(Generator)", (tape, w, d) ->
          tape.parameter(w).dropout(0.5)),
      row("null generator", InvalidArgumentException.class, "generator", "null", (tape, w, d) -> Tape.open(null)),
      row("variable inside a part", GradientException.class, null, "inside", (tape, w, d) -> tape.recompute(
          () -> tape.variable(t(d, 2)))),
      row("backward inside a part", GradientException.class, null, "inside", (tape, w, d) -> tape.recompute(() -> {
        Value loss = sum(tape, w);
        tape.backward(loss);
        return loss;
      })),
      row("a value that a part left", ClosedException.class, null, "freed", (tape, w, d) -> {
        Value[] inner = new Value[1];
        tape.recompute(() -> inner[0] = tape.parameter(w).exp()).exp();
        inner[0].exp();
      }),
      row("a part without result", InvalidArgumentException.class, "the part's result", "null", (tape, w, d) ->
          tape.recompute(() -> null)),
      row("an operation without gradient", NoGradientException.class, null, "argmax has no gradient", (tape, w, d) ->
          tape.backward(
          Tape.apply("argmax", r -> t(d, 3), tape.parameter(w)).sum())),
      row("a gradient's gradient", NoGradientException.class, null, "relu_grad", (tape, w, d) -> tape.backward(
          tape.parameter(w).apply(Op.RELU_GRAD, tape.parameter(w)).sum())),
      row("gradient of another shape", ShapeException.class, "gradient", "[3, 2]", (tape, w, d) -> tape.backward(
          Tape.apply("mine", r -> {
            r.backward((dy, g) -> g.add(0, t(d, 2, 3)));
            return t(d, 3);
          }, tape.parameter(w)).sum())),
      row("gradient of another device", DeviceMismatchException.class, "gradient", "", (tape, w, d) -> tape.backward(
          Tape.apply("mine", r -> {
            r.backward((dy, g) -> g.add(0, elsewhere(d, 3, 2)));
            return t(d, 3);
          }, tape.parameter(w)).sum())),
      row("attention with pages", NoGradientException.class, null, "attention", (tape, w, d) -> {
        Value q = tape.variable(t(d, 1, 1, 2, 4));
        Value k = tape.constant(t(d, 2, 1, 2, 4));
        tape.backward(Sequences.attention(q, k, k, Attention.Options.DEFAULT.paged(new long[] {1, 0}, 2, 3)).sum());
      }),
      row("null weight", InvalidArgumentException.class, "weight", "null", (tape, w, d) ->
          Maps.conv(tape.parameter(w), null, null,
          ConvGeometry.UNIT)),
      row("concat of different shapes", ShapeException.class, "parts", "but for dimension 0", (tape, w, d) ->
          Value.concat(0,
          tape.parameter(w), tape.constant(t(d, 3, 3)))),
      row("concat of nothing", InvalidArgumentException.class, "parts", "empty", (tape, w, d) -> Value.concat(0)),
      row("dropout of everything", InvalidArgumentException.class, "probability", "1.0", (tape, w, d) ->
          tape.parameter(w).dropout(1)),
      row("steep leaky relu", InvalidArgumentException.class, "slope", "1.5", (tape, w, d) ->
          tape.parameter(w).leakyRelu(1.5)),
      row("a dimension that is not there", InvalidArgumentException.class, "dim", "2", (tape, w, d) ->
          tape.parameter(w).sum(2)),
      row("no reduction", InvalidArgumentException.class, "op", "null", (tape, w, d) ->
          tape.parameter(w).reduce(null, 0, true)),
      row("sumTo of a smaller shape", ShapeException.class, "shape", "broadcasts", (tape, w, d) ->
          Reduce.sumTo(t(d, 3), 2)));

  static final List<Row> LOSSES = List.of(
      row("loss of other targets", ShapeException.class, "target", "[3, 2]", (tape, w, d) ->
          Losses.mse(tape.parameter(w),
          tape.constant(t(d, 2, 3)), Reduction.MEAN)),
      row("loss on two devices", DeviceMismatchException.class, "y", "", (tape, w, d) -> Losses.mse(tape.parameter(w),
          tape.constant(elsewhere(d, 3, 2)), Reduction.MEAN)),
      row("no target", InvalidArgumentException.class, "target", "null", (tape, w, d) ->
          Losses.l1(tape.parameter(w), null, Reduction.SUM)),
      row("no loss reduction", InvalidArgumentException.class, "reduction", "null", (tape, w, d) ->
          Losses.l1(tape.parameter(w),
          tape.parameter(w), null)),
      row("beta of 0", InvalidArgumentException.class, "beta", "0.0", (tape, w, d) -> Losses.smoothL1(tape.parameter(w),
          tape.parameter(w), 0, Reduction.SUM)),
      row("negative margin", InvalidArgumentException.class, "margin", "-1.0", (tape, w, d) ->
          Losses.hinge(tape.parameter(w),
          tape.parameter(w), -1, Reduction.SUM)),
      row("classes as floats", DTypeException.class, "target", "FLOAT32", (tape, w, d) ->
          Losses.softmax(tape.parameter(w), t(d, 3), 1,
          Reduction.SUM)),
      row("too few classes", ShapeException.class, "target", "[3]", (tape, w, d) ->
          Losses.softmax(tape.parameter(w), ids(d, 0, 1), 1,
          Reduction.SUM)),
      row("a class beyond the last", InvalidArgumentException.class, "target", "2 at position 1", (tape, w, d) ->
          Losses.softmax(
          tape.parameter(w), ids(d, 0, 2, 1), 1, Reduction.SUM)),
      row("a class that is ignored elsewhere", InvalidArgumentException.class, "target", "255", (tape, w, d) ->
          Losses.softmax(
          tape.parameter(w), ids(d, 0, 255, 1), 1, 254, Reduction.SUM)),
      row("closed classes", ClosedException.class, null, "closed", (tape, w, d) ->
          Losses.softmax(tape.parameter(w), closed(d, 3), 1,
          Reduction.SUM)));

  static final List<Row> OPTIMIZERS = List.of(
      row("null name", InvalidArgumentException.class, "name", "null", (tape, w, d) -> new Parameter(null, t(d, 1))),
      row("strided parameter", ShapeException.class, "tensor", "contiguous", (tape, w, d) ->
          new Parameter("p", t(d, 2, 3).transpose(0, 1))),
      row("name taken", InvalidArgumentException.class, "name", "p", (tape, w, d) -> {
        try (Parameters all = new Parameters()) {
          all.add("p", t(d, 1));
          all.add("p", t(d, 1));
        }
      }),
      row("name unknown", InvalidArgumentException.class, "name", "q", (tape, w, d) -> new Parameters().get("q")),
      row("values of another shape", ShapeException.class, "values", "[3, 2]", (tape, w, d) -> w.assign(t(d, 6))),
      row("values of another device", DeviceMismatchException.class, "out", "", (tape, w, d) ->
          w.assign(elsewhere(d, 3, 2))),
      row("null schedule", InvalidArgumentException.class, "schedule", "null", (tape, w, d) -> new Sgd(List.of(w), null,
          Sgd.Options.PLAIN)),
      row("two of one name", InvalidArgumentException.class, "parameters", "two named w", (tape, w, d) ->
          new Sgd(List.of(w, w),
          Schedule.constant(1), Sgd.Options.PLAIN)),
      row("closed parameter for an optimiser", ClosedException.class, null, "w is closed", (tape, w, d) -> {
        w.close();
        new Adam(List.of(w), Schedule.constant(1), Adam.Options.ADAM);
      }),
      row("momentum of 1", InvalidArgumentException.class, "momentum", "1.0", (tape, w, d) ->
          Sgd.Options.PLAIN.momentum(1)),
      row("nesterov without momentum", InvalidArgumentException.class, "nesterov", "momentum", (tape, w, d) ->
          Sgd.Options.PLAIN.nesterov(true)),
      row("beta of 1", InvalidArgumentException.class, "beta2", "1.0", (tape, w, d) -> Adam.Options.ADAM.betas(0.9, 1)),
      row("eps of 0", InvalidArgumentException.class, "eps", "0.0", (tape, w, d) -> Adam.Options.ADAM.eps(0)),
      row("negative decay", InvalidArgumentException.class, "decay", "-1.0", (tape, w, d) ->
          Adam.Options.ADAMW.decay(-1)),
      row("negative rate", InvalidArgumentException.class, "rate", "-1.0", (tape, w, d) -> Schedule.constant(-1)),
      row("steps of 0", InvalidArgumentException.class, "steps", "0", (tape, w, d) -> Schedule.cosine(1, 0, 0)),
      row("limit of 0", InvalidArgumentException.class, "limit", "0.0", (tape, w, d) -> Clip.byNorm(List.of(w), 0)),
      row("bounds reversed", InvalidArgumentException.class, "high", "-1.0", (tape, w, d) ->
          Clip.byValue(List.of(w), 1, -1)),
      row("unknown state", InvalidArgumentException.class, "state", "tensors", (tape, w, d) -> {
        try (Adam adam = new Adam(List.of(w), Schedule.constant(1), Adam.Options.ADAM)) {
          adam.restore(0, Map.of(), Map.of("x", t(d, 1)));
        }
      }),
      row("negative position", InvalidArgumentException.class, "position", "-1", (tape, w, d) ->
          new Generator(1).seek(-1)),
      row("uniform reversed", InvalidArgumentException.class, "high", "0.0", (tape, w, d) ->
          new Generator(1).uniform(d, 1, 0, 2)),
      row("negative deviation", InvalidArgumentException.class, "deviation", "-1.0", (tape, w, d) ->
          new Generator(1).normal(d, 0, -1, 2)),
      row("permutation of less than nothing", InvalidArgumentException.class, "n", "-1", (tape, w, d) ->
          new Generator(1).permutation(-1)),
      row("fans of a vector", ShapeException.class, "shape", "[in, out]", (tape, w, d) ->
          Initializer.xavierUniform(Layout.MATRIX, 1)
          .create(d, new Generator(1), 3)),
      row("fans of a matrix as filters", ShapeException.class, "shape", "filters", (tape, w, d) ->
          Initializer.heNormal(Layout.CONV,
          Fan.IN, 0).create(d, new Generator(1), 3, 3)),
      row("orthogonal vector", ShapeException.class, "shape", "rank 2", (tape, w, d) ->
          Initializer.orthogonal(1).create(d, new Generator(1), 3)),
      row("initial values without generator", InvalidArgumentException.class, "generator", "null", (tape, w, d) ->
          Initializer.normal(0, 1)
          .create(d, null, 3)),
      row("bilinear of a matrix", ShapeException.class, "shape", "[C, C, k, k]", (tape, w, d) ->
          Initializer.bilinear().create(d, null, 3, 3)),
      row("gemm's own check", ShapeException.class, "b", "3 rows", (tape, w, d) -> tape.constant(t(d, 1, 3)).matmul(
          tape.constant(t(d, 2, 2)))));

  private BadTraining() {}
}
