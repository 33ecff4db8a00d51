package org.ondol.models.recipes;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.ops.Elementwise;

/**
 * An autoregressive model trained by the likelihood that it gives its examples. A model of real numbers is given
 * (value + u) / levels for values of so many levels, u even on 0 to 1: its density then bounds the probability of the
 * values from below (Theis, van den Oord and Bethge 2016, section 3.1).
 */
public final class Likelihood implements Experiment {
  private final Autoregressive model;
  private final Optimizer optimizer;
  private final Form form;
  private final double clip;
  private final int rows;

  /**
   * Takes model and optimiser over.
   *
   * @param clip the longest gradient of the mean likelihood, or infinity
   * @param rows examples that are measured at once
   */
  public Likelihood(Autoregressive model, Optimizer optimizer, Form form, double clip, int rows) {
    this.model = model;
    this.optimizer = optimizer;
    this.form = form;
    this.clip = clip;
    this.rows = rows;
  }

  public Autoregressive model() {
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

  private boolean real() {
    return model.levels() == 0;
  }

  /** The examples as the model takes them, [N, n]. */
  private Tensor rows(Batch batch, Generator random) {
    Tensor values = batch.inputs(0, form.levels() - 1).reshape(batch.count(), form.size());
    if (!real()) return values;
    Tensor noise = random.uniform(batch.device(), 0, 1, values.shape());
    return Elementwise.scale(Elementwise.add(values, noise), 1.0 / form.levels());
  }

  /** "loss" is -ln p(x) in nats an example. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Tensor x = rows(batch, random);
    return Map.of("loss", Experiment.descend(this, random, clip, tape -> model.logLikelihood(tape, x).mean().neg()));
  }

  /** "nll" in nats an example, and "bits/dim", of the values in bits by variables. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    double sum = 0;
    for (int from = 0; from < examples.count(); from += rows) {
      int[] numbers = new int[Math.min(rows, examples.count() - from)];
      for (int i = 0; i < numbers.length; i++) numbers[i] = from + i;
      try (Scope scope = Scope.open()) {
        Tensor x = rows(examples.batch(model.device(), numbers), random);
        for (float l : model.logLikelihood(x).toFloats()) sum -= l;
      }
    }
    double nll = sum / examples.count();
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("nll", nll);
    double bits = nll / form.size() / Math.log(2);
    figures.put("bits/dim", real() ? bits + Math.log(form.levels()) / Math.log(2) : bits);
    return figures;
  }

  @Override
  public Tensor sample(int count, Generator random) {
    long[] shape = new long[form.shape().length + 1];
    shape[0] = count;
    System.arraycopy(form.shape(), 0, shape, 1, shape.length - 1);
    try (Scope scope = Scope.open()) {
      Tensor x = model.sample(count, random);
      return scope.keep(Elementwise.scale(x, real() ? 1 : 1.0 / (form.levels() - 1)).reshape(shape).copy());
    }
  }

  @Override
  public void close() {
    optimizer.close();
    model.close();
  }
}
