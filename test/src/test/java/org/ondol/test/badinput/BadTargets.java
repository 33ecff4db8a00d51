package org.ondol.test.badinput;

import java.util.List;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Anchors;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.BoxDeltas.Coding;
import org.ondol.ops.Boxes;
import org.ondol.ops.Matching;
import org.ondol.ops.Matching.Forced;
import org.ondol.ops.Matching.Matches;
import org.ondol.ops.Matching.Rules;
import org.ondol.ops.Matching.Sample;
import org.ondol.ops.Nms;
import org.ondol.ops.Pixels;
import org.ondol.ops.RpnProposals;
import org.ondol.ops.YoloBoxes;
import org.ondol.ops.YoloBoxes.Grid;
import org.ondol.test.badinput.BadInputTest.Row;

/** Deltas, YOLO's boxes, anchors and the choice of boxes to learn from. */
final class BadTargets {
  private static final Pixels PIXELS = Pixels.BETWEEN;
  private static final Grid GRID = Grid.anchors(16, new double[] {10, 13});

  private static final List<Boxes.Size> SIZES = List.of(new Boxes.Size(9, 9));
  private static final RpnProposals.Options RPN = RpnProposals.Options.FASTER_RCNN;

  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor boxes(Device d) {
    return t(d, 2, 4);
  }

  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static Row value(String name, String argument, String message, Runnable call) {
    return new Row(name, InvalidArgumentException.class, argument, message, d -> call.run());
  }

  private static Matches matches(int... truths) {
    return new Matches(new int[truths.length], truths, new float[truths.length]);
  }

