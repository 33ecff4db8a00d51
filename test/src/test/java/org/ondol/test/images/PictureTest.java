package org.ondol.test.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Size;
import org.ondol.models.images.LabelImage;
import org.ondol.models.images.Picture;
import org.ondol.ops.Resize;

/** Pictures: read, turned, resized; and files that are none. */
class PictureTest {
  @TempDir
  Path folder;

  private static Picture random(int width, int height, long seed) {
    byte[] planes = new byte[3 * width * height];
    new Random(seed).nextBytes(planes);
    return new Picture(width, height, planes);
  }

  /** Over several tasks and a part of one. */
  @Test
  void values() {
    Picture picture = random(301, 233, 9);
    try (Tensor tensor = picture.tensor(Device.of("java"))) {
      assertArrayEquals(new long[] {1, 3, 233, 301}, tensor.shape());
      float[] values = tensor.toFloats();
      for (int i = 0; i < values.length; i++) assertEquals(Byte.toUnsignedInt(picture.planes()[i]), values[i]);
    }
    try (Tensor none = Tensor.ofUnsigned(Device.of("java"), new byte[0], 2, 0)) {
      assertEquals(0, none.count());
    }
    Device java = Device.of("java");
    assertThrows(InvalidArgumentException.class, () -> Tensor.ofUnsigned(java, null, 1));
    assertThrows(InvalidArgumentException.class, () -> Tensor.ofUnsigned(null, new byte[1], 1));
    assertThrows(ShapeException.class, () -> Tensor.ofUnsigned(java, new byte[5], 2, 3));
    assertThrows(ShapeException.class, () -> Tensor.ofUnsigned(java, new byte[5], -1));
  }

  private Path write(BufferedImage image, String name) throws IOException {
    Path file = folder.resolve(name);
    assertTrue(ImageIO.write(image, name.substring(name.lastIndexOf('.') + 1), file.toFile()));
    return file;
  }

  private static int rgb(Picture p, int x, int y) {
    return p.value(0, x, y) << 16 | p.value(1, x, y) << 8 | p.value(2, x, y);
  }

  @Test
  void files() throws IOException {
    Picture picture = random(7, 5, 1);
    for (String name : new String[] {"a.png", "a.bmp"}) {
      Path file = write(picture.image(), name);
      assertArrayEquals(picture.planes(), Picture.read(file).planes(), name);
      assertEquals(new Size(7, 5), Picture.size(file));
    }
    assertEquals(picture.planes()[4 * 7 + 2] & 0xFF, picture.value(0, 2, 4));
    try (Scope scope = Scope.open()) {
      Tensor t = picture.tensor(Device.of("java"));
      assertArrayEquals(new long[] {1, 3, 5, 7}, t.shape());
      assertEquals(picture.value(2, 6, 4), t.toFloats()[3 * 35 - 1]);
    }
  }

