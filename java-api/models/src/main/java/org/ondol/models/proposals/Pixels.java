package org.ondol.models.proposals;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/** A checked copy of an image: three planes one after another, red first. */
record Pixels(float[] rgb, int width, int height) {
  /** Larger images would need gigabytes for their edges, and regions are not found better in them. */
  static final int MOST = 1 << 22;
  private static final double MOST_SIGMA = 64;

  static Pixels of(Tensor image) {
    if (image == null) throw new InvalidArgumentException("image", "null", "a value");
    if (image.isClosed()) image.acquire(); // throws the ClosedException that names it
    if (image.dtype() != DType.FLOAT32) {
      throw new DTypeException("image", "of type " + image.dtype(), DType.FLOAT32.toString());
    }
    if (image.rank() != 3 || image.size(0) != 3 || image.count() == 0) {
      throw new ShapeException("image", "of shape " + Arrays.toString(image.shape()),
          "[3, rows, columns] with a row and a column at least");
    }
    if (image.count() / 3 > MOST) {
      throw new ShapeException("image", "of shape " + Arrays.toString(image.shape()),
          "at most " + MOST + " pixels; resize it, a width of 500 is common");
    }
    Pixels pixels = new Pixels(image.toFloats(), (int) image.size(2), (int) image.size(1));
    pixels.checkValues();
    return pixels;
  }

  int count() {
    return width * height;
  }

  private void checkValues() {
    for (int i = 0; i < rgb.length; i++) {
      if (!(rgb[i] >= 0 && rgb[i] <= 255)) {
        int p = i % count();
        throw new InvalidArgumentException("image[" + i / count() + ", " + p / width + ", " + p % width + "]", rgb[i],
            "a number from 0 to 255");
      }
    }
  }

  /** Smooths planes of this size. */
  float[][] smooth(float[][] planes, double sigma) {
    if (sigma == 0) return planes;
    Gaussian gaussian = new Gaussian(sigma);
    float[][] smooth = new float[planes.length][];
    for (int c = 0; c < planes.length; c++) smooth[c] = gaussian.smooth(planes[c], width, height);
    return smooth;
  }

  static void checkSigma(double sigma) {
    if (!(sigma >= 0 && sigma <= MOST_SIGMA)) {
      throw new InvalidArgumentException("sigma", sigma, "0 to " + (int) MOST_SIGMA);
    }
  }

  static void checkScale(String argument, double scale) {
    if (!(scale > 0 && scale <= Float.MAX_VALUE)) {
      throw new InvalidArgumentException(argument, scale, "a positive finite float32 number");
    }
  }
}
