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
import org.ondol.ops.Boxes;
import org.ondol.ops.Iou;
import org.ondol.ops.Pixels;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.Rois;
import org.ondol.test.badinput.BadInputTest.Row;

/** iou, roiwarp and the transforms of boxes. */
final class BadDetection {
  private static final Pixels PIXELS = Pixels.BETWEEN;
  private static final RoiWarp.Options WARP = RoiWarp.Options.DEFAULT;

  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Tensor boxes(Device d) {
    return t(d, 2, 4);
  }

  private static Tensor elsewhere(Device d, long... shape) {
    return t(Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar"), shape);
  }

  private static Tensor closed(Device d, long... shape) {
    Tensor t = t(d, shape);
    t.close();
    return t;
  }

  private static Rois rois(Device d) {
    return Rois.of(boxes(d));
  }

  private static Row warp(String name, Class<? extends OndolException> type, String argument, String message, long height, long width,
      RoiWarp.Options options) {
    return new Row("roiwarp: " + name, type, argument, message, d -> RoiWarp.apply(t(d, 1, 3, 5, 5), rois(d), height, width, options));
  }

  static final List<Row> ROWS = List.of(
      new Row("iou: null a", InvalidArgumentException.class, "a", "null", d -> Iou.pairwise(null, boxes(d))),
      new Row("iou: null b", InvalidArgumentException.class, "b", "null", d -> Iou.pairwise(boxes(d), null)),
      new Row("iou: null kind", InvalidArgumentException.class, "kind", "null", d -> Iou.pairwise(null, boxes(d), boxes(d), PIXELS)),
      new Row("iou: null pixels", InvalidArgumentException.class, "pixels", "null",
          d -> Iou.paired(Iou.Kind.IOU, boxes(d), boxes(d), null)),
      new Row("iou: five numbers", ShapeException.class, "a", "[N, 4]", d -> Iou.pairwise(t(d, 2, 5), boxes(d))),
      new Row("iou: one box", ShapeException.class, "b", "rank 2", d -> Iou.pairwise(boxes(d), t(d, 4))),
      new Row("iou: integers", DTypeException.class, "b", "INT64",
          d -> Iou.pairwise(boxes(d), Tensor.of(d, new long[8], 2, 4))),
      new Row("iou: elsewhere", DeviceMismatchException.class, "b", "to(\"", d -> Iou.pairwise(boxes(d), elsewhere(d, 2, 4))),
      new Row("iou: closed", ClosedException.class, null, "closed", d -> Iou.pairwise(closed(d, 2, 4), boxes(d))),
      new Row("iou: pairs of other numbers", ShapeException.class, "b", "[2, 4]",
          d -> Iou.paired(Iou.Kind.GIOU, boxes(d), t(d, 3, 4), PIXELS)),
      new Row("iou backward: the part of a", InvalidArgumentException.class, "kind", "IOU or GIOU",
          d -> Iou.backward(Iou.Kind.IOA, boxes(d), boxes(d), t(d, 2), PIXELS)),
      new Row("iou backward: null dout", InvalidArgumentException.class, "dout", "null",
          d -> Iou.backward(Iou.Kind.IOU, boxes(d), boxes(d), null, PIXELS)),
      new Row("iou backward: dout of another shape", ShapeException.class, "dout", "[2]",
          d -> Iou.backward(Iou.Kind.IOU, boxes(d), boxes(d), t(d, 3), PIXELS)),
      new Row("roiwarp: null images", InvalidArgumentException.class, "images", "null", d -> RoiWarp.apply(null, rois(d), 3, 3, WARP)),
      new Row("roiwarp: null rois", InvalidArgumentException.class, "rois", "null",
          d -> RoiWarp.apply(t(d, 1, 3, 5, 5), null, 3, 3, WARP)),
      new Row("roiwarp: an image alone", ShapeException.class, "images", "[N, C, H, W]",
          d -> RoiWarp.apply(t(d, 3, 5, 5), rois(d), 3, 3, WARP)),
      new Row("roiwarp: no rows", ShapeException.class, "images", "[1, 3, 0, 5]", d -> RoiWarp.apply(t(d, 1, 3, 0, 5), rois(d), 3, 3, WARP)),
      new Row("roiwarp: rois elsewhere", DeviceMismatchException.class, "boxes", "to(\"",
          d -> RoiWarp.apply(t(d, 1, 3, 5, 5), Rois.of(elsewhere(d, 2, 4)), 3, 3, WARP)),
      new Row("roiwarp: an image that is not there", InvalidArgumentException.class, "images", "below 1",
          d -> RoiWarp.apply(t(d, 1, 3, 5, 5), Rois.of(boxes(d), Tensor.of(d, new int[] {0, 1}, 2)), 3, 3, WARP)),
      new Row("roiwarp: closed rois", ClosedException.class, null, "closed", d -> {
        Rois rois = rois(d);
        rois.close();
        RoiWarp.apply(t(d, 1, 3, 5, 5), rois, 3, 3, WARP);
      }),
      warp("no height", InvalidArgumentException.class, "height", "0", 0, 3, WARP),
      warp("huge width", InvalidArgumentException.class, "width", "4194304", 3, 1L << 40, WARP),
      warp("null options", InvalidArgumentException.class, "options", "null", 3, 3, null),
      warp("null mode", InvalidArgumentException.class, "mode", "null", 3, 3, WARP.mode(null)),
      warp("null pixels", InvalidArgumentException.class, "pixels", "null", 3, 3, WARP.pixels(null)),
      warp("negative context", InvalidArgumentException.class, "context", "-1", 3, 3, WARP.context(-1)),
      warp("context without a box", InvalidArgumentException.class, "context", "0 to 1", 9, 4, WARP.context(2)),
      new Row("roiwarp: fill of another length", ShapeException.class, "fill", "[3]",
          d -> RoiWarp.apply(t(d, 1, 3, 5, 5), rois(d), 3, 3, WARP.fill(t(d, 2)))),
      new Row("roiwarp: fill elsewhere", DeviceMismatchException.class, "fill", "to(\"",
          d -> RoiWarp.apply(t(d, 1, 3, 5, 5), rois(d), 3, 3, WARP.fill(elsewhere(d, 3)))),
      new Row("roiwarp backward: null dy", InvalidArgumentException.class, "dy", "null",
          d -> RoiWarp.backward(null, rois(d), new long[] {1, 3, 5, 5}, WARP)),
      new Row("roiwarp backward: null shape", InvalidArgumentException.class, "imageShape", "null",
          d -> RoiWarp.backward(t(d, 2, 3, 4, 4), rois(d), null, WARP)),
      new Row("roiwarp backward: shape of three", ShapeException.class, "imageShape", "[N, C, H, W]",
          d -> RoiWarp.backward(t(d, 2, 3, 4, 4), rois(d), new long[] {3, 5, 5}, WARP)),
      new Row("roiwarp backward: dy of other boxes", ShapeException.class, "dy", "[2, 3, 4, 4]",
          d -> RoiWarp.backward(t(d, 1, 3, 4, 4), rois(d), new long[] {1, 3, 5, 5}, WARP)),
      new Row("boxes: not four numbers", ShapeException.class, "boxes", "[..., 4]", d -> Boxes.toCentre(t(d, 4, 3), PIXELS)),
      new Row("boxes: a number", ShapeException.class, "boxes", "rank", d -> Boxes.toCorners(t(d), PIXELS)),
      new Row("boxes: null pixels", InvalidArgumentException.class, "pixels", "null", d -> Boxes.toCorners(boxes(d), null)),
      new Row("clip: null size", InvalidArgumentException.class, "size", "null", d -> Boxes.clip(boxes(d), (Boxes.Size) null, PIXELS)),
      new Row("clip: size of nothing", InvalidArgumentException.class, "height", "positive", d -> new Boxes.Size(0, 3)),
      new Row("clip: infinite size", InvalidArgumentException.class, "width", "finite", d -> new Boxes.Size(3, Double.POSITIVE_INFINITY)),
      new Row("clip: sizes of other images", InvalidArgumentException.class, "sizes", "1 sizes",
          d -> Boxes.clip(t(d, 2, 3, 4), List.of(new Boxes.Size(3, 3)), PIXELS)),
      new Row("clip: sizes of one image's boxes", ShapeException.class, "boxes", "rank 2",
          d -> Boxes.clip(t(d, 4), List.of(new Boxes.Size(3, 3)), PIXELS)),
      new Row("large: boxes of images", ShapeException.class, "boxes", "rank 2", d -> Boxes.large(t(d, 1, 2, 4), 1, 1, PIXELS, false)),
      new Row("large: NaN", InvalidArgumentException.class, "height", "NaN", d -> Boxes.large(boxes(d), 1, Double.NaN, PIXELS, false)),
      new Row("inside: infinite border", InvalidArgumentException.class, "border", "finite",
          d -> Boxes.inside(boxes(d), new Boxes.Size(1, 1), Double.POSITIVE_INFINITY, PIXELS)),
      new Row("take: null indices", InvalidArgumentException.class, "indices", "null", d -> Boxes.take(boxes(d), (int[]) null)),
      new Row("take: a row that is not there", InvalidArgumentException.class, "ids", "2", d -> Boxes.take(boxes(d), 2)));

  private BadDetection() {}
}
