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

  /** Refuses a file that cannot be written: before the work, not after it. */
  static void expectWritable(String file) {
    Path path = Path.of(file);
    expectFolder(path);
    if (Files.isDirectory(path)) throw new CommandException("cannot write " + file + ": it is a directory");
  }

  /** Refuses what cannot be made for want of a folder that may be written to. */
  static void expectFolder(Path path) {
    Path folder = path.toAbsolutePath().getParent();
    if (folder == null) return;
    if (!Files.isDirectory(folder)) throw new CommandException("cannot write " + path + ": no such file or directory");
    if (!Files.isWritable(folder)) throw new CommandException("cannot write " + path + ": permission denied");
  }

  /** Writes a PNG. */
  static void write(BufferedImage image, String file) {
    try (var out = Files.newOutputStream(Path.of(file))) {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new CommandException("cannot write " + file + ": " + Text.reason(e), e);
    }
  }
}
