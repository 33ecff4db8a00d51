package org.ondol.test.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.image.BufferedImage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensorsWriter;

/** {@code ondol train}, {@code eval} and {@code sample}: what they print, write and refuse. */
class TrainCommandTest {
  @TempDir
  private Path folder;

  private Path pictures;
  private Path table;

  /** 28 x 28 pictures whose ink is in one half; and rows of six variables. */
  @BeforeEach
  void data() throws IOException {
    pictures = Files.createDirectory(folder.resolve("pictures"));
    SplittableRandom random = new SplittableRandom(3);
    for (String part : new String[] {"train", "valid"}) {
      byte[] bits = new byte[98 * 60];
      for (int i = 0; i < bits.length; i++) if (i % 98 < 49) bits[i] = (byte) random.nextInt(256);
      Files.write(pictures.resolve(part + ".bits"), bits);
    }
    table = folder.resolve("table.safetensors");
    byte[] rows = new byte[6 * 50];
    for (int i = 0; i < rows.length; i++) rows[i] = (byte) random.nextInt(2);
    try (Tensor t = Tensor.of(Device.of("java"), rows, 50, 6)) {
      SafeTensorsWriter.write(table, Map.of("train", t, "valid", t), Map.of());
    }
  }

  private CommandRun train(Object... more) {
    Object[] words = new Object[more.length + 8];
    System.arraycopy(new Object[] {"train", "independent", "--set", "batch=20", "--set", "rate=0.1", "--set",
        "schedule=constant"}, 0, words, 0, 8);
    System.arraycopy(more, 0, words, 8, more.length);
    return CommandRun.of(words);
  }

  @Test
  void trainsMeasuresAndDraws() throws IOException {
    Path run = folder.resolve("run");
    CommandRun r = train("--data", pictures, "-o", run, "-e", "3");
    assertEquals(0, r.code(), r.err());
    assertTrue(r.out().contains("784 parameters") && r.out().contains("epoch 3"), r.out());
    assertTrue(r.out().lines().allMatch(l -> l.length() <= 80 || l.contains("folder  ")), r.out());
    assertEquals(900, ImageIO.read(run.resolve("loss.png").toFile()).getWidth());
    assertEquals(9, Files.readAllLines(run.resolve("metrics.jsonl")).size());

    CommandRun e = CommandRun.of("eval", run, "--data", pictures, "--json");
    assertEquals(0, e.code(), e.err());
    JsonObject json = JsonParser.parseString(e.out()).getAsJsonObject();
    double nll = json.get("nll").getAsDouble();
    // A fair coin for each pixel of the upper half, and next to nothing for the lower one, to which a rate of 0.1 and
    // nine steps of Adam can bring a logit of -0.9 at the most: 0.34 nats a pixel.
    assertTrue(nll > 392 * Math.log(2) && nll < 392 * (Math.log(2) + 0.42), e.out());
    assertEquals(nll / 784 / Math.log(2), json.get("bits/dim").getAsDouble(), 1e-9);
    assertEquals(60, json.get("examples").getAsInt());

    Path png = folder.resolve("grid.png");
    CommandRun s = CommandRun.of("sample", run, "-o", png, "-n", 9);
    assertEquals(0, s.code(), s.err());
    BufferedImage image = ImageIO.read(png.toFile());
    assertEquals(3 * 58 + 2, image.getWidth());
    int above = 0;
    int below = 0;
    for (int y = 2; y < 58; y++) {
      for (int x = 2; x < 58; x++) {
        int ink = (image.getRGB(x, y) & 255) >> 7;
        if (y < 30) above += ink;
        else below += ink;
      }
    }
    assertTrue(above > 1.3 * below, above + " pixels of ink above, " + below + " below");
  }

  @Test
  void resumes() throws IOException {
    Path half = folder.resolve("half");
    Path whole = folder.resolve("whole");
    assertEquals(0, train("--data", pictures, "-o", half, "-e", "2", "--seed", "5").code());
    CommandRun other = CommandRun.of("train", "--resume", half, "--data", pictures, "--seed", "6");
    assertEquals(1, other.code());
    assertTrue(other.err().contains("seed is 6"), other.err());
    CommandRun r = CommandRun.of("train", "--resume", half, "--data", pictures, "-e", "4", "-q");
    assertEquals(0, r.code(), r.err());
    assertEquals("", r.out());
    assertEquals(0, train("--data", pictures, "-o", whole, "-e", "4", "-q", "--seed", "5").code());
    for (String file : new String[] {"half", "whole"}) {
      CommandRun e = CommandRun.of("eval", folder.resolve(file), "--data", pictures, "--json");
      Files.writeString(folder.resolve(file + ".json"), e.out());
    }
    assertEquals(Files.readString(folder.resolve("whole.json")), Files.readString(folder.resolve("half.json")));
  }

