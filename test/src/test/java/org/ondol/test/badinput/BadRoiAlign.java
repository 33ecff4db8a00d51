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
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.RoiAlign.Op;
import org.ondol.ops.RoiAlign.Options;
import org.ondol.ops.Rois;
import org.ondol.test.badinput.BadInputTest.Row;

/** roialign. */
final class BadRoiAlign {
  private static final Options AVERAGE = Options.ALIGNED;
  private static final Options MAX = Options.ALIGNED.op(Op.MAX);

  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor x(Device d) {
    return t(d, 2, 4, 3, 3);
  }

  private static Pyramid.Shape shape() {
    return Pyramid.Shape.of(1, 2, 4, 3, 3);
  }

  private static Rois rois(Device d) {
    return Rois.of(t(d, 1, 4));
  }

  private static Rois image(Device d, int n) {
    return Rois.of(t(d, 1, 4), Tensor.of(d, new int[] {n}, 1));
  }

  /** A device that d is not. */
  private static Device elsewhere(Device d) {
    return Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar");
  }

  private static Row row(String name, Class<? extends OndolException> type, String argument, String message, BadInputTest.Call call) {
    return new Row("roialign: " + name, type, argument, message, call);
  }

  private static Row backward(String name, Class<? extends OndolException> type, String argument, String message, BadInputTest.Call call) {
    return row("backward: " + name, type, argument, message, call);
  }

  private static Tensor closed(Tensor t) {
    t.close();
    return t;
  }

