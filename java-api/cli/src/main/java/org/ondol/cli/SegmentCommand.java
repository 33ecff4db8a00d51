package org.ondol.cli;

import com.google.gson.Gson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.models.images.Picture;
import org.ondol.models.recipes.Saved;
import org.ondol.models.recipes.Segmenting;
import org.ondol.models.segmentation.Segmenter;
import org.ondol.models.training.Experiment;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What each pixel of a photograph shows. */
@Command(name = "segment", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Tell for each pixel of a photograph what it shows.", parameterListHeading = "%nPhotograph:%n",
    optionListHeading = "%nOptions:%n",
    description = "Tell for each pixel of a photograph which of the classes it belongs to that a model was trained for: one "
        + "that \"ondol train fcn\" or \"ondol train espnet\" made, or ESPNet with its authors' weights for streets.",
    footer = {"", "ESPNet's weights: pretrained/decoder/espnet_p_2_q_8_camvid.pth of sacmehta/ESPNet on GitHub (MIT), as safetensors "
        + "under their own names."})
final class SegmentCommand implements Runnable {
  private static final String ESPNET = "espnet";
  private static final int MOST_SIZE = 4096;
  /** Classes with less of the photograph are not named in the legend. */
  private static final double NAMED = 0.0005;

  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "FILE", description = "A JPEG, PNG, GIF, BMP or TIFF file.")
  private String file;

  @Option(names = {"-m", "--model"}, paramLabel = "RUN", defaultValue = ESPNET,
      description = "A run's folder, or a checkpoint of one, or espnet (default).")
  private String model;

  @Option(names = {"-w", "--weights"}, paramLabel = "PATH",
      description = "Of espnet: its weights, a file of safetensors or the folder with weights.safetensors.")
  private Path weights;

  @Option(names = {"-o", "--out"}, paramLabel = "PNG",
      description = "Write the photograph with the classes drawn over it.")
  private String out;

  @Option(names = "--json", description = "Print the share of each class as JSON.")
  private boolean json;

  @Option(names = "--size", paramLabel = "PIXELS",
      description = "See the photograph at this length of its longer side, if it is larger (default: that of the pictures "
          + "that the model was trained with).")
  private Integer size;

  @Override
  public void run() {
    check();
    Picture photo = Picture.read(Path.of(file));
    Saved saved = Saved.of(weights != null ? weights : Path.of(model));
    Text.status("loading " + saved.recipe().title() + " ...");
    try (Experiment experiment = saved.load(device.device())) {
      if (!(experiment instanceof Segmenting s)) {
        throw new CommandException(saved.file() + " is of " + saved.recipe().title() + ", which does not segment");
      }
      segment(photo, s.segmenter(), saved.recipe().title());
    }
  }

  private void check() {
    if (out == null && !json) throw wrong("nothing to do; give --out PNG, --json or both");
    if (size != null && (size < 16 || size > MOST_SIZE)) {
      throw wrong("--size is " + size + ", expected 16 to " + MOST_SIZE);
    }
    if (model.equals(ESPNET) && weights == null) throw wrong("no weights of espnet; give --weights PATH");
    if (!model.equals(ESPNET) && weights != null) throw wrong("--weights beside a run, which has its own");
    if (out != null) Photo.expectWritable(out);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private void segment(Picture photo, Segmenter segmenter, String title) {
    int longer = Math.max(photo.width(), photo.height());
    double scale = Math.min(1, (double) (size == null ? segmenter.side() : size) / longer);
    int width = (int) Math.max(1, Math.round(photo.width() * scale));
    int height = (int) Math.max(1, Math.round(photo.height() * scale));
    Picture seen = photo.reduced(width, height);
    long start = System.nanoTime();
    byte[] classes = segmenter.segment(seen);
    double seconds = (System.nanoTime() - start) * 1e-9;
    Text.status("");
    List<ClassPainter.Entry> shares = shares(segmenter, classes);
    if (out != null) {
      List<ClassPainter.Entry> legend = shares.stream().filter(e -> e.share() >= NAMED).toList();
      Photo.write(ClassPainter.draw(photo.image(), classes, width, height, segmenter.colours(), legend), out);
    }
    if (json) System.out.println(json(photo, seen, title, shares));
    else report(photo, seen, title, shares, seconds);
  }

  /** All classes, the largest first. */
  private static List<ClassPainter.Entry> shares(Segmenter segmenter, byte[] classes) {
    int[] count = new int[segmenter.classes().size()];
    for (byte c : classes) count[c & 0xFF]++;
    List<ClassPainter.Entry> shares = new ArrayList<>();
    for (int c = 0; c < count.length; c++) {
      shares.add(new ClassPainter.Entry(segmenter.classes().get(c), segmenter.colours()[c],
          (double) count[c] / classes.length));
    }
    shares.sort(Comparator.comparingDouble(ClassPainter.Entry::share).reversed());
    return shares;
  }

  private String json(Picture photo, Picture seen, String title, List<ClassPainter.Entry> shares) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("file", file);
    all.put("width", photo.width());
    all.put("height", photo.height());
    all.put("seen", new int[] {seen.width(), seen.height()});
    all.put("model", title);
    Map<String, Double> classes = new LinkedHashMap<>();
    for (ClassPainter.Entry e : shares) classes.put(e.name(), e.share());
    all.put("classes", classes);
    return new Gson().toJson(all);
  }

  private void report(Picture photo, Picture seen, String title, List<ClassPainter.Entry> shares, double seconds) {
    System.out.println(Text.cut(file, Text.WIDTH));
    boolean resized = seen.width() != photo.width();
    System.out.print(Text.entry("size", 10, photo.width() + " x " + photo.height()
        + (resized ? ", seen at " + seen.width() + " x " + seen.height() : "")));
    System.out.print(Text.entry("model", 10, title + " on " + device.device() + ", " + Text.time(seconds).strip()));
    String lead = "classes";
    for (ClassPainter.Entry e : shares) {
      if (e.share() < NAMED) continue;
      System.out.printf("  %-8s%5.1f %%  %s%n", lead, 100 * e.share(), Text.cut(e.name(), Text.WIDTH - 20));
      lead = "";
    }
    // Not wrapped: a name that is broken in two is no name.
    System.out.println("  drawn   in " + out);
  }
}
