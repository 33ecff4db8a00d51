package org.ondol.models.recipes;

import java.util.List;
import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.models.latent.Vae;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/**
 * The variational autoencoder with the sizes of Burda et al. (2016): 50 latents, two layers of 200 tanh units on each
 * side. Their schedule is a choice ("burda"); in runs of less than their 3280 epochs it leaves the first rate too soon.
 */
final class VaeRecipe implements Recipe {
  @Override
  public String title() {
    return "vae";
  }

  @Override
  public String summary() {
    return "variational autoencoder of binary pixels";
  }

  @Override
  public Settings settings() {
    Settings s = Rates.setting(Settings.training(90, 100, 0.002), "cosine")
        .choice("kind", "dense", List.of("dense", "conv"), "of layers")
        .whole("latents", 50, 1, 10000, "numbers in a code")
        .whole("hidden", 200, 1, 100_000, "hidden units in a layer")
        .whole("layers", 2, 1, 10, "of hidden units, where they are dense")
        .choice("activation", "tanh", List.of("tanh", "relu"), "of hidden units, where layers are dense")
        .whole("width", 16, 1, 4096, "channels of the larger maps, where there are any")
        .whole("k", 1, 1, 10000, "samples of the bound that is trained with; 1 is the ELBO")
        .whole("warmup", 0, 0, 1_000_000_000, "steps in which the weight of the divergence rises to 1")
        .whole("samples", 20, 1, 10_000_000, "of the bound that is reported");
    return Shades.setting(s);
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    Vae model = s.choice("kind").equals("conv")
        ? Vae.conv(device, Shapes.quarters(form), s.whole("width"), s.whole("hidden"), s.whole("latents"), random)
        : Vae.dense(device, form.size(), s.whole("layers"), s.whole("hidden"), s.whole("latents"),
            s.choice("activation").equals("relu"), random);
    return new Variational(model, new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAM), form, s);
  }
}
