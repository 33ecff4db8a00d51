package org.ondol.models.trunks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;

/**
 * A network that a Darknet description tells (J. Redmon, Darknet: Open Source Neural Networks in C, 2013 to 2018, with the
 * keys that A. Bochkovskiy's fork added for YOLOv4): the layers of YOLO 2 to 4 and their small forms, listed in
 * {@link DarknetLayer}. A layer or a value that is none of them is refused with its line.
 *
 * <p>Batch norm is (x - mean) / sqrt(variance + 1e-5) · gamma + beta, as the fork has it.
 */
public final class DarknetNet implements Trunk {
  private final Units units;
  private final int width;
  private final int height;
  private final int channels;
  private final List<DarknetLayer> layers;
  private final List<Stage> stages = new ArrayList<>();
  /** Of the stages, their layers. */
  private final List<Integer> staged = new ArrayList<>();

  /**
   * First values.
   *
   * @param units make the parameters: {@code layer0.weight} and so on, by the number of the layer
   */
  public DarknetNet(DarknetConfig config, Units units) {
    this.units = units;
    DarknetConfig.Section net = config.net();
    width = net.whole("width", 0, 1, 1 << 14);
    height = net.whole("height", 0, 1, 1 << 14);
    channels = net.whole("channels", 3, 1, 1 << 14);
    if (width == 0 || height == 0) throw net.refuse("[net] has no width and height");
    layers = DarknetLayer.all(config, units, channels, width, height);
    findStages();
  }

  /** A network with its weights. */
  public static DarknetNet load(Path config, Path weights, Device device) {
    try (Assembly parts = new Assembly()) {
      Units units = Units.of(parts.add(new Parameters()), "", device, new Generator(0));
      DarknetNet net = new DarknetNet(DarknetConfig.read(config), units);
      net.load(weights);
      return parts.done(net);
    }
  }

  /** Overwrites the parameters by those of a file of Darknet weights. */
  public void load(Path weights) {
    List<ConvUnit> convolutions = new ArrayList<>();
    for (DarknetLayer layer : layers) if (layer instanceof DarknetLayer.Convolution c) convolutions.add(c.unit());
    DarknetWeights.load(weights, convolutions);
  }

  /** The last layer of each stride, up to the first that enlarges or detects. */
  private void findStages() {
    for (int i = 0; i < layers.size(); i++) {
      DarknetLayer layer = layers.get(i);
      if (layer.detects() || layer instanceof DarknetLayer.Upsample || layer instanceof DarknetLayer.Average) return;
      int stride = (int) Math.round((double) width / layer.size().width());
      if (!stages.isEmpty() && stages.getLast().stride() == stride) {
        stages.removeLast();
        staged.removeLast();
      }
      stages.add(new Stage("layer" + i, stride, layer.size().channels()));
      staged.add(i);
    }
  }

  /** The wanted size of images, as {@code [net]} says. */
  public int width() {
    return width;
  }

  /** The wanted size of images, as {@code [net]} says. */
  public int height() {
    return height;
  }

  /** Channels of images. */
  public int channels() {
    return channels;
  }

  /** All layers, in order. */
  public List<DarknetLayer> layers() {
    return layers;
  }

  /** The layers that detect, in order: of kind {@link DarknetLayer.Yolo} or {@link DarknetLayer.Region}. */
  public List<DarknetLayer> heads() {
    return layers.stream().filter(DarknetLayer::detects).toList();
  }

  /**
   * What the layers that detect are given, in order; where there is none, the result of the last layer.
   *
   * @param image [N, channels, H, W] of 0 to 1
   */
  public <M> List<M> outputs(Net<M> net, M image) {
    List<M> all = run(net, image, layers.size());
    List<M> outputs = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) if (layers.get(i).detects()) outputs.add(all.get(i));
    return outputs.isEmpty() ? List.of(all.getLast()) : outputs;
  }

  @Override
  public <M> List<M> maps(Net<M> net, M image) {
    List<M> all = run(net, image, staged.getLast() + 1);
    return staged.stream().map(all::get).toList();
  }

  private <M> List<M> run(Net<M> net, M image, int end) {
    List<M> all = new ArrayList<>();
    for (DarknetLayer layer : layers.subList(0, end)) {
      all.add(layer.run(net, all.isEmpty() ? image : all.getLast(), all));
    }
    return all;
  }

  /** As they are: Darknet's networks take R, G, B of 0 to 1. */
  @Override
  public Tensor preprocess(Tensor rgb) {
    if (rgb == null) throw new InvalidArgumentException("rgb", "null", "a tensor");
    return rgb.view(rgb.offset(), rgb.shape(), rgb.strides());
  }

  @Override
  public List<Stage> stages() {
    return List.copyOf(stages);
  }

  @Override
  public Device device() {
    return units.device();
  }

  @Override
  public Parameters parameters() {
    return units.parameters();
  }

  @Override
  public void close() {
    units.own().forEach(Parameter::close);
  }
}
