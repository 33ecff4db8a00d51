package org.ondol.models.recipes;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.latent.Autoencoder;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;

/** An autoencoder trained by what coding loses. */
final class Coding implements Experiment {
  private static final int ROWS = 500;
  private static final int SHOWN = 32;

  private final Autoencoder model;
  private final Optimizer optimizer;
  private final Form form;

  Coding(Autoencoder model, Optimizer optimizer, Form form) {
    this.model = model;
    this.optimizer = optimizer;
    this.form = form;
  }

  @Override
  public Parameters parameters() {
    return model.parameters();
  }

  @Override
  public Optimizer optimizer() {
    return optimizer;
  }

  private Tensor rows(Batch batch) {
    return batch.inputs().reshape(batch.count(), form.size());
  }

  /** "loss" is the cross-entropy in nats a picture: how badly codes tell pictures, no likelihood. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Tensor x = rows(batch);
    return Map.of("loss",
        Experiment.descend(this, random, Double.POSITIVE_INFINITY, tape -> model.loss(tape, x).mean()));
  }

  /** "reconstruction" in nats a picture, and "squared error" of a pixel. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    double loss = 0;
    double error = 0;
    for (int from = 0; from < examples.count(); from += ROWS) {
      int[] numbers = Shapes.numbers(from, Math.min(ROWS, examples.count() - from));
      try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
        Tensor x = rows(examples.batch(model.device(), numbers));
        for (float l : tape.frozen(() -> model.loss(tape, x)).tensor().toFloats()) loss += l;
        float[] before = x.toFloats();
        float[] after = model.reconstruct(x).toFloats();
        for (int i = 0; i < before.length; i++) error += ((double) before[i] - after[i]) * (before[i] - after[i]);
      }
    }
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("reconstruction", loss / examples.count());
    figures.put("squared error", error / examples.count() / form.size());
    return figures;
  }

  /** Random codes, decoded: what shows that this is no generative model. */
  @Override
  public Tensor sample(int count, Generator random) {
    try (Scope scope = Scope.open()) {
      Tensor z = random.normal(model.device(), 0, 1, count, model.latents());
      return scope.keep(Shapes.examples(model.pictures(z), form).copy());
    }
  }

  /** "reconstructions" shows examples, each beside what its code keeps of it. */
  @Override
  public Map<String, Tensor> pictures(Examples examples, Generator random) {
    if (examples == null || examples.count() == 0) return Map.of();
    int[] shown = Shapes.numbers(0, Math.min(SHOWN, examples.count()));
    Tensor x = rows(examples.batch(model.device(), shown));
    return Map.of("reconstructions", Shapes.examples(Beside.each(x, model.reconstruct(x)), form));
  }
}
