package org.ondol.models.trunks;

import java.nio.file.Path;
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
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.PoolGeometry;

/**
 * SqueezeNet 1.1 (F. Iandola, S. Han, M. Moskewicz, K. Ashraf, W. Dally and K. Keutzer, SqueezeNet: AlexNet-level
 * accuracy with 50x fewer parameters, 2016, in the version 1.1 of its authors' repository, forresti/SqueezeNet):
 *
 * <pre>
 * conv1 3 x 3 / 2 to 64, pool, fire2, fire3 (16, 64), pool, fire4, fire5 (32, 128), pool,
 * fire6, fire7 (48, 192), fire8, fire9 (64, 256), conv10 1 x 1 to the classes, global average
 * fire(s, e): q = relu(1 x 1 to s);  relu(1 x 1 of q to e) and relu(3 x 3 of q to e), side by side
 * </pre>
 *
 * Pools take the maximum of 3 x 3 at stride 2, with a last window that may hang over the end.
 */
public final class SqueezeNet implements Trunk {
  /** Classes of ImageNet. */
  public static final int CLASSES = 1000;

  private static final PoolGeometry POOL = PoolGeometry.window(3, 3).stride(2).ceil(true);
  private static final double DROPOUT = 0.5;
  private static final List<Stage> STAGES =
      List.of(new Stage("fire3", 4, 128), new Stage("fire5", 8, 256), new Stage("fire9", 16, 512));

  /** @param squeeze 1 x 1 */
  private record Fire(ConvUnit squeeze, ConvUnit expand1, ConvUnit expand3) {
    static Fire of(Units units, String name, long in, long s, long e) {
      return new Fire(units.conv(name + "_squeeze1x1", in, s, 1, ConvGeometry.UNIT).relu(),
          units.conv(name + "_expand1x1", s, e, 1, ConvGeometry.UNIT).relu(),
          units.conv(name + "_expand3x3", s, e, 3, ConvGeometry.UNIT.padding(1)).relu());
    }

    <M> M run(Net<M> net, M x) {
      M q = net.conv(x, squeeze);
      return net.concat(List.of(net.conv(q, expand1), net.conv(q, expand3)));
    }
  }

  private final Units units;
  private final ConvUnit conv1;
  private final Fire[] fires = new Fire[8];
  private final ConvUnit conv10;

  /**
   * First values.
   *
   * @param units make the parameters, under the names of the authors' layers
   * @param classes that conv10 tells apart, or 0 for the maps alone
   */
  public SqueezeNet(Units units, int classes) {
    if (units == null) throw new InvalidArgumentException("units", "null", "a maker of units");
    if (classes < 0) throw new InvalidArgumentException("classes", classes, "at least 0");
    this.units = units;
    conv1 = units.conv("conv1", 3, 64, 3, ConvGeometry.UNIT.stride(2)).relu();
    long in = 64;
    for (int i = 0; i < fires.length; i++) {
      int s = 16 * (i / 2 + 1);
      fires[i] = Fire.of(units, "fire" + (i + 2), in, s, 4L * s);
      in = 8L * s;
    }
    conv10 = classes == 0 ? null : units.conv("conv10", in, classes, 1, ConvGeometry.UNIT).relu();
  }

  /** The classifier of ImageNet with the weights of a file of safetensors. */
  public static SqueezeNet load(Path weights, Device device) {
    try (SafeTensors file = SafeTensors.open(weights); Assembly parts = new Assembly()) {
      Units units = Units.of(parts.add(new Parameters()), "", device, new Generator(0));
      SqueezeNet net = new SqueezeNet(units, CLASSES);
      units.load(file);
      return parts.done(net);
    }
  }

  @Override
  public <M> List<M> maps(Net<M> net, M image) {
    M x = net.maxPool(net.conv(image, conv1), POOL);
    M fire3 = fires[1].run(net, fires[0].run(net, x));
    M fire5 = fires[3].run(net, fires[2].run(net, net.maxPool(fire3, POOL)));
    M y = net.maxPool(fire5, POOL);
    for (int i = 4; i < fires.length; i++) y = fires[i].run(net, y);
    return List.of(fire3, fire5, y);
  }

  /**
   * The scores of classes before the softmax, [N, classes, 1, 1].
   *
   * @param image [N, 3, H, W] as {@link #preprocess} makes it
   */
  public <M> M logits(Net<M> net, M image) {
    if (conv10 == null) throw new InvalidArgumentException("network", "made without classes", "one with classes");
    return net.globalAverage(net.conv(net.dropout(maps(net, image).getLast(), DROPOUT), conv10));
  }

  /** B, G, R of 0 to 255 less their means over ImageNet. */
  @Override
  public Tensor preprocess(Tensor rgb) {
    return Normalization.CAFFE.apply(rgb);
  }

  @Override
  public List<Stage> stages() {
    return STAGES;
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
