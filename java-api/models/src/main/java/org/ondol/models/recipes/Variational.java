package org.ondol.models.recipes;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.latent.Vae;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Settings;

/** A variational autoencoder trained by its bound. */
public final class Variational implements Experiment {
  /** Codes that are decoded at once: their pixels stay in the cache. */
  private static final int ROWS = 500;
  /** Pictures on a side of the latent plane. */
  private static final int SIDE = 20;
  /** Of the normal distribution, the share beyond the plane on each side. */
  private static final double TAIL = 0.02;
  private static final int SHOWN = 32;

  private final Vae model;
  private final Optimizer optimizer;
  private final Form form;
  private final Settings settings;

  Variational(Vae model, Optimizer optimizer, Form form, Settings settings) {
    this.model = model;
    this.optimizer = optimizer;
    this.form = form;
    this.settings = settings;
  }

  public Vae model() {
    return model;
  }

  @Override
  public Parameters parameters() {
    return model.parameters();
  }

  @Override
  public Optimizer optimizer() {
    return optimizer;
  }

  /** "loss" is minus the bound in nats a picture; that of one sample has its terms beside it. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Tensor x = Shades.rows(batch, form, settings, random);
    int k = settings.whole("k");
    Map<String, Double> metrics = new LinkedHashMap<>();
    double loss = Experiment.descend(this, random, Double.POSITIVE_INFINITY, tape -> {
      if (k > 1) return model.importanceBound(tape, x, k).mean().neg();
      Vae.Terms terms = model.bound(tape, x);
      metrics.put("reconstruction", (double) terms.reconstruction().mean().item());
      metrics.put("kl", (double) terms.divergence().mean().item());
      return terms.loss(share());
    });
    Map<String, Double> all = new LinkedHashMap<>();
    all.put("loss", loss);
    all.putAll(metrics);
    return all;
  }

  /** The divergence's weight at this step. */
  private double share() {
    int warmUp = settings.whole("warmup");
    return warmUp == 0 ? 1 : Math.min(1, (optimizer.steps() + 1.0) / warmUp);
  }

  /**
   * "nll" is minus the importance-weighted bound of the setting "samples"; "elbo" the lower bound, minus the sum of
   * "reconstruction" and "kl". In nats a picture.
   */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    double bound = 0;
    double reconstruction = 0;
    double divergence = 0;
    int samples = settings.whole("samples");
    int pictures = Math.max(1, ROWS / Math.min(samples, 20));
    for (int from = 0; from < examples.count(); from += pictures) {
      int[] numbers = Shapes.numbers(from, Math.min(pictures, examples.count() - from));
      try (Scope scope = Scope.open()) {
        Tensor x = Shades.rows(examples.batch(model.device(), numbers), form, settings, random);
        for (double b : model.importanceBound(x, samples, ROWS, random)) bound += b;
        float[] terms = terms(x, random);
        for (int i = 0; i < numbers.length; i++) {
          reconstruction += terms[i];
          divergence += terms[numbers.length + i];
        }
      }
    }
    int n = examples.count();
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("nll", -bound / n);
    figures.put("elbo", -(reconstruction + divergence) / n);
    figures.put("reconstruction", reconstruction / n);
    figures.put("kl", divergence / n);
    return figures;
  }

  /** The reconstruction terms of all pictures, then the divergences. */
  private float[] terms(Tensor x, Generator random) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open(random)) {
      return tape.frozen(() -> {
        Vae.Terms terms = model.bound(tape, x);
        return Value.concat(0, terms.reconstruction(), terms.divergence());
      }).tensor().toFloats();
    }
  }

  @Override
  public Tensor sample(int count, Generator random) {
    return Shapes.examples(model.sample(count, random), form);
  }

  /**
   * "reconstructions" shows examples, each beside what its code keeps of it; "plane" the pictures of codes all over the
   * plane, where codes have two numbers (Kingma and Welling 2014, figure 4).
   */
  @Override
  public Map<String, Tensor> pictures(Examples examples, Generator random) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    if (examples != null && examples.count() > 0) {
      int[] shown = Shapes.numbers(0, Math.min(SHOWN, examples.count()));
      Tensor x = Shades.rows(examples.batch(model.device(), shown), form, settings, random);
      all.put("reconstructions", Shapes.examples(Beside.each(x, model.reconstruct(x)), form));
    }
    if (model.latents() == 2) all.put("plane", Shapes.examples(model.pictures(plane(model.device())), form));
    return all;
  }

  /** Codes [SIDE², 2] at even quantiles of the prior: the first grows to the right, the second upwards. */
  private static Tensor plane(Device device) {
    float[] codes = new float[2 * SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) {
      codes[2 * i] = (float) Normal.quantile(TAIL + (1 - 2 * TAIL) * (i % SIDE) / (SIDE - 1));
      codes[2 * i + 1] = (float) Normal.quantile(TAIL + (1 - 2 * TAIL) * (SIDE - 1 - i / SIDE) / (SIDE - 1));
    }
    return Tensor.of(device, codes, SIDE * SIDE, 2);
  }
}
