package org.ondol.models.recipes;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.grad.Average;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.models.training.Checkpoint;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;
import org.ondol.models.training.Trainer;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.WeightsException;

/**
 * What a checkpoint of a run says about its model, and the way back to it. Files of weights that others published are
 * taken for checkpoints where they are known: of PixelCNN and PixelRNN for MNIST.
 *
 * @param file the checkpoint
 * @param settings those with which it was trained
 */
public record Saved(Path file, Recipe recipe, Settings settings, Form form) {
  private static final String MODEL = "model";
  private static final String SETTING = "setting.";
  private static final String WEIGHTS = "weights.safetensors";

  /** The notes that a checkpoint needs for {@link #of}. */
  public static Map<String, String> notes(Recipe recipe, Settings settings, Form form) {
    Map<String, String> notes = new LinkedHashMap<>();
    notes.put(MODEL, recipe.title());
    settings.values().forEach((name, value) -> notes.put(SETTING + name, value));
    notes.putAll(form.notes());
    return notes;
  }

  /**
   * Reads what a checkpoint is of.
   *
   * @param path a checkpoint, or a run's folder: its best one, or the last where nothing was measured
   * @throws WeightsException if there is none, or it is not of a run
   */
  public static Saved of(Path path) {
    Path file = path;
    if (Files.isDirectory(path)) {
      file = path.resolve(Trainer.BEST);
      if (!Files.exists(file)) file = path.resolve(Trainer.LAST);
      if (!Files.exists(file)) file = path.resolve(WEIGHTS);
      if (!Files.exists(file)) {
        throw new WeightsException(path + " has no checkpoint: neither best nor last.safetensors, and no " + WEIGHTS);
      }
    }
    Map<String, String> notes;
    try (SafeTensors saved = SafeTensors.open(file)) {
      notes = saved.metadata();
      Published published = Published.of(saved);
      if (published != null) return new Saved(file, published.recipe(), published.settings(), published.form());
    }
    String model = notes.get(MODEL);
    if (model == null) throw new WeightsException(file + " does not say what model it is of; it is of no run");
    try {
      Recipe recipe = Recipes.named(model);
      Settings settings = recipe.settings();
      for (Map.Entry<String, String> e : notes.entrySet()) {
        if (e.getKey().startsWith(SETTING)) {
          settings = settings.with(e.getKey().substring(SETTING.length()), e.getValue());
        }
      }
      return new Saved(file, recipe, settings, Form.of(notes));
    } catch (InvalidArgumentException e) {
      throw new WeightsException(file + " is of no run that is known here: " + e.getMessage(), e);
    }
  }

  /** The trained model, with the averages of its parameters where it was trained to be measured by them. */
  public Experiment load(Device device) {
    Experiment e = recipe.create(device, form, settings, new Generator(0));
    try (Scope scope = Scope.open(); SafeTensors saved = SafeTensors.open(file)) {
      Published published = Published.of(saved);
      if (published != null) published.load(saved, e.parameters());
      else load(saved, e.parameters());
      return e;
    } catch (RuntimeException x) {
      e.close();
      throw x;
    }
  }

  private void load(SafeTensors saved, Parameters parameters) {
    if (!Checkpoint.hasAverages(saved)) {
      Checkpoint.load(file, parameters, null, null);
      return;
    }
    try (Average average = new Average(parameters, settings.number(Settings.AVERAGE))) {
      Checkpoint.load(file, parameters, null, average, null);
      average.assign();
    }
  }
}
