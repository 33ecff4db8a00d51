package org.ondol.cli;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.ondol.OndolException;
import org.ondol.Threads;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Detector;
import org.ondol.models.images.Picture;
import org.ondol.models.recipes.DetectorWeights;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Objects in photographs. */
@Command(name = "detect", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Find objects in photographs.", parameterListHeading = "%nPhotographs:%n",
    optionListHeading = "%nOptions:%n",
    description = "Find the objects that a model was trained for in photographs: one that \"ondol train\" made, YOLO "
        + "with its authors' weights as Darknet has them, or MTCNN, which finds faces.",
    footer = {"", "Weights of YOLO-Fastest: ModelZoo/yolo-fastest-1.1_coco of dog-qiuqiu/Yolo-Fastest on GitHub (public "
        + "domain), a folder with .cfg, .weights and .names. Of MTCNN: det1, det2 and det3.caffemodel of "
        + "kpzhang93/MTCNN_face_detection_alignment (MIT), as safetensors under the names of their layers."})
final class DetectCommand implements Callable<Integer> {
  private static final Map<String, DetectorWeights.Kind> NAMES =
      Map.of("yolo-fastest", DetectorWeights.Kind.DARKNET, "mtcnn", DetectorWeights.Kind.MTCNN);

  private static final int SIZE = 1280;
  private static final int LEAST_SIZE = 16;
  private static final int MOST_SIZE = 1 << 13;

  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "PHOTO", arity = "1..*",
      description = "JPEG, PNG, GIF, BMP or TIFF files, folders of them, or patterns such as \"photos/*.jpg\".")
  private List<String> names;

  @Option(names = {"-m", "--model"}, paramLabel = "RUN",
      description = "A run's folder, or a checkpoint of one; or yolo-fastest or mtcnn, with --weights.")
  private String model;

  @Option(names = {"-w", "--weights"}, paramLabel = "PATH",
      description = "The folder with published weights; whose they are is seen from its files.")
  private Path weights;

  private Double threshold;

  @Option(names = "--threshold", paramLabel = "S",
      description = "Scores are greater, 0 to below 1 (default: 0.3 for YOLO, 0.7 for MTCNN, 0.5 for R-CNN and its kin).")
  void threshold(double s) {
    if (!(s >= 0 && s < 1)) throw wrong("--threshold is " + s + ", expected 0 to below 1");
    threshold = s;
  }

  @Option(names = {"-o", "--out"}, paramLabel = "PNG",
      description = "Write the photograph with the boxes drawn on it; where there are several, the folder for that.")
  private String out;

  @Option(names = "--json", description = "Print a line of JSON for each photograph; boxes are [x1, y1, x2, y2] in its "
      + "pixels, x2 and y2 exclusive.")
  private boolean json;

  @Option(names = "--size", paramLabel = "PIXELS", defaultValue = "" + SIZE,
      description = "See photographs at this length of their longer side, if they are larger (default: " + SIZE + ").")
  private int size;

  /** What is drawn where; empty where nothing is. */
  private Map<Path, Path> drawings = Map.of();
  private double seconds;
  private long boxes;
  private int enlarged;

  @Override
  public Integer call() {
    if (size < LEAST_SIZE || size > MOST_SIZE) {
      throw wrong("--size is " + size + ", expected " + LEAST_SIZE + " to " + MOST_SIZE);
    }
    DetectorWeights found = weights();
    Photos photos = Photos.of(names);
    if (out != null) drawings = photos.many() ? targets(photos.files()) : target(photos.files().getFirst());
    Text.status("loading " + found.title() + " ...");
    int broken = 0;
    try (DetectorWeights.Loaded loaded = found.load(device.device(), threshold)) {
      Text.status("");
      makeFolder(photos);
      if (!json) System.out.println(DetectionText.HEAD);
      broken = detect(photos, loaded.detector(), found.title());
    }
    if (!json) report(photos, found.title(), broken);
    return broken == 0 ? 0 : 1;
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private DetectorWeights weights() {
    DetectorWeights.Kind kind = model == null ? null : NAMES.get(model);
    if (weights == null) {
      if (model == null) throw wrong("no weights; give --model RUN or --weights PATH");
      if (kind != null) throw wrong("no weights of " + model + "; give --weights PATH");
      if (!Files.exists(Path.of(model))) {
        throw new CommandException("unknown model " + model + ": no such file or folder, and neither "
            + String.join(" nor ", NAMES.keySet().stream().sorted().toList()));
      }
      return DetectorWeights.of(Path.of(model));
    }
    if (model != null && kind == null) throw wrong("--weights beside a run, which has its own");
    DetectorWeights found = DetectorWeights.of(weights);
    if (kind != null && found.kind() != kind) {
      throw new CommandException(weights + " has no weights of " + model + " but of " + found.title());
    }
    return found;
  }

  // ---- where pictures go

  private Map<Path, Path> target(Path photo) {
    Photo.expectWritable(out);
    Path target = Path.of(out);
    if (same(photo, target)) throw new CommandException("cannot write " + out + ": it is the photograph");
    return Map.of(photo, target);
  }

  /** A name in the folder for each, that of the photograph where no other has it. */
  private Map<Path, Path> targets(List<Path> photos) {
    Path folder = Path.of(out);
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new CommandException("cannot write " + out + ": it is a file, expected a folder for the pictures");
    }
    if (!Files.exists(folder)) Photo.expectFolder(folder);
    Map<Path, Path> targets = new LinkedHashMap<>();
    Set<String> taken = new HashSet<>();
    for (Path photo : photos) {
      String stem = photo.getFileName().toString().replaceFirst("(?<=.)\\.[^.]*$", "");
      String name = stem;
      for (int i = 2; !taken.add(name); i++) name = stem + "-" + i;
      targets.put(photo, folder.resolve(name + ".png"));
    }
    for (Path target : targets.values()) {
      if (Files.exists(target) && photos.stream().anyMatch(p -> same(p, target))) {
        throw new CommandException("cannot write " + target + ": it is one of the photographs");
      }
    }
    return targets;
  }

  private static boolean same(Path a, Path b) {
    try {
      return Files.exists(a) && Files.exists(b) && Files.isSameFile(a, b);
    } catch (IOException e) {
      return false;
    }
  }

  private void makeFolder(Photos photos) {
    if (out == null || !photos.many()) return;
    try {
      Files.createDirectories(Path.of(out));
    } catch (IOException e) {
      throw new CommandException("cannot write " + out + ": " + Text.reason(e), e);
    }
  }

  // ---- the work

  /** Returns how many could not be looked at. */
  private int detect(Photos photos, Detector detector, String title) {
    int broken = 0;
    ProgressBar bar = photos.files().size() > 1 ? Bars.open("detect", " photos", 0, photos.files().size()) : null;
    try {
      for (Path file : photos.files()) {
        try {
          Picture photo = Picture.read(file);
          List<Detection> found = detect(photo, detector);
          Bars.clear(bar);
          tell(file, photo, found, detector, title);
        } catch (OndolException e) { // the next one may be sound
          broken++;
          Bars.clear(bar);
          System.err.println(spec.qualifiedName() + ": " + Text.oneLine(e.getMessage()));
        }
        if (bar != null) bar.step();
      }
    } finally {
      if (bar != null) bar.close();
    }
    return broken;
  }

  /** Those that somebody wants to see, cut to the picture. */
  private List<Detection> detect(Picture photo, Detector detector) {
    double scale = Math.min(1, (double) size / Math.max(photo.width(), photo.height()));
    Picture seen = photo.reduced((int) Math.max(1, Math.round(photo.width() * scale)),
        (int) Math.max(1, Math.round(photo.height() * scale)));
    long start = System.nanoTime();
    List<Detection> all = detector.detect(seen);
    seconds += (System.nanoTime() - start) * 1e-9;
    double least = threshold != null ? threshold : detector.threshold();
    List<Detection> found = new ArrayList<>();
    for (Detection small : all) {
      Detection d = small.scaled((double) photo.width() / seen.width(), (double) photo.height() / seen.height());
      Detection cut = new Detection(d.label(), d.score(), Math.max(0, d.x1()), Math.max(0, d.y1()),
          Math.min(photo.width(), d.x2()), Math.min(photo.height(), d.y2()));
      if (cut.score() > least && cut.x2() > cut.x1() && cut.y2() > cut.y1()) found.add(cut);
    }
    boxes += found.size();
    return found;
  }

  private void tell(Path file, Picture photo, List<Detection> found, Detector detector, String title) {
    Path drawing = drawings.get(file);
    if (drawing != null) {
      if (DetectionPainter.enlargement(photo.width(), photo.height()) > 1) enlarged++;
      Photo.write(DetectionPainter.draw(photo.image(), found, detector.classes()), drawing.toString());
    }
    if (json) {
      System.out.println(new Gson().toJson(DetectionText.json(file, photo, title, found, detector.classes())));
    } else {
      System.out.print(DetectionText.rows(file, found, detector.classes()));
    }
  }

  private void report(Photos photos, String title, int broken) {
    int count = photos.files().size();
    String text = (boxes == 1 ? "1 box in " : boxes + " boxes in ") + Text.count(count - broken, "photograph") + ", "
        + Text.time(seconds).strip() + " (" + title + " on " + device.device() + ", "
        + Text.count(Threads.count(), "thread") + ")";
    System.out.println();
    System.out.print(Text.entry("found", 10, text));
    if (broken > 0 && count > 1) System.out.print(Text.entry("skipped", 10, broken + " of " + count + ", not read"));
    // Not wrapped: a name that is broken in two is no name.
    if (out != null && broken < count) {
      System.out.println("  drawn   " + (enlarged == 0 ? "" : count == 1 ? "enlarged, " : enlarged + " of them enlarged, ")
          + "in " + out);
    }
  }
}
