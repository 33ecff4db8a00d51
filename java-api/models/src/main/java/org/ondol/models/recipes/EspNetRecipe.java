package org.ondol.models.recipes;

import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.models.data.DataException;
import org.ondol.models.layers.Assembly;
import org.ondol.models.segmentation.EspNet;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** ESPNet, from nothing and all at once, by the rate and the decay of its paper. */
final class EspNetRecipe implements Recipe {
  @Override
  public String title() {
    return "espnet";
  }

  @Override
  public String summary() {
    return "ESPNet, a class for each pixel of a photograph";
  }

  @Override
  public Settings settings() {
    return Pixelwise.settings(Rates.setting(Settings.training(300, 6, 0.0005), "cosine")
        .number("decay", 0.0005, 0, 1, "of the weights"));
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    long[] p = Pixelwise.picture(form);
    if (form.classes().size() < EspNet.LEAST_CLASSES) {
      throw new DataException("examples have " + form.classes().size() + " classes; ESPNet needs " + EspNet.LEAST_CLASSES);
    }
    try (Assembly parts = new Assembly()) {
      EspNet model = parts.add(new EspNet(device, form.classes(), (int) Math.max(p[1], p[2]), random));
      Optimizer optimizer =
          new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAM.decay(s.number("decay")));
      return parts.done(Pixelwise.experiment(model, parts.add(optimizer), s));
    }
  }
}
