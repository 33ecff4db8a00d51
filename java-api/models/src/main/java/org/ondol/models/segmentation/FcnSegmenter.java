package org.ondol.models.segmentation;

import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Statistics;
import org.ondol.ops.Elementwise;

/**
 * A fully convolutional network in use.
 *
 * @param model is closed with it
 * @param classes their names, in the order of its scores
 * @param side of the longer side of the pictures that it was trained with
 */
public record FcnSegmenter(Fcn model, List<String> classes, int side) implements PixelClassifier {
  public FcnSegmenter {
    if (model == null) throw new InvalidArgumentException("model", "null", "a network");
    if (classes == null || classes.size() != model.sizes().classes()) {
      throw new InvalidArgumentException("classes", classes, "names of " + model.sizes().classes() + " classes");
    }
    if (side < 1) throw new InvalidArgumentException("side", side, "at least 1");
    classes = List.copyOf(classes);
  }

  @Override
  public int[] colours() {
    return Colours.of(classes);
  }

  @Override
  public Device device() {
    return model.device();
  }

  @Override
  public Parameters parameters() {
    return model.parameters();
  }

  @Override
  public Value logits(Tape tape, Tensor rgb, Statistics statistics) {
    return model.logits(tape, rgb, statistics);
  }

  @Override
  public byte[] segment(Picture picture) {
    try (Scope scope = Scope.open()) {
      return LabelMaps.best(model.scores(Elementwise.scale(picture.tensor(device()), 1.0 / 255)), picture.height(),
          picture.width());
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
