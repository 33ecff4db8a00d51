package org.ondol.cli;

import com.google.gson.Gson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.Threads;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Size;
import org.ondol.models.detection.Detector;
import org.ondol.models.evaluation.Comparison;
import org.ondol.models.recipes.Detecting;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Measures detectors side by side. */
@Command(name = "compare", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Compare trained detectors.", parameterListHeading = "%nModels:%n", optionListHeading = "%nOptions:%n",
    description = "What detectors find in the same photographs, and how long they take: they take turns photograph by "
        + "photograph. Those of proposed regions get the same ones, by the settings of the first of them.")
final class CompareCommand implements Runnable {
  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "RUN", arity = "1..*", description = "Folders of runs, or their checkpoints.")
  private List<Path> runs;

  @Option(names = "--data", paramLabel = "FOLDER", required = true, description = "Photographs with boxes.")
  private Path path;

  private Size size;

  @Option(names = "--size", paramLabel = "WxH",
      description = "Stretch photographs to this size before they are handed out (default: the one that all have).")
  void size(String text) {
    try {
      size = Size.of(text);
    } catch (InvalidArgumentException e) {
      throw new ParameterException(spec.commandLine(),
          "--size is \"" + text + "\", expected width x height, such as 640x480");
    }
  }

  @Option(names = "--part", paramLabel = "PART", defaultValue = "valid",
      description = "train, valid (default) or test.")
  private String part;

  @Option(names = "--first", paramLabel = "N", description = "Only so many photographs, the first ones.")
  private Integer first;

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  @Override
  public void run() {
    DataSet data = size == null ? DataSets.open(path) : DataSets.open(path, size);
    Examples examples = first == null ? data.part(part) : data.part(part).first(first);
    List<Saved> saved = runs.stream().map(Saved::of).toList();
    List<Experiment> open = new ArrayList<>();
    try {
      List<Detector> detectors = new ArrayList<>();
      for (int i = 0; i < saved.size(); i++) {
        open.add(saved.get(i).load(device.device()));
        if (!(open.get(i) instanceof Detecting d)) {
          throw new CommandException(
              runs.get(i) + " is a run of " + saved.get(i).recipe().title() + ", which finds no boxes");
        }
        detectors.add(d.detector());
      }
      List<Comparison.Row> rows =
          Comparison.of(detectors, examples, (n, of) -> Text.status("comparing, " + n + " of " + of + " ..."));
      Text.status("");
      if (json) json(saved, data, examples, rows); else table(saved, data, examples, rows);
    } finally {
      open.forEach(Experiment::close);
    }
  }

  private void table(List<Saved> saved, DataSet data, Examples examples, List<Comparison.Row> rows) {
    System.out.println(data.name() + " " + part + ", " + Text.count(examples.count(), "photograph") + ", on "
        + device.device() + " with " + Text.count(Threads.count(), "thread") + "; ms of a photograph, medians");
    System.out.printf("  %-12s %8s %8s %10s %10s %10s%n", "model", "mAP@0.5", "regions", "proposing", "looking",
        "whole");
    for (int i = 0; i < rows.size(); i++) {
      Comparison.Row r = rows.get(i);
      boolean own = r.regions() == 0;
      System.out.printf("  %-12s %8.4f %8s %10s %10.1f %10.1f%n", saved.get(i).recipe().title(),
          r.figures().get("mAP@0.5"), own ? "-" : "%.0f".formatted(r.regions()),
          own ? "-" : "%.1f".formatted(r.proposing()), r.looking(), r.whole());
    }
  }

  private void json(List<Saved> saved, DataSet data, Examples examples, List<Comparison.Row> rows) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      Comparison.Row r = rows.get(i);
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("model", saved.get(i).recipe().title());
      row.put("settings", saved.get(i).settings().values());
      row.put("regions", r.regions());
      row.put("ms proposing", r.proposing());
      row.put("ms looking", r.looking());
      row.put("ms whole", r.whole());
      row.putAll(r.figures());
      all.add(row);
    }
    Map<String, Object> o = new LinkedHashMap<>();
    o.put("data", data.name());
    o.put("part", part);
    o.put("examples", examples.count());
    o.put("device", device.device().toString());
    o.put("threads", Threads.count());
    o.put("rows", all);
    System.out.println(new Gson().toJson(o));
  }
}
