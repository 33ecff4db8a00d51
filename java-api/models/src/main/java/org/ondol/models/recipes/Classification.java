package org.ondol.models.recipes;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Losses;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.models.LeNet;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Examples;
import org.ondol.models.training.Experiment;

/** A classifier trained by the likelihood of labels. */
public final class Classification implements Experiment {
  private static final int ROWS = 200;

  private final LeNet model;
  private final Optimizer optimizer;

  Classification(LeNet model, Optimizer optimizer) {
    this.model = model;
    this.optimizer = optimizer;
  }

  @Override
  public Parameters parameters() {
    return model.parameters();
  }

  @Override
  public Optimizer optimizer() {
    return optimizer;
  }

  /** "loss" is -ln p(label) in nats. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Tensor x = batch.inputs();
    Tensor labels = batch.labels();
    return Map.of("loss", Experiment.descend(this, random, Double.POSITIVE_INFINITY,
        tape -> Losses.softmax(model.logits(tape, x), labels, 1, Reduction.MEAN)));
  }

  /** "error", the share that is put in a wrong class, "accuracy", the rest, and "nll" of the labels in nats. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    int wrong = 0;
    double nll = 0;
    for (int from = 0; from < examples.count(); from += ROWS) {
      int[] numbers = Shapes.numbers(from, Math.min(ROWS, examples.count() - from));
      try (Scope scope = Scope.open()) {
        float[] p = model.probabilities(examples.batch(model.device(), numbers).inputs()).toFloats();
        for (int i = 0; i < numbers.length; i++) {
          int label = examples.label(numbers[i]);
          if (label >= model.classes()) {
            throw new DataException(examples.name() + " has label " + label + ", the model has " + model.classes()
                + " classes");
          }
          nll -= Math.log(Math.max(p[i * model.classes() + label], Float.MIN_NORMAL));
          if (best(p, i, model.classes()) != label) wrong++;
        }
      }
    }
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("error", (double) wrong / examples.count());
    figures.put("accuracy", 1 - (double) wrong / examples.count());
    figures.put("nll", nll / examples.count());
    return figures;
  }

  private static int best(float[] p, int row, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++) if (p[row * classes + c] > p[row * classes + best]) best = c;
    return best;
  }

  /**
   * What this classifier sees in pictures that a model makes: the share of which it is "sure" to a given probability,
   * and for each class the share of pictures in it, "class 0" and so on.
   *
   * @param count pictures to judge
   * @param sure the least probability of the likeliest class
   */
  public Map<String, Double> judge(Experiment maker, int count, double sure, Generator random) {
    if (count < 1) throw new InvalidArgumentException("count", count, "at least 1");
    int[] classes = new int[model.classes()];
    int certain = 0;
    for (int from = 0; from < count; from += ROWS) {
      int n = Math.min(ROWS, count - from);
      try (Scope scope = Scope.open()) {
        Tensor pictures = maker.sample(n, random);
        if (pictures == null) throw new InvalidArgumentException("maker", maker, "a model that makes pictures");
        float[] p = model.probabilities(pictures).toFloats();
        for (int i = 0; i < n; i++) {
          int best = best(p, i, classes.length);
          classes[best]++;
          if (p[i * classes.length + best] >= sure) certain++;
        }
      }
    }
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("sure", (double) certain / count);
    for (int c = 0; c < classes.length; c++) figures.put("class " + c, (double) classes[c] / count);
    return figures;
  }

  /** No pictures: it only judges them. */
  @Override
  public Tensor sample(int count, Generator random) {
    return null;
  }
}
