package org.ondol.models.images;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.nio.file.Path;
import org.ondol.models.data.DataException;

/**
 * An image whose values are no shades but mean something: numbers, which are palette indices or single values of up to
 * eight bits, or colours.
 *
 * @param colours whether values are 0xRRGGBB; else they are 0 to 255
 * @param values rows first
 */
public record LabelImage(int width, int height, boolean colours, int[] values) {
  /**
   * An image file: PNG, or others of {@link Picture#read} that keep values as they are. Orientations are not followed.
   *
   * @throws DataException if it cannot be read, is damaged, or is of over eight bits a value
   */
  public static LabelImage read(Path file) {
    BufferedImage image = ImageFile.read(file);
    Raster raster = image.getRaster();
    ColorModel model = image.getColorModel();
    if (model instanceof IndexColorModel || raster.getNumBands() == 1) {
      if (raster.getSampleModel().getSampleSize(0) > 8) {
        throw new DataException(file + " has " + raster.getSampleModel().getSampleSize(0)
            + " bits a pixel, expected at most 8 for a class");
      }
      int[] values = raster.getSamples(0, 0, image.getWidth(), image.getHeight(), 0, (int[]) null);
      return new LabelImage(image.getWidth(), image.getHeight(), false, values);
    }
    Picture picture = Picture.of(image);
    int n = picture.width() * picture.height();
    int[] values = new int[n];
    for (int i = 0; i < n; i++) {
      for (int c = 0; c < 3; c++) values[i] = values[i] << 8 | picture.planes()[c * n + i] & 0xFF;
    }
    return new LabelImage(picture.width(), picture.height(), true, values);
  }
}
