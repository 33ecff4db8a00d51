package org.ondol.test.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.cli.Main;

/** {@code ondol train}, {@code eval} and {@code sample} of models with latent variables, on pictures made here. */
class LatentCommandsTest {
  private static final int TRAIN = 48;
  /** What the reader of MNIST keeps apart. */
  private static final int HELD_OUT = 10000;

  @TempDir
  private Path folder;

  private Path data;

  private record Result(int code, String out, String err) {}

  private static Result run(Object... words) {
    String[] args = Arrays.stream(words).map(Object::toString).toArray(String[]::new);
    PrintStream out = System.out;
    PrintStream err = System.err;
    var newOut = new ByteArrayOutputStream();
    var newErr = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(newOut, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(newErr, true, StandardCharsets.UTF_8));
      int code = Main.run(args);
      return new Result(code, newOut.toString(StandardCharsets.UTF_8), newErr.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private static Result good(Object... words) {
    Result r = run(words);
    assertEquals(0, r.code, r.err);
    return r;
  }

  private static void bad(String message, Object... words) {
    Result r = run(words);
    assertTrue(r.code != 0 && r.err.contains(message), r.code + ": " + r.err);
  }

  /** Pictures with a bright row, whose number modulo 10 is the label. */
  @BeforeEach
  void makeData() throws IOException {
    data = Files.createDirectory(folder.resolve("data"));
    write("train", TRAIN + HELD_OUT);
    write("t10k", 20);
  }

  private void write(String part, int n) throws IOException {
    Random random = new Random(n);
    ByteBuffer images = ByteBuffer.allocate(16 + n * 784).putInt(0x803).putInt(n).putInt(28).putInt(28);
    ByteBuffer labels = ByteBuffer.allocate(8 + n).putInt(0x801).putInt(n);
    for (int i = 0; i < n; i++) {
      int row = random.nextInt(28);
      labels.put((byte) (row % 10));
      for (int j = 0; j < 784; j++) images.put((byte) (j / 28 == row ? 255 : random.nextInt(20)));
    }
    Files.write(data.resolve(part + "-images-idx3-ubyte"), images.array());
    Files.write(data.resolve(part + "-labels-idx1-ubyte"), labels.array());
  }

  private Path train(String model, String... settings) {
    Path run = folder.resolve(model);
    String[] words = {"train", model, "--data", data.toString(), "-o", run.toString(), "-e", "1", "-s", "batch=16"};
    Object[] all = new Object[words.length + 2 * settings.length];
    System.arraycopy(words, 0, all, 0, words.length);
    for (int i = 0; i < settings.length; i++) {
      all[words.length + 2 * i] = "-s";
      all[words.length + 2 * i + 1] = settings[i];
    }
    good(all);
    return run;
  }

  private static void picture(Path file, int columns) throws IOException {
    assertTrue(Files.exists(file), file.toString());
    assertEquals(columns * 58 + 2, ImageIO.read(file.toFile()).getWidth(), file.toString());
  }

  @Test
  void theLatentPlaneAndReconstructions() throws IOException {
    Path run = train("vae", "latents=2", "hidden=8", "layers=1", "samples=1");
    picture(run.resolve("samples.png"), 8);
    picture(run.resolve("plane.png"), 20);
    picture(run.resolve("reconstructions.png"), 8);
    Path png = folder.resolve("p.png");
    good("sample", run, "--picture", "plane", "-o", png);
    picture(png, 20);
    good("sample", run, "--picture", "reconstructions", "--data", data, "-o", png);
    picture(png, 8);
    bad("has plane without --data", "sample", run, "--picture", "reconstructions", "-o", png);
    JsonObject one = JsonParser.parseString(
        good("eval", run, "--data", data, "--first", 20, "--json").out).getAsJsonObject();
    JsonObject many = JsonParser.parseString(
        good("eval", run, "--data", data, "--first", 20, "--json", "-s", "samples=200").out).getAsJsonObject();
    assertEquals(20, one.get("examples").getAsInt());
    assertTrue(many.get("nll").getAsDouble() < one.get("nll").getAsDouble());
    bad("samples", "eval", run, "--data", data, "-s", "samples=0");
    bad("expected [3, 8]", "eval", run, "--data", data, "-s", "latents=3");
  }

  @Test
  void samplesOverTimeAndTheirJudge() throws IOException {
    Path gan = train("gan", "hidden=8", "codes=4");
    picture(gan.resolve("samples-0001.png"), 8);
    assertTrue(Arrays.equals(Files.readAllBytes(gan.resolve("samples-0001.png")),
        Files.readAllBytes(gan.resolve("samples.png"))), "the last epoch's are the run's");
    Path judge = train("lenet");
    JsonObject figures =
        JsonParser.parseString(good("eval", gan, "--judge", judge, "-n", 30, "--json").out).getAsJsonObject();
    double sum = 0;
    for (int i = 0; i < 10; i++) sum += figures.get("class " + i).getAsDouble();
    assertEquals(1, sum, 1e-9);
    assertTrue(figures.get("sure").getAsDouble() <= 1);
    bad("no classifier", "eval", gan, "--judge", gan);
    bad("makes no pictures", "sample", judge, "-o", folder.resolve("x.png"));
    bad("makes pictures", "eval", judge, "--judge", judge);
    bad("--data", "eval", gan);
    bad("--count", "eval", gan, "--judge", judge, "-n", 0);
    bad("--judge", "eval", gan, "--judge", judge, "--data", data);
  }
}
