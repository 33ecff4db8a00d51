package org.ondol.models.detection;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.data.Size;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;
import org.ondol.models.layers.Units;
import org.ondol.models.trunks.Trunk;
import org.ondol.ops.Elementwise;

/**
 * A detector that classifies regions of its trunk's map: what {@link FastRcnn} and {@link FasterRcnn} share. Pictures
 * are stretched to one size.
 */
public abstract class RegionDetector implements Detector {
  /**
   * What it is made of.
   *
   * @param trunk with its parameters among the units'
   * @param units make the other parameters
   * @param classes names, without background
   * @param input the size at which pictures are looked at
   */
  public record Parts(Trunk trunk, Units units, List<String> classes, Size input) {
    public Parts {
      if (trunk == null) throw new InvalidArgumentException("trunk", "null", "a trunk");
      if (units == null) throw new InvalidArgumentException("units", "null", "a maker of units");
      if (input == null) throw new InvalidArgumentException("input", "null", "a size");
      if (classes == null || classes.isEmpty()) {
        throw new InvalidArgumentException("classes", classes, "one name or more");
      }
      classes = List.copyOf(classes);
    }
  }

  private final Parts parts;
  private final RegionMap map;
  private final RegionHead head;
  private final RegionHead.Choice choice;
  private final Inference inference = new Inference();

  /** @param joined channels of a map of the trunk's two coarsest, or 0 for the coarsest one alone */
  RegionDetector(Parts parts, long joined, RegionHead.Options options, RegionHead.Choice choice) {
    if (parts == null) throw new InvalidArgumentException("parts", "null", "a value");
    if (joined < 0) throw new InvalidArgumentException("joined", joined, "at least 0");
    if (options == null) throw new InvalidArgumentException("head", "null", "options");
    if (choice == null) throw new InvalidArgumentException("choice", "null", "a value");
    this.parts = parts;
    this.choice = choice;
    map = new RegionMap(parts.units.under("map"), parts.trunk, joined);
    head = new RegionHead(parts.units.under("head"), map.channels(), parts.classes.size(), options);
  }

  RegionMap map() {
    return map;
  }

  RegionHead head() {
    return head;
  }

  // ---- what the two do differently

  /**
   * What a step of training makes less: losses by name, to be added up; none where there is nothing to learn from.
   *
   * @param rgb [N, 3, H, W] of 0 to 1
   * @param truths the objects of each image, in its pixels
   * @param proposals for each image [R, 4]; null for the network's own, through which no gradient passes
   * @param random chooses what is learnt from
   */
  public final Map<String, Value> losses(Tape tape, Tensor rgb, List<List<LabelledBox>> truths, List<Tensor> proposals,
      Generator random) {
    images(rgb, truths.size());
    for (List<LabelledBox> all : truths) {
      for (LabelledBox b : all) {
        if (b.label() >= parts.classes.size()) {
          throw new InvalidArgumentException("truths", "with label " + b.label(), "below " + parts.classes.size());
        }
      }
    }
    if (proposals != null && proposals.size() != truths.size()) {
      throw new InvalidArgumentException("proposals", "of " + proposals.size() + " images", "" + truths.size());
    }
    if (proposals != null) proposals.forEach(RegionDetector::boxes);
    Value x = map.run(new Net.OnTape(tape, Statistics.RUNNING), tape.constant(parts.trunk.preprocess(rgb)));
    return losses(x, cells(x.size(2), x.size(3), rgb), truths, proposals, random);
  }

  /** The same of a map, checked. */
  abstract Map<String, Value> losses(Value map, RegionMap.Cells cells, List<List<LabelledBox>> truths,
      List<Tensor> proposals, Generator random);

  /**
   * Proposals for a picture from elsewhere, best first: x1, y1, x2, y2 in its pixels one after the other; null where it makes
   * its own.
   */
  public abstract float[] propose(Picture picture);

  /** The regions of an image to look at, [R, 4] of the current scope, where none are given. */
  abstract Tensor regions(Inference inference, Tensor map, RegionMap.Cells cells);

  // ---- what they share

  private RegionMap.Cells cells(long rows, long columns, Tensor rgb) {
    return map.cells(rows, columns, rgb.size(2), rgb.size(3));
  }

  private static void images(Tensor rgb, int count) {
    if (rgb.rank() != 4 || rgb.size(0) != count || rgb.size(1) != 3) {
      throw new ShapeException("rgb", "of shape " + Arrays.toString(rgb.shape()), "[" + count + ", 3, H, W]");
    }
  }

  private static void boxes(Tensor proposals) {
    if (proposals.rank() != 2 || proposals.size(1) != 4) {
      throw new ShapeException("proposals", "of shape " + Arrays.toString(proposals.shape()), "[R, 4]");
    }
  }

  /**
   * What is found in one image, by falling score, in its pixels.
   *
   * @param rgb [1, 3, H, W] of 0 to 1
   * @param proposals [R, 4], or null for the network's own
   */
  public final List<Detection> detect(Tensor rgb, Tensor proposals) {
    images(rgb, 1);
    if (proposals != null) boxes(proposals);
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Tensor x = inference.map(map::run, parts.trunk.preprocess(rgb));
      RegionMap.Cells cells = cells(x.size(2), x.size(3), rgb);
      Tensor regions = proposals == null ? regions(inference, x, cells) : proposals;
      if (regions.size(0) == 0) return List.of();
      Tensor images = Tensor.of(device(), new int[(int) regions.size(0)], regions.size(0));
      Value features = tape.frozen(() -> head.features(tape.constant(x), cells, regions, images, false));
      return head.detections(head.scores(features), regions, cells.image(), choice);
    }
  }

  /**
   * What is found in a picture of the {@link #input} size, by falling score, in its pixels.
   *
   * @param regions as {@link #propose} gives them
   */
  public final List<Detection> detect(Picture picture, float[] regions) {
    if (picture == null) throw new InvalidArgumentException("picture", "null", "a value");
    if (regions != null && regions.length % 4 != 0) {
      throw new InvalidArgumentException("regions", "of " + regions.length + " numbers", "four for each");
    }
    try (Scope scope = Scope.open()) {
      Tensor rgb = Elementwise.scale(picture.tensor(device()), 1.0 / 255);
      return detect(rgb, regions == null ? null : Tensor.of(device(), regions, regions.length / 4, 4));
    }
  }

  @Override
  public List<Detection> detect(Picture picture) {
    if (picture == null) throw new InvalidArgumentException("picture", "null", "a value");
    Size input = parts.input;
    Picture seen = picture.resized(input.width(), input.height());
    double x = (double) picture.width() / input.width();
    double y = (double) picture.height() / input.height();
    return detect(seen, propose(seen)).stream().map(d -> d.scaled(x, y)).toList();
  }

  @Override
  public List<String> classes() {
    return parts.classes;
  }

  /** A class is likelier than all else. */
  @Override
  public double threshold() {
    return 0.5;
  }

  /** The size at which pictures are looked at. */
  public Size input() {
    return parts.input;
  }

  @Override
  public Device device() {
    return parts.trunk.device();
  }

  public Parameters parameters() {
    return parts.units.parameters();
  }

  @Override
  public void close() {
    inference.close();
    parameters().close();
  }
}
