package org.ondol.models.recipes;

import java.util.Arrays;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Losses;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Value;
import org.ondol.models.data.Batch;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;
import org.ondol.models.layers.Statistics;
import org.ondol.models.segmentation.PixelClassifier;
import org.ondol.models.segmentation.Segmenter;
import org.ondol.models.segmentation.Views;
import org.ondol.models.training.Experiment;

/** A segmenter trained by the likelihood of each pixel's class; pixels that are ignored do not count. */
final class Segmentation implements Experiment, Segmenting {
  private final PixelClassifier model;
  private final Optimizer optimizer;
  private final Views views;
  private final boolean balanced;

  /** @param balanced whether each class counts by the reciprocal of its share in the batch */
  Segmentation(PixelClassifier model, Optimizer optimizer, Views views, boolean balanced) {
    this.model = model;
    this.optimizer = optimizer;
    this.views = views;
    this.balanced = balanced;
  }

  @Override
  public Parameters parameters() {
    return model.parameters();
  }

  @Override
  public Optimizer optimizer() {
    return optimizer;
  }

  @Override
  public Segmenter segmenter() {
    return model;
  }

  /** "loss" is -ln p(class of a pixel) in nats. */
  @Override
  public Map<String, Double> step(Batch batch, Generator random) {
    Batch seen = views.of(batch, random);
    Tensor rgb = seen.inputs();
    Tensor target = seen.maps();
    int ignored = ((Truth.Maps) seen.truth()).ignored();
    return Map.of("loss", Experiment.descend(this, random, Double.POSITIVE_INFINITY, tape -> {
      Value logits = model.logits(tape, rgb, Statistics.MOVING);
      if (!balanced) return Losses.softmax(logits, target, 1, ignored, Reduction.MEAN);
      Value losses = Losses.softmax(logits, target, 1, ignored, Reduction.NONE);
      return losses.mul(tape.constant(weights(target, ignored))).sum();
    }));
  }

  /** What each pixel counts: the same for each class that is there, and 1 in all. [N, H, W]. */
  private Tensor weights(Tensor target, int ignored) {
    long[] classes = target.toLongs();
    long[] count = new long[256];
    for (long c : classes) if (c != ignored) count[(int) c]++;
    long there = Arrays.stream(count).filter(n -> n > 0).count();
    float[] weights = new float[classes.length];
    for (int i = 0; i < weights.length; i++) {
      if (classes[i] != ignored) weights[i] = (float) (1.0 / there / count[(int) classes[i]]);
    }
    return Tensor.of(target.device(), weights, target.shape());
  }

  /** "error", 1 - "mean IoU", "mean IoU", "pixel accuracy", and the IoU of each class. */
  @Override
  public Map<String, Double> evaluate(Examples examples, Generator random) {
    return SegmenterFigures.of(model, examples);
  }

  /** No pictures from nothing. */
  @Override
  public Tensor sample(int count, Generator random) {
    return null;
  }

  /** "segmented": three examples, with their classes as the model sees them and as they are. */
  @Override
  public Map<String, Tensor> pictures(Examples examples, Generator random) {
    if (examples == null || !(examples.truth() instanceof Truth.Maps)) return Map.of();
    return Map.of("segmented", SegmenterFigures.show(model, examples, 3));
  }

  /** Frees model and optimiser. */
  @Override
  public void close() {
    optimizer.close();
    model.close();
  }
}
