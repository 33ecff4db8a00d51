package org.ondol.models.segmentation;

import org.ondol.Tensor;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Statistics;

/** A segmenter that can be trained. */
public interface PixelClassifier extends Segmenter {
  Parameters parameters();

  /**
   * The scores of classes before the softmax, [N, classes, H, W].
   *
   * @param rgb [N, 3, H, W] of 0 to 1, red first
   * @param statistics {@link Statistics#MOVING} for training, with dropout; {@link Statistics#RUNNING} for measuring
   */
  Value logits(Tape tape, Tensor rgb, Statistics statistics);
}
