package org.ondol.models.recipes;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.latent.Adversaries;
import org.ondol.models.layers.Statistics;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * Adversarial nets, trained in turn: in each step first the discriminator alone, then the generator alone, by one
 * optimiser, which moves those parameters that have a gradient.
 */
public final class Adversarial implements Experiment {
  /** Pictures that are drawn at once. */
  private static final int ROWS = 250;

  private final Adversaries nets;
  private final Optimizer optimizer;
  private final Form form;
  private final double sure;
  private final Statistics drawn;
  private final long[] shape;

  /**
   * Takes nets and optimiser over.
   *
   * @param sure what the discriminator is to say of real pictures
   * @param drawn with what statistics pictures are drawn
   * @param shape of a picture as the nets take it
   */
  Adversarial(Adversaries nets, Adam optimizer, Form form, double sure, Statistics drawn, long... shape) {
    this.nets = nets;
    this.optimizer = optimizer;
    this.form = form;
    this.sure = sure;
    this.drawn = drawn;
    this.shape = shape;
  }

  public Adversaries nets() {
    return nets;
  }

  @Override
  public Parameters parameters() {
    return nets.parameters();
  }

  @Override
  public Optimizer optimizer() {
    return optimizer;
  }

  /** "loss" is the discriminator's, "generator loss" the generator's, in nats; neither says how good pictures are. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("loss", discriminatorStep(batch, random));
    metrics.put("generator loss", generatorStep(batch.count(), random));
    return metrics;
  }

  /** Moves the discriminator; its loss. */
  public double discriminatorStep(Batch batch, Generator random) {
    try (Scope scope = Scope.open()) {
      Tensor real = batch.inputs(-1, 1).reshape(Shapes.with(batch.count(), shape));
      Tensor z = nets.codes(batch.count(), random);
      return descend(Adversaries.DISCRIMINATOR, tape -> nets.discriminatorLoss(tape, real, z, sure));
    }
  }

  /** Moves the generator; its loss. */
  public double generatorStep(int count, Generator random) {
    try (Scope scope = Scope.open()) {
      Tensor z = nets.codes(count, random);
      return descend(Adversaries.GENERATOR, tape -> nets.generatorLoss(tape, z));
    }
  }

  private double descend(String which, Function<Tape, Value> loss) {
    double value;
    try (Tape tape = Tape.open()) {
      Value l = loss.apply(tape);
      tape.backward(l, nets.trained(which));
      value = l.item();
    }
    optimizer.step();
    parameters().clearGradients();
    return value;
  }

  /** Nothing: no likelihood is known. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    return Map.of();
  }

  @Override
  public Tensor sample(int count, Generator random) {
    Tensor all = Tensor.empty(nets.device(), Shapes.with(count, form.shape()));
    for (int from = 0; from < count; from += ROWS) {
      int n = Math.min(ROWS, count - from);
      try (Scope scope = Scope.open()) {
        Tensor y = nets.pictures(nets.codes(n, random), drawn).reshape(Shapes.with(n, form.shape()));
        all.slice(0, from, from + n).assign(Elementwise.apply(Op.SHIFT, Elementwise.scale(y, 0.5), null, 0.5));
      }
    }
    return all;
  }
}
