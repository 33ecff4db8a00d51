package org.ondol.test.badinput;

import java.util.List;
import java.util.function.UnaryOperator;
import org.ondol.ClosedException;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Nms;
import org.ondol.ops.TopK;
import org.ondol.test.badinput.BadInputTest.Row;

/** nms and topk. */
final class BadBoxes {
  private static final Nms.Options PLAIN = Nms.Options.DEFAULT;
  private static final Nms.Options SOFT = PLAIN.gaussian(0.5, 0.1).scoreThreshold(0);

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

  private static Row options(String name, String argument, String message, Nms.Options options) {
    return new Row("nms: " + name, InvalidArgumentException.class, argument, message,
        d -> Nms.apply(t(d, 1, 5, 4), t(d, 1, 2, 5), options));
  }

  private static Row operands(String name, Class<? extends OndolException> type, String argument, String message,
      UnaryOperator<Tensor[]> change) {
    return new Row("nms: " + name, type, argument, message, d -> {
      Tensor[] both = change.apply(new Tensor[] {t(d, 2, 5, 4), t(d, 2, 3, 5)});
      Nms.padded(both[0], both[1], PLAIN);
    });
  }

  private static Tensor[] boxes(Tensor[] both, Tensor boxes) {
    return new Tensor[] {boxes, both[1]};
  }

  private static Tensor[] scores(Tensor[] both, Tensor scores) {
    return new Tensor[] {both[0], scores};
  }

  private static Device at(Tensor[] both) {
    return both[0].device();
  }

