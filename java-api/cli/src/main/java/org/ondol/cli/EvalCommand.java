package org.ondol.cli;

import com.google.gson.Gson;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Size;
import org.ondol.models.data.Truth;
import org.ondol.models.recipes.Classification;
import org.ondol.models.recipes.Saved;
import org.ondol.models.recipes.Segmenting;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Settings;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Measures a trained model. */
@Command(name = "eval", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Measure a trained model.", parameterListHeading = "%nModel:%n", optionListHeading = "%nOptions:%n",
    description = "Measure a model that \"ondol train\" made, or that others published in a form that is known here, on a "
        + "part of a data set; or, by what a trained classifier sees in them, the pictures that it makes.")
final class EvalCommand implements Runnable {
  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "RUN", description = "A run's folder, or a checkpoint of one, or published weights.")
  private Path run;

  @Option(names = "--data", paramLabel = "PATH",
      description = "The data set: a folder or a safetensors file.")
  private Path path;

  private Size size;

  @Option(names = "--size", paramLabel = "WxH",
      description = "Stretch photographs to this size, with their boxes (default: the one that the model takes).")
  void size(String text) {
    try {
      size = Size.of(text);
    } catch (InvalidArgumentException e) {
      throw wrong("--size is \"" + text + "\", expected width x height, such as 640x480");
    }
  }

  @Option(names = "--part", paramLabel = "PART",
      description = "train, valid (default) or test; where there is train alone, that.")
  private String part;

  @Option(names = "--first", paramLabel = "N", description = "Only so many examples, the first ones.")
  private Integer first;

  @Option(names = {"-s", "--set"}, paramLabel = "NAME=VALUE",
      description = "Another value of a setting that says how to measure; may be repeated.")
  private Map<String, String> changes = new LinkedHashMap<>();

  @Option(names = "--judge", paramLabel = "RUN",
      description = "A trained classifier: the share of the model's pictures of which it is sure, and the classes it sees.")
  private Path judge;

  @Option(names = {"-n", "--count"}, paramLabel = "N", defaultValue = "1000",
      description = "Pictures that are judged (default: 1000).")
  private int count;

  @Option(names = "--sure", paramLabel = "P", defaultValue = "0.9",
      description = "Probability from which on the judge is sure (default: 0.9).")
  private double sure;

  @Option(names = "--binarize", paramLabel = "N",
      description = "Take values of at least N for ones, the others for zeros.")
  private Integer threshold;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Of all random numbers (default: 1).")
  private long seed;

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  @Override
  public void run() {
    if (path == null && judge == null) throw wrong("no data; give --data PATH");
    if (path != null && judge != null) throw wrong("--data beside --judge: pictures are judged, not examples");
    if (count < 1) throw wrong("--count is " + count + ", expected at least 1");
    Saved saved = changed(Saved.of(run));
    if (judge != null) judge(saved); else measure(saved);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private Saved changed(Saved saved) {
    Settings settings = saved.settings();
    try {
      for (Map.Entry<String, String> e : changes.entrySet()) settings = settings.with(e.getKey(), e.getValue());
    } catch (InvalidArgumentException e) {
      throw wrong(e.getMessage());
    }
    return new Saved(saved.file(), saved.recipe(), settings, saved.form());
  }

  private void measure(Saved saved) {
    DataSet data = DataSets.open(path, size != null ? size : saved.form().photographs());
    if (part == null) part = data.heldOut() == null ? "train" : "valid";
    Examples examples = data.part(part);
    if (first != null) examples = examples.first(first);
    if (threshold != null) examples = examples.binarized(threshold);
    boolean segments = examples.truth() instanceof Truth.Maps; // of pictures of any size
    if (!segments) saved.form().expectReadable(examples, path.toString());
    Text.status("measuring " + saved.recipe().title() + " ...");
    Map<String, Double> figures;
    long start = System.nanoTime();
    try (Experiment experiment = saved.load(device.device())) {
      if (segments && !(experiment instanceof Segmenting)) saved.form().expect(examples, path.toString());
      figures = experiment.evaluate(examples, new Generator(seed));
    }
    String what = data.name() + " " + part;
    tell(saved, what, Text.count(examples.count(), "example"), figures, start, json(saved, data, examples, figures));
  }

  private void judge(Saved saved) {
    Saved judging = Saved.of(judge);
    Text.status("judging " + saved.recipe().title() + " ...");
    long start = System.nanoTime();
    Map<String, Double> figures;
    try (Experiment maker = saved.load(device.device()); Experiment classifier = judging.load(device.device())) {
      if (!(classifier instanceof Classification c)) {
        throw new CommandException(judge + " is a run of " + judging.recipe().title() + ", which is no classifier");
      }
      figures = c.judge(maker, count, sure, new Generator(seed));
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("model", saved.recipe().title());
    all.put("judge", judging.recipe().title());
    all.put("pictures", count);
    all.putAll(figures);
    tell(saved, "judged by " + judging.recipe().title(), Text.count(count, "picture"), figures, start,
        new Gson().toJson(all));
  }

  private void tell(Saved saved, String what, String number, Map<String, Double> figures, long start, String asJson) {
    Text.status("");
    if (json) {
      System.out.println(asJson);
      return;
    }
    System.out.print(Text.entry(saved.recipe().title(), 14, what + ", " + number + ", on " + device.device() + " in "
        + Text.time((System.nanoTime() - start) * 1e-9).strip()));
    if (figures.isEmpty()) System.out.println("  nothing of it can be measured");
    figures.forEach((name, v) -> System.out.printf("  %-16s%.4f%n", name, v));
  }

  private String json(Saved saved, DataSet data, Examples examples, Map<String, Double> figures) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("model", saved.recipe().title());
    all.put("data", data.name());
    all.put("part", part);
    all.put("examples", examples.count());
    all.putAll(figures);
    return new Gson().toJson(all);
  }
}
