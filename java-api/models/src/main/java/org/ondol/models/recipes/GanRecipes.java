package org.ondol.models.recipes;

import java.util.List;
import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Schedule;
import org.ondol.models.data.DataException;
import org.ondol.models.latent.Adversaries;
import org.ondol.models.latent.Dcgan;
import org.ondol.models.latent.Gan;
import org.ondol.models.layers.Statistics;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/**
 * Adversarial nets, with Adam as Radford et al. (2016, section 4) set it: rate 0.0002, beta1 0.5. The convolutional
 * generator learns at 0.001, and both of its nets have a dense layer, as InfoGAN's for MNIST (Chen et al. 2016, appendix
 * C.1): with one rate for both, the discriminator runs ahead.
 */
enum GanRecipes implements Recipe {
  GAN("gan", "generative adversarial nets of dense layers") {
    @Override
    public Settings settings() {
      return rates(30, 100, "constant", 1)
          .whole("codes", 100, 1, 10000, "numbers in a code")
          .whole("hidden", 512, 1, 100_000, "units in a hidden layer");
    }

    @Override
    public Experiment create(Device device, Form form, Settings s, Generator random) {
      Gan nets = new Gan(device, form.size(), s.whole("hidden"), s.whole("codes"), random);
      return experiment(nets, s, form, Statistics.RUNNING, form.size());
    }
  },

  DCGAN("dcgan", "deep convolutional generative adversarial nets") {
    @Override
    public Settings settings() {
      return rates(12, 64, "cosine", 5)
          .whole("codes", 100, 1, 10000, "numbers in a code")
          .whole("width", 32, 1, 4096, "channels of the largest maps")
          .whole("hidden", 512, 0, 100_000, "units of dense layers between maps and code or logit, 0 for none")
          .whole("levels", 2, 1, 10, "how often a picture is halved")
          .number("eps", 1e-5, 1e-12, 1, "of batch norm")
          .choice("statistics", "running", List.of("running", "batch"), "of batch norm, with which pictures are drawn");
    }

    @Override
    public Experiment create(Device device, Form form, Settings s, Generator random) {
      long[] p = form.picture();
      int levels = s.whole("levels");
      if (p[1] != p[2] || p[1] % (1L << levels) != 0) {
        throw new DataException("examples are " + p[1] + " x " + p[2] + ", expected squares of a multiple of "
            + (1L << levels));
      }
      Dcgan.Sizes sizes = new Dcgan.Sizes((int) p[0], (int) p[1], levels, s.whole("width"), s.whole("hidden"),
          s.whole("codes"), s.number("eps"));
      Statistics drawn = s.choice("statistics").equals("batch") ? Statistics.BATCH : Statistics.RUNNING;
      return experiment(new Dcgan(device, sizes, random), s, form, drawn, p);
    }
  };

  private static final double BETA1 = 0.5;
  private static final double BETA2 = 0.999;

  private final String title;
  private final String summary;

  GanRecipes(String title, String summary) {
    this.title = title;
    this.summary = summary;
  }

  private static Settings rates(int epochs, int batch, String schedule, double generator) {
    return Rates.setting(Settings.training(epochs, batch, 0.0002), schedule)
        .number("generator-rate", generator, 0.01, 100, "multiple of the rate at which the generator learns")
        .number("sure", 1, 0.5, 1, "probability of being real that the discriminator is to give to real pictures");
  }

  private static Experiment experiment(Adversaries nets, Settings s, Form form, Statistics drawn, long... shape) {
    Schedule rates = Rates.of(s, form);
    // The optimiser moves twice in a step of the run: the discriminator, then the generator.
    Adam adam = new Adam(nets.parameters(), moves -> rates.rate(moves / 2), Adam.Options.ADAM.betas(BETA1, BETA2));
    adam.scale(nets.trained(Adversaries.GENERATOR), s.number("generator-rate"));
    return new Adversarial(nets, adam, form, s.number("sure"), drawn, shape);
  }

  @Override
  public String title() {
    return title;
  }

  @Override
  public String summary() {
    return summary;
  }
}
