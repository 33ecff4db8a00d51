package org.ondol.test.pixels;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.layers.PixelNetwork;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;

/**
 * A network written down once and made twice: as a {@link PixelNetwork}, and as calls of the operations on whole maps with
 * plain filters, which is what the first is compared with.
 */
final class PixelNet implements AutoCloseable {
  /** Makes a map of earlier ones, map 0 being the image. */
  private interface Whole {
    Tensor apply(List<Tensor> maps);
  }

  private final Device device;
  private final int colours;
  private final Random random;
  private final PixelNetwork.Builder builder;
  private final List<Whole> whole = new ArrayList<>();
  private final List<AutoCloseable> parameters = new ArrayList<>();
  private PixelNetwork network;

  private PixelNet(Device device, int colours, long seed) {
    this.device = device;
    this.colours = colours;
    random = new Random(seed);
    builder = PixelNetwork.on(device, colours);
  }

  static PixelNet of(Device device, int colours, long seed, Function<PixelNet, ?> layers) {
    PixelNet net = new PixelNet(device, colours, seed);
    layers.apply(net);
    net.network = net.builder.build();
    return net;
  }

  PixelNetwork network() {
    return network;
  }

  int colours() {
    return colours;
  }

  /** The result for whole images, by plain calls. */
  Tensor whole(Tensor images) {
    List<Tensor> maps = new ArrayList<>(List.of(images));
    for (Whole w : whole) {
      maps.add(w.apply(maps));
    }
    return maps.getLast();
  }