  static final List<Row> ROWS = List.of(
      options("null options", "options", "null", null),
      options("null format", "format", "null", PLAIN.format(null)),
      new Row("nms: null method", InvalidArgumentException.class, "method", "null",
          d -> Nms.apply(t(d, 1, 5, 4), t(d, 1, 2, 5),
          new Nms.Options(Nms.Format.CORNERS, null, 0, 0.5, false, 0, -1, -1, false, -1, 0.5, 0))),
      options("offset 2", "offset", "0 or 1", PLAIN.offset(2)),
      options("negative IoU threshold", "iouThreshold", "-0.1", PLAIN.iouAbove(-0.1)),
      options("NaN IoU threshold", "iouThreshold", "NaN", PLAIN.iouAtLeast(Double.NaN)),
      options("IoU threshold beyond float32", "iouThreshold", "float32", PLAIN.iouAtLeast(1e300)),
      options("NaN score threshold", "scoreThreshold", "NaN", PLAIN.scoreThreshold(Double.NaN)),
      options("infinite score threshold", "scoreThreshold", "Infinity", PLAIN.scoreThreshold(Double.POSITIVE_INFINITY)),
      options("limit of a class below -1", "maxPerClass", "-2", PLAIN.maxPerClass(-2)),
      options("limit of an image below -1", "maxPerImage", "-3", PLAIN.maxPerImage(-3)),
      options("background that is no class", "background", "0 to 1", PLAIN.background(2)),
      options("background below -1", "background", "-2", PLAIN.background(-2)),
      options("soft without a score threshold", "scoreThreshold", "0 or more",
          SOFT.scoreThreshold(Double.NEGATIVE_INFINITY)),
      options("linear with a negative score threshold", "scoreThreshold", "0 or more",
          PLAIN.linear(0).scoreThreshold(-1)),
      options("negative soft threshold", "softThreshold", "0 or more", PLAIN.scoreThreshold(0).linear(-0.5)),
      options("NaN soft threshold", "softThreshold", "NaN", PLAIN.scoreThreshold(0).linear(Double.NaN)),
      options("sigma 0", "sigma", "positive", PLAIN.scoreThreshold(0).gaussian(0, 0)),
      options("NaN sigma", "sigma", "NaN", PLAIN.scoreThreshold(0).gaussian(Double.NaN, 0)),
      options("sigma too small", "sigma", "reciprocal", PLAIN.scoreThreshold(0).gaussian(1e-300, 0)),
      operands("null boxes", InvalidArgumentException.class, "boxes", "null", b -> boxes(b, null)),
      operands("null scores", InvalidArgumentException.class, "scores", "null", b -> scores(b, null)),
      operands("scores of rank 2", ShapeException.class, "scores", "rank 3", b -> scores(b, t(at(b), 2, 5))),
      operands("boxes of three numbers", ShapeException.class, "boxes", "[2, 5, 4]", b -> boxes(b, t(at(b), 2, 5, 3))),
      operands("other boxes than scores", ShapeException.class, "boxes", "[2, 6, 4]", b -> boxes(b, t(at(b), 2, 6, 4))),
      operands("boxes of other classes", ShapeException.class, "boxes", "[2, 5, 3, 4]",
          b -> boxes(b, t(at(b), 2, 5, 2, 4))),
      operands("another batch", ShapeException.class, "boxes", "[1, 5, 4]", b -> boxes(b, t(at(b), 1, 5, 4))),
      operands("integer scores", DTypeException.class, "scores", "INT32",
          b -> scores(b, Tensor.zeros(at(b), DType.INT32, 2, 3, 5))),
      operands("boxes elsewhere", DeviceMismatchException.class, "boxes", "to(\"",
          b -> boxes(b, elsewhere(at(b), 2, 5, 4))),
      operands("closed boxes", ClosedException.class, null, "closed", b -> boxes(b, closed(at(b), 2, 5, 4))),
      operands("closed scores", ClosedException.class, null, "closed", b -> scores(b, closed(at(b), 2, 3, 5))),
      new Row("nms: candidates beyond INT32", ShapeException.class, "scores", "2^31", d -> {
        try (Tensor one = t(d, 1); Tensor scores = one.view(0, new long[] {1, 1L << 16, 1L << 16}, new long[3]);
            Tensor boxes = one.view(0, new long[] {1, 1L << 16, 4}, new long[3])) {
          Nms.apply(boxes, scores, PLAIN.agnostic(true));
        }
      }),
      new Row("topk: null x", InvalidArgumentException.class, "x", "null", d -> TopK.apply(null, 1)),
      new Row("topk: closed", ClosedException.class, null, "closed", d -> TopK.apply(closed(d, 3), 1)),
      new Row("topk: a number", ShapeException.class, "x", "rank 1", d -> TopK.apply(t(d), 1)),
      new Row("topk: integers", DTypeException.class, "x", "INT32",
          d -> TopK.apply(Tensor.zeros(d, DType.INT32, 3), 1)),
      new Row("topk: negative k", InvalidArgumentException.class, "k", "-1", d -> TopK.apply(t(d, 3), -1)),
      new Row("topk: k above n", InvalidArgumentException.class, "k", "0 to 3", d -> TopK.apply(t(d, 2, 3), 4)),
      new Row("topk: no such dimension", InvalidArgumentException.class, "dim", "-2 to 1",
          d -> TopK.apply(t(d, 2, 3), 1, 2, true)),
      new Row("topk: rows beyond INT32", ShapeException.class, "x", "2^31", d -> {
        try (Tensor one = t(d, 1); Tensor x = one.view(0, new long[] {1L << 31}, new long[1])) {
          TopK.apply(x, 1);
        }
      }),
      new Row("topk backward: null indices", InvalidArgumentException.class, "indices", "null",
          d -> TopK.backward(t(d, 2), null, 3, 0)),
      new Row("topk backward: null dvalues", InvalidArgumentException.class, "dvalues", "null",
          d -> TopK.backward(null, Tensor.zeros(d, DType.INT32, 2), 3, 0)),
      new Row("topk backward: another shape", ShapeException.class, "indices", "[2]",
          d -> TopK.backward(t(d, 2), Tensor.zeros(d, DType.INT32, 3), 4, 0)),
      new Row("topk backward: index behind the row", InvalidArgumentException.class, "indices", "3 at position 1",
          d -> TopK.backward(t(d, 2), Tensor.of(d, new int[] {0, 3}, 2), 3, 0)),
      new Row("topk backward: fewer than k", InvalidArgumentException.class, "n", "at least 2",
          d -> TopK.backward(t(d, 2), Tensor.zeros(d, DType.INT32, 2), 1, 0)));
}
