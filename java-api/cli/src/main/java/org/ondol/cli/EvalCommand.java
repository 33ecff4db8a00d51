package org.ondol.cli;

import com.google.gson.Gson;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.grad.Generator;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.data.Examples;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Measures a trained model. */
@Command(name = "eval", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Measure a trained model.", parameterListHeading = "%nModel:%n", optionListHeading = "%nOptions:%n",
    description = "Measure a model that \"ondol train\" made, or that others published in a form that is known here, on a "
        + "part of a data set.")
final class EvalCommand implements Runnable {
  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "RUN", description = "A run's folder, or a checkpoint of one, or published weights.")
  private Path run;

  @Option(names = "--data", paramLabel = "PATH", required = true,
      description = "The data set: a folder or a safetensors file.")
  private Path path;

  @Option(names = "--part", paramLabel = "PART", defaultValue = "valid",
      description = "train, valid (default) or test.")
  private String part;

  @Option(names = "--first", paramLabel = "N", description = "Only so many examples, the first ones.")
  private Integer first;

  @Option(names = "--binarize", paramLabel = "N",
      description = "Take values of at least N for ones, the others for zeros.")
  private Integer threshold;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Of all random numbers (default: 1).")
  private long seed;

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  @Override
  public void run() {
    Saved saved = Saved.of(run);
    DataSet data = DataSets.open(path);
    Examples examples = data.part(part);
    if (first != null) examples = examples.first(first);
    if (threshold != null) examples = examples.binarized(threshold);
    if (!Arrays.equals(examples.shape(), saved.form().shape()) || examples.levels() != saved.form().levels()) {
      throw new CommandException(path + " has examples " + Arrays.toString(examples.shape()) + " of " + examples.levels()
          + " levels; the model takes " + Arrays.toString(saved.form().shape()) + " of " + saved.form().levels());
    }
    Text.status("measuring " + saved.recipe().title() + " ...");
    Map<String, Double> figures;
    long start = System.nanoTime();
    try (Experiment experiment = saved.load(device.device())) {
      figures = experiment.evaluate(examples, new Generator(seed));
    }
    Text.status("");
    if (json) System.out.println(json(saved, data, examples, figures));
    else report(saved, data, examples, figures, (System.nanoTime() - start) * 1e-9);
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

  private void report(Saved saved, DataSet data, Examples examples, Map<String, Double> figures, double seconds) {
    System.out.print(Text.entry(saved.recipe().title(), 14, data.name() + " " + part + ", "
        + Text.count(examples.count(), "example") + ", on " + device.device() + " in " + Text.time(seconds).strip()));
    if (figures.isEmpty()) System.out.println("  nothing of it can be measured");
    figures.forEach((name, v) -> System.out.printf("  %-12s%.4f%n", name, v));
  }
}
