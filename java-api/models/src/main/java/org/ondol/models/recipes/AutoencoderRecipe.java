package org.ondol.models.recipes;

import java.util.List;
import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.models.latent.Autoencoder;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** The autoencoder, for contrast with the variational one. */
final class AutoencoderRecipe implements Recipe {
  @Override
  public String title() {
    return "autoencoder";
  }

  @Override
  public String summary() {
    return "autoencoder, which codes pictures but makes none";
  }

  @Override
  public Settings settings() {
    return Rates.setting(Settings.training(20, 100, 0.001), "cosine")
        .choice("kind", "dense", List.of("dense", "conv"), "of layers")
        .whole("latents", 32, 1, 10000, "numbers in a code")
        .whole("hidden", 256, 1, 100_000, "hidden units in a layer")
        .whole("layers", 2, 1, 10, "of hidden units, where they are dense")
        .whole("width", 16, 1, 4096, "channels of the larger maps, where there are any");
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    int hidden = s.whole("hidden");
    int latents = s.whole("latents");
    Autoencoder model = s.choice("kind").equals("conv")
        ? Autoencoder.conv(device, Shapes.quarters(form), s.whole("width"), hidden, latents, random)
        : Autoencoder.dense(device, form.size(), s.whole("layers"), hidden, latents, random);
    return new Coding(model, new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAM), form);
  }
}
