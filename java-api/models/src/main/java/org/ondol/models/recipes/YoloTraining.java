package org.ondol.models.recipes;

import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.YoloV1;
import org.ondol.models.evaluation.AveragePrecision;
import org.ondol.models.images.Augmentation;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;
import org.ondol.models.training.Experiment;

/** YOLO, trained by its loss on varied pictures. */
public final class YoloTraining implements Experiment, Detecting {
  /** Of gradients: the loss of the first steps is that of a network that knows nothing. */
  private static final double CLIP = 10;

  private final YoloV1 model;
  private final Optimizer optimizer;
  private final Augmentation variation;

  YoloTraining(YoloV1 model, Optimizer optimizer, Augmentation variation) {
    this.model = model;
    this.optimizer = optimizer;
    this.variation = variation;
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

  /** "loss" is equation 3 of the paper, the mean over pictures. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Batch varied = variation.equals(Augmentation.NONE) ? batch : variation.apply(batch, random);
    List<List<LabelledBox>> truths = varied.boxes().stream().map(this::inUnits).toList();
    Tensor image = model.trunk().preprocess(varied.inputs());
    return Map.of("loss", Experiment.descend(this, random, CLIP, tape -> {
      Net.OnTape net = new Net.OnTape(tape, Statistics.MOVING);
      return YoloV1.loss(model.options(), model.predictions(net, tape.constant(image)), truths);
    }));
  }

  private List<LabelledBox> inUnits(List<LabelledBox> boxes) {
    double x = 1.0 / model.input().width();
    double y = 1.0 / model.input().height();
    return boxes.stream().map(b -> b.scaled(x, y)).toList();
  }

  /** "error", 1 - mAP; "mAP@0.5"; and the average precision of each class. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    return AveragePrecision.report(model, examples);
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
