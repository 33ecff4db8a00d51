package org.ondol.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.grad.Generator;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.recipes.Recipes;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.MetricsLog;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.training.Trainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Trains a model. */
@Command(name = "train", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Train a model.", parameterListHeading = "%nModel:%n", optionListHeading = "%nOptions:%n",
    description = "Train a model on a data set. The folder of a run gets checkpoints (last and best.safetensors), "
        + "metrics.jsonl and loss.png, and samples.png where the model makes pictures (samples-NNNN.png after each epoch "
        + "where no figure says how good it is). The same seed gives the same "
        + "bits on any device, with any number of threads, stopped and resumed or not.",
    footer = {"", "Ctrl-C stops after the step and leaves a checkpoint. \"ondol train --list\" has the models."})
final class TrainCommand implements Runnable {
  private static final int PICTURES = 64;

  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "MODEL", arity = "0..1", description = "Which one; --list names them.")
  private String model;

  @Option(names = "--list", description = "List the models and their settings.")
  private boolean list;

  @Option(names = "--data", paramLabel = "PATH", description = "The data set: a folder or a safetensors file.")
  private Path path;

  @Option(names = {"-o", "--out"}, paramLabel = "FOLDER", description = "The run's folder (default: runs/MODEL).")
  private Path out;

  @Option(names = "--resume", paramLabel = "FOLDER",
      description = "Go on with a run, in its folder and with its settings, to its end or to --epochs.")
  private Path resume;

  @Option(names = {"-s", "--set"}, paramLabel = "NAME=VALUE", description = "A setting; may be repeated.")
  private Map<String, String> changes = new LinkedHashMap<>();

  @Option(names = {"-e", "--epochs"}, paramLabel = "N", description = "The same as --set epochs=N.")
  private Integer epochs;

  @Option(names = "--seed", paramLabel = "N",
      description = "Of all random numbers (default: 1; of a run that goes on, its own).")
  private Long seedOption;

  private long seed;

  @Option(names = "--save-every", paramLabel = "SECONDS", defaultValue = "60",
      description = "Between checkpoints within an epoch (default: 60).")
  private double save;

  @Option(names = {"-q", "--quiet"}, description = "Print nothing but errors.")
  private boolean quiet;

  private Path folder;
  private volatile boolean stopping;
  private final CountDownLatch stopped = new CountDownLatch(1);

  @Override
  public void run() {
    if (list) {
      list();
      return;
    }
    if (path == null) throw wrong("no data; give --data PATH");
    if (!(save > 0)) throw wrong("--save-every is " + save + ", expected more than 0");
    Saved saved = resume == null ? null : resumed();
    if (saved == null && model == null) throw wrong("no model; \"ondol train --list\" names them");
    Recipe recipe = saved == null ? recipe() : saved.recipe();
    Settings settings = changed(saved == null ? recipe.settings() : saved.settings());
    seed = seedOption != null ? seedOption : saved == null ? 1 : Trainer.seed(saved.file());
    folder = resume != null ? resume : out != null ? out : Path.of("runs", recipe.title());
    if (resume == null && Files.exists(folder.resolve(Trainer.LAST))) {
      throw new CommandException(folder + " holds a run; go on with it (--resume " + folder
          + "), remove it, or give another folder (--out)");
    }
    DataSet data = DataSets.open(path);
    if (saved != null) saved.form().expect(data.train(), path.toString());
    train(recipe, settings, data, saved);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private Recipe recipe() {
    try {
      return Recipes.named(model);
    } catch (InvalidArgumentException e) {
      throw wrong("unknown model \"" + model + "\"; \"ondol train --list\" names them");
    }
  }

  private Saved resumed() {
    if (out != null) throw wrong("--out beside --resume: a run goes on in its own folder");
    Path last = resume.resolve(Trainer.LAST);
    if (!Files.exists(last)) throw new CommandException("cannot resume: no run in " + resume + " (" + last + ")");
    Saved saved = Saved.of(last);
    if (model != null && !model.equals(saved.recipe().title())) {
      throw wrong(resume + " is a run of " + saved.recipe().title() + ", not of " + model);
    }
    for (String name : changes.keySet()) {
      if (!name.equals("epochs")) throw wrong("--set " + name + " beside --resume: a run keeps its settings");
    }
    return saved;
  }

  private Settings changed(Settings settings) {
    try {
      for (Map.Entry<String, String> e : changes.entrySet()) settings = settings.with(e.getKey(), e.getValue());
      return epochs == null ? settings : settings.with("epochs", epochs.toString());
    } catch (InvalidArgumentException e) {
      throw wrong(e.getMessage());
    }
  }

  private static void list() {
    for (Recipe r : Recipes.all()) {
      System.out.print(Text.entry(r.title(), 18, r.summary()));
      for (Settings.Setting s : r.settings().all()) {
        System.out.print(Text.entry("  " + s.name() + "=" + s.value(), 26, s.meaning()));
      }
    }
  }

  private void train(Recipe recipe, Settings settings, DataSet data, Saved saved) {
    int batch = settings.whole("batch");
    long steps = Trainer.steps(data, batch) * settings.whole("epochs");
    Form form = Form.of(data, steps);
    Generator random = new Generator(seed);
    try (Experiment experiment = recipe.forRun(device.device(), form, settings, random);
        TrainProgress progress = new TrainProgress(quiet, recipe.title(), epoch -> samples(experiment, epoch))) {
      Trainer trainer = new Trainer(experiment, data, new Trainer.Options(seed, settings.whole("epochs"), batch, folder,
          save, Saved.notes(recipe, settings, form)), random, progress);
      if (saved != null) trainer.resume(saved.file());
      if (!quiet) announce(recipe, data, experiment);
      Thread hook = new Thread(this::stop);
      Runtime.getRuntime().addShutdownHook(hook);
      boolean done;
      try {
        done = trainer.run(() -> stopping);
      } finally {
        stopped.countDown();
      }
      if (stopping) return; // the JVM is on its way out
      Runtime.getRuntime().removeShutdownHook(hook);
      progress.close();
      pictures(recipe, experiment, data);
      if (!quiet && done) report(trainer);
    }
  }

  /** Runs when the JVM is told to end: waits until the step is done and saved. */
  private void stop() {
    stopping = true;
    try {
      if (stopped.await(60, TimeUnit.SECONDS) && !quiet) {
        System.err.println(System.lineSeparator() + "stopped; go on with --resume " + folder);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void announce(Recipe recipe, DataSet data, Experiment experiment) {
    System.out.print(Text.entry(recipe.title(), 14, recipe.summary() + ", " + experiment.parameters().count()
        + " parameters"));
    System.out.print(Text.entry(data.name(), 14, Text.count(data.train().count(), "example") + " to train with"
        + (data.heldOut() == null ? "" : ", " + data.heldOut().count() + " held out")));
    System.out.println("  folder      " + folder);
  }

  /** Pictures of the same random numbers each time, so that epochs can be compared. */
  private void samples(Experiment experiment, int epoch) {
    SampleCommand.write(experiment, PICTURES, new Generator(seed), folder.resolve("samples-%04d.png".formatted(epoch)));
  }

  private void pictures(Recipe recipe, Experiment experiment, DataSet data) {
    List<Map<String, Object>> lines = MetricsLog.read(folder.resolve(Trainer.METRICS));
    LossChart.write(recipe.title(), lines, folder.resolve("loss.png"));
    SampleCommand.write(experiment, PICTURES, new Generator(seed), folder.resolve("samples.png"));
    try (Scope scope = Scope.open()) {
      experiment.pictures(data.heldOut(), new Generator(seed)).forEach((name, p) -> {
        if (p.rank() == 4) Photo.write(Pictures.grid(p), folder.resolve(name + ".png").toString());
      });
    }
  }

  private void report(Trainer trainer) {
    System.out.print(Text.entry("trained", 14, Text.count(trainer.steps(), "step") + " in "
        + Text.time(trainer.seconds()).strip() + " (%.3g a second)".formatted(trainer.steps() / trainer.seconds())
        + (Double.isFinite(trainer.best()) ? ", best held-out figure %.4f".formatted(trainer.best()) : "")));
  }
}
