package org.ondol.cli;

import java.awt.image.BufferedImage;
import java.util.Arrays;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/** Many small pictures in one. */
final class Pictures {
  private static final int GAP = 2;
  private static final int SURROUND = 0x808080;
  /** Small pictures are enlarged to at least so many pixels, each pixel to a square. */
  private static final int LEAST = 56;

  private Pictures() {}

  /** A square arrangement of pictures [N, C, H, W], C 1 or 3, with values of 0 to 1. */
  static BufferedImage grid(Tensor pictures) {
    long[] shape = pictures.shape();
    if (shape.length != 4 || shape[1] != 1 && shape[1] != 3) {
      throw new ShapeException("pictures", Arrays.toString(shape), "[N, 1 or 3, H, W]");
    }
    int n = (int) shape[0];
    int height = (int) shape[2];
    int width = (int) shape[3];
    int scale = Math.max(1, LEAST / Math.max(height, width));
    int columns = (int) Math.ceil(Math.sqrt(n));
    int rows = (n + columns - 1) / Math.max(1, columns);
    BufferedImage image = new BufferedImage(Math.max(1, columns * (width * scale + GAP) + GAP),
        Math.max(1, rows * (height * scale + GAP) + GAP), BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < image.getHeight(); y++) for (int x = 0; x < image.getWidth(); x++) image.setRGB(x, y, SURROUND);
    float[] values = pictures.toFloats();
    for (int i = 0; i < n; i++) {
      int left = GAP + i % columns * (width * scale + GAP);
      int top = GAP + i / columns * (height * scale + GAP);
      for (int y = 0; y < height * scale; y++) {
        for (int x = 0; x < width * scale; x++) {
          image.setRGB(left + x, top + y, colour(values, i, (int) shape[1], height, width, y / scale, x / scale));
        }
      }
    }
    return image;
  }

  private static int colour(float[] values, int picture, int channels, int height, int width, int y, int x) {
    int rgb = 0;
    for (int c = 0; c < 3; c++) {
      float v = values[((picture * channels + Math.min(c, channels - 1)) * height + y) * width + x];
      rgb = rgb << 8 | Math.clamp(Math.round(v * 255), 0, 255);
    }
    return rgb;
  }
}
