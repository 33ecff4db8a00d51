package org.ondol.cli;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Images to files. */
final class Photo {
  static {
    // Drawing into memory needs no display, and one that is named but gone must not stop it.
    System.setProperty("java.awt.headless", "true");
  }

  private Photo() {}

  /** Writes a PNG. */
  static void write(BufferedImage image, String file) {
    try (var out = Files.newOutputStream(Path.of(file))) {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new CommandException("cannot write " + file + ": " + Text.reason(e), e);
    }
  }
}
