package org.ondol.cli;

import java.nio.file.Path;
import java.util.Map;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.models.data.DataSets;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Draws pictures from a trained model. */
@Command(name = "sample", mixinStandardHelpOptions = true, versionProvider = Version.class,
    header = "Draw pictures from a trained model.", parameterListHeading = "%nModel:%n",
    optionListHeading = "%nOptions:%n",
    description = "Draw new pictures from a model that \"ondol train\" made, and write them as one PNG.")
final class SampleCommand implements Runnable {
  private static final int MOST = 10000;

  @Spec
  private CommandSpec spec;

  @Mixin
  private DeviceOption device;

  @Parameters(paramLabel = "RUN", description = "A run's folder, or a checkpoint of one, or published weights.")
  private Path run;

  @Option(names = {"-o", "--out"}, paramLabel = "PNG", required = true, description = "The picture to write.")
  private Path out;

  @Option(names = {"-n", "--count"}, paramLabel = "N", defaultValue = "64", description = "Pictures (default: 64).")
  private int count;

  @Option(names = "--picture", paramLabel = "NAME", description = "Instead of samples another picture that the model has, "
      + "such as reconstructions (needs --data) or, of two latents, plane.")
  private String picture;

  @Option(names = "--data", paramLabel = "PATH", description = "The data set whose held-out examples --picture shows.")
  private Path data;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Of all random numbers (default: 1).")
  private long seed;

  @Override
  public void run() {
    if (count < 1 || count > MOST) {
      throw new ParameterException(spec.commandLine(), "--count is " + count + ", expected 1 to " + MOST);
    }
    Saved saved = Saved.of(run);
    try (Experiment experiment = saved.load(device.device())) {
      if (picture != null) {
        other(experiment);
        return;
      }
      long start = System.nanoTime();
      if (!write(experiment, count, new Generator(seed), out)) {
        throw new CommandException(saved.recipe().title() + " on these data makes no pictures");
      }
      System.out.println(Text.count(count, "picture") + " by " + saved.recipe().title() + " on " + device.device() + " in "
          + Text.time((System.nanoTime() - start) * 1e-9).strip() + ": " + out);
    }
  }

  /** Writes the picture of a name. */
  private void other(Experiment experiment) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> all =
          experiment.pictures(data == null ? null : DataSets.open(data).heldOut(), new Generator(seed));
      Tensor chosen = all.get(picture);
      if (chosen == null || chosen.rank() != 4) {
        throw new CommandException("the model has no picture named " + picture + "; "
            + (all.isEmpty() ? "it has none" : "it has " + String.join(", ", all.keySet()))
            + (data == null ? " without --data" : ""));
      }
      Photo.write(Pictures.grid(chosen), out.toString());
      System.out.println(picture + ": " + out);
    }
  }

  /** Writes pictures where the model makes some; returns whether it does. */
  static boolean write(Experiment experiment, int count, Generator random, Path file) {
    try (Scope scope = Scope.open()) {
      Tensor samples = experiment.sample(count, random);
      if (samples == null || samples.rank() != 4) return false;
      Photo.write(Pictures.grid(samples), file.toString());
      return true;
    }
  }
}
