package org.ondol.models.trunks;

import java.nio.file.Path;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.PoolGeometry;

/**
 * AlexNet (A. Krizhevsky, I. Sutskever and G. Hinton, ImageNet Classification with Deep Convolutional Neural Networks,
 * NIPS 2012) as its first author made it again for one GPU (A. Krizhevsky, One weird trick for parallelizing convolutional
 * neural networks, 2014), without groups and local response normalisation, whose trained weights are torchvision's:
 *
 * <pre>
 * conv1 11 x 11 / 4 to 64, pool, conv2 5 x 5 to 192, pool, conv3 to 384, conv4 to 256, conv5 to 256, each 3 x 3
 * pool, fc6 4096, fc7 4096, fc8 to the classes
 * </pre>
 *
 * Relus follow the convolutions, fc6 and fc7; pools take the maximum of 3 x 3 at stride 2. Images of the classifier are
 * 224 x 224; of larger ones it gives scores for each place, 32 pixels apart.
 */
public final class AlexNet implements Trunk {
  /** Classes of ImageNet. */
  public static final int CLASSES = 1000;

  private static final PoolGeometry POOL = PoolGeometry.window(3, 3).stride(2);
  private static final int[] DENSE = {1, 4, 6};
  /** Of the map that fc6 reads. */
  private static final int SIDE = 6;

  private final Units units;
  private final List<Stage> stages;
  private final ConvUnit conv1;
  private final ConvUnit conv2;
  private final ConvUnit conv3;
  private final ConvUnit conv4;
  private final ConvUnit conv5;
  private final DenseHead head;

  /**
   * First values.
   *
   * @param units make the parameters, under torchvision's names: {@code features.0.weight}, {@code classifier.1.weight}
   */
  public AlexNet(Units units, ClassifierSizes sizes) {
    if (units == null) throw new InvalidArgumentException("units", "null", "a maker of units");
    if (sizes == null) throw new InvalidArgumentException("sizes", "null", "sizes");
    this.units = units;
    long w = sizes.width();
    ConvGeometry three = ConvGeometry.UNIT.padding(1);
    conv1 = units.conv("features.0", 3, w, 11, ConvGeometry.UNIT.stride(4).padding(2)).relu();
    conv2 = units.conv("features.3", w, 3 * w, 5, ConvGeometry.UNIT.padding(2)).relu();
    conv3 = units.conv("features.6", 3 * w, 6 * w, 3, three).relu();
    conv4 = units.conv("features.8", 6 * w, 4 * w, 3, three).relu();
    conv5 = units.conv("features.10", 4 * w, 4 * w, 3, three).relu();
    stages = List.of(new Stage("conv1", 4, w), new Stage("conv2", 8, 3 * w), new Stage("conv5", 16, 4 * w));
    head = sizes.classes() == 0 ? null : DenseHead.of(units, DENSE, 4 * w, SIDE, sizes.hidden(), sizes.classes());
  }

  /**
   * A classifier with the weights of a file of safetensors that has torchvision's names, and of the sizes that they have.
   *
   * @throws org.ondol.models.weights.WeightsException if the file is absent, damaged or of another network
   */
  public static AlexNet load(Path weights, Device device) {
    try (SafeTensors file = SafeTensors.open(weights); Assembly parts = new Assembly()) {
      ClassifierSizes sizes = new ClassifierSizes(DenseHead.channels(file, "features.0"), DenseHead.channels(file, "classifier.1"),
          DenseHead.channels(file, "classifier.6"));
      Units units = Units.of(parts.add(new Parameters()), "", device, new Generator(0)).weights(l -> Initializer.zeros());
      AlexNet net = new AlexNet(units, sizes);
      units.load(DenseHead.matrices(file));
      return parts.done(net);
    }
  }

  @Override
  public <M> List<M> maps(Net<M> net, M image) {
    M first = net.conv(image, conv1);
    M second = net.conv(net.maxPool(first, POOL), conv2);
    M third = net.conv(net.maxPool(second, POOL), conv3);
    return List.of(first, second, net.conv(net.conv(third, conv4), conv5));
  }

  /**
   * The scores of classes before the softmax, [N, classes, 1, 1] of images of 224 x 224, and a map of them of larger ones.
   *
   * @param image [N, 3, H, W] as {@link #preprocess} makes it
   */
  public <M> M logits(Net<M> net, M image) {
    if (head == null) throw new InvalidArgumentException("network", "made without classes", "one with classes");
    return head.run(net, net.maxPool(maps(net, image).getLast(), POOL));
  }

  /** R, G, B less their means, by their deviations: torchvision's, whose weights these are. */
  @Override
  public Tensor preprocess(Tensor rgb) {
    return Normalization.TORCHVISION.apply(rgb);
  }

  @Override
  public List<Stage> stages() {
    return stages;
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
