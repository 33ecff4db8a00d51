package org.ondol.models.recipes;

import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.autoregressive.Nade;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** NADE on binary examples. */
final class NadeRecipe implements Recipe {
  private static final int MEASURED_AT_ONCE = 500;

  @Override
  public String title() {
    return "nade";
  }

  @Override
  public String summary() {
    return "neural autoregressive distribution estimator, binary";
  }

  @Override
  public Settings settings() {
    return Rates.setting(Orderings.setting(Settings.training(30, 100, 0.001)
        .whole("hidden", 500, 1, 65536, "hidden units")
        .number("decay", 0, 0, 10, "of the weights, decoupled as in AdamW")), "cosine");
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    form.expectBinary();
    Autoregressive model = Orderings.apply(s, new Nade(device, form.size(), s.whole("hidden"), random));
    Adam adam = new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAMW.decay(s.number("decay")));
    return new Likelihood(model, adam, form, Double.POSITIVE_INFINITY, MEASURED_AT_ONCE);
  }
}