  private Tensor parameter(double scale, long... shape) {
    int count = 1;
    for (long size : shape) {
      count *= (int) size;
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    Tensor t = Scope.detach(Tensor.of(device, values, shape));
    parameters.add(t);
    return t;
  }

  /** A masked layer; residual -1 for none. */
  int masked(int input, FilterMask mask, ConvGeometry g, Activation activation, double slope, int residual) {
    parameters.add(mask);
    double scale = 1 / Math.sqrt(mask.inChannels() * mask.kernelH() * mask.kernelW() / 2.0);
    Tensor w = parameter(scale, mask.outChannels(), mask.inChannels() / mask.groups(), mask.kernelH(), mask.kernelW());
    Tensor b = parameter(0.2, mask.outChannels());
    whole.add(maps -> MaskedConv.apply(maps.get(input), w, mask, g,
        new Conv.Epilogue(b, activation, slope, residual < 0 ? null : maps.get(residual))));
    return builder.conv(input, PackedFilter.maskedconv(w, mask, g), b, activation, slope, residual);
  }

  /** A layer whose filters are all live, without a bias. */
  int plain(int input, long in, long out, long kh, long kw, ConvGeometry g, Activation activation, int residual) {
    Tensor w = parameter(1 / Math.sqrt(in * kh * kw / 2.0), out, in, kh, kw);
    whole.add(maps -> Conv.apply(maps.get(input), w, g,
        new Conv.Epilogue(null, activation, 0, residual < 0 ? null : maps.get(residual))));
    return builder.conv(input, PackedFilter.conv(w, g), null, activation, 0, residual);
  }

  int raster(int input, Type type, long in, long out, long kernel, Activation activation, int residual) {
    FilterMask mask = FilterMask.raster(device, type, out, in, kernel, kernel, colours);
    return masked(input, mask, ConvGeometry.UNIT.padding(kernel / 2), activation, 0, residual);
  }

  int gate(int input) {
    whole.add(maps -> {
      Tensor x = maps.get(input);
      long half = x.size(1) / 2;
      return Elementwise.mul(Elementwise.tanh(x.slice(1, 0, half)), Elementwise.sigmoid(x.slice(1, half, 2 * half)));
    });
    return builder.gate(input);
  }

  int add(int first, int second) {
    whole.add(maps -> Elementwise.add(maps.get(first), maps.get(second)));
    return builder.add(first, second);
  }

  // ---- the networks of the tests

  /** A 7x7, two B 3x3 with a residual connection around each, B 1x1: a PixelCNN. */
  static int pixelCnn(PixelNet n) {
    int c = n.colours;
    int h = n.raster(0, Type.A, c, 6L * c, 7, Activation.RELU, -1);
    for (int i = 0; i < 2; i++) {
      int inner = n.raster(h, Type.B, 6L * c, 3L * c, 1, Activation.RELU, -1);
      inner = n.raster(inner, Type.B, 3L * c, 3L * c, 3, Activation.RELU, -1);
      h = n.raster(inner, Type.B, 3L * c, 6L * c, 1, Activation.NONE, h);
    }
    return n.raster(h, Type.B, 6L * c, 5L * c, 1, Activation.NONE, -1);
  }

  /** More channels than a panel, a leaky relu, a dilated layer, and a layer without a mask that looks to the left. */
  static int wide(PixelNet n) {
    int c = n.colours;
    int h = n.raster(0, Type.A, c, 21L * c, 5, Activation.GELU, -1);
    FilterMask mask = FilterMask.raster(n.device, Type.B, 18L * c, 21L * c, 3, 3, c);
    h = n.masked(h, mask, ConvGeometry.UNIT.padding(2).dilation(2), Activation.RELU, 0.1, -1);
    if (c == 1) {
      h = n.plain(h, 18, 18, 2, 3, ConvGeometry.UNIT.padding(2, 4, 0, 0).dilation(2), Activation.SILU, h);
    }
    return n.raster(h, Type.B, 18L * c, c, 1, Activation.SIGMOID, -1);
  }

  /** Vertical and horizontal stacks; channels i and i + half of a gate belong to the same colour. */
  static int gated(PixelNet n) {
    int c = n.colours;
    long f = 5L * c;
    ConvGeometry tall = ConvGeometry.UNIT.padding(2);
    ConvGeometry flat = ConvGeometry.UNIT.padding(0, 2);
    int v = n.gate(n.masked(0, FilterMask.vertical(n.device, Type.A, 2 * f, c, 5, 5), tall, Activation.NONE, 0, -1));
    int down = n.plain(v, f, 2 * f, 1, 1, ConvGeometry.UNIT, Activation.NONE, -1);
    int h = n.gate(n.masked(0, n.pairs(Type.A, 2 * f, c, 5), flat, Activation.NONE, 0, down));
    h = n.raster(h, Type.B, f, f, 1, Activation.NONE, -1);
    for (int i = 0; i < 2; i++) {
      v = n.gate(n.masked(v, FilterMask.vertical(n.device, Type.B, 2 * f, f, 5, 5), tall, Activation.NONE, 0, -1));
      down = n.plain(v, f, 2 * f, 1, 1, ConvGeometry.UNIT, Activation.NONE, -1);
      int inner = n.masked(h, n.pairs(Type.B, 2 * f, f, 5), flat, Activation.NONE, 0, -1);
      inner = n.gate(n.add(inner, down));
      h = n.raster(inner, Type.B, f, f, 1, Activation.NONE, h);
    }
    return n.raster(h, Type.B, f, 2L * c, 1, Activation.NONE, -1);
  }

  /** A horizontal mask for a layer before a gate: channel i of n belongs to the colour of i modulo n / 2. */
  private FilterMask pairs(Type type, long out, long in, long kernel) {
    return FilterMask.of(device, out, in, 1, kernel, 1, (o, i, ky, kx) -> {
      if (kx != kernel / 2) {
        return kx < kernel / 2;
      }
      long before = i * colours / in - o % (out / 2) * colours / (out / 2);
      return type == Type.A ? before < 0 : before <= 0;
    });
  }

  @Override
  public void close() throws Exception {
    network.close();
    for (AutoCloseable p : parameters) {
      p.close();
    }
  }
}
