package org.ondol.models.recipes;

import java.util.List;
import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.grad.Sgd;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Units;
import org.ondol.models.segmentation.Fcn;
import org.ondol.models.segmentation.FcnSegmenter;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** Fully convolutional networks upon a trunk, trained whole ("all at once"). */
final class FcnRecipe implements Recipe {
  @Override
  public String title() {
    return "fcn";
  }

  @Override
  public String summary() {
    return "FCN upon a trunk, a class for each pixel of a photograph";
  }

  @Override
  public Settings settings() {
    return Pixelwise.settings(Trunks.setting(Rates.setting(Settings.training(40, 4, 0.001), "cosine")
        .choice("stride", "8", List.of("32", "16", "8"), "FCN-32s, 16s or 8s"))
        .number("trunk-rate", 0.2, 0, 1, "part of the rate at which a trained trunk learns")
        .choice("optimizer", "adam", List.of("adam", "sgd"), "how to move")
        .number("momentum", 0.9, 0, 0.9999, "of sgd")
        .number("decay", 0, 0, 1, "of the weights")
        .whole("hidden", 256, 1, 4096, "channels of fc6 and fc7"));
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    long[] p = Pixelwise.picture(form);
    try (Assembly parts = new Assembly()) {
      Parameters parameters = parts.add(new Parameters());
      Units units = Units.of(parameters, "", device, random);
      int stride = Integer.parseInt(s.choice("stride"));
      Fcn model = new Fcn(Trunks.of(s, form, units),
          new Fcn.Sizes(form.classes().size(), stride, s.whole("hidden"), 3), units);
      Optimizer optimizer = parts.add(optimizer(s, parameters, Rates.of(s, form)));
      if (Trunks.trained(s)) optimizer.scale(Trunks.own(units), s.number("trunk-rate"));
      FcnSegmenter segmenter = new FcnSegmenter(model, form.classes(), (int) Math.max(p[1], p[2]));
      return parts.done(Pixelwise.experiment(segmenter, optimizer, s));
    }
  }

  private static Optimizer optimizer(Settings s, Parameters parameters, Schedule rate) {
    double decay = s.number("decay");
    if (s.choice("optimizer").equals("adam")) return new Adam(parameters, rate, Adam.Options.ADAM.decay(decay));
    return new Sgd(parameters, rate, Sgd.Options.PLAIN.momentum(s.number("momentum")).decay(decay));
  }
}
