package org.ondol.test.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ondol train fcn}, {@code eval} and {@code segment}: what they print, write and refuse. */
class SegmentCommandTest {
  @TempDir
  static Path folder;

  /** Four pictures, the left half bright and of class 1, and a run on them. */
  @BeforeAll
  static void train() throws IOException {
    Files.createDirectories(folder.resolve("data/train"));
    Files.createDirectories(folder.resolve("data/train-labels"));
    Files.writeString(folder.resolve("data/classes.txt"), "dark\nbright\n");
    for (int n = 0; n < 4; n++) {
      BufferedImage photo = new BufferedImage(64, 48, BufferedImage.TYPE_INT_RGB);
      BufferedImage map = new BufferedImage(64, 48, BufferedImage.TYPE_BYTE_GRAY);
      for (int i = 0; i < 64 * 48; i++) {
        boolean bright = i % 64 < 32;
        photo.setRGB(i % 64, i / 64, bright ? 0xD0D0D0 - n : 0x202020 + n);
        map.getRaster().setSample(i % 64, i / 64, 0, bright ? 1 : 0);
      }
      ImageIO.write(photo, "png", folder.resolve("data/train/" + n + ".png").toFile());
      ImageIO.write(map, "png", folder.resolve("data/train-labels/" + n + ".png").toFile());
    }
    ImageIO.write(new BufferedImage(200, 100, BufferedImage.TYPE_INT_RGB), "png", folder.resolve("large.png").toFile());
    CommandRun r = CommandRun.of("train", "fcn", "--data", folder.resolve("data"), "--out", folder.resolve("run"), "-e", 60,
        "-s", "scale=1", "-s", "hidden=8", "-s", "rate=0.003");
    assertEquals(0, r.code(), r.err());
    assertTrue(r.out().contains("FCN upon a trunk"), r.out());
  }

  @Test
  void measured() {
    CommandRun r = CommandRun.of("eval", folder.resolve("run"), "--data", folder.resolve("data"), "--json");
    assertEquals(0, r.code(), r.err());
    JsonObject json = JsonParser.parseString(r.out()).getAsJsonObject();
    assertEquals("train", json.get("part").getAsString());
    assertTrue(json.get("pixel accuracy").getAsDouble() > 0.9, r.out());
    assertTrue(json.has("IoU bright") && json.has("IoU dark"), r.out());
  }

  @Test
  void sharesAsJson() {
    CommandRun r = CommandRun.of("segment", folder.resolve("data/train/1.png"), "-m", folder.resolve("run"), "--json");
    assertEquals(0, r.code(), r.err());
    JsonObject json = JsonParser.parseString(r.out()).getAsJsonObject();
    assertEquals(64, json.get("width").getAsInt());
    assertEquals("fcn", json.get("model").getAsString());
    JsonObject classes = json.getAsJsonObject("classes");
    assertEquals(1, classes.get("dark").getAsDouble() + classes.get("bright").getAsDouble(), 1e-9);
    assertEquals(0.5, classes.get("bright").getAsDouble(), 0.15);
  }

  @Test
  void drawnWithALegend() throws IOException {
    Path out = folder.resolve("out.png");
    CommandRun r = CommandRun.of("segment", folder.resolve("large.png"), "-m", folder.resolve("run"), "-o", out);
    assertEquals(0, r.code(), r.err());
    r.out().lines().filter(line -> !line.contains(folder.toString())).forEach(l -> assertTrue(l.length() <= 80, l));
    assertTrue(r.out().contains("200 x 100, seen at 64 x 32"), r.out());
    assertTrue(r.out().contains("%  dark"), r.out());
    BufferedImage image = ImageIO.read(out.toFile());
    assertEquals(200, image.getWidth());
    assertTrue(image.getHeight() > 100, "a legend below the photograph");
    int under = image.getRGB(199, image.getHeight() - 1) & 0xFFFFFF;
    assertEquals(0xFFFFFF, under, "on white");
    int[] pixels = image.getRGB(0, 0, 200, 100, null, 0, 200);
    assertTrue(Arrays.stream(pixels).anyMatch(p -> (p & 0xFFFFFF) != 0), "the photograph was black");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      segment                                        | 2 | missing required parameter
      segment PHOTO                                  | 2 | nothing to do; give --out PNG, --json or both
      segment PHOTO --json                           | 2 | no weights of espnet; give --weights PATH
      segment PHOTO --json -m RUN -w RUN             | 2 | --weights beside a run, which has its own
      segment PHOTO --json -m RUN --size 5           | 2 | --size is 5, expected 16 to 4096
      segment PHOTO --json -m RUN -d tpu             | 2 | unknown device "tpu"
      segment FOLDER/none.png --json -m RUN          | 1 | none.png
      segment FOLDER/data/classes.txt --json -m RUN  | 1 | classes.txt
      segment PHOTO --json -m FOLDER/no              | 1 | no
      segment PHOTO -m RUN -o FOLDER/no/x.png        | 1 | no such file or directory
      segment PHOTO -m RUN -o FOLDER                 | 1 | it is a directory
      train fcn --data DATA -s stride=4              | 2 | stride is 4
      train fcn --data DATA -s trunk=FOLDER/no -o FOLDER/x | 1 | cannot read
      train fcn --data DATA -s trunk-net=vgg -o FOLDER/x | 2 | trunk-net is vgg, expected one of [squeezenet, vgg16, alexnet]
      """)
  void refused(String line, int code, String message) {
    Object[] words = Arrays.stream(line.split(" ")).filter(w -> !w.isEmpty())
        .map(w -> w.replace("PHOTO", folder + "/large.png").replace("RUN", folder + "/run")
            .replace("FOLDER", folder.toString()).replace("DATA", folder + "/data")).toArray();
    CommandRun r = CommandRun.of(words);
    assertEquals(code, r.code(), r.out() + r.err());
    assertTrue(r.err().contains(message), r.err());
    assertEquals(1, r.err().lines().count(), r.err());
  }

  @Test
  void helpIsNarrow() {
    CommandRun r = CommandRun.of("segment", "--help");
    assertEquals(0, r.code());
    r.out().lines().forEach(l -> assertTrue(l.length() <= 80, l));
  }
}
