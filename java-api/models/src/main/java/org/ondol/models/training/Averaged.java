package org.ondol.models.training;

import java.util.Map;
import java.util.function.Supplier;
import org.ondol.Tensor;
import org.ondol.grad.Average;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;

/** An experiment that is trained as it is and measured, and shown, with the averages of its parameters. */
final class Averaged implements Experiment {
  private final Experiment experiment;
  private final Average average;

  /** Takes the experiment over. */
  Averaged(Experiment experiment, double decay) {
    this.experiment = experiment;
    average = new Average(experiment.parameters(), decay);
  }

  @Override
  public Parameters parameters() {
    return experiment.parameters();
  }

  @Override
  public Optimizer optimizer() {
    return experiment.optimizer();
  }

  @Override
  public Average average() {
    return average;
  }

  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Map<String, Double> metrics = experiment.step(batch, random);
    average.update();
    return metrics;
  }

  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    return held(() -> experiment.evaluate(examples, random));
  }

  @Override
  public Tensor sample(int count, Generator random) {
    return held(() -> experiment.sample(count, random));
  }

  @Override
  public Map<String, Tensor> pictures(Examples examples, Generator random) {
    return held(() -> experiment.pictures(examples, random));
  }

  private <T> T held(Supplier<T> what) {
    try (Average.Held held = average.hold()) {
      return what.get();
    }
  }

  @Override
  public void close() {
    average.close();
    experiment.close();
  }
}
