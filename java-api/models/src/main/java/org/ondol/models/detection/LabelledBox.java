package org.ondol.models.detection;

import org.ondol.InvalidArgumentException;

/**
 * A box that is true: of a class, in pixels of its picture, with ends exclusive. A box of one pixel, column 3 of row 5, is
 * (3, 5, 4, 6).
 *
 * @param label its class, at least 0
 * @param x1 left, the first column
 * @param y1 top, the first row
 * @param x2 right, one past the last column, above x1
 * @param y2 bottom, one past the last row, above y1
 * @param difficult whether it counts neither as found nor as missed: a difficult object of Pascal VOC, a crowd of COCO
 */
public record LabelledBox(int label, float x1, float y1, float x2, float y2, boolean difficult) {
  /** @throws InvalidArgumentException if the label is negative, a side is not finite, or there is no extent */
  public LabelledBox {
    if (label < 0) throw new InvalidArgumentException("label", label, "at least 0");
    finite("x1", x1);
    finite("y1", y1);
    finite("x2", x2);
    finite("y2", y2);
    if (!(x2 > x1)) throw new InvalidArgumentException("x2", x2, "above x1, " + x1);
    if (!(y2 > y1)) throw new InvalidArgumentException("y2", y2, "above y1, " + y1);
  }

  /** One that counts. */
  public LabelledBox(int label, float x1, float y1, float x2, float y2) {
    this(label, x1, y1, x2, y2, false);
  }

  private static void finite(String argument, float value) {
    if (!Float.isFinite(value)) throw new InvalidArgumentException(argument, value, "a finite number");
  }

  public float width() {
    return x2 - x1;
  }

  public float height() {
    return y2 - y1;
  }

  public double area() {
    return (double) width() * height();
  }

  /** The same where the picture is stretched by these factors. */
  public LabelledBox scaled(double x, double y) {
    return new LabelledBox(label, (float) (x1 * x), (float) (y1 * y), (float) (x2 * x), (float) (y2 * y), difficult);
  }
}
