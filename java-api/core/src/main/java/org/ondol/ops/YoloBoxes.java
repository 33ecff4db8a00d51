package org.ondol.ops;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise.Op;

/**
 * Boxes as YOLO's grid states them, in centre form: a place within a cell, and a size. Values lie as [..., H, W, A, 4] with A
 * boxes a cell; Darknet's [N, A (5 + classes), H, W] is a view away. Composed of elementwise operations, so every device has
 * it, with the same bits. Formulas: docs/arithmetic.md, Detection.
 */
public final class YoloBoxes {
  /**
   * The grid.
   *
   * @param anchors A pairs of width and height, in the units of the decoded boxes; null for version 1, where values are square
   *     roots of sizes
   * @param strideY of a cell: 1 / H gives boxes in units of the image, the network's stride boxes in its pixels
   * @param scale Darknet's scale_x_y: how far a centre may leave its cell; 1 up to version 3, and for version 1
   */
  public record Grid(double[][] anchors, double strideY, double strideX, double scale) {
    public Grid {
      positive("strideY", strideY);
      positive("strideX", strideX);
      positive("scale", scale);
      if (anchors == null && scale != 1) throw new InvalidArgumentException("scale", scale, "1 for version 1");
      anchors = anchors == null ? null : anchors.clone();
      for (int i = 0; anchors != null && i < anchors.length; i++) {
        if (anchors[i] == null || anchors[i].length != 2) {
          throw new InvalidArgumentException("anchors", Arrays.toString(anchors[i]), "a width and a height");
        }
        anchors[i] = anchors[i].clone();
        positive("anchors", anchors[i][0]);
        positive("anchors", anchors[i][1]);
      }
    }

    /** Version 1 (Redmon et al. 2016), boxes in units of the image. */
    public static Grid version1(long height, long width) {
      return new Grid(null, 1.0 / height, 1.0 / width, 1);
    }

    /** Versions 2 and 3, in pixels of the network's input. */
    public static Grid anchors(double stride, double[]... anchors) {
      return new Grid(anchors, stride, stride, 1);
    }

    public Grid scale(double scale) {
      return new Grid(anchors, strideY, strideX, scale);
    }

    @Override
    public double[][] anchors() {
      return anchors == null ? null : Arrays.stream(anchors).map(double[]::clone).toArray(double[][]::new);
    }

    private static void positive(String name, double value) {
      if (!(value >= Float.MIN_NORMAL && 1 / value >= Float.MIN_NORMAL)) {
        throw new InvalidArgumentException(name, value, "a positive number");
      }
    }

    private double margin() {
      return -(scale - 1) / 2;
    }
  }

  private YoloBoxes() {}

