package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.PixelNetwork;
import org.ondol.models.layers.PixelSampler;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.FilterMask;
import org.ondol.ops.PackedFilter;

/**
 * Whole images from a PixelCNN, pixel by pixel: a sampler that computes what each pixel changes, beside a full pass of the
 * same network for every pixel. All passes cost the same, whatever the pixels hold, so one is timed and counted as often as
 * there are pixels.
 */
public final class SamplingStem implements Stem<SamplingStem.PixelCnn> {
  private static final int SIZE = 28;
  private static final int PIXELS = SIZE * SIZE;

  private record Layer(FilterMask.Type type, int in, int out, int kernel, boolean residual) {
    int count() {
      return out * in * kernel * kernel;
    }

    /** Taps of the kernel before its centre, and the centre of type B. */
    int live() {
      return kernel * kernel / 2 + (type == FilterMask.Type.B ? 1 : 0);
    }
  }

  /** Twelve layers of 64 channels: A 7x7, nine of B 3x3 with a residual on every other, two of 1x1. */
  public static final class PixelCnn implements Case {
    private static final int CHANNELS = 64;
    private static final double BOUND = 1e-4;

    final int batch;
    final List<Layer> layers = new ArrayList<>();
    private float[] agreed; // the outputs of the first contender that was right

    PixelCnn(int batch) {
      this.batch = batch;
      layers.add(new Layer(FilterMask.Type.A, 1, CHANNELS, 7, false));
      for (int i = 0; i < 9; i++) {
        layers.add(new Layer(FilterMask.Type.B, CHANNELS, CHANNELS, 3, i % 2 == 1));
      }
      layers.add(new Layer(FilterMask.Type.B, CHANNELS, CHANNELS, 1, false));
      layers.add(new Layer(FilterMask.Type.B, CHANNELS, 1, 1, false));
    }

    @Override
    public String name() {
      return "PixelCNN %d layers of %d, N%d %dx%d".formatted(layers.size(), CHANNELS, batch, SIZE, SIZE);
    }

    @Override
    public double flops() {
      return layers.stream().mapToDouble(l -> 2.0 * l.in * l.out * l.live()).sum() * batch * PIXELS;
    }

    @Override
    public double bytes() {
      return layers.stream().mapToDouble(l -> 4.0 * l.in * l.out * l.live()).sum();
    }

    float[] weight(int layer) {
      Layer l = layers.get(layer);
      float[] values = Inputs.normal(100 + layer, l.count());
      float scale = (float) (1 / Math.sqrt((double) l.in * l.live()));
      for (int i = 0; i < values.length; i++) {
        values[i] *= scale;
      }
      return values;
    }

    /** The last layer gives the probability of a white pixel. */
    Activation activation(int layer) {
      return layer == layers.size() - 1 ? Activation.SIGMOID : Activation.RELU;
    }

    /** The first image's probabilities against float64, and all outputs bit for bit between contenders. */
    @Override
    public String check(Map<String, float[]> answer) {
      float[] outputs = answer.get("outputs");
      if (agreed != null) {
        return Arrays.equals(agreed, outputs) ? null : "the outputs have other bits than those of the contender before";
      }
      double[] expected = reference(answer.get("images"));
      for (int i = 0; i < PIXELS; i++) {
        String wrong = Check.within("outputs", i, expected[i], outputs[i], BOUND);
        if (wrong != null) {
          return wrong;
        }
      }
      agreed = outputs;
      return null;
    }

    /** The whole network for the first image, in float64. */
    private double[] reference(float[] images) {
      double[] map = new double[PIXELS];
      for (int i = 0; i < PIXELS; i++) {
        map[i] = images[i];
      }
      for (int l = 0; l < layers.size(); l++) {
        map = reference(l, map);
      }
      return map;
    }

    private double[] reference(int index, double[] x) {
      Layer l = layers.get(index);
      float[] w = weight(index);
      double[] y = new double[l.out * PIXELS];
      for (int o = 0; o < l.out; o++) {
        for (int p = 0; p < PIXELS; p++) {
          double sum = l.residual ? x[o * PIXELS + p] : 0;
          for (int t = 0; t < l.live(); t++) {
            int row = p / SIZE + t / l.kernel - l.kernel / 2;
            int column = p % SIZE + t % l.kernel - l.kernel / 2;
            if (row < 0 || column < 0 || column >= SIZE) {
              continue;
            }
            for (int c = 0; c < l.in; c++) {
              sum += x[(c * SIZE + row) * SIZE + column] * w[(o * l.in + c) * l.kernel * l.kernel + t];
            }
          }
          y[o * PIXELS + p] = activation(index) == Activation.RELU ? Math.max(sum, 0) : 1 / (1 + Math.exp(-sum));
        }
      }
      return y;
    }
  }

