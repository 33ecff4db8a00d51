package org.ondol.models.recipes;

import org.ondol.Device;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.models.data.Size;
import org.ondol.models.detection.YoloV1;
import org.ondol.models.images.Augmentation;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Units;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** YOLO's first version upon a trunk. */
final class YoloRecipe implements Recipe {
  /** Steps in which the rate rises, a share of all. */
  private static final double WARM_UP = 0.05;

  @Override
  public String title() {
    return "yolo";
  }

  @Override
  public String summary() {
    return "YOLO's first version: boxes from one look at a photograph";
  }

  @Override
  public Settings settings() {
    Settings s = Rates.setting(Settings.training(60, 8, 0.001), "cosine")
        .whole("grid", 7, 1, 64, "cells along each side")
        .whole("boxes", 2, 1, 16, "of a cell")
        .whole("hidden", 0, 0, 1 << 16, "units of products over all cells, 4096 in the paper; 0: convolutions instead")
        .number("trunk-rate", 0.2, 0, 1, "part of the rate at which a trained trunk learns")
        .number("vary", 1, 0, 1, "how much the pictures are varied; 0: not at all");
    return Trunks.setting(s);
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    Size input = Trunks.photographs(form);
    YoloV1.Options paper = YoloV1.Options.paper(form.classes().size());
    YoloV1.Options options = new YoloV1.Options(s.whole("grid"), s.whole("boxes"), paper.classes(), paper.coordinates(),
        paper.noObject());
    try (Assembly parts = new Assembly()) {
      Units units = Units.of(parts.add(new Parameters()), "", device, random);
      YoloV1 model = new YoloV1(Trunks.of(s, form, units), units, form.classes(), input, options, s.whole("hidden"));
      Schedule rate = Schedule.warmUp(Math.max(1, (long) (WARM_UP * form.steps())), Rates.of(s, form));
      Adam adam = parts.add(new Adam(model.parameters(), rate, Adam.Options.ADAM));
      if (!s.text("trunk").isEmpty()) adam.scale(units.under("trunk").own(), s.number("trunk-rate"));
      return parts.done(new YoloTraining(model, adam, variation(s.number("vary"))));
    }
  }

  /** The paper's: scaled and moved by up to a fifth, exposure and saturation changed; and mirrored. */
  private static Augmentation variation(double strength) {
    if (strength == 0) return Augmentation.NONE;
    return Augmentation.NONE.flipped(0.5).scaled(1 - 0.2 * strength, 1 + 0.2 * strength, 1 + 0.1 * strength)
        .coloured(0.2 * strength, 0.2 * strength, 0.2 * strength);
  }
}
