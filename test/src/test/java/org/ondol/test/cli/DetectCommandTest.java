package org.ondol.test.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code ondol detect}: what it prints, writes and refuses. The detector is a Darknet network made by hand, of one
 * convolution: it divides a picture into 4 x 4 cells and finds a "warm" one where there is red, a "cool" one where there
 * is red and blue.
 */
class DetectCommandTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data"));
  private static final int CELL = 8;
  private static final int RED = 0xFF0000;
  private static final int VIOLET = 0xFF00FF;

  @TempDir
  static Path folder;

  @BeforeAll
  static void make() throws IOException {
    Path net = Files.createDirectories(folder.resolve("net"));
    Files.writeString(net.resolve("cells.cfg"), """
        [net]
        width=32
        height=32
        channels=3
        [convolutional]
        filters=7
        size=8
        stride=8
        pad=0
        activation=linear
        [yolo]
        mask=0
        anchors=8,8
        classes=2
        num=1
        """);
    Files.writeString(net.resolve("cells.names"), "warm\ncool\n");
    Files.write(net.resolve("cells.weights"), weights());
    // 320 x 160, cells of 80 x 40: cell 1 of row 0 is red, cell 3 of row 3 violet.
    ImageIO.write(picture(), "png", folder.resolve("photo.png").toFile());
    Path many = Files.createDirectories(folder.resolve("many"));
    ImageIO.write(picture(), "png", many.resolve("a.png").toFile());
    ImageIO.write(new BufferedImage(50, 40, BufferedImage.TYPE_INT_RGB), "png", many.resolve("black.png").toFile());
    BufferedImage one = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
    one.setRGB(0, 0, RED);
    ImageIO.write(one, "png", many.resolve("one.png").toFile());
    byte[] bytes = Files.readAllBytes(many.resolve("a.png"));
    Files.write(many.resolve("broken.png"), Arrays.copyOf(bytes, bytes.length / 2));
    Files.writeString(many.resolve("notes.txt"), "no image\n");
    Files.createDirectories(folder.resolve("empty"));
    Files.writeString(folder.resolve("file"), "no image\n");
  }

  /** x, y, w, h 0; objectness 40 (mean red - 0.5); warm 20 - 40 mean blue, cool the negative. */
  private static byte[] weights() {
    int area = CELL * CELL;
    ByteBuffer b = ByteBuffer.allocate(20 + 4 * (7 + 7 * 3 * area)).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0).putInt(2).putInt(5).putLong(0);
    for (float bias : new float[] {0, 0, 0, 0, -20, 20, -20}) b.putFloat(bias);
    for (int filter = 0; filter < 7; filter++) {
      for (int channel = 0; channel < 3; channel++) {
        float w = filter == 4 && channel == 0 || filter == 6 && channel == 2 ? 40 : filter == 5 && channel == 2 ? -40 : 0;
        for (int i = 0; i < area; i++) b.putFloat(w / area);
      }
    }
    return b.array();
  }

  private static BufferedImage picture() {
    BufferedImage image = new BufferedImage(320, 160, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    g.setColor(new Color(RED));
    g.fillRect(80, 0, 80, 40);
    g.setColor(new Color(VIOLET));
    g.fillRect(240, 120, 80, 40);
    g.dispose();
    return image;
  }

  private static CommandRun run(Object... words) {
    Object[] all = Arrays.copyOf(words, words.length + 2);
    all[words.length] = "--weights";
    all[words.length + 1] = folder.resolve("net");
    return CommandRun.of(all);
  }

  private static void expectBox(JsonObject detection, String name, double within, int... box) {
    assertEquals(name, detection.get("class").getAsString());
    JsonArray found = detection.getAsJsonArray("box");
    for (int i = 0; i < 4; i++) assertEquals(box[i], found.get(i).getAsFloat(), within, detection.toString());
  }

  private static JsonArray detections(String line) {
    return JsonParser.parseString(line).getAsJsonObject().getAsJsonArray("detections");
  }

  @Test
  void jsonInPixelsOfThePhotograph() {
    CommandRun r = run("detect", folder.resolve("photo.png"), "--json", "--model", "yolo-fastest");
    assertEquals(0, r.code(), r.err());
    assertEquals(1, r.out().lines().count(), r.out());
    JsonObject json = JsonParser.parseString(r.out()).getAsJsonObject();
    assertEquals(320, json.get("width").getAsInt());
    assertEquals(160, json.get("height").getAsInt());
    assertEquals("cells", json.get("model").getAsString());
    assertEquals(folder.resolve("photo.png").toString(), json.get("file").getAsString());
    JsonArray found = json.getAsJsonArray("detections");
    assertEquals(2, found.size(), r.out());
    for (var d : found) {
      JsonObject o = d.getAsJsonObject();
      assertEquals(1, o.get("score").getAsDouble(), 1e-3);
      if (o.get("label").getAsInt() == 0) expectBox(o, "warm", 0.01, 80, 0, 160, 40);
      else expectBox(o, "cool", 0.01, 240, 120, 320, 160);
    }
  }

  @Test
  void tableAndPicture() throws IOException {
    Path out = folder.resolve("boxes.png");
    CommandRun r = run("detect", folder.resolve("photo.png"), "--out", out, "-t", 1);
    assertEquals(0, r.code(), r.err());
    r.out().lines().filter(l -> !l.contains("drawn")).forEach(l -> assertTrue(l.length() <= 80, l));
    assertTrue(r.out().contains("photo.png"), r.out());
    assertTrue(r.out().lines().anyMatch(l -> l.matches(".*warm +1\\.00 +80 +0 +160 +40")), r.out());
    assertTrue(r.out().lines().anyMatch(l -> l.matches(".*cool +1\\.00 +240 +120 +320 +160")), r.out());
    assertTrue(r.out().contains("2 boxes in 1 photograph, "), r.out());
    assertTrue(r.out().contains("1 thread)") && r.out().contains("drawn   in " + out), r.out());
    BufferedImage image = ImageIO.read(out.toFile());
    assertEquals(320, image.getWidth());
    assertEquals(160, image.getHeight());
    assertEquals(VIOLET, image.getRGB(280, 146) & 0xFFFFFF, "the photograph within the box");
    assertTrue(coloured(image, 0, 0, 320, 160) > coloured(picture(), 0, 0, 320, 160), "plates");
  }

  private static int coloured(BufferedImage image, int left, int top, int right, int bottom) {
    int n = 0;
    for (int y = top; y < bottom; y++) for (int x = left; x < right; x++) if ((image.getRGB(x, y) & 0xFFFFFF) != 0) n++;
    return n;
  }

  @Test
  void aFolderWithABrokenPicture() throws IOException {
    Path out = folder.resolve("drawn");
    CommandRun r = run("detect", folder.resolve("many"), "--json", "--out", out);
    assertEquals(1, r.code());
    assertEquals(1, r.err().lines().count(), r.err());
    assertTrue(r.err().startsWith("ondol detect: cannot read ") && r.err().contains("broken.png"), r.err());
    List<String> lines = r.out().lines().toList();
    assertEquals(3, lines.size(), r.out());
    assertEquals(2, detections(lines.get(0)).size());
    assertEquals(0, detections(lines.get(1)).size(), "black");
    assertEquals(16, detections(lines.get(2)).size(), "a red pixel is red in every cell");
    for (String name : List.of("a", "black", "one")) assertTrue(Files.exists(out.resolve(name + ".png")), name);
    assertFalse(Files.exists(out.resolve("broken.png")));
    assertEquals(480, ImageIO.read(out.resolve("one.png").toFile()).getWidth(), "enlarged");
    assertEquals(50 * 9, ImageIO.read(out.resolve("black.png").toFile()).getWidth());
    CommandRun table = run("detect", folder.resolve("many"));
    assertEquals(1, table.code());
    table.out().lines().forEach(l -> assertTrue(l.length() <= 80, l));
    assertTrue(table.out().contains("black.png") && table.out().contains("nothing found"), table.out());
    assertTrue(table.out().contains("18 boxes in 3 photographs") && table.out().contains("1 of 4, not read"), table.out());
  }

  @Test
  void patternsAndFilesWithTheSameName() throws IOException {
    CommandRun r = run("detect", folder + "/many/[ab]*.png", "--json");
    assertEquals(3, r.out().lines().count() + r.err().lines().count(), r.out() + r.err());
    Path out = folder.resolve("twice");
    CommandRun two = run("detect", folder.resolve("many/a.png"), folder.resolve("photo.png"), folder.resolve("many/a.png"),
        "--out", out, "--json");
    assertEquals(0, two.code(), two.err());
    assertEquals(2, two.out().lines().count(), "a photograph that is named twice");
    Files.createDirectories(folder.resolve("other"));
    Files.copy(folder.resolve("photo.png"), folder.resolve("other/a.png"));
    CommandRun same = run("detect", folder.resolve("many/a.png"), folder.resolve("other/a.png"), "--out", out);
    assertEquals(0, same.code(), same.err());
    assertTrue(Files.exists(out.resolve("a.png")) && Files.exists(out.resolve("a-2.png")));
  }

  @Test
  void turnedAsExifSays() throws IOException {
    Path file = folder.resolve("turned.jpg");
    ImageIO.write(picture(), "jpg", file.toFile());
    byte[] jpeg = Files.readAllBytes(file);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(jpeg, 0, 2);
    out.writeBytes(HexFormat.of().parseHex("FFE100224578696600004D4D002A0000000800010112000300000001" + "00060000"
        + "00000000")); // a quarter clockwise
    out.write(jpeg, 2, jpeg.length - 2);
    Files.write(file, out.toByteArray());
    CommandRun r = run("detect", file, "--json");
    assertEquals(0, r.code(), r.err());
    assertEquals(160, JsonParser.parseString(r.out()).getAsJsonObject().get("width").getAsInt());
    // Row 0 becomes the last column; column 1 becomes row 1.
    boolean found = false;
    for (var d : detections(r.out())) {
      JsonObject o = d.getAsJsonObject();
      if (!o.get("class").getAsString().equals("warm")) continue;
      expectBox(o, "warm", 0.01, 120, 80, 160, 160);
      found = true;
    }
    assertTrue(found, r.out());
  }

  @Test
  void nothingFoundIsNoError() {
    CommandRun r = run("detect", folder.resolve("many/black.png"), "--out", folder.resolve("black.png"));
    assertEquals(0, r.code(), r.err());
    assertTrue(r.out().contains("nothing found") && r.out().contains("0 boxes in 1 photograph"), r.out());
    assertTrue(r.out().contains("drawn   enlarged, in "), r.out());
    assertTrue(Files.exists(folder.resolve("black.png")));
  }

  @Test
  void thresholdAndSize() throws IOException {
    BufferedImage image = new BufferedImage(2000, 1000, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 250; y++) for (int x = 0; x < 500; x++) image.setRGB(x, y, 0x850000);
    Path file = folder.resolve("dim.png");
    ImageIO.write(image, "png", file.toFile());
    // sigmoid(40 (133 / 255 - 0.5)) = 0.704
    assertEquals(1, detections(run("detect", file, "--json").out()).size());
    assertEquals(1, detections(run("detect", file, "--json", "--threshold", 0.68).out()).size());
    assertEquals(0, detections(run("detect", file, "--json", "--threshold", 0.72).out()).size());
    JsonObject small = detections(run("detect", file, "--json", "--size", 32).out()).get(0).getAsJsonObject();
    expectBox(small, "warm", 0.1, 0, 0, 500, 250);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      detect                                            | 2 | missing required parameter
      detect PHOTO                                      | 2 | no weights; give --model RUN or --weights PATH
      detect PHOTO -m mtcnn                             | 2 | no weights of mtcnn; give --weights PATH
      detect PHOTO -m FOLDER/net -w FOLDER/net          | 2 | --weights beside a run, which has its own
      detect PHOTO -w FOLDER/net --threshold 1          | 2 | --threshold is 1.0, expected 0 to below 1
      detect PHOTO -w FOLDER/net --threshold NaN        | 2 | --threshold is NaN, expected 0 to below 1
      detect PHOTO -w FOLDER/net --size 15              | 2 | --size is 15, expected 16 to 8192
      detect PHOTO -w FOLDER/net -d tpu                 | 2 | unknown device "tpu"
      detect PHOTO -w FOLDER/net -t 0                   | 2 | threads is 0
      detect PHOTO -m rcn                               | 1 | unknown model rcn: no such file or folder, and neither mtcnn nor yolo
      detect PHOTO -w FOLDER/none                       | 1 | none
      detect PHOTO -w FOLDER/empty                      | 1 | empty has no checkpoint
      detect PHOTO -w FOLDER/file                       | 1 | file
      detect PHOTO -m mtcnn -w FOLDER/net               | 1 | net has no weights of mtcnn but of cells
      detect FOLDER/none.jpg -w FOLDER/net --json       | 1 | none.jpg: no such file or directory
      detect FOLDER/file -w FOLDER/net --json           | 1 | it is no image, expected JPEG, PNG, GIF, BMP or TIFF
      detect FOLDER/empty -w FOLDER/net                 | 1 | empty has no photographs
      detect FOLDER/*.webp -w FOLDER/net                | 1 | no file matches
      detect FOLDER/[ -w FOLDER/net                     | 1 | no pattern
      detect PHOTO -w FOLDER/net -o FOLDER/no/b.png     | 1 | no/b.png: no such file or directory
      detect PHOTO -w FOLDER/net -o FOLDER              | 1 | it is a directory
      detect PHOTO -w FOLDER/net -o PHOTO               | 1 | it is the photograph
      detect FOLDER/many -w FOLDER/net -o FOLDER/file   | 1 | it is a file, expected a folder
      detect FOLDER/many -w FOLDER/net -o FOLDER/many   | 1 | it is one of the photographs
      detect FOLDER/many -w FOLDER/net -o FOLDER/no/all | 1 | no/all: no such file or directory
      """)
  void refused(String line, int code, String message) {
    Object[] words = Arrays.stream(line.split(" +"))
        .map(w -> w.replace("PHOTO", folder + "/photo.png").replace("FOLDER", folder.toString())).toArray();
    CommandRun r = CommandRun.of(words);
    assertEquals(code, r.code(), r.out() + r.err());
    assertTrue(r.err().contains(message), r.err());
    assertTrue(r.err().startsWith("ondol detect: "), r.err());
    assertEquals(1, r.err().lines().count(), r.err());
    if (line.contains("--json") || code == 2) assertEquals("", r.out());
    assertFalse(Files.exists(folder.resolve("no")));
  }

  @Test
  void runsThatDetectAndRunsThatDoNot() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data"));
    Files.writeString(data.resolve("classes.txt"), "square\n");
    for (int i = 0; i < 2; i++) {
      BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
      for (int p = 0; p < 400; p++) image.setRGB(10 + 20 * i + p % 20, 20 + p / 20, 0xF0F0F0);
      ImageIO.write(image, "png", data.resolve(i + ".png").toFile());
      Files.writeString(data.resolve(i + ".txt"), "0 %s 0.46875 0.3125 0.3125%n".formatted((20 + 20 * i) / 64.0));
    }
    CommandRun trained = CommandRun.of("train", "rcnn", "--data", data, "--out", folder.resolve("rcnn"), "-s", "proposals=20");
    assertEquals(0, trained.code(), trained.err());
    CommandRun r = CommandRun.of("detect", data.resolve("0.png"), "-m", folder.resolve("rcnn"), "--json", "--threshold", 0);
    assertEquals(0, r.code(), r.err());
    assertEquals("rcnn", JsonParser.parseString(r.out()).getAsJsonObject().get("model").getAsString());
    for (var d : detections(r.out())) assertEquals("square", d.getAsJsonObject().get("class").getAsString());
    assertFalse(detections(r.out()).isEmpty(), r.out());
    CommandRun shades = CommandRun.of("train", "autoencoder", "--data", data, "--size", "32x32", "--out",
        folder.resolve("other-run"), "-e", 1);
    assumeTrue(shades.code() == 0, "no run that does not detect: " + shades.err());
    CommandRun no = CommandRun.of("detect", data.resolve("0.png"), "-m", folder.resolve("other-run"), "--json");
    assertEquals(1, no.code());
    assertTrue(no.err().contains("which does not detect"), no.err());
  }

  @Test
  void publishedWeights() {
    assumeTrue(Files.isDirectory(DATA.resolve("images")), "no data at " + DATA + ", which is not part of this project");
    CommandRun dog = CommandRun.of("detect", DATA.resolve("images/dog.jpg"), "-w", DATA.resolve("yolo-fastest"), "--json",
        "--threshold", 0.5);
    assertEquals(0, dog.code(), dog.err());
    JsonArray found = detections(dog.out());
    assertEquals(4, found.size(), dog.out());
    expectBox(found.get(0).getAsJsonObject(), "car", 2, 454, 76, 685, 180);
    expectBox(found.get(1).getAsJsonObject(), "dog", 2, 123, 221, 365, 515);
    CommandRun face = CommandRun.of("detect", DATA.resolve("images/astronaut.jpg"), "-m", "mtcnn", "-w",
        DATA.resolve("mtcnn"), "--json");
    assertEquals(1, detections(face.out()).size(), face.out());
    expectBox(detections(face.out()).get(0).getAsJsonObject(), "face", 3, 179, 58, 269, 175);
  }

  @Test
  void helpIsNarrow() {
    CommandRun r = CommandRun.of("detect", "--help");
    assertEquals(0, r.code());
    r.out().lines().forEach(l -> assertTrue(l.length() <= 80, l));
  }
}