  private final List<String> devices;

  public SamplingStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "sampling";
  }

  @Override
  public List<PixelCnn> cases() {
    return List.of(new PixelCnn(16), new PixelCnn(1));
  }

  @Override
  public List<Contender<PixelCnn>> contenders(PixelCnn c) {
    List<Contender<PixelCnn>> all = new ArrayList<>();
    devices.forEach(device -> all.add(new Sampling(device)));
    devices.forEach(device -> all.add(new FullPasses(device)));
    return all;
  }

  /** The network on a device with its masks and a sampler. */
  private static final class Model implements AutoCloseable {
    final PixelCnn c;
    final float[] uniform;
    final PixelNetwork network;
    final PixelSampler sampler;
    private final Assembly parts = new Assembly();

    Model(PixelCnn c, Device device) {
      this.c = c;
      SplittableRandom random = new SplittableRandom(7);
      uniform = new float[c.batch * PIXELS];
      for (int i = 0; i < uniform.length; i++) {
        uniform[i] = (float) random.nextDouble();
      }
      PixelNetwork.Builder b = PixelNetwork.on(device, 1);
      int map = 0;
      for (int i = 0; i < c.layers.size(); i++) {
        Layer l = c.layers.get(i);
        FilterMask mask = parts.add(FilterMask.raster(device, l.type, l.out, l.in, l.kernel, l.kernel, 1));
        try (Tensor w = Tensor.of(device, c.weight(i), l.out, l.in, l.kernel, l.kernel)) {
          PackedFilter filter = PackedFilter.maskedconv(w, mask, ConvGeometry.UNIT.padding(l.kernel / 2));
          map = b.conv(map, filter, Tensor.zeros(device, l.out), c.activation(i), 0, l.residual ? map : -1);
        }
      }
      network = parts.add(b.build());
      sampler = parts.add(network.sampler(c.batch, SIZE, SIZE));
    }

    /** White where the pixel's uniform number is below the probability. */
    Tensor generate(float[] outputs) {
      return sampler.generate((row, column, colour, output, values) -> {
        float[] probability = output.toFloats();
        int pixel = (int) (row * SIZE + column);
        for (int n = 0; n < values.length; n++) {
          outputs[n * PIXELS + pixel] = probability[n];
          values[n] = uniform[n * PIXELS + pixel] < probability[n] ? 1 : 0;
        }
      });
    }

    @Override
    public void close() {
      parts.close();
    }
  }

  private static final class Sampling extends OndolContender<PixelCnn> {
    private Model model;
    private float[] outputs;
    private float[] images;

    Sampling(String device) {
      super(device, "");
    }

    @Override
    protected void load(PixelCnn c) {
      model = new Model(c, device);
      outputs = new float[c.batch * PIXELS];
    }

    @Override
    public void run() {
      try (Tensor made = model.generate(outputs)) {
        images = made.toFloats();
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("outputs", outputs.clone(), "images", images);
    }

    @Override
    public boolean comparable(Contender<PixelCnn> peer) {
      return peer.name().equals(name());
    }

    @Override
    public void close() {
      if (model != null) {
        model.close();
      }
    }
  }

  /** One pass over the finished images: by causality it gives every pixel what the pass before that pixel gave. */
  private static final class FullPasses implements Contender<PixelCnn> {
    private final String deviceName;
    private Model model;
    private Tensor images;
    private Tensor outputs;

    FullPasses(String device) {
      deviceName = device;
    }

    @Override
    public String name() {
      return deviceName;
    }

    @Override
    public String variant() {
      return "one pass timed, x " + PIXELS;
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public long repetitions() {
      return PIXELS;
    }

    @Override
    public void prepare(PixelCnn c) {
      model = new Model(c, Device.of(deviceName));
      images = model.generate(new float[c.batch * PIXELS]);
      run();
    }

    @Override
    public void run() {
      release();
      outputs = model.network.forward(images);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("outputs", outputs.toFloats(), "images", images.toFloats());
    }

    private void release() {
      if (outputs != null) {
        outputs.close();
        outputs = null;
      }
    }

    @Override
    public void close() {
      release();
      if (images != null) {
        images.close();
      }
      if (model != null) {
        model.close();
      }
    }
  }
}
