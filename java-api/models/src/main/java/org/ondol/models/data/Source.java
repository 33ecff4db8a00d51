package org.ondol.models.data;

import java.nio.file.Path;
import java.util.List;

/**
 * A picture that a data set names, and what the data set says of it, not checked yet.
 *
 * @param file of the picture
 * @param notes the file that says it, for messages
 * @param width in pixels, by the notes; 0 where they do not say, 1 where they count in widths
 * @param height the same
 * @param objects null where there is a map
 * @param map the file with the class of each pixel, or null
 */
record Source(Path file, Path notes, double width, double height, List<Noted> objects, Path map) {
  /** An object, with ends exclusive. */
  record Noted(String name, double x1, double y1, double x2, double y2, boolean difficult) {
    /** One by the first and the last of its pixels, counted from 1 as in Pascal VOC. */
    static Noted ofPascal(String name, double x1, double y1, double x2, double y2, boolean difficult) {
      return new Noted(name, x1 - 1, y1 - 1, x2, y2, difficult);
    }
  }

  /** Whether sides are fractions of the picture's. */
  boolean relative() {
    return width == 1 && height == 1;
  }

  /** A file that is named relative to a folder, which it may not leave. */
  static Path within(Path folder, String name, Path notes) {
    try {
      Path file = folder.resolve(name).normalize();
      if (name.isBlank() || !file.startsWith(folder.normalize())) {
        throw new DataException(notes + " names the picture \"" + name + "\", which is not in " + folder);
      }
      return file;
    } catch (java.nio.file.InvalidPathException e) {
      throw new DataException(notes + " names the picture \"" + name + "\", which is no file name", e);
    }
  }
}
