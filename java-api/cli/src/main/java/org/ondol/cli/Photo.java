package org.ondol.cli;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.ondol.Tensor;

/** Photographs from and to files, and as tensors. */
final class Photo {
  static {
    // Drawing into memory needs no display, and one that is named but gone must not stop it.
    System.setProperty("java.awt.headless", "true");
  }

  private Photo() {}

  /** An image file's pixels as RGB; what is transparent is white. */
  static BufferedImage read(String file) {
    BufferedImage image;
    try {
      Path path = Path.of(file);
      if (Files.isDirectory(path)) throw new IOException("it is a directory");
      try (var in = Files.newInputStream(path)) {
        image = ImageIO.read(in);
      }
    } catch (IOException e) {
      throw new CommandException("cannot read " + file + ": " + Text.reason(e), e);
    } catch (RuntimeException e) { // a decoder that ran into nonsense
      throw new CommandException("cannot read " + file + ": the image is damaged", e);
    }
    if (image == null) {
      throw new CommandException("cannot read " + file + ": it is no image, expected JPEG, PNG, GIF, BMP or TIFF");
    }
    return drawn(image, image.getWidth(), image.getHeight());
  }

  /** Writes a PNG. */
  static void write(BufferedImage image, String file) {
    try (var out = Files.newOutputStream(Path.of(file))) {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new CommandException("cannot write " + file + ": " + Text.reason(e), e);
    }
  }

  /** Another size; halved first while that is too large, so that every pixel counts. */
  static BufferedImage resized(BufferedImage image, int width, int height) {
    BufferedImage half = image;
    while (half.getWidth() >= 2 * width && half.getHeight() >= 2 * height) {
      half = drawn(half, half.getWidth() / 2, half.getHeight() / 2);
    }
    return drawn(half, width, height);
  }

  private static BufferedImage drawn(BufferedImage image, int width, int height) {
    BufferedImage out = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = out.createGraphics();
    g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    g.drawImage(image, 0, 0, width, height, Color.WHITE, null);
    g.dispose();
    return out;
  }

  /** [3, rows, columns], 0 to 255. */
  static Tensor tensor(BufferedImage image) {
    int width = image.getWidth();
    int n = width * image.getHeight();
    int[] pixels = image.getRGB(0, 0, width, image.getHeight(), null, 0, width);
    float[] planes = new float[3 * n];
    for (int i = 0; i < n; i++) {
      for (int c = 0; c < 3; c++) planes[c * n + i] = pixels[i] >> 16 - 8 * c & 255;
    }
    return Tensor.wrap(planes, 3, image.getHeight(), width);
  }
}
