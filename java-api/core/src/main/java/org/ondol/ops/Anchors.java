package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;

/**
 * Anchors: the same few boxes around every cell of a grid, x1, y1, x2, y2 (Ren et al. 2015). The base boxes are ordered by
 * ratio, then by scale or size; those of a grid by row, column, base box.
 */
public final class Anchors {
  private static final long LIMIT = 1 << 20;

  private Anchors() {}

  /**
   * The base anchors of py-faster-rcnn (Girshick, Ren; {@code generate_anchors.py}), with its roundings. From the box of
   * the pixels 0 to size - 1, of centre c = (size - 1) / 2, each ratio r gives w = rint(sqrt(size² / r)), h = rint(w r), and
   * each scale s of that the box c ± (w s - 1) / 2, c ± (h s - 1) / 2. Corners are the first and the last pixel.
   *
   * @param size the stride of the grid, 16
   * @param ratios of height to width: 0.5, 1, 2
   * @param scales 8, 16, 32
   * @return [ratios * scales][4]
   */
  public static double[][] fasterRcnn(long size, double[] ratios, double[] scales) {
    if (size < 1 || size > LIMIT) throw new InvalidArgumentException("size", size, "1 to " + LIMIT);
    positive("ratios", ratios);
    positive("scales", scales);
    double[][] anchors = new double[ratios.length * scales.length][];
    double centre = (size - 1) / 2.0;
    for (int i = 0; i < anchors.length; i++) {
      double ratio = ratios[i / scales.length];
      double scale = scales[i % scales.length];
      double width = Math.rint(Math.sqrt((double) (size * size) / ratio));
      double height = Math.rint(width * ratio);
      double x = 0.5 * (width * scale - 1);
      double y = 0.5 * (height * scale - 1);
      anchors[i] = new double[] {centre - x, centre - y, centre + x, centre + y};
    }
    return anchors;
  }

  /**
   * Boxes of given areas around a point, without rounding: the width is size / sqrt(r), the height size * sqrt(r).
   *
   * @param sizes square roots of the areas
   * @param ratios of height to width
   */
  public static double[][] centred(double[] sizes, double[] ratios, double x, double y) {
    positive("sizes", sizes);
    positive("ratios", ratios);
    Check.finite("x", x);
    Check.finite("y", y);
    double[][] anchors = new double[ratios.length * sizes.length][];
    for (int i = 0; i < anchors.length; i++) {
      double root = Math.sqrt(ratios[i / sizes.length]);
      double w = sizes[i % sizes.length] / root / 2;
      double h = sizes[i % sizes.length] * root / 2;
      anchors[i] = new double[] {x - w, y - h, x + w, y + h};
    }
    return anchors;
  }

  /**
   * The base boxes at every cell, [height, width, A, 4]: base + (column * strideX, row * strideY), the column added first,
   * each sum rounded to float32.
   */
  public static Tensor grid(Device device, double[][] base, long height, long width, double strideY, double strideX) {
    Check.present("device", device);
    Check.present("base", base);
    size("height", height);
    size("width", width);
    Check.finite("strideY", strideY);
    Check.finite("strideX", strideX);
    float[] boxes = new float[4 * base.length];
    for (int i = 0; i < boxes.length; i++) {
      if (base[i / 4] == null || base[i / 4].length != 4) {
        throw new InvalidArgumentException("base", Arrays.toString(base[i / 4]), "x1, y1, x2, y2");
      }
      Check.finite("base", base[i / 4][i % 4]);
      boxes[i] = (float) base[i / 4][i % 4];
    }
    Tensor out = Tensor.empty(device, height, width, base.length, 4);
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        Tensor row = Elementwise.add(Tensor.of(device, boxes, 1, base.length, 4), shifts(device, width, strideX, 0));
        Elementwise.run(Elementwise.Op.ADD, row.unsqueeze(0), shifts(device, height, strideY, 1).unsqueeze(1), out, 0);
      }
    });
  }

  /** [n, 1, 4] of i * stride in x (axis 0) or y. */
  private static Tensor shifts(Device device, long n, double stride, int axis) {
    float[] shifts = new float[(int) (4 * n)];
    for (int i = 0; i < n; i++) {
      shifts[4 * i + axis] = (float) (i * stride);
      shifts[4 * i + 2 + axis] = (float) (i * stride);
    }
    return Tensor.of(device, shifts, n, 1, 4);
  }

  private static void size(String name, long size) {
    if (size < 0 || size > LIMIT) throw new InvalidArgumentException(name, size, "0 to " + LIMIT);
  }

  private static void positive(String name, double[] values) {
    Check.present(name, values);
    for (double v : values) {
      if (!(v > 0 && v <= LIMIT)) throw new InvalidArgumentException(name, v, "positive numbers of at most " + LIMIT);
    }
  }
}
