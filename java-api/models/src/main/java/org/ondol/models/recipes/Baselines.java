package org.ondol.models.recipes;

import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.autoregressive.FullTable;
import org.ondol.models.autoregressive.Independent;
import org.ondol.models.autoregressive.MarkovChain;
import org.ondol.models.autoregressive.SigmoidBeliefNetwork;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** The autoregressive models that show what the larger ones are for. */
enum Baselines implements Recipe {
  INDEPENDENT("independent", "binary variables that know nothing of each other", 0.05, Independent::new),
  MARKOV("markov", "binary variables that know the one before them", 0.05, MarkovChain::new),
  SIGMOID_BELIEF("fvsbn", "fully visible sigmoid belief network", 0.01, SigmoidBeliefNetwork::new),
  TABLE("table", "a probability for each of 2^n examples, n up to 20", 0.05, FullTable::new);

  @FunctionalInterface
  private interface Maker {
    Autoregressive make(Device device, int variables, Generator random);
  }

  private final String title;
  private final String summary;
  private final double rate;
  private final Maker maker;

  Baselines(String title, String summary, double rate, Maker maker) {
    this.title = title;
    this.summary = summary;
    this.rate = rate;
    this.maker = maker;
  }

  @Override
  public String title() {
    return title;
  }

  @Override
  public String summary() {
    return summary;
  }

  @Override
  public Settings settings() {
    return Rates.setting(Orderings.setting(Settings.training(10, 100, rate)), "cosine");
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    form.expectBinary();
    Autoregressive model = Orderings.apply(s, maker.make(device, form.size(), random));
    Adam adam = new Adam(model.parameters(), Rates.of(s, form), Adam.Options.ADAM);
    return new Likelihood(model, adam, form, Double.POSITIVE_INFINITY, 1000);
  }
}
