package org.ondol.bench.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.PixelNetwork;
import org.ondol.models.layers.PixelSampler;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.FilterMask;
import org.ondol.ops.PackedFilter;

/**
 * A PixelCNN with random weights that draws black and white images: A 7x7, then B 3x3 with a residual on every other, 1x1
 * and the probability. The work does not depend on the weights.
 */
final class PixelCnn implements AutoCloseable {
  private final Device device;
  private final int batch;
  private final int size;
  private final float[] uniform;
  private final float[] probabilities;
  private final Assembly parts = new Assembly();
  private final PixelNetwork network;
  private final PixelSampler sampler;
  private float[] images;

  private record Layer(int in, int out, int kernel, boolean residual) {}

  PixelCnn(Device device, int batch, int size, int layers, int channels) {
    this.device = device;
    this.batch = batch;
    this.size = size;
    uniform = new float[batch * size * size];
    probabilities = new float[uniform.length];
    Random random = new Random(7);
    for (int i = 0; i < uniform.length; i++) uniform[i] = random.nextFloat();
    PixelNetwork.Builder b = PixelNetwork.on(device, 1);
    int map = 0;
    List<Layer> all = layers(layers, channels);
    for (Layer l : all) {
      boolean first = l == all.getFirst();
      FilterMask.Type type = first ? FilterMask.Type.A : FilterMask.Type.B;
      FilterMask mask = parts.add(FilterMask.raster(device, type, l.out, l.in, l.kernel, l.kernel, 1));
      try (Tensor w = weight(l, random)) {
        PackedFilter filter = PackedFilter.maskedconv(w, mask, ConvGeometry.UNIT.padding(l.kernel / 2));
        Activation activation = l == all.getLast() ? Activation.SIGMOID : Activation.RELU;
        map = b.conv(map, filter, Tensor.zeros(device, l.out), activation, 0, l.residual ? map : -1);
      }
    }
    network = parts.add(b.build());
    sampler = parts.add(network.sampler(batch, size, size));
  }

  private static List<Layer> layers(int count, int channels) {
    List<Layer> layers = new ArrayList<>();
    layers.add(new Layer(1, channels, 7, false));
    for (int i = 0; i < count - 3; i++) layers.add(new Layer(channels, channels, 3, i % 2 == 1));
    layers.add(new Layer(channels, channels, 1, false));
    layers.add(new Layer(channels, 1, 1, false));
    return layers;
  }

  private Tensor weight(Layer l, Random random) {
    float[] values = new float[l.out * l.in * l.kernel * l.kernel];
    double scale = 1 / Math.sqrt(0.5 * l.in * l.kernel * l.kernel);
    for (int i = 0; i < values.length; i++) values[i] = (float) (random.nextGaussian() * scale);
    return Tensor.of(device, values, l.out, l.in, l.kernel, l.kernel);
  }

  /** White where the pixel's uniform number is below the probability. */
  void draw() {
    int pixels = size * size;
    try (Tensor made = sampler.generate((row, column, colour, output, values) -> {
      float[] probability = output.toFloats();
      int pixel = (int) (row * size + column);
      for (int n = 0; n < values.length; n++) {
        probabilities[n * pixels + pixel] = probability[n];
        values[n] = uniform[n * pixels + pixel] < probability[n] ? 1 : 0;
      }
    })) {
      images = made.toFloats();
    }
  }

  /** Null, or where the last drawing differs from a pass of the whole network over the finished images. */
  String check() {
    try (Tensor x = Tensor.of(device, images, batch, 1, size, size); Tensor y = network.forward(x)) {
      float[] pass = y.toFloats();
      for (int i = 0; i < pass.length; i++) {
        if (Float.floatToRawIntBits(pass[i]) != Float.floatToRawIntBits(probabilities[i])) {
          return "pixel " + i + " was drawn with probability " + probabilities[i] + ", a pass has " + pass[i];
        }
      }
    }
    return null;
  }

  @Override
  public void close() {
    parts.close();
  }
}
