package org.ondol.models.images;

import com.drew.imaging.ImageMetadataReader;
import com.drew.imaging.ImageProcessingException;
import com.drew.metadata.Metadata;
import com.drew.metadata.adobe.AdobeJpegDirectory;
import com.drew.metadata.jfif.JfifDirectory;
import com.drew.metadata.jpeg.JpegComponent;
import com.drew.metadata.jpeg.JpegDirectory;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;

/**
 * Colours of a JPEG file that stores every other row of its chroma (4:4:0). The JDK's decoder, libjpeg 6b, interpolates
 * chroma where columns or both are halved, but repeats it where rows alone are; libjpeg-turbo, with which networks' data
 * are decoded elsewhere, interpolates it then too. Here the repeated rows are taken out and interpolated by the same
 * formula in whole numbers: a row of pixels lies a quarter of a distance from the nearest row of chroma, so it is 3/4 of
 * that and 1/4 of the other neighbour (h1v2_fancy_upsample in jdsample.c); then RGB by the constants of JFIF 1.02 in
 * 16-bit fixed point.
 */
final class Chroma {
  private static final int FRACTION = 16;
  private static final int HALF = 1 << FRACTION - 1;
  private static final int[] RED_CR = new int[256];
  private static final int[] GREEN_CR = new int[256];
  private static final int[] GREEN_CB = new int[256];
  private static final int[] BLUE_CB = new int[256];

  static {
    for (int i = 0; i < 256; i++) {
      int x = i - 128;
      RED_CR[i] = fixed(1.402) * x + HALF >> FRACTION;
      GREEN_CR[i] = -fixed(0.71414) * x;
      GREEN_CB[i] = -fixed(0.34414) * x + HALF;
      BLUE_CB[i] = fixed(1.772) * x + HALF >> FRACTION;
    }
  }

  private Chroma() {}

  private static int fixed(double x) {
    return (int) (x * (1 << FRACTION) + 0.5);
  }

  /** Whether a file is a JPEG of luma and chroma in which the rows of chroma are halved, and its columns are not. */
  static boolean rowsHalved(byte[] file) {
    if (file.length < 2 || (file[0] & 0xFF) != 0xFF || (file[1] & 0xFF) != 0xD8) return false;
    try {
      Metadata metadata = ImageMetadataReader.readMetadata(new ByteArrayInputStream(file), file.length);
      JpegDirectory frame = metadata.getFirstDirectoryOfType(JpegDirectory.class);
      Integer components = frame == null ? null : frame.getInteger(JpegDirectory.TAG_NUMBER_OF_COMPONENTS);
      return components != null && components == 3 && sampled(frame, 0, 2) && sampled(frame, 1, 1)
          && sampled(frame, 2, 1) && luma(metadata, frame);
    } catch (ImageProcessingException | IOException | RuntimeException e) { // the decoder will say what is wrong
      return false;
    }
  }

  private static boolean sampled(JpegDirectory frame, int component, int rows) {
    JpegComponent c = frame.getComponent(component);
    return c.getHorizontalSamplingFactor() == 1 && c.getVerticalSamplingFactor() == rows;
  }

  /** Whether three components are luma and chroma, as libjpeg guesses it: JFIF, else Adobe's marker, else their names. */
  private static boolean luma(Metadata metadata, JpegDirectory frame) {
    if (metadata.containsDirectoryOfType(JfifDirectory.class)) return true;
    AdobeJpegDirectory adobe = metadata.getFirstDirectoryOfType(AdobeJpegDirectory.class);
    Integer transform = adobe == null ? null : adobe.getInteger(AdobeJpegDirectory.TAG_COLOR_TRANSFORM);
    if (transform != null) return transform != 0;
    return frame.getComponent(0).getComponentId() != 'R' || frame.getComponent(1).getComponentId() != 'G'
        || frame.getComponent(2).getComponentId() != 'B';
  }

  /** [3, height, width] of luma and chroma, [height, width, 3], with each row of chroma repeated. */
  static byte[] planes(Raster ycc) {
    int width = ycc.getWidth();
    int height = ycc.getHeight();
    int n = width * height;
    byte[] planes = new byte[3 * n];
    int[] luma = new int[width];
    int[][] cb = new int[2][width];
    int[][] cr = new int[2][width];
    for (int y = 0, i = 0; y < height; y++) {
      int other = y % 2 == 0 ? y - 1 : y + 1;
      int[] rows = {y, other < 0 || other >= height ? y : other};
      for (int k = 0; k < 2; k++) {
        ycc.getSamples(0, rows[k], width, 1, 1, cb[k]);
        ycc.getSamples(0, rows[k], width, 1, 2, cr[k]);
      }
      ycc.getSamples(0, y, width, 1, 0, luma);
      int round = 1 + y % 2; // alternates, so that it does not brighten a whole picture
      for (int x = 0; x < width; x++, i++) {
        int b = 3 * cb[0][x] + cb[1][x] + round >> 2;
        int r = 3 * cr[0][x] + cr[1][x] + round >> 2;
        planes[i] = level(luma[x] + RED_CR[r]);
        planes[n + i] = level(luma[x] + (GREEN_CB[b] + GREEN_CR[r] >> FRACTION));
        planes[2 * n + i] = level(luma[x] + BLUE_CB[b]);
      }
    }
    return planes;
  }

  private static byte level(int x) {
    return (byte) Math.clamp(x, 0, 255);
  }
}
