package org.ondol.models.autoregressive;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Assembly;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;

/**
 * PixelCNN (van den Oord, Kalchbrenner and Kavukcuoglu 2016, "Pixel Recurrent Neural Networks", table 1 and figure 5,
 * left): a 7 x 7 convolution with mask A to 2h features; residual blocks of relu and 1 x 1 to h, relu and 3 x 3, relu
 * and 1 x 1 to 2h; then twice relu and 1 x 1, the last one to the logits. All masks but the first are of type B; with
 * several colours each feature belongs to one of them and sees the features of the same and of earlier ones.
 */
public final class PixelCnn extends PixelModel {
  /**
   * The convolution in the middle of a block. The paper's is 3 x 3 without dilation; a wider one sees as much of the
   * image with fewer blocks, and more of what lies above to the right.
   *
   * @param kernel odd, 1 to 31
   * @param dilations of the blocks, in turn (Yu and Koltun 2016)
   */
  public record Middle(int kernel, List<Integer> dilations) {
    /** The paper's. */
    public static final Middle THREE = new Middle(3, List.of(1));

    public Middle {
      if (kernel < 1 || kernel > 31 || kernel % 2 == 0) {
        throw new InvalidArgumentException("kernel", kernel, "an odd number of 1 to 31");
      }
      if (dilations == null || dilations.isEmpty()) {
        throw new InvalidArgumentException("dilations", dilations, "at least one");
      }
      for (Integer d : dilations) {
        if (d == null || d < 1 || d > 1024) throw new InvalidArgumentException("dilations", d, "1 to 1024");
      }
      dilations = List.copyOf(dilations);
    }

    int dilation(int block) {
      return dilations.get(block % dilations.size());
    }
  }

  /** A residual block: the input, of 2h features, plus what h features make of it. */
  private record Block(MaskedLayer down, MaskedLayer middle, MaskedLayer up) {
    <M> M of(Layers<M> layers, M x) {
      M h = layers.convRelu(layers.relu(x), down);
      return layers.conv(layers.convRelu(h, middle), up, x);
    }
  }

  private final List<MaskedLayer> all = new ArrayList<>();
  private final MaskedLayer first;
  private final List<Block> blocks = new ArrayList<>();
  private final MaskedLayer last;
  private final MaskedLayer logits;

  /**
   * With first values.
   *
   * @param layers residual blocks
   * @param width h, a multiple of the colours
   * @param top features of the layer before the logits, a multiple of the colours
   */
  public PixelCnn(Device device, Canvas canvas, int layers, int width, int top, Generator random) {
    this(device, canvas, Middle.THREE, layers, width, top, random);
  }

  /** The same with another convolution in the middle of a block. */
  public PixelCnn(Device device, Canvas canvas, Middle middle, int layers, int width, int top, Generator random) {
    super(device, canvas);
    if (middle == null) throw new InvalidArgumentException("middle", "null", "a kernel and its dilations");
    if (layers < 0) throw new InvalidArgumentException("layers", layers, "at least 0");
    multiple("width", width);
    multiple("top", top);
    try (Assembly parts = new Assembly()) {
      parts.add(this);
      first = layer("first", Type.A, canvas.colours(), 2 * width, 7, 1, 1, random);
      for (int i = 0; i < layers; i++) {
        blocks.add(new Block(
            layer("blocks." + i + ".down", Type.B, 2 * width, width, 1, 1, 2, random),
            layer("blocks." + i + ".middle", Type.B, width, width, middle.kernel, middle.dilation(i), 2, random),
            layer("blocks." + i + ".up", Type.B, width, 2 * width, 1, 1, 1, random)));
      }
      last = layer("last", Type.B, 2 * width, top, 1, 1, 2, random);
      logits = layer("logits", Type.B, top, canvas.colours() * canvas.outputs(), 1, 1, 1, random);
      parts.done(this);
    }
  }

  private void multiple(String name, int value) {
    if (value < 1 || value % canvas().colours() != 0) {
      throw new InvalidArgumentException(name, value, "a multiple of the " + canvas().colours() + " colours");
    }
  }

  private MaskedLayer layer(String name, Type type, int in, int out, int kernel, int dilation, double gain,
      Generator random) {
    FilterMask mask = FilterMask.raster(device(), type, out, in, kernel, kernel, canvas().colours());
    MaskedLayer layer = new MaskedLayer(parameters, name, mask, dilation, gain, random);
    all.add(layer);
    return layer;
  }

  private <M> M network(Layers<M> layers, M image) {
    M h = layers.conv(image, first);
    for (Block block : blocks) h = block.of(layers, h);
    return layers.conv(layers.convRelu(layers.relu(h), last), logits);
  }

  @Override
  Value network(Tape tape, Value images) {
    return network(new Layers.OnTape(tape), images);
  }

  @Override
  Stepper stepper(int batch) {
    return Layers.stepper(this, batch, this::network);
  }

  @Override
  int together() {
    return Layers.TOGETHER;
  }

  @Override
  public void close() {
    super.close();
    Assembly.closeAll(all);
  }
}
