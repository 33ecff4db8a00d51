package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.data.Size;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Units;
import org.ondol.models.proposals.SelectiveSearch;
import org.ondol.models.trunks.Trunk;
import org.ondol.ops.Elementwise;

/**
 * A detector of proposed regions that are described by a trunk's features and told apart by support vector machines: what
 * {@link Rcnn} and {@link SppNet} share. They differ in how a region becomes a row of features. Pictures are stretched to
 * one size, and regions come from selective search.
 */
public abstract class RegionFeatures implements RegionBased {
  /**
   * What it is made of.
   *
   * @param trunk with its parameters among those of the units
   * @param units make the other parameters
   * @param classes names, without background
   * @param input the size at which pictures are looked at
   * @param search how regions are proposed
   * @param proposals regions of a picture at most, the most promising ones
   * @param overlap an IoU above which the less likely of two boxes of a class is dropped; 0.3 in both papers
   */
  public record Parts(Trunk trunk, Units units, List<String> classes, Size input, SelectiveSearch.Options search,
      int proposals, double overlap) {
    public Parts {
      if (trunk == null) throw new InvalidArgumentException("trunk", "null", "a trunk");
      if (units == null) throw new InvalidArgumentException("units", "null", "a maker of units");
      if (input == null) throw new InvalidArgumentException("input", "null", "a size");
      if (search == null) throw new InvalidArgumentException("search", "null", "a value");
      if (proposals < 1) throw new InvalidArgumentException("proposals", proposals, "at least 1");
      classes = List.copyOf(classes);
      if (classes.isEmpty()) throw new InvalidArgumentException("classes", "empty", "one name or more");
    }
  }

  private final Parts parts;
  private final int[] levels;
  private final RegionClassifier classifier;
  private final Inference inference = new Inference();

  /** @param levels of the pyramid of grids whose bins' greatest elements are the features */
  RegionFeatures(Parts parts, int... levels) {
    this.parts = parts;
    this.levels = levels.clone();
    long bins = 0;
    for (int n : levels) {
      if (n < 1 || n > 16) throw new InvalidArgumentException("levels", n, "1 to 16");
      bins += (long) n * n;
    }
    int size = Math.toIntExact(bins * parts.trunk.stages().getLast().channels());
    classifier = new RegionClassifier(parts.units.under("regions"), size, parts.classes.size(), parts.overlap);
    for (Parameter p : parts.units.parameters()) p.freeze(); // none of them is moved by a gradient
  }

  /**
   * The features of regions.
   *
   * @param image [1, 3, H, W] as the trunk takes it
   * @param boxes of regions, x1, y1, x2, y2 one after the other, in its pixels
   * @return [R, size], a tensor of the current scope
   */
  abstract Tensor features(Tensor image, float[] boxes);

  /** The same of a picture of the size at which pictures are looked at. */
  public Tensor features(Picture picture, float[] boxes) {
    try (Scope scope = Scope.open()) {
      Tensor rgb = Elementwise.scale(picture.tensor(device()), 1.0 / 255);
      return scope.keep(features(parts.trunk.preprocess(rgb), boxes));
    }
  }

  /** The trunk's last map of images. */
  Tensor map(Tensor images) {
    return inference.maps(parts.trunk::maps, images).getLast();
  }

  int[] levels() {
    return levels.clone();
  }

  Trunk trunk() {
    return parts.trunk;
  }

  RegionClassifier classifier() {
    return classifier;
  }

  /** Values of a row of features. */
  public int size() {
    return classifier.size();
  }

  /** Whether it has begun to learn. */
  public boolean trained() {
    return classifier.scale() != 0;
  }

  @Override
  public float[] propose(Picture picture) {
    try (Scope scope = Scope.open()) {
      Tensor pixels = picture.tensor(Device.of("java")).select(0, 0);
      return SelectiveSearch.propose(pixels, parts.search).first(parts.proposals).toTensor(Device.of("java")).toFloats();
    }
  }

  @Override
  public List<Detection> detect(Picture picture, float[] boxes) {
    if (boxes.length == 0) return new ArrayList<>();
    try (Scope scope = Scope.open()) {
      return classifier.detections(features(picture, boxes), boxes, picture.width(), picture.height());
    }
  }

  @Override
  public Picture resized(Picture picture) {
    if (picture == null) throw new InvalidArgumentException("picture", "null", "a value");
    return RegionBased.super.resized(picture);
  }

  @Override
  public Size input() {
    return parts.input;
  }

  @Override
  public List<String> classes() {
    return parts.classes;
  }

  /** The border between a class and background. */
  @Override
  public double threshold() {
    return 0.5;
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
