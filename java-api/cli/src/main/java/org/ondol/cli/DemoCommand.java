package org.ondol.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.OndolException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.models.MiniLm;
import org.ondol.models.SentenceEncoder;
import org.ondol.spi.Backend;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The main job on real input: devices, sentences embedded on each of them, and how they compare. */
@Command(name = "demo", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Embed sentences and find objects on every device.", optionListHeading = "%nOptions:%n",
    description = "Embed some sentences with all-MiniLM-L6-v2 on every device: what is like what, how long it takes "
        + "beside ONNX Runtime, and whether the devices agree bit for bit. Then find objects in a photograph: one that is given, "
        + "or dog.jpg of Darknet by YOLO-Fastest, which are downloaded once (1.6 MB); without a network in a drawn scene, by "
        + "a detector that is trained for it at once.")
final class DemoCommand implements Runnable {
  private static final List<String> SENTENCES = List.of(
      "Hot water runs beneath the stones and warms the room.",
      "The house is heated from under its floor.",
      "Most of the time goes into multiplying matrices.",
      "Linear algebra takes up nearly all of the run.",
      "A cat is asleep on the window sill.",
      "The kitten naps in the sun all afternoon.",
      "Trains to the coast leave every hour.",
      "How often is there a bus to the beach?");

  private static final String RUNS = "runs";

  @Spec
  private CommandSpec spec;

  @Option(names = "--photo", paramLabel = "PHOTO", description = "A photograph to find objects in, with --weights.")
  private Path photo;

  @Option(names = {"-w", "--weights"}, paramLabel = "PATH",
      description = "Weights of the detector: what \"ondol detect\" takes.")
  private Path weights;

  @Option(names = "--offline", description = "Download nothing.")
  private boolean offline;

  @Option(names = {"-o", "--out"}, paramLabel = "PNG",
      description = "Where the picture with the boxes is written (default: " + RUNS + "/demo.png).")
  private String out;

  /** A just-in-time compiler needs both some time and some calls. */
  private static final double WARM_UP_SECONDS = 1.5;
  private static final int WARM_UP_RUNS = 15;
  private static final double TIMED_SECONDS = 1;
  private static final int TIMED_RUNS = 5;

  /**
   * What one contender did.
   *
   * @param first seconds of the first call
   * @param median seconds of a call when warm
   */
  private record Outcome(String name, float[][] vectors, double first, double median) {}

  @Override
  public void run() {
    check();
    System.out.println("Ondol " + Version.ondol() + ", " + Version.platform() + "\n");
    List<Backend.Status> devices = oneEach(Devices.list());
    System.out.println("Devices");
    System.out.println(DevicesCommand.describe(devices));

    List<Outcome> outcomes = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    List<long[]> sequences;
    try (SentenceEncoder model = load()) {
      sequences = model.tokenize(SENTENCES);
      for (Backend.Status device : devices) {
        try {
          if (device.available()) outcomes.add(onDevice(model, device.name(), sequences));
        } catch (OndolException e) {
          failures.add(device.name() + " failed: " + e.getMessage());
        }
      }
    }
    Outcome peer = OnnxRuntime.isPresent() ? onOnnxRuntime(sequences) : null;
    Text.status("");
    if (!outcomes.isEmpty()) {
      for (List<Outcome> alike : byBits(outcomes)) printNearest(alike);
      printTimes(outcomes, peer, sequences.stream().mapToInt(s -> s.length).sum());
      printAgreement(outcomes, peer);
    }
    DemoDetection detection = new DemoDetection(devices, out);
    if (photo != null) detection.photograph(photo, weights); else detection.downloaded(offline);
    failures.addAll(detection.failures());
    if (!failures.isEmpty()) throw new CommandException(String.join("; ", failures));
  }

  private void check() {
    if ((photo == null) != (weights == null)) {
      throw new ParameterException(spec.commandLine(),
          photo == null ? "--weights without --photo" : "--photo without the --weights of a detector");
    }
    if (out == null) {
      out = RUNS + "/demo.png";
      try {
        Files.createDirectories(Path.of(RUNS));
      } catch (IOException e) {
        throw new CommandException("cannot write " + out + ": " + Text.reason(e), e);
      }
    }
    Photo.expectWritable(out);
  }

  private static SentenceEncoder load() {
    Text.status("loading all-MiniLM-L6-v2 ...");
    long start = System.nanoTime();
    SentenceEncoder model = MiniLm.load(Devices.best());
    Text.status("");
    System.out.printf("all-MiniLM-L6-v2 loaded in %s%n%n", Text.time((System.nanoTime() - start) * 1e-9).strip());
    return model;
  }

  /** The default device of each backend, or the first one's reason where none is available. */
  private static List<Backend.Status> oneEach(List<Backend.Status> all) {
    Map<String, Backend.Status> chosen = new LinkedHashMap<>();
    for (Backend.Status status : all) {
      chosen.merge(DeviceOption.kind(status.name()), status, (a, b) -> a.available() || !b.available() ? a : b);
    }
    return List.copyOf(chosen.values());
  }

  private static Outcome onDevice(SentenceEncoder model, String name, List<long[]> sequences) {
    try (SentenceEncoder here = model.to(Device.of(name))) {
      return measure(name, () -> {
        try (Tensor vectors = here.encode(sequences)) {
          return rows(vectors.toFloats(), here.dimensions());
        }
      });
    }
  }

