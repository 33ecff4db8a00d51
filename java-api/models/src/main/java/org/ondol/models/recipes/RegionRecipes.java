package org.ondol.models.recipes;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.models.data.Size;
import org.ondol.models.detection.LinearSvm;
import org.ondol.models.detection.Rcnn;
import org.ondol.models.detection.RegionFeatures;
import org.ondol.models.detection.RegionLearner;
import org.ondol.models.detection.SppNet;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Units;
import org.ondol.models.proposals.SelectiveSearch;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** The detectors of proposed regions whose classifiers are support vector machines. */
enum RegionRecipes implements Recipe {
  RCNN("rcnn", "R-CNN: each proposed region is looked at on its own") {
    @Override
    public Settings settings() {
      return common(Settings.passes(1, 1)).whole("side", 64, 32, 1024, "of the crops that regions are warped to");
    }

    @Override
    RegionFeatures model(RegionFeatures.Parts parts, Settings s) {
      return new Rcnn(parts, s.whole("side"), levels(s));
    }
  },

  SPPNET("sppnet", "SPPNet: regions are pooled from maps of the whole photograph") {
    @Override
    public Settings settings() {
      return common(Settings.passes(1, 1))
          .text("scales", "480,864", "lengths of the shorter side at which photographs are looked at");
    }

    @Override
    RegionFeatures model(RegionFeatures.Parts parts, Settings s) {
      return new SppNet(parts, Arrays.stream(numbers(s, "scales")).boxed().toList(), levels(s));
    }
  };

  private final String title;
  private final String summary;

  RegionRecipes(String title, String summary) {
    this.title = title;
    this.summary = summary;
  }

  abstract RegionFeatures model(RegionFeatures.Parts parts, Settings s);

  private static Settings common(Settings s) {
    return Trunks.setting(s.whole("proposals", 2000, 1, 100_000, "regions of a photograph at most")
        .text("segments", "20,50", "of selective search: the larger, the larger its first regions")
        .whole("least", 0, 0, 10_000,
            "pixels below which regions are left out; 0: a 25th of the longer side, at most 20")
        .number("overlap", 0.3, 0, 1, "of two boxes of a class, above which one is dropped")
        .number("cost", LinearSvm.Options.RCNN.cost(), 1e-9, 1e9,
            "of a negative example beyond its margin; a positive one costs twice")
        .text("levels", "1,3", "rows of each grid that regions are divided into"));
  }

  /** Two colour spaces, two similarities. */
  private static SelectiveSearch.Options search(Settings s, Size input) {
    int least = s.whole("least");
    if (least == 0) least = Math.clamp(Math.max(input.width(), input.height()) / 25, 4, 20);
    return SelectiveSearch.Options.fast().minSide(least)
        .scales(Arrays.stream(numbers(s, "segments")).mapToObj(n -> (double) n).toArray(Double[]::new));
  }

  private static int[] levels(Settings s) {
    return numbers(s, "levels");
  }

  private static int[] numbers(Settings s, String name) {
    try {
      return Arrays.stream(s.text(name).split(",")).mapToInt(Integer::parseInt).toArray();
    } catch (NumberFormatException e) {
      throw new InvalidArgumentException(name, s.text(name), "whole numbers with commas between them");
    }
  }

  @Override
  public String title() {
    return title;
  }

  @Override
  public String summary() {
    return summary;
  }

  @Override
  public Experiment create(Device device, Form form, Settings s, Generator random) {
    try (Assembly parts = new Assembly()) {
      Units units = Units.of(parts.add(new Parameters()), "", device, random);
      Size input = Trunks.photographs(form);
      RegionFeatures model = model(new RegionFeatures.Parts(Trunks.of(s, form, units), units, form.classes(), input,
          search(s, input), s.whole("proposals"), s.number("overlap")), s);
      return parts.done(new RegionTraining(model, RegionLearner.Options.RCNN.cost(s.number("cost")), form.steps()));
    }
  }
}
