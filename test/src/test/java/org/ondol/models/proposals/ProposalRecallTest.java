package org.ondol.models.proposals;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.ondol.Tensor;
import org.ondol.models.proposals.SelectiveSearch.Options;

/**
 * How well the boxes cover annotated objects: the share that some box meets at IoU 0.5 (recall), and the mean of the
 * best IoU (average best overlap, ABO; its mean over classes is the paper's MABO). Images are resized to a width of 500
 * first.
 */
class ProposalRecallTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data"));
  private static final int WIDTH = 500;
  /** Every so many of the 87 images: 18 of them. */
  private static final int EVERY = 5;

  private static Path open(String file) {
    Path path = DATA.resolve(file);
    if (!Files.exists(path)) {
      System.out.println("[skipped] proposals: no file " + path.toAbsolutePath().normalize());
      Assumptions.abort("no file " + path);
    }
    return path;
  }

  private record Photo(Tensor tensor, double scale) {
    static Photo read(Path path) throws IOException {
      BufferedImage image = ImageIO.read(path.toFile());
      double scale = (double) WIDTH / image.getWidth();
      int height = (int) Math.round(image.getHeight() * scale);
      BufferedImage small = new BufferedImage(WIDTH, height, BufferedImage.TYPE_INT_RGB);
      Graphics2D g = small.createGraphics();
      g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
      g.drawImage(image, 0, 0, WIDTH, height, null);
      g.dispose();
      float[] rgb = new float[3 * WIDTH * height];
      for (int i = 0; i < rgb.length; i++) {
        int p = i % (WIDTH * height);
        rgb[i] = small.getRGB(p % WIDTH, p / WIDTH) >> 16 - 8 * (i / (WIDTH * height)) & 255;
      }
      return new Photo(Tensor.wrap(rgb, 3, height, WIDTH), scale);
    }
  }

  private static final class Score {
    int objects;
    int met;
    double overlap;

    void add(double best) {
      objects++;
      overlap += best;
      if (best >= 0.5) met++;
    }

    double recall() {
      return (double) met / objects;
    }

    double abo() {
      return overlap / objects;
    }
  }

  /** The best IoU of a box with a given one in the photograph's own pixels, x2 and y2 exclusive. */
  private static double best(Proposals p, double scale, double... truth) {
    double best = 0;
    for (int i = 0; i < p.count(); i++) {
      int[] b = p.box(i);
      double width = Math.min(b[2], truth[2] * scale) - Math.max(b[0], truth[0] * scale);
      double height = Math.min(b[3], truth[3] * scale) - Math.max(b[1], truth[1] * scale);
      if (width <= 0 || height <= 0) continue;
      double own = (double) (b[2] - b[0]) * (b[3] - b[1]);
      double other = (truth[2] - truth[0]) * (truth[3] - truth[1]) * scale * scale;
      best = Math.max(best, width * height / (own + other - width * height));
    }
    return best;
  }

  /** Scores by class. */
  private static Map<String, Score> bloodCells(Options options) throws IOException {
    Map<String, Score> scores = new TreeMap<>();
    JsonArray images = JsonParser.parseString(Files.readString(open("bccd/val.json"))).getAsJsonArray();
    int boxes = 0;
    int count = 0;
    for (int i = 0; i < images.size(); i += EVERY) {
      JsonObject image = images.get(i).getAsJsonObject();
      Photo photo = Photo.read(open("bccd/" + image.get("file").getAsString()));
      Proposals p = SelectiveSearch.propose(photo.tensor, options);
      boxes += p.count();
      count++;
      for (JsonElement element : image.getAsJsonArray("boxes")) {
        JsonArray box = element.getAsJsonArray();
        // 1-based and inclusive: the first pixel is one less, and the end after the last one is the number itself.
        double best = best(p, photo.scale, box.get(1).getAsDouble() - 1, box.get(2).getAsDouble() - 1,
            box.get(3).getAsDouble(), box.get(4).getAsDouble());
        scores.computeIfAbsent(box.get(0).getAsString(), k -> new Score()).add(best);
      }
    }
    System.out.printf(Locale.ROOT, "[proposals] blood cells, %d images, %d boxes each", count, boxes / count);
    return scores;
  }

  private static double report(Map<String, Score> scores) {
    double mabo = 0;
    for (var entry : scores.entrySet()) {
      Score s = entry.getValue();
      mabo += s.abo() / scores.size();
      System.out.printf(Locale.ROOT, "; %s (%d): recall %.3f, ABO %.3f", entry.getKey(), s.objects, s.recall(),
          s.abo());
    }
    System.out.printf(Locale.ROOT, "; MABO %.3f%n", mabo);
    return mabo;
  }

  @Test
  void bloodCellsFast() throws IOException {
    Map<String, Score> scores = bloodCells(Options.fast());
    double mabo = report(scores);
    assertTrue(mabo >= 0.72, "MABO " + mabo);
    scores.forEach((name, s) -> assertTrue(s.recall() >= 0.85, name + ": recall " + s.recall()));
  }

  @Test
  void bloodCellsQuality() throws IOException {
    Map<String, Score> scores = bloodCells(Options.quality());
    double mabo = report(scores);
    assertTrue(mabo >= 0.8, "MABO " + mabo);
    scores.forEach((name, s) -> assertTrue(s.recall() >= 0.93, name + ": recall " + s.recall()));
  }

  @Test
  void pedestrians() throws IOException {
    Photo photo = Photo.read(open("images/FudanPed00054.png"));
    double[][] people = {{96, 134, 182, 418}, {286, 113, 358, 332}, {363, 120, 437, 329}};
    for (var mode : Map.of("fast", Options.fast(), "quality", Options.quality()).entrySet()) {
      Proposals p = SelectiveSearch.propose(photo.tensor, mode.getValue());
      StringBuilder line = new StringBuilder();
      double worst = 1;
      for (double[] person : people) {
        double best = best(p, photo.scale, person);
        line.append(String.format(Locale.ROOT, " %.3f", best));
        worst = Math.min(worst, best);
      }
      System.out.println("[proposals] pedestrians, " + mode.getKey() + ", " + p.count() + " boxes: best overlaps"
          + line);
      assertTrue(worst >= 0.5, mode.getKey() + ":" + line);
    }
  }

  /** The paper's fast mode gives 2147 boxes on average in photographs of this size, its quality mode 10097. */
  @Test
  void numbersOfBoxesInPhotographs() throws IOException {
    int fast = 0;
    int quality = 0;
    String[] names = {"dog", "person", "horses", "eagle", "giraffe"};
    for (String name : names) {
      Photo photo = Photo.read(open("images/" + name + ".jpg"));
      int few = SelectiveSearch.propose(photo.tensor, Options.fast()).count();
      int many = SelectiveSearch.propose(photo.tensor, Options.quality()).count();
      System.out.println("[proposals] " + name + ": fast " + few + ", quality " + many + " boxes");
      fast += few;
      quality += many;
    }
    assertTrue(fast / names.length >= 1000 && fast / names.length <= 3000, "fast: " + fast / names.length);
    assertTrue(quality / names.length >= 5000 && quality / names.length <= 15000, "quality: " + quality / names.length);
  }
}