  /** Pictures of different sizes are stretched as asked for; a run takes them in its own size from then on. */
  @Test
  void photographs() throws IOException {
    Path photographs = Files.createDirectory(folder.resolve("photographs"));
    Files.writeString(photographs.resolve("classes.txt"), "thing");
    for (int i = 0; i < 4; i++) {
      BufferedImage image = new BufferedImage(20 + i, 15, BufferedImage.TYPE_INT_RGB);
      image.setRGB(i, i, 0xFFFFFF);
      ImageIO.write(image, "png", photographs.resolve(i + ".png").toFile());
      Files.writeString(photographs.resolve(i + ".txt"), "0 0.5 0.5 1 1");
    }
    Path run = folder.resolve("run");
    String[] settings = {"-s", "hidden=4", "-s", "latents=2", "-s", "layers=1", "-s", "batch=2", "-e", "1", "-q"};
    List<Object> words = new ArrayList<>(List.of("train", "vae", "--data", photographs, "--size", "8x6", "-o", run));
    words.addAll(List.of(settings));
    CommandRun r = CommandRun.of(words.toArray());
    assertEquals(0, r.code(), r.err());
    assertEquals(0, CommandRun.of("eval", run, "--data", photographs, "--part", "train").code());
    assertEquals(0, CommandRun.of("train", "--resume", run, "--data", photographs, "-e", "2", "-q").code());
    CommandRun other = CommandRun.of("eval", run, "--data", photographs, "--part", "train", "--size", "7x6");
    assertEquals(1, other.code());
    assertTrue(other.err().contains("[3, 6, 7]") && other.err().contains("[3, 6, 8]"), other.err());
  }

  @Test
  void namesItsModels() {
    CommandRun r = CommandRun.of("train", "--list");
    assertEquals(0, r.code(), r.err());
    assertTrue(r.out().contains("independent") && r.out().contains("rate="), r.out());
    assertTrue(r.out().lines().allMatch(l -> l.length() <= 80), r.out());
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '"', delimiter = '|', textBlock = """
      2 | train                                     | no data
      2 | train nonsense --data D                   | unknown model "nonsense"
      2 | train --data D                            | no model
      2 | train markov --data D --set speed=1       | speed
      2 | train markov --data D --set batch=0       | batch
      2 | train markov --data D --set order=best    | one of [raster, reversed, random]
      2 | train markov --data D -e 0                | epochs
      2 | train markov --data D --save-every 0      | --save-every
      2 | train markov --data D -d tpu              | unknown device
      2 | train markov --data D --precision f32     | unknown precision "f32", expected exact, tf32
      1 | train markov --data D -d java --precision bf16 | BFLOAT16 is not implemented on device "java"
      2 | train markov --data D --size 640          | --size is "640"
      2 | eval E --data D --size 0x5                | --size is "0x5"
      1 | train markov --data D/absent              | no such folder
      1 | train markov --data E                     | expected
      1 | train markov --data D --resume E          | no run in
      2 | train markov --data D --resume E -o E     | --out beside --resume
      1 | eval E --data D                           | no checkpoint
      2 | eval E                                    | --data
      1 | sample E -o x.png                         | no checkpoint
      2 | sample E                                  | --out
      2 | sample E -o x.png -n 0                    | --count
      """)
  void refuses(int code, String line, String message) throws IOException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    String[] words = line.strip().split(" +");
    for (int i = 0; i < words.length; i++) {
      if (words[i].equals("E")) words[i] = empty.toString();
      if (words[i].startsWith("D")) words[i] = pictures + words[i].substring(1);
    }
    CommandRun r = CommandRun.of((Object[]) words);
    assertEquals(code, r.code(), r.err());
    assertTrue(r.err().contains(message.strip()), r.err());
    assertFalse(r.err().contains("Exception"), r.err());
    assertEquals(1, r.err().lines().count(), r.err());
  }

  @Test
  void refusesWhatDoesNotFitTheRun() {
    Path run = folder.resolve("run");
    assertEquals(0, train("--data", table, "-o", run, "-e", "1").code());
    CommandRun again = train("--data", table, "-o", run);
    assertEquals(1, again.code());
    assertTrue(again.err().contains("holds a run"), again.err());
    CommandRun other = CommandRun.of("train", "markov", "--data", table, "--resume", run);
    assertEquals(2, other.code());
    assertTrue(other.err().contains("a run of independent, not of markov"), other.err());
    CommandRun set = CommandRun.of("train", "--data", table, "--resume", run, "--set", "rate=1");
    assertEquals(2, set.code());
    assertTrue(set.err().contains("a run keeps its settings"), set.err());
    CommandRun eval = CommandRun.of("eval", run, "--data", pictures);
    assertEquals(1, eval.code());
    assertTrue(eval.err().contains("the model takes [6] of 2"), eval.err());
    CommandRun resume = CommandRun.of("train", "--data", pictures, "--resume", run);
    assertEquals(1, resume.code());
    assertTrue(resume.err().contains("[6] of 2"), resume.err());
    CommandRun sample = CommandRun.of("sample", run, "-o", folder.resolve("x.png"));
    assertEquals(1, sample.code());
    assertTrue(sample.err().contains("makes no pictures"), sample.err());
  }
}
