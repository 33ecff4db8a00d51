package org.ondol.models.images;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.ondol.models.data.DataException;

/** Image files, as the JDK's readers decode them. */
final class ImageFile {
  static {
    // Drawing into memory needs no display, and one that is named but gone must not stop it.
    System.setProperty("java.awt.headless", "true");
  }

  private ImageFile() {}

  static BufferedImage read(Path file) {
    return decode(file, bytes(file));
  }

  static byte[] bytes(Path file) {
    try {
      if (Files.isDirectory(file)) throw new DataException("cannot read " + file + ": it is a directory");
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new DataException("cannot read " + file + ": no such file or directory", e);
    } catch (IOException e) {
      throw new DataException("cannot read " + file + ": " + reason(e), e);
    } catch (OutOfMemoryError e) {
      throw new DataException("cannot read " + file + ": it does not fit into memory", e);
    }
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private interface Task<T> {
    T of(ImageReader reader) throws IOException;
  }

  /** Finds the reader for a file and lets it do something, once the image is known not to be too large. */
  private static <T> T with(Path file, byte[] bytes, Task<T> task) {
    ImageReader reader = null;
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        throw new DataException("cannot read " + file + ": it is no image, expected JPEG, PNG, GIF, BMP or TIFF");
      }
      reader = readers.next();
      reader.setInput(in, true, true);
      long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
      if (pixels > Picture.MOST_PIXELS) {
        throw new DataException("cannot read " + file + ": it has " + pixels + " pixels, expected at most "
            + Picture.MOST_PIXELS);
      }
      return task.of(reader);
    } catch (IOException e) {
      throw new DataException("cannot read " + file + ": the image is damaged or of a kind that is not read: "
          + reason(e),
          e);
    } catch (DataException e) {
      throw e;
    } catch (RuntimeException e) { // a decoder that ran into nonsense
      throw new DataException("cannot read " + file + ": the image is damaged", e);
    } catch (OutOfMemoryError e) {
      throw new DataException("cannot read " + file + ": it does not fit into memory", e);
    } finally {
      if (reader != null) reader.dispose();
    }
  }

  /** Width and height, from the file's header. */
  static int[] size(Path file, byte[] bytes) {
    return with(file, bytes, reader -> new int[] {reader.getWidth(0), reader.getHeight(0)});
  }

  static BufferedImage decode(Path file, byte[] bytes) {
    return decoded(file, bytes, reader -> reader.read(0));
  }

  /** As {@link #decode}; {@link Chroma} where the JDK repeats it. */
  static Picture picture(Path file, byte[] bytes) {
    if (!Chroma.rowsHalved(bytes)) return Picture.of(decode(file, bytes));
    Raster ycc = decoded(file, bytes, reader -> reader.readRaster(0, null));
    return new Picture(ycc.getWidth(), ycc.getHeight(), Chroma.planes(ycc));
  }

  private static <T> T decoded(Path file, byte[] bytes, Task<T> task) {
    String[] damage = {null};
    T image = with(file, bytes, reader -> {
      reader.addIIOReadWarningListener((source, warning) -> {
        if (fatal(warning)) damage[0] = warning;
      });
      return task.of(reader);
    });
    if (damage[0] != null) throw new DataException("cannot read " + file + ": the image is damaged: " + damage[0]);
    return image;
  }

  /** What libjpeg takes for a reason to warn, and goes on with grey: pixels are missing or wrong. */
  private static boolean fatal(String warning) {
    return warning != null && (warning.contains("remature end")
        || warning.contains("Corrupt JPEG data") && !warning.contains("extraneous"));
  }

  /** [3, height, width]; what is transparent is white. */
  static byte[] planes(BufferedImage image) {
    int width = image.getWidth();
    int n = width * image.getHeight();
    byte[] planes = new byte[3 * n];
    if (grey(image)) {
      shades(image.getRaster(), planes, n, image.getColorModel().hasAlpha());
      return planes;
    }
    BufferedImage rgb = image.getType() == BufferedImage.TYPE_INT_RGB || image.getType() == BufferedImage.TYPE_3BYTE_BGR
        ? image : drawn(image);
    int[] row = new int[width];
    for (int y = 0, i = 0; y < image.getHeight(); y++) {
      rgb.getRGB(0, y, width, 1, row, 0, width);
      for (int x = 0; x < width; x++, i++) {
        planes[i] = (byte) (row[x] >> 16);
        planes[n + i] = (byte) (row[x] >> 8);
        planes[2 * n + i] = (byte) row[x];
      }
    }
    return planes;
  }

  private static boolean grey(BufferedImage image) {
    return image.getColorModel() instanceof ComponentColorModel model
        && model.getColorSpace().getType() == ColorSpace.TYPE_GRAY && !model.isAlphaPremultiplied()
        && (image.getRaster().getTransferType() == DataBuffer.TYPE_BYTE
            || image.getRaster().getTransferType() == DataBuffer.TYPE_USHORT);
  }

  /** Shades as they are: the JDK takes them for light, and would brighten them. */
  private static void shades(Raster raster, byte[] planes, int n, boolean alpha) {
    int shift = raster.getSampleModel().getSampleSize(0) - 8;
    int bands = raster.getNumBands();
    int width = raster.getWidth();
    int[] row = new int[width * bands];
    for (int y = 0, i = 0; y < raster.getHeight(); y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int x = 0; x < width; x++, i++) {
        int v = level(row[x * bands], shift);
        if (alpha) {
          int a = level(row[x * bands + 1], shift);
          v = (v * a + 255 * (255 - a) + 127) / 255;
        }
        planes[i] = planes[n + i] = planes[2 * n + i] = (byte) v;
      }
    }
  }

  private static int level(int sample, int shift) {
    return shift >= 0 ? sample >> shift : sample * 255 / ((1 << 8 + shift) - 1);
  }

  private static BufferedImage drawn(BufferedImage image) {
    BufferedImage out = new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D g = out.createGraphics();
    g.drawImage(image, 0, 0, Color.WHITE, null);
    g.dispose();
    return out;
  }
}
