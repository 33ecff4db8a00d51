package org.ondol.models.detection;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Inference;
import org.ondol.models.trunks.DarknetNet;
import org.ondol.models.weights.WeightsException;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Nms;

/**
 * YOLO as Darknet's descriptions tell it, versions 2 to 4 (J. Redmon and A. Farhadi, YOLO9000: Better, Faster, Stronger,
 * 2017, and YOLOv3: An Incremental Improvement, 2018): of each cell and anchor of a map
 *
 * <pre>
 * x = column + sigmoid(tx),  y = row + sigmoid(ty),  w = exp(tw) · anchor,  h = exp(th) · anchor,
 * score = sigmoid(to) · max over classes of p(class)
 * </pre>
 *
 * and then non-maximum suppression within each class. A picture is stretched to the network's size.
 */
public final class Yolo implements Detector {
  /** Scores that are reported unless told otherwise. */
  public static final double THRESHOLD = 0.3;
  /** Of two boxes of a class that overlap more, the better one stays. */
  public static final double OVERLAP = 0.45;

  private final DarknetNet net;
  private final List<String> classes;
  private final double threshold;
  private final List<YoloHead> heads;
  private final Inference inference = new Inference();

  /**
   * A detector of a network, which it owns.
   *
   * @param classes names, as many as the network's heads have
   * @param threshold scores are greater; 0 to below 1
   */
  public Yolo(DarknetNet net, List<String> classes, double threshold) {
    if (net == null) throw new InvalidArgumentException("net", "null", "a network");
    if (classes == null) throw new InvalidArgumentException("classes", "null", "names");
    if (!(threshold >= 0 && threshold < 1)) throw new InvalidArgumentException("threshold", threshold, "0 to below 1");
    this.net = net;
    this.classes = List.copyOf(classes);
    this.threshold = threshold;
    heads = net.heads().stream().map(YoloHead::of).toList();
    if (heads.isEmpty()) throw new InvalidArgumentException("net", "without [yolo] and [region]", "a network that detects");
    if (net.channels() != 3) throw new InvalidArgumentException("net", "of " + net.channels() + " channels", "3, red first");
    for (YoloHead head : heads) {
      if (head.classes() != classes.size()) {
        throw new InvalidArgumentException("classes", classes.size() + " names", head.classes() + ", the network's classes");
      }
    }
  }

  /**
   * A published detector.
   *
   * @param folder with its description (.cfg), its weights (.weights) and the names of its classes, a line each (.names)
   * @param threshold scores are greater; 0 to below 1
   * @throws WeightsException if a file is absent, damaged or does not fit the others
   */
  public static Yolo load(Path folder, Device device, double threshold) {
    if (folder == null) throw new InvalidArgumentException("folder", "null", "a path");
    try (Assembly parts = new Assembly()) {
      Path names = only(folder, ".names");
      DarknetNet net = parts.add(DarknetNet.load(only(folder, ".cfg"), only(folder, ".weights"), device));
      List<String> classes = Files.readAllLines(names).stream().map(String::strip).filter(l -> !l.isEmpty()).toList();
      int expected = net.heads().isEmpty() ? 0 : YoloHead.of(net.heads().getFirst()).classes();
      if (classes.size() != expected) {
        throw new WeightsException(names + " has " + classes.size() + " names; the network has " + expected + " classes");
      }
      return parts.done(new Yolo(net, classes, threshold));
    } catch (IOException e) {
      throw new WeightsException("cannot read " + folder + ": " + e, e);
    }
  }

  /** The only file of a kind in a folder. */
  private static Path only(Path folder, String ending) throws IOException {
    if (!Files.isDirectory(folder)) throw new WeightsException(folder + " is no folder");
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> found = files.filter(f -> f.getFileName().toString().endsWith(ending)).sorted().toList();
      if (found.size() == 1) return found.getFirst();
      throw new WeightsException(folder + " has " + (found.isEmpty() ? "no file *" : found.size() + " files *") + ending
          + "; expected one");
    }
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public double threshold() {
    return threshold;
  }

  @Override
  public Device device() {
    return net.device();
  }

  /** The network. */
  public DarknetNet net() {
    return net;
  }

  /** A picture as the network takes it: [1, 3, height, width] of 0 to 1, stretched. */
  public Tensor input(Picture picture) {
    if (picture == null) throw new InvalidArgumentException("picture", "null", "a picture");
    try (Scope scope = Scope.open()) {
      Tensor stretched = picture.resized((int) net.width(), (int) net.height()).tensor(device());
      return scope.keep(Elementwise.scale(stretched, 1.0 / 255));
    }
  }

  /** What the network says of an image [1, 3, H, W] of 0 to 1, before it is decoded: a map for each head. */
  public List<Tensor> maps(Tensor image) {
    return inference.maps(net::outputs, image);
  }

  @Override
  public List<Detection> detect(Picture picture) {
    try (Scope scope = Scope.open()) {
      Tensor image = input(picture);
      List<Tensor> maps = maps(image);
      List<YoloHead.Found> found = new ArrayList<>();
      for (int i = 0; i < maps.size(); i++) {
        found.addAll(heads.get(i).find(maps.get(i), net.width(), net.height(), threshold));
      }
      double x = (double) picture.width() / net.width();
      double y = (double) picture.height() / net.height();
      return suppressed(found).stream().map(f -> corners(f).scaled(x, y))
          .sorted(Comparator.comparing(Detection::score).reversed()).toList();
    }
  }

  private static Detection corners(YoloHead.Found f) {
    return new Detection(f.label(), f.score(), f.x() - f.width() / 2, f.y() - f.height() / 2, f.x() + f.width() / 2,
        f.y() + f.height() / 2);
  }

  /** Those that the better ones of their class leave. */
  private List<YoloHead.Found> suppressed(List<YoloHead.Found> all) {
    int n = all.size();
    if (n == 0) return List.of();
    List<Integer> labels = all.stream().map(YoloHead.Found::label).distinct().sorted().toList();
    float[] boxes = new float[4 * n];
    float[] scores = new float[labels.size() * n];
    Arrays.fill(scores, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i++) {
      YoloHead.Found f = all.get(i);
      boxes[4 * i] = f.x();
      boxes[4 * i + 1] = f.y();
      boxes[4 * i + 2] = f.width();
      boxes[4 * i + 3] = f.height();
      scores[labels.indexOf(f.label()) * n + i] = f.score();
    }
    Nms.Options options = Nms.Options.DEFAULT.format(Nms.Format.CENTER).iouAbove(OVERLAP).scoreThreshold(threshold);
    long[] rows = Nms.apply(Tensor.of(device(), boxes, 1, n, 4), Tensor.of(device(), scores, 1, labels.size(), n), options)
        .indices().toLongs();
    List<YoloHead.Found> kept = new ArrayList<>();
    for (int i = 2; i < rows.length; i += 3) kept.add(all.get((int) rows[i]));
    return kept;
  }

  @Override
  public void close() {
    inference.close();
    net.close();
  }
}
