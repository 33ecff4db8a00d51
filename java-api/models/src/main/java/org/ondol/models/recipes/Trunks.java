package org.ondol.models.recipes;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.ondol.grad.Parameter;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Size;
import org.ondol.models.layers.Units;
import org.ondol.models.training.Form;
import org.ondol.models.training.Settings;
import org.ondol.models.trunks.SqueezeNet;
import org.ondol.models.trunks.Trunk;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.Weights;

/** The trunk of a model that looks at photographs, as a setting: where its first values come from. */
final class Trunks {
  private static final String SETTING = "trunk";
  private static final String PREFIX = "trunk";

  private Trunks() {}

  static Settings setting(Settings s) {
    return s.text(SETTING, "", "file with weights of SqueezeNet, or a checkpoint of a model upon it; empty: random values");
  }

  /**
   * A SqueezeNet among the units of a model. Its weights are read where a run begins: a checkpoint has its own.
   *
   * @param units of the whole model
   */
  static Trunk of(Settings s, Form form, Units units) {
    Units own = units.under(PREFIX);
    SqueezeNet trunk = new SqueezeNet(own, 0);
    String file = s.text(SETTING);
    if (file.isEmpty() || form.steps() == 0) return trunk;
    try (SafeTensors weights = SafeTensors.open(Path.of(file))) {
      boolean whole = weights.has(PREFIX + ".conv1.weight");
      Weights named = whole ? (name, device, shape) -> weights.tensor(PREFIX + "." + name, device, shape) : weights;
      own.load(named);
    }
    return trunk;
  }

  /** The parameters of a model's trunk. */
  static List<Parameter> own(Units units) {
    return units.under(PREFIX).own();
  }

  /** The size of photographs with named objects; refuses all else. */
  static Size photographs(Form form) {
    long[] shape = form.picture();
    if (shape[0] != 3 || form.levels() != 256) {
      throw new DataException("examples are " + Arrays.toString(shape) + " of " + form.levels()
          + " levels, expected photographs [3, H, W] of 256");
    }
    if (Math.min(shape[1], shape[2]) < 32) {
      throw new DataException("examples are " + shape[2] + " x " + shape[1] + ", expected at least 32 x 32");
    }
    if (form.classes().isEmpty()) throw new DataException("the examples have no named classes, expected boxes of some");
    return new Size((int) shape[2], (int) shape[1]);
  }
}
