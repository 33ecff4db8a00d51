package org.ondol.test.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ondol propose}: what it prints, writes and refuses. */
class ProposeCommandTest {
  @TempDir
  private Path folder;

  private Path photo;

  /** 1200 x 900 with a square at 100..500, 200..700: to be halved and resized, and found there to a few pixels. */
  @BeforeEach
  void draw() throws IOException {
    BufferedImage image = new BufferedImage(1200, 900, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    g.setColor(new Color(0x406080));
    g.fillRect(0, 0, 1200, 900);
    g.setColor(new Color(0xE0C020));
    g.fillRect(100, 200, 400, 500);
    g.dispose();
    photo = folder.resolve("photo.png");
    ImageIO.write(image, "png", photo.toFile());
  }

  private static int[] ints(JsonArray box) {
    return new int[] {box.get(0).getAsInt(), box.get(1).getAsInt(), box.get(2).getAsInt(), box.get(3).getAsInt()};
  }

  @Test
  void jsonInPixelsOfThePhotograph() {
    CommandRun r = CommandRun.of("propose", photo, "--json");
    assertEquals(0, r.code(), r.err());
    JsonObject json = JsonParser.parseString(r.out()).getAsJsonObject();
    assertEquals(1200, json.get("width").getAsInt());
    assertEquals(900, json.get("height").getAsInt());
    assertEquals("fast", json.get("mode").getAsString());
    boolean whole = false;
    boolean square = false;
    for (var element : json.getAsJsonArray("boxes")) {
      int[] b = ints(element.getAsJsonArray());
      whole |= b[0] == 0 && b[1] == 0 && b[2] == 1200 && b[3] == 900;
      square |= Math.max(Math.abs(b[0] - 100), Math.abs(b[1] - 200)) < 8
          && Math.max(Math.abs(b[2] - 500), Math.abs(b[3] - 700)) < 8;
    }
    assertTrue(whole && square, r.out());
    CommandRun first = CommandRun.of("propose", photo, "--json", "--top", 1);
    assertEquals(1, JsonParser.parseString(first.out()).getAsJsonObject().getAsJsonArray("boxes").size());
  }

  @Test
  void aPictureOfThePhotographsSizeWithNewColours() throws IOException {
    Path out = folder.resolve("boxes.png");
    CommandRun r = CommandRun.of("propose", photo, "-o", out, "--mode", "quality", "-n", 2, "--threads", 1);
    assertEquals(0, r.code(), r.err());
    r.out().lines().filter(line -> !line.contains(folder.toString())).forEach(l -> assertTrue(l.length() <= 80, l));
    assertTrue(r.out().contains("drawn   the first 2 in " + out), r.out());
    assertTrue(r.out().contains("1200 x 900, searched at 500 x 375"), r.out());
    assertTrue(r.out().contains("quality, 1 thread)"), r.out());
    BufferedImage image = ImageIO.read(out.toFile());
    assertEquals(1200, image.getWidth());
    assertEquals(900, image.getHeight());
    Set<Integer> colours = new HashSet<>();
    for (int i = 0; i < 1200 * 900; i++) colours.add(image.getRGB(i % 1200, i / 1200) & 0xFFFFFF);
    assertTrue(colours.contains(0xFF0000), "the first box is red");
    assertTrue(colours.contains(0x406080) && colours.contains(0xE0C020), "the photograph is still there");
  }

  @Test
  void theSamePictureTwice() throws IOException {
    Path a = folder.resolve("a.png");
    Path b = folder.resolve("b.png");
    assertEquals(0, CommandRun.of("propose", photo, "-o", a, "--seed", 4).code());
    assertEquals(0, CommandRun.of("propose", photo, "-o", b, "--seed", 4).code());
    assertEquals(-1, Files.mismatch(a, b));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      propose                                | 2 | missing required parameter
      propose PHOTO                          | 2 | nothing to do; give --out PNG, --json or both
      propose PHOTO --json --mode slow       | 2 | unknown mode "slow", expected fast or quality
      propose PHOTO --json --top 0           | 2 | --top is 0, expected 1 or more
      propose PHOTO --json --top x           | 2 | invalid value for option '--top'
      propose PHOTO --json --size 0          | 2 | --size is 0, expected 1 to 2048
      propose PHOTO --json --size 2049       | 2 | --size is 2049, expected 1 to 2048
      propose PHOTO --json --threads 0       | 2 | threads is 0
      propose PHOTO PHOTO --json             | 2 | unexpected argument
      propose PHOTO --boxes                  | 2 | unknown option "--boxes"
      propose FOLDER/none.jpg --json         | 1 | none.jpg: no such file or directory
      propose FOLDER --json                  | 1 | it is a directory
      propose FOLDER/text.jpg --json         | 1 | it is no image, expected JPEG, PNG, GIF, BMP or TIFF
      propose FOLDER/cut.png --json          | 1 | cannot read
      propose PHOTO --out FOLDER/no/b.png    | 1 | no/b.png: no such file or directory
      propose PHOTO --out FOLDER             | 1 | it is a directory
      """)
  void refused(String line, int code, String message) throws IOException {
    Files.writeString(folder.resolve("text.jpg"), "This is no image.\n");
    byte[] bytes = Files.readAllBytes(photo);
    Files.write(folder.resolve("cut.png"), Arrays.copyOf(bytes, bytes.length / 2));
    String full = line.replace("PHOTO", photo.toString()).replace("FOLDER", folder.toString());
    CommandRun r = CommandRun.of((Object[]) full.split(" +"));
    assertEquals(code, r.code(), r.out() + r.err());
    assertTrue(r.err().contains(message), r.err());
    assertTrue(r.err().startsWith("ondol propose: "), r.err());
    assertEquals(1, r.err().lines().count(), r.err());
    assertEquals("", r.out());
    assertFalse(Files.exists(folder.resolve("no")));
  }
}
