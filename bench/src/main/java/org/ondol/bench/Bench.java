package org.ondol.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.ondol.Threads;
import org.ondol.bench.stems.AttentionStem;
import org.ondol.bench.stems.BatchNormStem;
import org.ondol.bench.stems.ClassifierStem;
import org.ondol.bench.stems.ConvStem;
import org.ondol.bench.stems.DeconvStem;
import org.ondol.bench.stems.GemmStem;
import org.ondol.bench.stems.GenerationStem;
import org.ondol.bench.stems.IouStem;
import org.ondol.bench.stems.LstmStem;
import org.ondol.bench.stems.MaskedConvStem;
import org.ondol.bench.stems.MiniLmStem;
import org.ondol.bench.stems.NadeStem;
import org.ondol.bench.stems.NmsStem;
import org.ondol.bench.stems.PoolStem;
import org.ondol.bench.stems.ProposalsStem;
import org.ondol.bench.stems.ResizeStem;
import org.ondol.bench.stems.RoiAlignStem;
import org.ondol.bench.stems.RoiPoolStem;
import org.ondol.bench.stems.RoiWarpStem;
import org.ondol.bench.stems.SamplingStem;
import org.ondol.bench.stems.TopKStem;
import org.ondol.bench.stems.TrainingStem;
import org.ondol.bench.stems.YoloStem;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command line of bench/run. */
@Command(
    name = "bench/run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Checks every contender's answer, then times Ondol's backends and their peers interleaved, round by"
        + " round. The number of threads, for everybody, is OMP_NUM_THREADS (default: all processors).",
    footer = {"", "GFLOP/s and the share of the peak (FMA or read bandwidth, measured in the same run) are of the best"
        + " time; the ratio is the median over rounds of the best peer's time by the contender's.", "", "Exit code: 0, 1 when an answer was wrong, 2 for bad usage.",
        "bench/run --jmh [ARGUMENT ...] runs the JMH benchmarks of the Java side instead."})
public final class Bench implements Callable<Integer> {
  private static final double QUICK_STEM_MS = 50_000;
  private static final double BUSY = 0.8; // of the best peak: samples of an idle machine lie closer together

  private static final Map<String, Function<List<String>, Stem<?>>> STEMS = new LinkedHashMap<>();

  static {
    STEMS.put("attention", AttentionStem::new);
    STEMS.put("gemm", GemmStem::new);
    STEMS.put("conv", ConvStem::new);
    STEMS.put("maskedconv", MaskedConvStem::new);
    STEMS.put("deconv", DeconvStem::new);
    STEMS.put("sampling", SamplingStem::new);
    STEMS.put("generation", GenerationStem::new);
    STEMS.put("minilm", MiniLmStem::new);
    STEMS.put("squeezenet", ClassifierStem::squeezeNet);
    STEMS.put("vgg16", ClassifierStem::vgg16);
    STEMS.put("yolofastest", YoloStem::new);
    STEMS.put("resize", ResizeStem::new);
    STEMS.put("pool", PoolStem::new);
    STEMS.put("roialign", RoiAlignStem::new);
    STEMS.put("batchnorm", BatchNormStem::new);
    STEMS.put("proposals", ProposalsStem::new);
    STEMS.put("iou", IouStem::new);
    STEMS.put("roiwarp", RoiWarpStem::new);
    STEMS.put("nms", NmsStem::new);
    STEMS.put("topk", TopKStem::new);
    STEMS.put("nade", NadeStem::new);
    STEMS.put("training", TrainingStem::new);
    STEMS.put("lstm", LstmStem::new);
    STEMS.put("roipool", devices -> new RoiPoolStem(devices, "roipool"));
    STEMS.put("spp", devices -> new RoiPoolStem(devices, "spp"));
  }

  @Spec CommandSpec spec;

  @Parameters(arity = "0..*", paramLabel = "stem", description = "What to measure (default: all; --list shows them).")
  List<String> stems = new ArrayList<>();

  @Option(names = "--quick", description = "At most 60 seconds a stem on two cores; noisier.")
  boolean quick;

  @Option(names = "--only", paramLabel = "TEXT", description = "Only cases whose name contains TEXT.")
  String only;

  @Option(names = "--device", split = ",", paramLabel = "NAME", defaultValue = "cpu,java",
      description = "Ondol's devices (default: ${DEFAULT-VALUE}); cpu:portable and java:scalar are others.")
  List<String> devices;

  @Option(names = "--json", paramLabel = "FILE", description = "Also write the rows and the machine as JSON.")
  Path json;

  @Option(names = "--plot", paramLabel = "FILE", description = "Write a bar chart (.png) of the rows.")
  Path plot;

