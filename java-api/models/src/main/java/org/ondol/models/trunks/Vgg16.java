package org.ondol.models.trunks;

import java.nio.file.Path;
import java.util.ArrayList;
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
 * VGG-16 (K. Simonyan and A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
 * configuration D):
 *
 * <pre>
 * 2 x conv 64, pool, 2 x conv 128, pool, 3 x conv 256, pool, 3 x conv 512, pool, 3 x conv 512
 * pool, fc6 4096, fc7 4096, fc8 to the classes
 * </pre>
 *
 * Convolutions are 3 x 3 with a border of zeros, relus follow them and fc6 and fc7; pools take the maximum of 2 x 2.
 * Images of the classifier are 224 x 224; of larger ones it gives scores for each place, 32 pixels apart.
 */
public final class Vgg16 implements Trunk {
  /** Classes of ImageNet. */
  public static final int CLASSES = 1000;

  /** Convolutions of each stage, and their channels as multiples of the first one's. */
  private static final int[] DEPTHS = {2, 2, 3, 3, 3};
  private static final int[] WIDTHS = {1, 2, 4, 8, 8};
  private static final PoolGeometry POOL = PoolGeometry.tiles(2);
  private static final int[] DENSE = {0, 3, 6};
  /** Of the map that fc6 reads. */
  private static final int SIDE = 7;

  private final Units units;
  private final List<List<ConvUnit>> convolutions = new ArrayList<>();
  private final List<Stage> stages = new ArrayList<>();
  private final DenseHead head;

  /**
   * First values.
   *
   * @param units make the parameters, under torchvision's names: {@code features.0.weight}, {@code classifier.0.weight}
   */
  public Vgg16(Units units, ClassifierSizes sizes) {
    if (units == null) throw new InvalidArgumentException("units", "null", "a maker of units");
    if (sizes == null) throw new InvalidArgumentException("sizes", "null", "sizes");
    this.units = units;
    long in = 3;
    int layer = 0;
    for (int i = 0; i < DEPTHS.length; i++) {
      List<ConvUnit> stage = new ArrayList<>();
      for (int j = 0; j < DEPTHS[i]; j++) {
        long out = (long) WIDTHS[i] * sizes.width();
        stage.add(units.conv("features." + layer, in, out, 3, ConvGeometry.UNIT.padding(1)).relu());
        in = out;
        layer += 2; // a relu has a place of its own
      }
      layer++; // and so has the pool
      convolutions.add(stage);
      stages.add(new Stage("conv" + (i + 1) + "_" + DEPTHS[i], 1 << i, in));
    }
    head = sizes.classes() == 0 ? null : DenseHead.of(units, DENSE, in, SIDE, sizes.hidden(), sizes.classes());
  }

  /**
   * A classifier with the weights of a file of safetensors that has torchvision's names, and of the sizes that they have.
   *
   * @throws org.ondol.models.weights.WeightsException if the file is absent, damaged or of another network
   */
  public static Vgg16 load(Path weights, Device device) {
    try (SafeTensors file = SafeTensors.open(weights); Assembly parts = new Assembly()) {
      ClassifierSizes sizes = new ClassifierSizes(DenseHead.channels(file, "features.0"), DenseHead.channels(file, "classifier.0"),
          DenseHead.channels(file, "classifier.6"));
      Units units = Units.of(parts.add(new Parameters()), "", device, new Generator(0)).weights(l -> Initializer.zeros());
      Vgg16 net = new Vgg16(units, sizes);
      units.load(DenseHead.matrices(file));
      return parts.done(net);
    }
  }

  @Override
  public <M> List<M> maps(Net<M> net, M image) {
    List<M> maps = new ArrayList<>();
    M x = image;
    for (List<ConvUnit> stage : convolutions) {
      if (!maps.isEmpty()) x = net.maxPool(x, POOL);
      for (ConvUnit unit : stage) x = net.conv(x, unit);
      maps.add(x);
    }
    return maps;
  }

  /**
   * The scores of classes before the softmax, [N, classes, 1, 1] of images of 224 x 224, in general
   * [N, classes, H / 32 - 6, W / 32 - 6].
   *
   * @param image [N, 3, H, W] as {@link #preprocess} makes it, at least 224 x 224
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