  static final List<Row> ROWS = List.of(
      row("null x", InvalidArgumentException.class, "x", "null", d -> RoiAlign.apply(null, 1, rois(d), 1, 1, AVERAGE)),
      row("null pyramid", InvalidArgumentException.class, "x", "null", d -> RoiAlign.apply(null, rois(d), 1, 1, AVERAGE)),
      row("null rois", InvalidArgumentException.class, "rois", "null", d -> RoiAlign.apply(x(d), 1, null, 1, 1, AVERAGE)),
      row("null options", InvalidArgumentException.class, "options", "null", d -> RoiAlign.apply(x(d), 1, rois(d), 1, 1, null)),
      row("null op", InvalidArgumentException.class, "op", "null", d -> new Options(null, true, 1, 1)),
      row("negative sampling", InvalidArgumentException.class, "samplingH", "-1", d -> AVERAGE.sampling(-1)),
      row("too many samples", InvalidArgumentException.class, "samplingW", "16385", d -> AVERAGE.sampling(1, 16385)),
      row("no rows", InvalidArgumentException.class, "rows", "0", d -> RoiAlign.apply(x(d), 1, rois(d), 0, 1, AVERAGE)),
      row("negative columns", InvalidArgumentException.class, "columns", "-3", d -> RoiAlign.apply(x(d), 1, rois(d), 1, -3, AVERAGE)),
      row("too many rows", InvalidArgumentException.class, "rows", "1048577",
          d -> RoiAlign.apply(x(d), 1, rois(d), 1048577, 1, AVERAGE)),
      row("rank", ShapeException.class, "x", "rank", d -> RoiAlign.apply(t(d, 4, 3, 3), 1, rois(d), 1, 1, AVERAGE)),
      row("no columns of the map", ShapeException.class, "x", "[2, 4, 3, 0]",
          d -> RoiAlign.apply(t(d, 2, 4, 3, 0), 1, rois(d), 1, 1, AVERAGE)),
      row("integers", DTypeException.class, "x", "INT32",
          d -> RoiAlign.apply(Tensor.of(d, new int[4], 1, 1, 2, 2), 1, rois(d), 1, 1, AVERAGE)),
      row("closed map", ClosedException.class, null, "closed", d -> RoiAlign.apply(closed(x(d)), 1, rois(d), 1, 1, AVERAGE)),
      row("no scale", InvalidArgumentException.class, "scale", "0.0", d -> RoiAlign.apply(x(d), 0, rois(d), 1, 1, AVERAGE)),
      row("NaN scale", InvalidArgumentException.class, "scale", "NaN", d -> RoiAlign.apply(x(d), Double.NaN, rois(d), 1, 1, AVERAGE)),
      row("image behind the batch", InvalidArgumentException.class, "images", "2", d -> RoiAlign.apply(x(d), 1, image(d, 2), 1, 1, AVERAGE)),
      row("level behind the maps", InvalidArgumentException.class, "levels", "1",
          d -> RoiAlign.apply(x(d), 1, rois(d).onLevels(Tensor.of(d, new long[] {1}, 1)), 1, 1, AVERAGE)),
      row("boxes elsewhere", DeviceMismatchException.class, "boxes", "to(\"",
          d -> RoiAlign.apply(x(d), 1, rois(elsewhere(d)), 1, 1, AVERAGE)),
      row("position-sensitive channels", ShapeException.class, "x", "a multiple of rows * columns = 3",
          d -> PsRoiAlign.apply(x(d), 1, rois(d), 3, 1, AVERAGE)),
      row("indices of an average", InvalidArgumentException.class, "options", "a maximum",
          d -> RoiAlign.maxWithIndices(Pyramid.of(x(d), 1), rois(d), 1, 1, AVERAGE)),
      row("indices beyond INT32", InvalidArgumentException.class, "x", "2^29 - 1",
          d -> RoiAlign.maxWithIndices(Pyramid.of(t(d, 0, 4, 20000, 20000), 1), Rois.of(t(d, 0, 4)), 1, 1, MAX)),
      backward("null dy", InvalidArgumentException.class, "dy", "null", d -> RoiAlign.averageBackward(null, rois(d), shape(), AVERAGE)),
      backward("null rois", InvalidArgumentException.class, "rois", "null",
          d -> RoiAlign.averageBackward(t(d, 1, 4, 1, 1), null, shape(), AVERAGE)),
      backward("null shape", InvalidArgumentException.class, "shape", "null",
          d -> RoiAlign.averageBackward(t(d, 1, 4, 1, 1), rois(d), null, AVERAGE)),
      backward("null options", InvalidArgumentException.class, "options", "null",
          d -> RoiAlign.averageBackward(t(d, 1, 4, 1, 1), rois(d), shape(), null)),
      backward("other regions", ShapeException.class, "dy", "[1, 4, 1, 1]",
          d -> RoiAlign.averageBackward(t(d, 2, 4, 1, 1), rois(d), shape(), AVERAGE)),
      backward("other channels", ShapeException.class, "dy", "[1, 1, 2, 2]",
          d -> PsRoiAlign.averageBackward(t(d, 1, 4, 2, 2), rois(d), shape(), AVERAGE)),
      backward("maximum without indices", InvalidArgumentException.class, "options", "AVERAGE",
          d -> RoiAlign.averageBackward(t(d, 1, 4, 1, 1), rois(d), shape(), MAX)),
      backward("average with indices", InvalidArgumentException.class, "options", "a maximum",
          d -> RoiAlign.maxBackward(t(d, 1, 4, 1, 1), Tensor.of(d, new int[4], 1, 4, 1, 1), rois(d), shape(), AVERAGE)),
      backward("null indices", InvalidArgumentException.class, "indices", "null",
          d -> RoiAlign.maxBackward(t(d, 1, 4, 1, 1), null, rois(d), shape(), MAX)),
      backward("indices of another shape", ShapeException.class, "indices", "[1, 4, 1, 1]",
          d -> RoiAlign.maxBackward(t(d, 1, 4, 1, 1), Tensor.of(d, new int[4], 1, 1, 4, 1), rois(d), shape(), MAX)),
      backward("INT64 indices", DTypeException.class, "indices", "INT64",
          d -> RoiAlign.maxBackward(t(d, 1, 4, 1, 1), Tensor.of(d, new long[4], 1, 4, 1, 1), rois(d), shape(), MAX)),
      backward("image behind the batch", InvalidArgumentException.class, "images", "5",
          d -> RoiAlign.averageBackward(t(d, 1, 4, 1, 1), image(d, 5), shape(), AVERAGE)),
      backward("rank", ShapeException.class, "dy", "rank", d -> RoiAlign.averageBackward(t(d, 1, 4), rois(d), shape(), AVERAGE)));
}
