package org.ondol.models.recipes;

import java.util.List;
import org.ondol.grad.Optimizer;
import org.ondol.models.data.DataException;
import org.ondol.models.segmentation.PixelClassifier;
import org.ondol.models.segmentation.Views;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Settings;

/** What recipes of segmenters have in common. */
final class Pixelwise {
  private Pixelwise() {}

  /** How pictures are varied and pixels counted. */
  static Settings settings(Settings s) {
    return s.choice("flips", "yes", List.of("yes", "no"), "whether pictures are mirrored at random")
        .number("scale", 1.4, 1, 4, "largest factor by which pictures are enlarged or reduced at random")
        .choice("balance", "no", List.of("no", "yes"), "whether rare classes count more");
  }

  /**
   * Channels, rows and columns of pictures with label maps.
   *
   * @throws DataException if the examples are none
   */
  static long[] picture(Form form) {
    long[] p = form.picture();
    if (p[0] != 3 || form.levels() != 256) throw new DataException("examples are no pictures of 3 colours and 256 levels");
    if (form.classes().size() < 2) throw new DataException("examples have no label maps of two classes or more");
    return p;
  }

  static Experiment experiment(PixelClassifier model, Optimizer optimizer, Settings s) {
    Views views = new Views(s.choice("flips").equals("yes"), s.number("scale"));
    return new Segmentation(model, optimizer, views, s.choice("balance").equals("yes"));
  }
}
