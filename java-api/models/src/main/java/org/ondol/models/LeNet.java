package org.ondol.models;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Fan;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Chain;
import org.ondol.models.segmentation.DenseLayers;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Softmax;

/**
 * A small convolutional classifier after LeNet-5 (Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-Based
 * Learning Applied to Document Recognition, 1998), with relus, maximum pooling and a plain output layer:
 *
 * <pre>
 * conv 5 x 5 to 20 maps, pool 2, conv 5 x 5 to 50 maps, pool 2, relu(500 units), softmax
 * </pre>
 */
public final class LeNet implements AutoCloseable {
  private static final int KERNEL = 5;
  private static final int FIRST = 20;
  private static final int SECOND = 50;
  private static final int HIDDEN = 500;
  private static final PoolGeometry PAIRS = PoolGeometry.tiles(2);

  private final Parameters parameters = new Parameters();
  private final Device device;
  private final long[] picture;
  private final int classes;
  private final Chain chain;

  /**
   * First values.
   *
   * @param picture channels, rows and columns, the latter two at least 16
   */
  public LeNet(Device device, long[] picture, int classes, Generator random) {
    if (picture == null || picture.length != 3 || Math.min(picture[1], picture[2]) < 16) {
      throw new InvalidArgumentException("picture", Arrays.toString(picture), "channels, rows and columns, 16 or more");
    }
    this.device = device;
    this.picture = picture.clone();
    this.classes = classes;
    long features = SECOND * side(picture[1]) * side(picture[2]);
    chain = new Chain(parameters, "lenet", device, random, layout -> Initializer.heNormal(layout, Fan.IN, 0))
        .conv("conv1", picture[0], FIRST, KERNEL, ConvGeometry.UNIT, true).apply(Value::relu).maxPool(PAIRS)
        .conv("conv2", FIRST, SECOND, KERNEL, ConvGeometry.UNIT, true).apply(Value::relu).maxPool(PAIRS)
        .rows(features).linear("hidden", features, HIDDEN).apply(Value::relu)
        .linear("classes", HIDDEN, classes);
  }

  /** Of a side, what two unpadded convolutions and poolings leave. */
  private static long side(long size) {
    return ((size - KERNEL + 1) / 2 - KERNEL + 1) / 2;
  }

  /**
   * The logits of classes, [N, classes].
   *
   * @param x [N, C, H, W] of 0 to 1
   */
  public Value logits(Tape tape, Tensor x) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a tensor");
    if (x.rank() != 4 || !Arrays.equals(Arrays.copyOfRange(x.shape(), 1, 4), picture)) {
      throw new ShapeException("x", Arrays.toString(x.shape()), "[N, " + Arrays.toString(picture).substring(1));
    }
    return chain.forward(tape, tape.constant(x));
  }

  /** The probabilities of classes, [N, classes]. */
  public Tensor probabilities(Tensor x) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      return scope.keep(Softmax.softmax(tape.frozen(() -> logits(tape, x)).tensor(), 1));
    }
  }

  /**
   * The probabilities of classes wherever a picture of the classifier's size fits into a larger one, at steps of four
   * pixels: the same layers and weights as a fully convolutional network, see {@link DenseLayers}.
   *
   * @param x [N, C, H, W] of 0 to 1, at least as large as the classifier's pictures
   * @return [N, classes, rows, columns]
   */
  public Tensor heatMap(Tensor x) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a tensor");
    if (x.rank() != 4 || x.size(1) != picture[0] || x.size(2) < picture[1] || x.size(3) < picture[2]) {
      throw new ShapeException("x", Arrays.toString(x.shape()), "[N, " + picture[0] + ", H, W] with H of at least "
          + picture[1] + " and W of at least " + picture[2]);
    }
    try (Scope scope = Scope.open()) {
      Tensor y = x;
      for (String layer : new String[] {"conv1", "conv2"}) {
        Tensor maps = Conv.apply(y, of(layer, "weight"), ConvGeometry.UNIT, Conv.Epilogue.bias(of(layer, "bias")));
        y = Pool.max(Elementwise.apply(Op.RELU, maps), PAIRS);
      }
      Tensor hidden = DenseLayers.filters(of("hidden", "weight"), SECOND, side(picture[1]), side(picture[2]));
      y = Conv.apply(y, hidden, ConvGeometry.UNIT, Conv.Epilogue.bias(of("hidden", "bias")));
      Tensor last = DenseLayers.filters(of("classes", "weight"), HIDDEN, 1, 1);
      y = Conv.apply(Elementwise.apply(Op.RELU, y), last, ConvGeometry.UNIT, Conv.Epilogue.bias(of("classes", "bias")));
      return scope.keep(Softmax.softmax(y, 1));
    }
  }

  private Tensor of(String layer, String part) {
    return parameters.get("lenet." + layer + "." + part).tensor();
  }

  public int classes() {
    return classes;
  }

  public Device device() {
    return device;
  }

  public Parameters parameters() {
    return parameters;
  }

  /** Frees the parameters. */
  @Override
  public void close() {
    parameters.close();
  }
}