  @Option(names = "--markdown", description = "With --from: print these rows as a Markdown table.")
  boolean markdown;

  @Option(names = "--from", paramLabel = "JSON", description = "With --plot or --markdown: show these rows (of the named stems and cases), measure nothing.")
  Path from;

  @Option(names = "--list", description = "Print stems and cases.")
  boolean list;

  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Bench());
    line.setParameterExceptionHandler((e, words) -> {
      System.err.println("bench/run: " + e.getMessage() + " (--help shows the usage)");
      return 2;
    });
    return line;
  }

  /** Threads that every contender may use. */
  public static int threads() {
    String set = System.getenv("OMP_NUM_THREADS");
    return set == null ? Runtime.getRuntime().availableProcessors() : Integer.parseInt(set);
  }

  @Override
  public Integer call() throws Exception {
    List<Stem<?>> chosen = chosenStems();
    if (list) {
      for (Stem<?> stem : chosen) {
        stem.cases().forEach(c -> System.out.println(stem.name() + ": " + c.name()));
      }
      return 0;
    }
    checkUsage(chosen);
    if (from != null) {
      Report.Document document = Report.readJson(from);
      List<Row> rows = document.rows().stream().filter(this::drawn).toList();
      if (plot != null) Plot.write(plot, document.machine(), rows);
      if (markdown) System.out.print(MarkdownTable.of(document.machine(), rows));
      return 0;
    }
    return measure(chosen);
  }

  private List<Stem<?>> chosenStems() {
    List<Stem<?>> chosen = new ArrayList<>();
    for (String name : stems.isEmpty() ? STEMS.keySet() : stems) {
      Function<List<String>, Stem<?>> make = STEMS.get(name);
      if (make == null) {
        throw usage("unknown stem '%s', expected one of %s".formatted(name, String.join(", ", STEMS.keySet())));
      }
      chosen.add(make.apply(devices));
    }
    return chosen;
  }

  private void checkUsage(List<Stem<?>> chosen) {
    if (from != null && plot == null && !markdown) {
      throw usage("--from needs --plot FILE or --markdown");
    }
    if (markdown && from == null) {
      throw usage("--markdown needs --from JSON");
    }
    if (from != null && !Files.isReadable(from)) {
      throw usage("--from: cannot read " + from);
    }
    if (plot != null && !plot.toString().toLowerCase(Locale.ROOT).endsWith(".png")) {
      throw usage("--plot: " + plot + " must end in .png");
    }
    if (only != null && from == null && chosen.stream().allMatch(stem -> selected(stem).isEmpty())) {
      throw usage("--only '%s' matches no case (--list shows them)".formatted(only));
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private <C extends Case> List<C> selected(Stem<C> stem) {
    return stem.cases().stream().filter(c -> only == null || c.name().contains(only)).toList();
  }

  private boolean drawn(Row row) {
    return (stems.isEmpty() || stems.contains(row.stem())) && (only == null || row.caseName().contains(only));
  }

  private int measure(List<Stem<?>> chosen) throws Exception {
    Report report = new Report(System.out);
    Threads.set(threads());
    try (Peak peak = new Peak(threads())) {
      System.out.printf(Locale.ROOT, "%s, %d threads: %.0f GFLOP/s fused multiply-add, %.1f GB/s read%n",
          Machine.cpuName(), threads(), peak.fmaBest(), peak.readBest());
      for (Stem<?> stem : chosen) {
        measure(stem, peak, report);
      }
      Machine machine = Machine.of(threads(), peak);
      System.out.printf(Locale.ROOT, "%npeak over the whole run: %.0f GFLOP/s (median %.0f), %.1f GB/s (median %.1f)%n",
          machine.fmaGflops(), machine.fmaGflopsMedian(), machine.readGbs(), machine.readGbsMedian());
      if (machine.fmaGflopsMedian() < BUSY * machine.fmaGflops()) {
        System.out.println("note: the machine was busy with something else; measure again when it is idle");
      }
      if (json != null) {
        report.writeJson(json, machine);
      }
      if (plot != null) {
        Plot.write(plot, machine, report.rows());
      }
    }
    return report.anyWrong() ? 1 : 0;
  }

  private <C extends Case> void measure(Stem<C> stem, Peak peak, Report report) throws Exception {
    List<C> cases = selected(stem);
    long start = System.nanoTime();
    for (int i = 0; i < cases.size(); i++) {
      double left = QUICK_STEM_MS - (System.nanoTime() - start) * 1e-6;
      Runner.Settings settings = quick ? Runner.Settings.quick(left, cases.size() - i) : Runner.Settings.full();
      new Runner(settings, peak, report).run(stem, cases.get(i));
    }
  }
}
