package org.ondol.models.recipes;

import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.autoregressive.Rnade;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** RNADE on examples of several levels, spread evenly over each level. */
final class RnadeRecipe implements Recipe {
  private static final int MEASURED_AT_ONCE = 200;

  @Override
  public String title() {
    return "rnade";
  }

  @Override
  public String summary() {
    return "NADE of real numbers, by mixtures of normal distributions";
  }

  @Override
  public Settings settings() {
    return Rates.setting(Orderings.setting(Settings.training(10, 100, 0.001)
        .whole("hidden", 100, 1, 65536, "hidden units")
        .whole("components", 5, 1, 1000, "normal distributions of each mixture")
        .number("clip", 1000, 0.001, 1e9, "longest gradient")), "cosine");
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    Autoregressive model = Orderings.apply(s,
        new Rnade(device, form.size(), s.whole("hidden"), s.whole("components"), random));
    Adam adam = new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAM);
    return new Likelihood(model, adam, form, s.number("clip"), MEASURED_AT_ONCE);
  }
}
