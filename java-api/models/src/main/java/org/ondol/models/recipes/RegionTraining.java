package org.ondol.models.recipes;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.grad.Sgd;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Examples;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.RegionFeatures;
import org.ondol.models.detection.RegionLearner;
import org.ondol.models.evaluation.AveragePrecision;
import org.ondol.models.training.Experiment;

/**
 * R-CNN or SPPNet: a step learns from its pictures, and the last step of the run solves for all of them. What was learnt
 * from lies in memory and not in checkpoints, so that a run that was stopped has to begin anew.
 */
public final class RegionTraining implements Experiment, Detecting {
  private final RegionFeatures model;
  private final RegionLearner learner;
  private final Optimizer optimizer;
  private final long steps;
  private long step;

  /** @param steps of the run, after the last of which everything is solved for; 0 where there will be none */
  RegionTraining(RegionFeatures model, RegionLearner.Options options, long steps) {
    this.model = model;
    this.steps = steps;
    learner = new RegionLearner(model, options);
    optimizer = new Sgd(model.parameters(), Schedule.constant(0), Sgd.Options.PLAIN);
  }

  @Override
  public Detector detector() {
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

  /**
   * "loss" is what the machines minimise, an example, at their last training; "negatives" how many negative examples they
   * keep.
   */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    if (!learner.begun() && model.trained()) {
      throw new DataException("this run was stopped, and what its machines had learnt from is gone: begin it anew");
    }
    double loss = 0;
    for (int i = 0; i < batch.count(); i++) {
      loss = learner.learn(batch.picture(i), batch.boxes().get(i), random);
    }
    if (++step == steps) loss = learner.finish(random);
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("loss", loss);
    metrics.put("negatives", (double) learner.negatives());
    return metrics;
  }

  /** "error", 1 - mAP; "mAP@0.5"; and the average precision of each class. Nothing before the last step. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    return steps > 0 && step < steps ? Map.of() : AveragePrecision.report(model, examples);
  }

  /** No pictures: it only looks at them. */
  @Override
  public Tensor sample(int count, Generator random) {
    return null;
  }

  @Override
  public void close() {
    optimizer.close();
    model.close();
  }
}