  /** Half transparent black is 255 - 128 on white; a shade stays what it is, whatever its bits. */
  @Test
  void kinds() throws IOException {
    BufferedImage alpha = new BufferedImage(3, 1, BufferedImage.TYPE_INT_ARGB);
    alpha.setRGB(0, 0, 0x00123456);
    alpha.setRGB(1, 0, 0x80000000);
    alpha.setRGB(2, 0, 0xFF102030);
    Picture p = Picture.read(write(alpha, "alpha.png"));
    assertEquals(0xFFFFFF, rgb(p, 0, 0));
    assertEquals(127, p.value(0, 1, 0), 1);
    assertEquals(0x102030, rgb(p, 2, 0));

    BufferedImage grey = new BufferedImage(256, 1, BufferedImage.TYPE_BYTE_GRAY);
    BufferedImage deep = new BufferedImage(256, 1, BufferedImage.TYPE_USHORT_GRAY);
    for (int x = 0; x < 256; x++) {
      grey.getRaster().setSample(x, 0, 0, x);
      deep.getRaster().setSample(x, 0, 0, x << 8 | 77);
    }
    BufferedImage bits = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_BINARY);
    bits.setRGB(1, 0, 0xFFFFFF);
    Picture shades = Picture.read(write(grey, "grey.png"));
    Picture words = Picture.read(write(deep, "deep.png"));
    for (int x = 0; x < 256; x++) {
      assertEquals(x * 0x010101, rgb(shades, x, 0));
      assertEquals(x * 0x010101, rgb(words, x, 0));
    }
    Picture two = Picture.read(write(bits, "bits.png"));
    assertEquals(0, rgb(two, 0, 0));
    assertEquals(0xFFFFFF, rgb(two, 1, 0));
  }

  /** The numbers of a palette, of shades, and colours; sixteen bits are refused. */
  @Test
  void labelImages() throws IOException {
    byte[] palette = {0, 100, 0};
    BufferedImage indexed = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_INDEXED,
        new IndexColorModel(8, 3, palette, palette, palette));
    for (int x = 0; x < 3; x++) indexed.getRaster().setSample(x, 0, 0, 2 - x);
    LabelImage labels = LabelImage.read(write(indexed, "index.png"));
    assertArrayEquals(new int[] {2, 1, 0}, labels.values()); // two entries of one colour keep apart
    assertEquals(false, labels.colours());
    BufferedImage grey = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY);
    grey.getRaster().setSample(0, 0, 0, 255);
    grey.getRaster().setSample(1, 0, 0, 7);
    assertArrayEquals(new int[] {255, 7}, LabelImage.read(write(grey, "grey.png")).values());
    LabelImage colours = LabelImage.read(write(random(2, 2, 3).image(), "colours.png"));
    assertTrue(colours.colours());
    assertEquals(rgb(random(2, 2, 3), 1, 1), colours.values()[3]);
    Path deep = write(new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_GRAY), "deep.png");
    assertThrows(DataException.class, () -> LabelImage.read(deep));
  }

  /**
   * The bytes that OpenCV 4.13.0 gives (resize, INTER_LINEAR): width and height before and after, and the CRC-32 of the
   * planes. None is more than a level off what the engine's resize computes.
   */
  @Test
  void resizedAsOpenCvDoes() {
    long[][] cases = {{13, 9, 5, 17, 0x4B309EB5L}, {13, 9, 26, 18, 0xD31AC19CL}, {13, 9, 1, 1, 0xFE1C30C2L},
        {13, 9, 12, 9, 0x714ED46AL}, {13, 9, 130, 3, 0xAA14176BL}, {1, 1, 4, 5, 0xC9F68277L}, {2, 31, 3, 30, 0x5C924807L},
        {64, 48, 25, 20, 0x76A6AD2DL}};
    for (long[] c : cases) {
      Picture picture = random((int) c[0], (int) c[1], 2);
      byte[] actual = picture.resized((int) c[2], (int) c[3]).planes();
      CRC32 crc = new CRC32();
      crc.update(actual);
      assertEquals(c[4], crc.getValue(), Arrays.toString(c));
      try (Scope scope = Scope.open()) {
        float[] near = Resize.apply(picture.tensor(Device.of("java")), Resize.Target.size(c[3], c[2]),
            Resize.Options.BILINEAR).toFloats();
        for (int i = 0; i < near.length; i++) assertEquals(near[i], actual[i] & 0xFF, 1, Arrays.toString(c) + " at " + i);
      }
    }
    Picture same = random(13, 9, 2);
    assertSame(same, same.resized(13, 9));
  }

  /**
   * 5 columns to 2: each covers two and a half. 10 20 30 40 50 has (10 + 20 + 15) / 2.5 = 18 and (15 + 40 + 50) / 2.5 =
   * 42.
   */
  @Test
  void reducedCountsEveryPixel() {
    byte[] row = {10, 20, 30, 40, 50};
    byte[] planes = new byte[15];
    for (int c = 0; c < 3; c++) System.arraycopy(row, 0, planes, 5 * c, 5);
    assertArrayEquals(new byte[] {18, 42, 18, 42, 18, 42}, new Picture(5, 1, planes).reduced(2, 1).planes());
    assertArrayEquals(new byte[] {18, 42, 18, 42, 18, 42}, new Picture(1, 5, planes).reduced(1, 2).planes());
    // A checkerboard becomes grey: (0 + 255) / 2 rounds up.
    byte[] board = new byte[3 * 64];
    for (int i = 0; i < board.length; i++) board[i] = (byte) ((i % 8 + i / 8) % 2 * 255);
    for (byte v : new Picture(8, 8, board).reduced(4, 4).planes()) assertEquals(128, v & 0xFF);
    // Along an axis that grows it is linear: 10 and 50 at 1/2 and 3/2, made four, are at 1/4, 3/4, 5/4 and 7/4.
    assertArrayEquals(new byte[] {10, 20, 40, 50, 10, 20, 40, 50, 10, 20, 40, 50},
        new Picture(2, 1, new byte[] {10, 50, 10, 50, 10, 50}).reduced(4, 1).planes());
    // The mean stays, also where nothing divides.
    byte[] even = new byte[3 * 37 * 23];
    Arrays.fill(even, (byte) 201);
    for (byte v : new Picture(37, 23, even).reduced(10, 7).planes()) assertEquals(201, v & 0xFF);
  }

  /**
   * A picture of six shades that a camera stored in each of the eight ways. How they lie as stored
   * follows from the standard: which sides of the picture row 0 and column 0 are.
   */
  @Test
  void turned() throws IOException {
    // Upright: A B / C D / E F; each is a block of 16 x 16 pixels, so that JPEG keeps it.
    String[] stored = {"AB/CD/EF", "BA/DC/FE", "FE/DC/BA", "EF/CD/AB", "ACE/BDF", "BDF/ACE", "FDB/ECA", "ECA/FDB"};
    for (int number = 1; number <= 8; number++) {
      String[] rows = stored[number - 1].split("/");
      BufferedImage image = new BufferedImage(16 * rows[0].length(), 16 * rows.length, BufferedImage.TYPE_INT_RGB);
      for (int y = 0; y < image.getHeight(); y++) {
        for (int x = 0; x < image.getWidth(); x++) {
          image.setRGB(x, y, (rows[y / 16].charAt(x / 16) - 'A') * 40 * 0x010101);
        }
      }
      Path file = exif(write(image, "turned.jpg"), number);
      Picture upright = Picture.read(file);
      assertEquals(32, upright.width(), "orientation " + number);
      assertEquals(48, upright.height(), "orientation " + number);
      for (int i = 0; i < 6; i++) {
        assertEquals(40 * i, upright.value(1, i % 2 * 16 + 8, i / 2 * 16 + 8), 3, "orientation " + number);
      }
      assertEquals(image.getWidth(), Picture.readStored(file).width());
      assertEquals(new Size(image.getWidth(), image.getHeight()), Picture.size(file));
    }
    for (int none : new int[] {0, 9, 65535}) {
      assertEquals(32, Picture.read(exif(write(random(32, 48, 1).image(), "turned.jpg"), none)).width());
    }
  }

  /** Puts an Exif segment of one entry, the orientation, behind the first marker. */
  private static Path exif(Path file, int orientation) throws IOException {
    byte[] jpeg = Files.readAllBytes(file);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(jpeg, 0, 2);
    out.writeBytes(HexFormat.of().parseHex("FFE1" + "0022" + "457869660000" + "4D4D002A00000008" + "0001"
        + "0112000300000001"
        + "%04X0000".formatted(orientation) + "00000000"));
    out.write(jpeg, 2, jpeg.length - 2);
    return Files.write(file, out.toByteArray());
  }

  /**
   * A photograph whose rows of chroma were halved. From blue to red in steps of 12 a row, a row of chroma is the mean of
   * two, 6 off each: repeated, red would be 6 * 1.4 = 8 off in every row, interpolated only in the outermost.
   */
  @Test
  void chromaOfHalvedRows() throws IOException {
    for (int[] size : new int[][] {{9, 20}, {1, 19}, {16, 1}, {3, 2}}) {
      BufferedImage image = new BufferedImage(size[0], size[1], BufferedImage.TYPE_INT_RGB);
      for (int y = 0; y < size[1]; y++) {
        for (int x = 0; x < size[0]; x++) image.setRGB(x, y, 12 * y << 16 | 60 << 8 | 240 - 12 * y);
      }
      Picture p = Picture.read(halvedRows(image));
      assertEquals(new Size(size[0], size[1]), new Size(p.width(), p.height()));
      for (int y = 0; y < size[1]; y++) {
        boolean outermost = y == 0 || y >= size[1] - 2;
        for (int x = 0; x < size[0]; x++) {
          assertEquals(12 * y, p.value(0, x, y), outermost ? 14 : 4, "red of row " + y + " of " + size[1]);
          assertEquals(240 - 12 * y, p.value(2, x, y), outermost ? 18 : 4, "blue of row " + y + " of " + size[1]);
        }
      }
    }
  }

  /** A JPEG of best quality with luma in all rows and chroma in every other, which the JDK writes when it is told to. */
  private Path halvedRows(BufferedImage image) throws IOException {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    Path file = folder.resolve("rows.jpg");
    Files.deleteIfExists(file);
    try (ImageOutputStream out = ImageIO.createImageOutputStream(file.toFile())) {
      writer.setOutput(out);
      ImageWriteParam param = writer.getDefaultWriteParam();
      param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      param.setCompressionQuality(1);
      IIOMetadata metadata = writer.getDefaultImageMetadata(new ImageTypeSpecifier(image), param);
      String format = "javax_imageio_jpeg_image_1.0";
      IIOMetadataNode root = (IIOMetadataNode) metadata.getAsTree(format);
      IIOMetadataNode luma = (IIOMetadataNode) root.getElementsByTagName("componentSpec").item(0);
      luma.setAttribute("HsamplingFactor", "1");
      luma.setAttribute("VsamplingFactor", "2");
      metadata.setFromTree(format, root);
      writer.write(null, new IIOImage(image, null, metadata), param);
    } finally {
      writer.dispose();
    }
    return file;
  }

  @Test
  void refusedFiles() throws IOException {
    Path whole = write(random(64, 64, 4).image(), "whole.jpg");
    byte[] jpeg = Files.readAllBytes(whole);
    Path cut = Files.write(folder.resolve("cut.jpg"), Arrays.copyOf(jpeg, jpeg.length / 2));
    Path head = Files.write(folder.resolve("head.jpg"), Arrays.copyOf(jpeg, 100));
    byte[] png = Files.readAllBytes(write(random(64, 64, 4).image(), "whole.png"));
    Path half = Files.write(folder.resolve("half.png"), Arrays.copyOf(png, png.length / 2));
    Path text = Files.writeString(folder.resolve("text.jpg"), "no image");
    Path empty = Files.write(folder.resolve("empty.jpg"), new byte[0]);
    png[16] = 0x7F; // of the width's four bytes, the first
    Path vast = Files.write(folder.resolve("vast.png"), png);
    for (Path file : new Path[] {cut, head, half, text, empty, vast, folder, folder.resolve("absent.jpg")}) {
      String message = assertThrows(DataException.class, () -> Picture.read(file), file.toString()).getMessage();
      assertTrue(message.contains(file.toString()), message);
      assertThrows(DataException.class, () -> Picture.readStored(file));
      assertThrows(DataException.class, () -> LabelImage.read(file));
    }
  }

  /** Any byte of a file may be wrong: it is read or refused, and nothing else happens. */
  @Test
  void damagedFiles() throws IOException {
    Random random = new Random(11);
    for (String name : new String[] {"d.jpg", "d.png", "d.gif", "d.bmp", "d.tif"}) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      assertTrue(ImageIO.write(random(24, 24, 6).image(), name.substring(2), out));
      for (int k = 0; k < 150; k++) {
        byte[] bytes = out.toByteArray();
        for (int i = 0; i <= k % 3; i++) bytes[random.nextInt(Math.min(bytes.length,
            40 << k % 5))] = (byte) random.nextInt();
        Path file = Files.write(folder.resolve(name), bytes);
        try {
          Picture p = Picture.read(file);
          assertEquals(3 * p.width() * p.height(), p.planes().length);
        } catch (DataException e) {
          assertTrue(e.getMessage().contains(name), e.getMessage());
        }
      }
    }
  }

  @Test
  void refusedArguments() {
    assertThrows(InvalidArgumentException.class, () -> new Picture(0, 1, new byte[0]));
    assertThrows(InvalidArgumentException.class, () -> new Picture(2, 2, new byte[11]));
    assertThrows(InvalidArgumentException.class, () -> new Picture(2, 2, null));
    assertThrows(InvalidArgumentException.class, () -> new Picture(1 << 16, 1 << 16, new byte[0]));
    Picture p = random(2, 2, 1);
    for (int[] size : new int[][] {{0, 1}, {1, -1}, {1 << 20, 1 << 20}}) {
      assertThrows(InvalidArgumentException.class, () -> p.resized(size[0], size[1]));
      assertThrows(InvalidArgumentException.class, () -> p.reduced(size[0], size[1]));
    }
    assertEquals(new Size(640, 480), Size.of("640x480"));
    for (String bad : new String[] {"", "640", "640x", "x480", "0x5", "-1x5", "5x5x5", "640X480 ", "999999999x1"}) {
      assertThrows(InvalidArgumentException.class, () -> Size.of(bad), bad);
    }
  }
}