  static final List<Row> ROWS = List.of(
      value("coding: three means", "means", "3 numbers", () -> Coding.PLAIN.normalised(List.of(0.0, 0.0, 0.0), Coding.PLAIN.deviations())),
      value("coding: null means", "means", "null", () -> Coding.PLAIN.normalised(null, Coding.PLAIN.deviations())),
      value("coding: no deviation", "deviations", "positive",
          () -> Coding.PLAIN.normalised(Coding.PLAIN.means(), List.of(1.0, 0.0, 1.0, 1.0))),
      value("coding: negative weight", "weights", "-1", () -> Coding.PLAIN.weights(1, 1, -1, 1)),
      value("coding: NaN limit", "limit", "NaN", () -> Coding.PLAIN.limit(Double.NaN)),
      value("coding: null pixels", "pixels", "null", () -> Coding.PLAIN.pixels(null, false)),
      new Row("encode: null coding", InvalidArgumentException.class, "coding", "null", d -> BoxDeltas.encode(null, boxes(d), boxes(d))),
      new Row("encode: other targets", ShapeException.class, "targets", "[2, 4]",
          d -> BoxDeltas.encode(Coding.PLAIN, boxes(d), t(d, 3, 4))),
      new Row("encode: targets elsewhere", DeviceMismatchException.class, "targets", "to(\"",
          d -> BoxDeltas.encode(Coding.PLAIN, boxes(d), elsewhere(d, 2, 4))),
      new Row("decode: half a class", ShapeException.class, "deltas", "4 K", d -> BoxDeltas.decode(Coding.PLAIN, boxes(d), t(d, 2, 6))),
      new Row("decode: deltas of other boxes", ShapeException.class, "deltas", "leading",
          d -> BoxDeltas.decode(Coding.PLAIN, boxes(d), t(d, 3, 4))),
      new Row("decode: null deltas", InvalidArgumentException.class, "deltas", "null",
          d -> BoxDeltas.decode(Coding.PLAIN, boxes(d), null)),
      new Row("decode: boxes of rank 6", ShapeException.class, "boxes", "rank",
          d -> BoxDeltas.decode(Coding.PLAIN, t(d, 1, 1, 1, 1, 1, 4), t(d, 1, 1, 1, 1, 1, 4))),
      new Row("decode backward: dout of other deltas", ShapeException.class, "dout", "[2, 8]",
          d -> BoxDeltas.backward(Coding.PLAIN, boxes(d), t(d, 2, 8), t(d, 2, 4))),
      value("grid: no stride", "strideX", "0", () -> new Grid(null, 1, 0, 1)),
      value("grid: NaN scale", "scale", "NaN", () -> GRID.scale(Double.NaN)),
      value("grid: version 1 with a scale", "scale", "version 1", () -> Grid.version1(7, 7).scale(1.05)),
      value("grid: half an anchor", "anchors", "height", () -> Grid.anchors(16, new double[] {10})),
      value("grid: flat anchor", "anchors", "positive", () -> Grid.anchors(16, new double[] {10, 0})),
      new Row("yolo: null grid", InvalidArgumentException.class, "grid", "null", d -> YoloBoxes.decode(null, t(d, 2, 2, 1, 4))),
      new Row("yolo: other anchors", ShapeException.class, "t", "A = 1", d -> YoloBoxes.decode(GRID, t(d, 2, 2, 3, 4))),
      new Row("yolo: no cells", ShapeException.class, "boxes", "rank 4", d -> YoloBoxes.encode(GRID, t(d, 1, 1, 4))),
      new Row("yolo backward: another dout", ShapeException.class, "dout", "[2, 2, 1, 4]",
          d -> YoloBoxes.backward(GRID, t(d, 2, 2, 1, 4), t(d, 2, 3, 1, 4))),
      new Row("yolo backward: dout elsewhere", DeviceMismatchException.class, "dout", "to(\"",
          d -> YoloBoxes.backward(GRID, t(d, 2, 2, 1, 4), elsewhere(d, 2, 2, 1, 4))),
      value("anchors: no size", "size", "0", () -> Anchors.fasterRcnn(0, new double[] {1}, new double[] {8})),
      value("anchors: negative ratio", "ratios", "-1", () -> Anchors.fasterRcnn(16, new double[] {-1}, new double[] {8})),
      value("anchors: null scales", "scales", "null", () -> Anchors.fasterRcnn(16, new double[] {1}, null)),
      value("anchors: NaN centre", "x", "NaN", () -> Anchors.centred(new double[] {16}, new double[] {1}, Double.NaN, 0)),
      new Row("anchors: null base", InvalidArgumentException.class, "base", "null", d -> Anchors.grid(d, null, 1, 1, 16, 16)),
      new Row("anchors: half a base box", InvalidArgumentException.class, "base", "y2",
          d -> Anchors.grid(d, new double[][] {{1, 2}}, 1, 1, 16, 16)),
      new Row("anchors: huge grid", InvalidArgumentException.class, "height", "1048576",
          d -> Anchors.grid(d, new double[][] {{0, 0, 1, 1}}, 1L << 40, 1, 16, 16)),
      new Row("anchors: infinite stride", InvalidArgumentException.class, "strideX", "finite",
          d -> Anchors.grid(d, new double[][] {{0, 0, 1, 1}}, 1, 1, 16, Double.POSITIVE_INFINITY)),
      new Row("proposals: null options", InvalidArgumentException.class, "options", "null",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 2, 4), boxes(d), SIZES, null)),
      new Row("proposals: scores of one image", ShapeException.class, "scores", "rank 2",
          d -> RpnProposals.apply(t(d, 2), t(d, 1, 2, 4), boxes(d), SIZES, RPN)),
      new Row("proposals: other deltas", ShapeException.class, "deltas", "[1, 2, 4]",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 3, 4), boxes(d), SIZES, RPN)),
      new Row("proposals: other anchors", ShapeException.class, "anchors", "[2, 4]",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 2, 4), t(d, 3, 4), SIZES, RPN)),
      new Row("proposals: anchors elsewhere", DeviceMismatchException.class, "anchors", "to(\"",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 2, 4), elsewhere(d, 2, 4), SIZES, RPN)),
      new Row("proposals: sizes of other images", InvalidArgumentException.class, "sizes", "one an image",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 2, 4), boxes(d), List.of(), RPN)),
      new Row("proposals: negative count", InvalidArgumentException.class, "preNms", "-1",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 2, 4), boxes(d), SIZES, RPN.preNms(-1))),
      new Row("proposals: NaN size", InvalidArgumentException.class, "minSize", "NaN",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 2, 4), boxes(d), SIZES, RPN.minSize(Double.NaN))),
      new Row("proposals: suppression of other pixels", InvalidArgumentException.class, "nms", "offset",
          d -> RpnProposals.apply(t(d, 1, 2), t(d, 1, 2, 4), boxes(d), SIZES, RPN.nms(Nms.Options.DEFAULT))),
      value("rules: high below low", "high", "0.2", () -> new Rules(0.2, 0.3, 0, Forced.NONE, 0.5)),
      value("rules: null forced", "forced", "null", () -> new Rules(0.7, 0.3, 0, null, 0.5)),
      value("rules: NaN", "low", "NaN", () -> new Rules(0.7, Double.NaN, 0, Forced.NONE, 0.5)),
      new Row("assign: null rules", InvalidArgumentException.class, "rules", "null",
          d -> Matching.assign(boxes(d), boxes(d), null, null, PIXELS)),
      new Row("assign: truths elsewhere", DeviceMismatchException.class, "truths", "to(\"",
          d -> Matching.assign(boxes(d), elsewhere(d, 2, 4), null, Rules.RPN, PIXELS)),
      new Row("assign: ignored of five", ShapeException.class, "ignored", "[N, 4]",
          d -> Matching.assign(boxes(d), boxes(d), t(d, 2, 5), Rules.RPN, PIXELS)),
      value("sample: null labels", "labels", "null", () -> Matching.sample(null, 1, 0.5, 1, 1)),
      value("sample: negative count", "count", "-1", () -> Matching.sample(new int[2], -1, 0.5, 1, 1)),
      value("sample: more than all positive", "positiveFraction", "1.5", () -> Matching.sample(new int[2], 1, 1.5, 1, 1)),
      value("class targets: box without an object", "sample", "object -1",
          () -> Matching.classTargets(matches(-1), new Sample(new int[] {0}, new int[0]), new int[] {1})),
      value("class targets: a box that is not there", "sample", "box 3",
          () -> Matching.classTargets(matches(0), new Sample(new int[] {3}, new int[0]), new int[] {1})),
      new Row("box targets: an object that is not there", InvalidArgumentException.class, "sample", "object 5",
          d -> Matching.boxTargets(Coding.PLAIN, boxes(d), boxes(d), matches(5), new int[] {0})),
      new Row("per class: a class that is not there", InvalidArgumentException.class, "classes", "7 at position 1",
          d -> Matching.perClass(boxes(d), new int[] {0, 7}, 3)),
      new Row("per class: classes of other boxes", ShapeException.class, "targets", "[3, 4]",
          d -> Matching.perClass(boxes(d), new int[3], 3)),
      new Row("per class: no classes", InvalidArgumentException.class, "classCount", "0",
          d -> Matching.perClass(boxes(d), new int[2], 0)));

  private BadTargets() {}
}
