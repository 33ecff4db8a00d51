package org.ondol.ops;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise.Op;

/**
 * Boxes x1, y1, x2, y2: their centre form, clipping, and the choice of some. {@link Iou} has their overlaps,
 * {@link BoxDeltas} and {@link YoloBoxes} the ways in which networks state them, {@link Anchors} the boxes of a grid.
 * Formulas: docs/arithmetic.md, Detection.
 */
public final class Boxes {
  /** An image's size in the units of its boxes. */
  public record Size(double height, double width) {
    public Size {
      extent("height", height);
      extent("width", width);
    }

    private static void extent(String name, double value) {
      Check.finite(name, value);
      if (!(value > 0)) throw new InvalidArgumentException(name, value, "a positive number");
    }
  }

  private Boxes() {}

  /** Centre x, y, width and height of boxes [..., 4]. */
  public static Tensor toCentre(Tensor boxes, Pixels pixels) {
    BoxPlanes.check("boxes", boxes, null, BoxPlanes.MAX_RANK);
    Check.present("pixels", pixels);
    Tensor out = Tensor.empty(boxes.device(), boxes.shape());
    return Outputs.finish(out, () -> {
      try (Scope scope = Scope.open()) {
        Tensor from = BoxPlanes.front(boxes);
        Tensor to = BoxPlanes.front(out);
        Tensor extents = BoxPlanes.extents(from, pixels.offset());
        Elementwise.run(Op.AXPY, extents, BoxPlanes.first(from), BoxPlanes.first(to), 0.5);
        BoxPlanes.last(to).assign(extents);
      }
    });
  }

  /** The corners of boxes [..., 4] in centre form. */
  public static Tensor toCorners(Tensor boxes, Pixels pixels) {
    BoxPlanes.check("boxes", boxes, null, BoxPlanes.MAX_RANK);
    Check.present("pixels", pixels);
    Tensor out = Tensor.empty(boxes.device(), boxes.shape());
    return Outputs.finish(out, () -> {
      try (Scope scope = Scope.open()) {
        Tensor from = BoxPlanes.front(boxes);
        BoxPlanes.corners(BoxPlanes.first(from), BoxPlanes.last(from), pixels.offset(), BoxPlanes.front(out));
      }
    });
  }

  /** Boxes [..., 4] cut to one image: to [0, width] and [0, height], or to its pixels. A NaN stays. */
  public static Tensor clip(Tensor boxes, Size size, Pixels pixels) {
    BoxPlanes.check("boxes", boxes, null, BoxPlanes.MAX_RANK);
    Check.present("size", size);
    return clip(boxes, pixels, new long[0], size);
  }

  /** Boxes [N, ..., 4] cut to N images. */
  public static Tensor clip(Tensor boxes, List<Size> sizes, Pixels pixels) {
    BoxPlanes.check("boxes", boxes, null, BoxPlanes.MAX_RANK);
    Check.rank("boxes", boxes, 2, BoxPlanes.MAX_RANK);
    Check.present("sizes", sizes);
    if (sizes.size() != boxes.size(0)) {
      throw new InvalidArgumentException("sizes", sizes.size() + " sizes", boxes.size(0) + ", as boxes are of shape "
          + Arrays.toString(boxes.shape()));
    }
    for (Size size : sizes) Check.present("sizes", size);
    return clip(boxes, pixels, new long[] {sizes.size()}, sizes.toArray(Size[]::new));
  }

  private static Tensor clip(Tensor boxes, Pixels pixels, long[] images, Size... sizes) {
    Check.present("pixels", pixels);
    Tensor out = Tensor.empty(boxes.device(), boxes.shape());
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        Tensor to = BoxPlanes.front(out);
        long[] shape = new long[boxes.rank()];
        Arrays.fill(shape, 1);
        shape[0] = 4;
        if (images.length > 0) shape[1] = images[0];
        float[] limits = new float[4 * sizes.length];
        for (int i = 0; i < limits.length; i++) {
          Size size = sizes[i % sizes.length];
          limits[i] = (float) ((i / sizes.length % 2 == 0 ? size.width : size.height) - pixels.offset());
        }
        Elementwise.run(Op.MAX, BoxPlanes.front(boxes), BoxPlanes.perPlane(boxes.device(), boxes.rank(), 0), to, 0);
        BoxPlanes.apply(Op.MIN, to, Tensor.of(boxes.device(), limits, shape));
      }
    });
  }

  /**
   * Which of the boxes [R, 4] are at least so wide and so high, in ascending order; none that has a NaN.
   *
   * @param strictly only those that are wider and higher
   */
  public static int[] large(Tensor boxes, double width, double height, Pixels pixels, boolean strictly) {
    float[] c = corners(boxes);
    Check.present("pixels", pixels);
    Check.finite("width", width);
    Check.finite("height", height);
    float offset = pixels.offset();
    float leastWidth = (float) width;
    float leastHeight = (float) height;
    return which(c, i -> {
      float w = (c[i + 2] - c[i]) + offset;
      float h = (c[i + 3] - c[i + 1]) + offset;
      return strictly ? w > leastWidth && h > leastHeight : w >= leastWidth && h >= leastHeight;
    });
  }

  /**
   * Which of the boxes [R, 4] lie in an image, in ascending order: those that reach at most {@code border} beyond it on any side.
   */
  public static int[] inside(Tensor boxes, Size size, double border, Pixels pixels) {
    float[] c = corners(boxes);
    Check.present("size", size);
    Check.present("pixels", pixels);
    Check.finite("border", border);
    double right = size.width + border - pixels.offset();
    double bottom = size.height + border - pixels.offset();
    return which(c, i -> c[i] >= -border && c[i + 1] >= -border && c[i + 2] <= right && c[i + 3] <= bottom);
  }

  /** Rows of a tensor [R, n] on its device by their numbers. */
  public static Tensor take(Tensor rows, int... indices) {
    Check.present("indices", indices);
    Check.present("rows", rows);
    if (rows.isClosed()) rows.acquire(); // throws the ClosedException that names it
    try (Tensor ids = Tensor.of(rows.device(), indices, indices.length)) {
      return Embedding.lookup(rows, ids);
    }
  }

  private static float[] corners(Tensor boxes) {
    Iou.list("boxes", boxes, null);
    if (boxes.size(0) > Integer.MAX_VALUE / 4) {
      throw new ShapeException("boxes", "of shape " + Arrays.toString(boxes.shape()), "less than 2^29 boxes");
    }
    return boxes.toFloats();
  }

  private static int[] which(float[] corners, IntPredicate chosen) {
    return IntStream.range(0, corners.length / 4).filter(i -> chosen.test(4 * i)).toArray();
  }
}
