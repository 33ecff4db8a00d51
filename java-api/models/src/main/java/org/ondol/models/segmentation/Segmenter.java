package org.ondol.models.segmentation;

import java.util.List;
import org.ondol.Device;
import org.ondol.models.images.Picture;

/** Tells for each pixel of a picture what it shows. */
public interface Segmenter extends AutoCloseable {
  /** The names of the classes. */
  List<String> classes();

  /** A colour for each class, red, green and blue from the eighth bit on: 0xRRGGBB. */
  int[] colours();

  /**
   * The length of the longer side of the pictures that it was trained with: much larger ones show it things of a size
   * that it has not seen.
   */
  int side();

  Device device();

  /** The number of the class of each pixel, rows first. */
  byte[] segment(Picture picture);

  @Override
  void close();
}