  /** Centre x, y, width and height of the values t [..., H, W, A, 4]. */
  public static Tensor decode(Grid grid, Tensor t) {
    check(grid, "t", t);
    Tensor out = Tensor.empty(t.device(), t.shape());
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        Tensor from = BoxPlanes.front(t);
        Tensor to = BoxPlanes.front(out);
        Tensor place = Elementwise.apply(grid.anchors == null ? Op.COPY : Op.SIGMOID, BoxPlanes.first(from));
        if (grid.scale != 1) {
          BoxPlanes.scale(place, grid.scale);
          BoxPlanes.shift(place, grid.margin());
        }
        BoxPlanes.apply(Op.ADD, place, cells(place));
        Elementwise.run(Op.MUL, place, strides(grid, place, 1), BoxPlanes.first(to), 0);
        BoxPlanes.last(to).assign(sizes(grid, BoxPlanes.last(from)));
      }
    });
  }

  /** Values t whose boxes, each at its place in the grid, are these [..., H, W, A, 4]. */
  public static Tensor encode(Grid grid, Tensor boxes) {
    check(grid, "boxes", boxes);
    Tensor out = Tensor.empty(boxes.device(), boxes.shape());
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        Tensor from = BoxPlanes.front(boxes);
        Tensor to = BoxPlanes.front(out);
        Tensor place = Elementwise.mul(BoxPlanes.first(from),
            BoxPlanes.perPlane(boxes.device(), from.rank(), 1 / grid.strideX, 1 / grid.strideY));
        BoxPlanes.apply(Op.SUB, place, cells(place));
        if (grid.anchors == null) {
          BoxPlanes.first(to).assign(place);
          Elementwise.run(Op.SQRT, BoxPlanes.last(from), null, BoxPlanes.last(to), 0);
          return;
        }
        if (grid.scale != 1) {
          BoxPlanes.shift(place, -grid.margin());
          BoxPlanes.scale(place, 1 / grid.scale);
        }
        Tensor rest = Elementwise.scale(place, -1);
        BoxPlanes.shift(rest, 1);
        BoxPlanes.apply(Op.DIV, place, rest);
        Elementwise.run(Op.LOG, place, null, BoxPlanes.first(to), 0);
        Tensor growth = Elementwise.div(BoxPlanes.last(from), priors(grid, BoxPlanes.last(from)));
        Elementwise.run(Op.LOG, growth, null, BoxPlanes.last(to), 0);
      }
    });
  }

  /** The gradient of the values t from that of the decoded boxes. */
  public static Tensor backward(Grid grid, Tensor t, Tensor dout) {
    check(grid, "t", t);
    check(grid, "dout", dout);
    Check.floats("dout", dout, t.device());
    Check.shape("dout", dout, t.shape());
    Tensor out = Tensor.empty(t.device(), t.shape());
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        Tensor from = BoxPlanes.front(t);
        Tensor d = BoxPlanes.front(dout);
        Tensor to = BoxPlanes.front(out);
        Tensor place = BoxPlanes.first(d);
        if (grid.anchors != null) {
          place = Elementwise.apply(Op.SIGMOID_GRAD, Elementwise.sigmoid(BoxPlanes.first(from)), place);
        }
        Elementwise.run(Op.MUL, place, strides(grid, place, grid.scale), BoxPlanes.first(to), 0);
        Tensor size = grid.anchors == null ? BoxPlanes.last(from) : sizes(grid, BoxPlanes.last(from));
        Elementwise.run(Op.MUL, BoxPlanes.last(d), size, BoxPlanes.last(to), 0);
        if (grid.anchors == null) BoxPlanes.scale(BoxPlanes.last(to), 2);
      }
    });
  }

  private static void check(Grid grid, String name, Tensor t) {
    Check.present("grid", grid);
    BoxPlanes.check(name, t, null, BoxPlanes.MAX_RANK);
    Check.rank(name, t, 4, BoxPlanes.MAX_RANK);
    if (grid.anchors != null && t.size(-2) != grid.anchors.length) {
      throw new ShapeException(name, "of shape " + Arrays.toString(t.shape()), "[..., H, W, A, 4] with A = " + grid.anchors.length
          + ", the anchors");
    }
  }

  /** Column and row of each cell: [2, ..., H, W, 1] for planes [2, ..., H, W, A]. */
  private static Tensor cells(Tensor planes) {
    int height = Math.toIntExact(planes.size(-3));
    int width = Math.toIntExact(planes.size(-2));
    float[] cells = new float[2 * height * width];
    for (int i = 0; i < height * width; i++) {
      cells[i] = i % width;
      cells[height * width + i] = i / width;
    }
    long[] shape = new long[planes.rank()];
    Arrays.fill(shape, 1);
    shape[0] = 2;
    shape[shape.length - 3] = height;
    shape[shape.length - 2] = width;
    return Tensor.of(planes.device(), cells, shape);
  }

  private static Tensor strides(Grid grid, Tensor planes, double factor) {
    return BoxPlanes.perPlane(planes.device(), planes.rank(), factor * grid.strideX, factor * grid.strideY);
  }

  /** Widths, then heights of the anchors: [2, 1, ..., A]. */
  private static Tensor priors(Grid grid, Tensor planes) {
    int count = grid.anchors.length;
    float[] priors = new float[2 * count];
    for (int a = 0; a < count; a++) {
      priors[a] = (float) grid.anchors[a][0];
      priors[count + a] = (float) grid.anchors[a][1];
    }
    long[] shape = new long[planes.rank()];
    Arrays.fill(shape, 1);
    shape[0] = 2;
    shape[shape.length - 1] = count;
    return Tensor.of(planes.device(), priors, shape);
  }

  private static Tensor sizes(Grid grid, Tensor values) {
    if (grid.anchors == null) return Elementwise.apply(Op.SQUARE, values);
    Tensor sizes = Elementwise.apply(Op.EXP, values);
    BoxPlanes.apply(Op.MUL, sizes, priors(grid, sizes));
    return sizes;
  }
}
