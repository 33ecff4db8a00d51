package org.ondol.test.badinput;

import java.util.Collections;
import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool;
import org.ondol.ops.RoiPool.Rounding;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;
import org.ondol.test.badinput.BadInputTest.Row;

/** Regions, pyramids, roipool and its kin. */
final class BadRoiPool {
  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor map(Device d) {
    return t(d, 2, 4, 5, 6);
  }

  private static Tensor ints(Device d, int... values) {
    return Tensor.of(d, values, values.length);
  }

  private static Device other(Device d) {
    return Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar");
  }

  /** Two boxes of images 0 and 1. */
  private static Rois two(Device d) {
    return Rois.of(t(d, 2, 4), ints(d, 0, 1));
  }

  private static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  private static Tensor row(Device d, float... values) {
    return Tensor.of(d, values, 1, values.length);
  }

  static final List<Row> ROWS = List.of(
      new Row("rois: null boxes", InvalidArgumentException.class, "boxes", "null", d -> Rois.of(null)),
      new Row("rois: boxes of 5", ShapeException.class, "boxes", "[R, 4]", d -> Rois.of(t(d, 2, 5))),
      new Row("rois: a vector", ShapeException.class, "boxes", "rank", d -> Rois.of(t(d, 4))),
      new Row("rois: integer boxes", DTypeException.class, "boxes", "INT32", d -> Rois.of(Tensor.of(d, new int[4], 1, 4))),
      new Row("rois: closed boxes", ClosedException.class, null, "closed", d -> Rois.of(closed(d, 1, 4))),
      new Row("rois: null images", InvalidArgumentException.class, "images", "null", d -> Rois.of(t(d, 1, 4), null)),
      new Row("rois: other number of images", ShapeException.class, "images", "[2]", d -> Rois.of(t(d, 2, 4), ints(d, 0))),
      new Row("rois: float images", DTypeException.class, "images", "FLOAT32", d -> Rois.of(t(d, 1, 4), t(d, 1))),
      new Row("rois: negative image", InvalidArgumentException.class, "images", "-1 at position 1",
          d -> Rois.of(t(d, 2, 4), ints(d, 0, -1))),
      new Row("rois: an image that INT32 would wrap", InvalidArgumentException.class, "images", "4294967296 at position 0",
          d -> Rois.of(t(d, 1, 4), Tensor.of(d, new long[] {1L << 32}, 1))),
      new Row("rois: images elsewhere", DeviceMismatchException.class, "images", "to(\"",
          d -> Rois.of(t(d, 1, 4), ints(other(d), 0))),
      new Row("rois: rows of 4", ShapeException.class, "rows", "[R, 5]", d -> Rois.ofRows(t(d, 1, 4))),
      new Row("rois: half an image", InvalidArgumentException.class, "rows", "0.5 in row 0", d -> Rois.ofRows(row(d, 0.5f, 0, 0, 1, 1))),
      new Row("rois: image NaN", InvalidArgumentException.class, "rows", "NaN in row 0",
          d -> Rois.ofRows(row(d, Float.NaN, 0, 0, 1, 1))),
      new Row("rois: negative level", InvalidArgumentException.class, "levels", "-3", d -> two(d).onLevels(ints(d, 0, -3))),
      new Row("rois: other number of levels", ShapeException.class, "levels", "[2]", d -> two(d).onLevels(ints(d, 0))),
      new Row("rois: no levels at all", InvalidArgumentException.class, "count", "0", d -> two(d).onPyramid(2, 0, 4, 224)),
      new Row("pyramid: no maps", InvalidArgumentException.class, "maps", "0 maps", d -> new Pyramid(List.of(), List.of())),
      new Row("pyramid: nine maps", InvalidArgumentException.class, "maps", "9 maps",
          d -> new Pyramid(Collections.nCopies(9, map(d)), Collections.nCopies(9, 1.0))),
      new Row("pyramid: too few scales", InvalidArgumentException.class, "scales", "1 scales",
          d -> new Pyramid(List.of(map(d), map(d)), List.of(1.0))),
      new Row("pyramid: other channels", ShapeException.class, "maps[1]", "4 channels",
          d -> new Pyramid(List.of(map(d), t(d, 2, 3, 5, 6)), List.of(1.0, 0.5))),
      new Row("roipool: null x", InvalidArgumentException.class, "x", "null", d -> RoiPool.max((Tensor) null, two(d), 1, 2, 2)),
      new Row("roipool: null rois", InvalidArgumentException.class, "rois", "null", d -> RoiPool.max(map(d), null, 1, 2, 2)),
      new Row("roipool: rank 3", ShapeException.class, "x", "rank", d -> RoiPool.max(t(d, 2, 4, 5), two(d), 1, 2, 2)),
      new Row("roipool: no rows", ShapeException.class, "x", "[2, 4, 0, 6]", d -> RoiPool.max(t(d, 2, 4, 0, 6), two(d), 1, 2, 2)),
      new Row("roipool: scale 0", InvalidArgumentException.class, "scale", "0.0", d -> RoiPool.max(map(d), two(d), 0, 2, 2)),
      new Row("roipool: scale NaN", InvalidArgumentException.class, "scale", "NaN", d -> RoiPool.max(map(d), two(d), Double.NaN, 2, 2)),
      new Row("roipool: no bins", InvalidArgumentException.class, "height", "0", d -> RoiPool.max(map(d), two(d), 1, 0, 2)),
      new Row("roipool: too many bins", InvalidArgumentException.class, "width", "65537",
          d -> RoiPool.average(map(d), two(d), 1, 2, 65537)),
      new Row("roipool: image out of range", InvalidArgumentException.class, "images", "below 1",
          d -> RoiPool.max(t(d, 1, 4, 5, 6), two(d), 1, 2, 2)),
      new Row("roipool: level out of range", InvalidArgumentException.class, "levels", "below 1",
          d -> RoiPool.max(map(d), two(d).onLevels(ints(d, 0, 1)), 1, 2, 2)),
      new Row("roipool: boxes elsewhere", DeviceMismatchException.class, "boxes", "to(\"",
          d -> RoiPool.max(map(d), two(other(d)), 1, 2, 2)),
      new Row("roipool: closed rois", ClosedException.class, null, "closed", d -> {
        Rois rois = two(d);
        rois.close();
        RoiPool.max(map(d), rois, 1, 2, 2);
      }),
      new Row("roipool backward: null dy", InvalidArgumentException.class, "dy", "null",
          d -> RoiPool.averageBackward(null, two(d), 1, 2, 4, 5, 6)),
      new Row("roipool backward: dy of other regions", ShapeException.class, "dy", "[2, 4, 2, 2]",
          d -> RoiPool.averageBackward(t(d, 3, 4, 2, 2), two(d), 1, 2, 4, 5, 6)),
      new Row("roipool backward: null indices", InvalidArgumentException.class, "indices", "null",
          d -> RoiPool.maxBackward(t(d, 2, 4, 2, 2), null, two(d), 1, 2, 4, 5, 6)),
      new Row("roipool backward: float indices", DTypeException.class, "indices", "FLOAT32",
          d -> RoiPool.maxBackward(t(d, 2, 4, 2, 2), t(d, 2, 4, 2, 2), two(d), 1, 2, 4, 5, 6)),
      new Row("roipool backward: null shape", InvalidArgumentException.class, "xShape", "null",
          d -> RoiPool.averageBackward(t(d, 2, 4, 2, 2), two(d), 1, (long[]) null)),
      new Row("roipool backward: negative size", ShapeException.class, "xShape", "-5",
          d -> RoiPool.averageBackward(t(d, 2, 4, 2, 2), two(d), 1, 2, 4, -5, 6)),
      new Row("psroipool: channels that are no multiple", ShapeException.class, "x", "multiple of the 6 bins",
          d -> PsRoiPool.apply(map(d), two(d), 1, Rounding.RFCN, 2, 3)),
      new Row("psroipool: null rounding", InvalidArgumentException.class, "rounding", "null",
          d -> PsRoiPool.apply(map(d), two(d), 1, null, 2, 2)),
      new Row("psroipool backward: dy of other channels", ShapeException.class, "dy", "[2, 1, 2, 2]",
          d -> PsRoiPool.backward(t(d, 2, 4, 2, 2), two(d), 1, Rounding.GRID, 2, 4, 5, 6)),
      new Row("spp: no levels", InvalidArgumentException.class, "levels", "0 levels", d -> Spp.apply(map(d))),
      new Row("spp: nine levels", InvalidArgumentException.class, "levels", "9 levels", d -> Spp.apply(map(d), 1, 2, 3, 4, 5, 6, 7, 8, 9)),
      new Row("spp: null levels", InvalidArgumentException.class, "levels", "null", d -> Spp.apply(map(d), (int[]) null)),
      new Row("spp: level 0", InvalidArgumentException.class, "levels", "0", d -> Spp.apply(map(d), 1, 0)),
      new Row("spp backward: dy of other levels", ShapeException.class, "dy", "[2, 20]", d -> {
        try (Pool.Max max = Spp.withIndices(map(d), 1)) {
          Spp.backward(max.y(), max.indices(), new long[] {2, 4, 5, 6}, 1, 2);
        }
      }));
}
