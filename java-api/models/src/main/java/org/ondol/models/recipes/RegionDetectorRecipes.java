package org.ondol.models.recipes;

import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.models.data.Size;
import org.ondol.models.detection.FastRcnn;
import org.ondol.models.detection.FasterRcnn;
import org.ondol.models.detection.RegionDetector;
import org.ondol.models.detection.RegionHead;
import org.ondol.models.detection.RegionProposals;
import org.ondol.models.detection.RegionTargets;
import org.ondol.models.images.Augmentation;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Units;
import org.ondol.models.proposals.SelectiveSearch;
import org.ondol.models.training.Experiment;
import org.ondol.models.training.Form;
import org.ondol.models.training.Recipe;
import org.ondol.models.training.Settings;

/** The detectors whose network classifies regions and moves them, trained at once. */
enum RegionDetectorRecipes implements Recipe {
  FAST("fast-rcnn", "Fast R-CNN: proposals of selective search are classified and moved by one network") {
    @Override
    public Settings settings() {
      return common(Settings.training(20, 2, 0.001))
          .whole("proposals", 2000, 1, 100_000, "regions of a photograph at most")
          .text("scales", "25,50,100,200", "of selective search's first regions")
          .whole("side", 8, 1, 10_000, "regions less wide or high are left out, in pixels");
    }

    @Override
    RegionDetector model(RegionDetector.Parts parts, Settings s) {
      SelectiveSearch.Options search = SelectiveSearch.Options.fast()
          .scales(numbers(s, "scales").toArray(Double[]::new)).minSide(s.whole("side"));
      return new FastRcnn(parts, new FastRcnn.Options(s.whole("joined"), head(s),
          RegionTargets.Options.FAST_RCNN.count(s.whole("regions")), choice(s), search, s.whole("proposals")));
    }
  },

  FASTER("faster-rcnn", "Faster R-CNN: the network proposes its regions itself") {
    @Override
    public Settings settings() {
      return common(Settings.training(20, 2, 0.001))
          .text("anchors", "0.1,0.2,0.4", "their sizes as parts of a photograph's shorter side")
          .text("ratios", "0.5,1,2", "of the anchors' heights to their widths")
          .number("border", 0, 0, 10_000, "pixels by which anchors may reach beyond a photograph and be learnt from")
          .whole("sampled", 256, 1, 100_000, "anchors of a photograph that are learnt from")
          .whole("proposals", 300, 1, 100_000, "regions of a photograph at most");
    }

    @Override
    RegionDetector model(RegionDetector.Parts parts, Settings s) {
      double side = Math.min(parts.input().width(), parts.input().height());
      RegionProposals.Options rpn =
          new RegionProposals.Options(numbers(s, "anchors").stream().map(a -> a * side).toList(), numbers(s, "ratios"),
              s.whole("hidden"), s.whole("sampled"), LAMBDA, s.number("border"));
      int proposals = s.whole("proposals");
      return new FasterRcnn(parts, new FasterRcnn.Options(s.whole("joined"), rpn, BEFORE * proposals,
          LEARNING * proposals, proposals, head(s),
          RegionTargets.Options.FASTER_RCNN.count(s.whole("regions")), choice(s)));
    }
  };

  /** Steps in which the rate rises, a share of all. */
  private static final double WARM_UP = 0.02;
  /** Of the paper, the weight of anchors' boxes. */
  private static final double LAMBDA = 10;
  /** So many times the proposals go into the suppression, and so many times are sampled from in training. */
  private static final int BEFORE = 10;
  private static final int LEARNING = 2;
  /** Boxes with lower scores are not worth a look. */
  private static final double LEAST = 0.01;

  private final String title;
  private final String summary;

  RegionDetectorRecipes(String title, String summary) {
    this.title = title;
    this.summary = summary;
  }

  abstract RegionDetector model(RegionDetector.Parts parts, Settings s);

  private static Settings common(Settings s) {
    return Trunks.setting(Rates.setting(s, "cosine")
        .number("trunk-rate", 0.5, 0, 1, "part of the rate at which a trained trunk learns")
        .number("vary", 1, 0, 1, "how much pictures are scaled and coloured; 0: they are only mirrored")
        .whole("joined", 128, 0, 4096, "channels of the trunk's two last maps joined; 0: the last one alone")
        .choice("pooling", "roipool", List.of("roipool", "roialign"), "of regions")
        .whole("hidden", 256, 1, 8192, "units of the layers that see a region")
        .number("dropout", 0, 0, 0.99, "of these")
        .whole("regions", 64, 1, 100_000, "of a photograph that are learnt from")
        .number("overlap", 0.4, 0, 1, "of two boxes of a class, above which one is dropped")
        .whole("most", 100, 1, 100_000, "objects that are found in a photograph"));
  }

  private static List<Double> numbers(Settings s, String name) {
    try {
      return Arrays.stream(s.text(name).split(",")).map(Double::valueOf).toList();
    } catch (NumberFormatException e) {
      throw new InvalidArgumentException(name, s.text(name), "numbers with commas between them");
    }
  }

  private static RegionHead.Options head(Settings s) {
    RegionHead.Pooling pooling =
        s.choice("pooling").equals("roialign") ? RegionHead.Pooling.ROIALIGN : RegionHead.Pooling.ROIPOOL;
    return new RegionHead.Options(pooling, 7, s.whole("hidden"), s.number("dropout"));
  }

  private static RegionHead.Choice choice(Settings s) {
    return new RegionHead.Choice(LEAST, s.number("overlap"), s.whole("most"));
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
    Size input = Trunks.photographs(form);
    try (Assembly parts = new Assembly()) {
      Units units = Units.of(parts.add(new Parameters()), "", device, random);
      RegionDetector model =
          model(new RegionDetector.Parts(Trunks.of(s, form, units), units, form.classes(), input), s);
      Schedule rate = Schedule.warmUp(Math.max(1, (long) (WARM_UP * form.steps())), Rates.of(s, form));
      Adam adam = parts.add(new Adam(model.parameters(), rate, Adam.Options.ADAM));
      if (Trunks.trained(s)) adam.scale(Trunks.own(units), s.number("trunk-rate"));
      return parts.done(new RegionDetectorTraining(model, adam, variation(s.number("vary"))));
    }
  }

  /** Mirrored at random as in the paper, and scaled by up to a fifth, in other light. */
  private static Augmentation variation(double strength) {
    Augmentation mirrored = Augmentation.NONE.flipped(0.5);
    if (strength == 0) return mirrored;
    return mirrored.scaled(1 - 0.2 * strength, 1 + 0.2 * strength, 1 + 0.1 * strength)
        .coloured(0.2 * strength, 0.2 * strength, 0.2 * strength);
  }
}
