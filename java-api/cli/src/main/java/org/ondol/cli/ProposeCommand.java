package org.ondol.cli;

import com.google.gson.Gson;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.models.images.Picture;
import org.ondol.models.proposals.Proposals;
import org.ondol.models.proposals.SelectiveSearch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Boxes that may hold objects. */
@Command(name = "propose", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Find boxes in a photograph that may hold objects.", parameterListHeading = "%nPhotograph:%n",
    optionListHeading = "%nOptions:%n",
    description = "Find boxes that may hold objects, whatever these are, by selective search: regions of one colour or "
        + "texture are joined to ever larger ones, and each gives a box. The most promising boxes come first.")
final class ProposeCommand implements Runnable {
  private static final int DRAWN = 50;
  private static final int SIZE = 500;
  private static final int MOST_SIZE = 2048;

  @Spec
  private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "A JPEG, PNG, GIF, BMP or TIFF file.")
  private String file;

  @Option(names = {"-o", "--out"}, paramLabel = "PNG", description = "Write the photograph with boxes drawn on it.")
  private String out;

  @Option(names = "--json", description = "Print the boxes as JSON: [x1, y1, x2, y2] in pixels of the photograph, "
      + "x2 and y2 exclusive.")
  private boolean json;

  @Option(names = {"-n", "--top"}, paramLabel = "N",
      description = "How many boxes, the first ones (default: all in JSON, " + DRAWN + " in the picture).")
  private Integer top;

  private SelectiveSearch.Options mode;

  @Option(names = {"-m", "--mode"}, paramLabel = "MODE", defaultValue = "fast",
      description = "fast (default): 8 hierarchies of regions; quality: 80, five times as many boxes.")
  void mode(String name) {
    mode = switch (name) {
      case "fast" -> SelectiveSearch.Options.fast();
      case "quality" -> SelectiveSearch.Options.quality();
      default -> throw wrong("unknown mode \"" + name + "\", expected fast or quality");
    };
    modeName = name;
  }

  private String modeName;

  @Option(names = "--size", paramLabel = "PIXELS", defaultValue = "" + SIZE,
      description = "Search the photograph at this length of its longer side, if it is larger (default: " + SIZE + ").")
  private int size;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "0",
      description = "Of the random numbers in the order (default: 0).")
  private long seed;

  @Option(names = {"-t", "--threads"}, paramLabel = "N", description = "Threads; all processors by default.")
  void threads(int threads) {
    try {
      Threads.set(threads);
    } catch (InvalidArgumentException e) {
      throw wrong(e.getMessage());
    }
  }

  @Override
  public void run() {
    check();
    Picture photo = Picture.read(Path.of(file));
    double scale = Math.min(1, (double) size / Math.max(photo.width(), photo.height()));
    int width = (int) Math.max(1, Math.round(photo.width() * scale));
    int height = (int) Math.max(1, Math.round(photo.height() * scale));
    long start = System.nanoTime();
    Proposals found;
    try (Tensor small = photo.reduced(width, height).tensor(Device.of("java"))) {
      found = SelectiveSearch.propose(small.reshape(3, height, width), mode.seed(seed));
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    int[][] boxes = boxes(found, photo, width, height);
    int drawn = Math.min(boxes.length, top == null ? DRAWN : top);
    int printed = Math.min(boxes.length, top == null ? boxes.length : top);
    if (out != null) draw(photo, boxes, drawn);
    if (json) System.out.println(json(photo, boxes, printed));
    else report(photo, width, height, boxes.length, drawn, seconds);
  }

  private void check() {
    if (out == null && !json) throw wrong("nothing to do; give --out PNG, --json or both");
    if (top != null && top < 1) throw wrong("--top is " + top + ", expected 1 or more");
    if (size < 1 || size > MOST_SIZE) throw wrong("--size is " + size + ", expected 1 to " + MOST_SIZE);
    if (out != null) Photo.expectWritable(out);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** The boxes in pixels of the photograph itself. */
  private static int[][] boxes(Proposals found, Picture photo, int width, int height) {
    int[][] boxes = new int[found.count()][];
    for (int i = 0; i < boxes.length; i++) {
      boxes[i] = found.box(i);
      for (int k = 0; k < 4; k++) {
        double scale = k % 2 == 0 ? (double) photo.width() / width : (double) photo.height() / height;
        boxes[i][k] = (int) Math.round(boxes[i][k] * scale);
      }
    }
    return boxes;
  }

  private void draw(Picture photo, int[][] boxes, int n) {
    int[][] first = new int[n][];
    System.arraycopy(boxes, 0, first, 0, n);
    BufferedImage image = photo.image();
    BoxPainter.draw(image, first);
    Photo.write(image, out);
  }

  private String json(Picture photo, int[][] boxes, int n) {
    Map<String, Object> head = new LinkedHashMap<>();
    head.put("file", file);
    head.put("width", photo.width());
    head.put("height", photo.height());
    head.put("mode", modeName);
    head.put("seed", seed);
    Gson gson = new Gson();
    String start = gson.toJson(head);
    StringBuilder text = new StringBuilder(start.substring(0, start.length() - 1)).append(",\"boxes\":[");
    for (int i = 0; i < n; i++) text.append(i == 0 ? "\n" : ",\n").append(gson.toJson(boxes[i]));
    return text.append(n == 0 ? "]}" : "\n]}").toString();
  }

  private void report(Picture photo, int width, int height, int count, int drawn, double seconds) {
    boolean resized = width != photo.width();
    System.out.println(Text.cut(file, Text.WIDTH));
    System.out.print(Text.entry("size", 10, photo.width() + " x " + photo.height()
        + (resized ? ", searched at " + width + " x " + height : "")));
    System.out.print(Text.entry("found", 10, count + (count == 1 ? " box in " : " boxes in ")
        + Text.time(seconds).strip() + " (" + modeName + ", " + Text.count(Threads.count(), "thread") + ")"));
    // Not wrapped: a name that is broken in two is no name.
    String which = drawn < count ? "the first " + drawn : drawn == 1 ? "it" : "all";
    System.out.println("  drawn   " + which + " in " + out);
  }
}
