package org.ondol.models.images;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.models.data.Size;

/** A photograph: RGB, a byte a value, in three planes. Unchangeable as long as nobody writes into its planes. */
public final class Picture {
  /** Larger ones are refused: their planes and what is computed of them would not fit. */
  public static final int MOST_PIXELS = 1 << 26;

  /** How the names of files end that are taken for images where a folder is given. */
  public static final List<String> ENDINGS = List.of(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff");

  private final int width;
  private final int height;
  private final byte[] planes;

  /**
   * Takes the array over.
   *
   * @param planes red, green, blue; rows first: [3, height, width]
   */
  public Picture(int width, int height, byte[] planes) {
    checkSize(width, height);
    if (planes == null) throw new InvalidArgumentException("planes", "null", "a value");
    if (planes.length != 3 * width * height) {
      throw new InvalidArgumentException("planes", "of " + planes.length + " bytes", "3 x " + height + " x " + width);
    }
    this.width = width;
    this.height = height;
    this.planes = planes;
  }

  private static void checkSize(int width, int height) {
    if (width < 1 || width > MOST_PIXELS) throw new InvalidArgumentException("width", width, "1 to " + MOST_PIXELS);
    if (height < 1 || height > MOST_PIXELS / width) {
      throw new InvalidArgumentException("height", height, "1 to " + MOST_PIXELS / width + ", being " + width
          + " wide");
    }
  }

  /**
   * An image file: JPEG, PNG, GIF, BMP or TIFF, turned upright as its Exif orientation says. What is transparent is
   * white.
   *
   * @throws org.ondol.models.data.DataException if it cannot be read, is no image, is damaged or cut short, or has over
   *     {@value #MOST_PIXELS} pixels
   */
  public static Picture read(Path file) {
    byte[] bytes = ImageFile.bytes(file);
    return Orientation.of(bytes).turn(ImageFile.picture(file, bytes));
  }

  /** The same with rows and columns as they are stored, whatever the orientation. */
  public static Picture readStored(Path file) {
    return ImageFile.picture(file, ImageFile.bytes(file));
  }

  /**
   * The stored width and height of an image file, read from its beginning.
   *
   * @throws org.ondol.models.data.DataException as {@link #read} where its beginning is damaged
   */
  public static Size size(Path file) {
    int[] size = ImageFile.size(file, ImageFile.bytes(file));
    return new Size(size[0], size[1]);
  }

  /** An image's pixels; what is transparent is white. */
  public static Picture of(BufferedImage image) {
    return new Picture(image.getWidth(), image.getHeight(), ImageFile.planes(image));
  }

  /** A copy to draw on. */
  public BufferedImage image() {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    int n = width * height;
    int[] row = new int[width];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int i = y * width + x;
        row[x] = (planes[i] & 0xFF) << 16 | (planes[n + i] & 0xFF) << 8 | planes[2 * n + i] & 0xFF;
      }
      image.setRGB(0, y, width, 1, row, 0, width);
    }
    return image;
  }

  public int width() {
    return width;
  }

  public int height() {
    return height;
  }

  /** [3, height, width]: the array itself, not a copy. */
  public byte[] planes() {
    return planes;
  }

  /** The value of a plane, 0 red, 1 green, 2 blue, at a column and row. */
  public int value(int plane, int x, int y) {
    return planes[(plane * height + y) * width + x] & 0xFF;
  }

  /** FLOAT32 [1, 3, height, width], 0 to 255. */
  public Tensor tensor(Device device) {
    return Tensor.ofUnsigned(device, planes, 1, 3, height, width);
  }

  /**
   * Another size, linear between the centres of pixels, in the whole numbers with which OpenCV's resize (INTER_LINEAR)
   * does it, so that networks see the bytes that they were trained on: {@link Bilinear}. Where it shrinks by more than
   * two, pixels are skipped; {@link #reduced} counts all.
   */
  public Picture resized(int width, int height) {
    checkSize(width, height);
    if (width == this.width && height == this.height) return this;
    return new Bilinear(this.width, this.height, width, height).resized(this);
  }

  /**
   * Another size in which every pixel counts: along an axis that shrinks, the average of the area that a new pixel
   * covers; along one that grows, linear between the centres of pixels.
   */
  public Picture reduced(int width, int height) {
    checkSize(width, height);
    if (width == this.width && height == this.height) return this;
    return scaled(width, height, Axis.area(this.width, width), Axis.area(this.height, height));
  }

  private Picture scaled(int width, int height, Axis columns, Axis rows) {
    byte[] out = new byte[3 * width * height];
    for (int c = 0; c < 3; c++) {
      Axis.apply(planes, c * this.height * this.width, this.width, columns, rows, out, c * width * height);
    }
    return new Picture(width, height, out);
  }
}