  private static Outcome onOnnxRuntime(List<long[]> sequences) {
    try (OnnxRuntime runtime = OnnxRuntime.open()) {
      return measure("ONNX Runtime " + runtime.version(), () -> runtime.encode(sequences));
    }
  }

  private static float[][] rows(float[] all, int width) {
    float[][] rows = new float[all.length / width][];
    for (int i = 0; i < rows.length; i++) rows[i] = Arrays.copyOfRange(all, i * width, (i + 1) * width);
    return rows;
  }

  /** One call, then more until compilers have settled, then those that count. */
  private static Outcome measure(String name, Supplier<float[][]> work) {
    Text.status("embedding on " + name + " ...");
    long start = System.nanoTime();
    float[][] vectors = work.get();
    double first = (System.nanoTime() - start) * 1e-9;
    repeat(work, WARM_UP_SECONDS, WARM_UP_RUNS);
    return new Outcome(name, vectors, first, median(repeat(work, TIMED_SECONDS, TIMED_RUNS)));
  }

  private static List<Double> repeat(Supplier<float[][]> work, double seconds, int runs) {
    List<Double> times = new ArrayList<>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    while (times.size() < runs || System.nanoTime() < end) {
      long start = System.nanoTime();
      work.get();
      times.add((System.nanoTime() - start) * 1e-9);
    }
    return times;
  }

  private static double median(List<Double> times) {
    return times.stream().sorted().skip(times.size() / 2).findFirst().orElseThrow();
  }

  /** The outcomes in groups of the same bits. */
  private static List<List<Outcome>> byBits(List<Outcome> outcomes) {
    List<List<Outcome>> groups = new ArrayList<>();
    for (Outcome o : outcomes) {
      var group = groups.stream().filter(g -> differences(g.getFirst(), o) == 0).findFirst();
      if (group.isPresent()) group.get().add(o); else groups.add(new ArrayList<>(List.of(o)));
    }
    return groups;
  }

  private static String names(List<Outcome> outcomes) {
    return String.join(" and ", outcomes.stream().map(Outcome::name).toList());
  }

  private static void printNearest(List<Outcome> alike) {
    float[][] vectors = alike.getFirst().vectors;
    System.out.printf("%-60s%-9s%8s%n", Text.cut("Sentences on " + names(alike), 58), "nearest", "cosine");
    for (int i = 0; i < vectors.length; i++) {
      int nearest = -1;
      double cosine = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < vectors.length; j++) {
        double c = dot(vectors[i], vectors[j]);
        if (j != i && c > cosine) {
          nearest = j;
          cosine = c;
        }
      }
      System.out.printf("  %d  %-55s%-9d%8.3f%n", i + 1, Text.cut(SENTENCES.get(i), 54), nearest + 1, cosine);
    }
    System.out.println();
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int d = 0; d < a.length; d++) sum += (double) a[d] * b[d];
    return sum;
  }

  private static void printTimes(List<Outcome> outcomes, Outcome peer, int tokens) {
    String beside = peer == null ? "" : "   beside ONNX Runtime";
    System.out.printf("%-30s%14s%14s%s%n", "Time", "first call", "median", beside);
    for (Outcome o : outcomes) {
      System.out.printf("  %-28s%14s%14s%s%n", o.name, Text.time(o.first), Text.time(o.median),
          peer == null ? "" : "%19.2fx".formatted(peer.median / o.median));
    }
    if (peer != null) System.out.printf("  %-28s%14s%14s%n", peer.name, Text.time(peer.first), Text.time(peer.median));
    if (peer == null) System.out.println("  ONNX Runtime is not on the class path");
    System.out.printf("  (%s, %s, %s)%n%n", Text.count(SENTENCES.size(), "sentence"), Text.count(tokens, "token"),
        Text.count(Threads.count(), "thread"));
  }

  private static void printAgreement(List<Outcome> outcomes, Outcome peer) {
    List<List<Outcome>> groups = byBits(outcomes);
    int values = SENTENCES.size() * outcomes.getFirst().vectors[0].length;
    for (List<Outcome> alike : groups) {
      if (alike.size() > 1) System.out.printf("%s agree bit for bit: all %d values%n", names(alike), values);
    }
    for (List<Outcome> other : groups.subList(1, groups.size())) {
      System.out.printf("%s DIFFER from %s in %d of %d values%n", names(other), names(groups.getFirst()),
          differences(groups.getFirst().getFirst(), other.getFirst()), values);
    }
    if (peer != null) {
      System.out.printf("Largest difference from ONNX Runtime: %.1e%n", largestDifference(outcomes.getFirst(), peer));
    }
  }

  /** How many values have not the same bits. */
  private static int differences(Outcome a, Outcome b) {
    int different = 0;
    for (int i = 0; i < a.vectors.length; i++) {
      for (int d = 0; d < a.vectors[i].length; d++) {
        if (Float.floatToRawIntBits(a.vectors[i][d]) != Float.floatToRawIntBits(b.vectors[i][d])) different++;
      }
    }
    return different;
  }

  private static double largestDifference(Outcome a, Outcome b) {
    double largest = 0;
    for (int i = 0; i < a.vectors.length; i++) {
      for (int d = 0; d < a.vectors[i].length; d++) {
        largest = Math.max(largest, Math.abs(a.vectors[i][d] - b.vectors[i][d]));
      }
    }
    return largest;
  }
}
