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
 * The gated PixelCNN (van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders", figure 2). A
 * vertical stack of maps v sees the rows above, a horizontal one h the row itself and, through v, the rows above: no
 * blind spot is left. A layer is
 *
 * <pre>
 * a = 3 x 3 of v      v = tanh(a1) · sigmoid(a2)                  (equation 2; a1, a2: the halves of a)
 * b = 1 x 3 of h + 1 x 1 of a      h = h + 1 x 1 of tanh(b1) · sigmoid(b2)
 * </pre>
 *
 * with dilations (Yu and Koltun 2016) in the two wide convolutions, which the paper does not have, and the logits are
 * 1 x 1 of elu(h).
 */
public final class GatedPixelCnn extends PixelModel {
  /** Layers of both stacks. */
  private record Gated(MaskedLayer vertical, MaskedLayer horizontal, MaskedLayer between, MaskedLayer out) {}

  private final List<MaskedLayer> all = new ArrayList<>();
  private final MaskedLayer vertical;
  private final MaskedLayer horizontal;
  private final List<Gated> gated = new ArrayList<>();
  private final MaskedLayer logits;

  /**
   * With first values.
   *
   * @param width features of either stack, a multiple of the colours
   * @param dilations one for each layer
   */
  public GatedPixelCnn(Device device, Canvas canvas, int width, int[] dilations, Generator random) {
    super(device, canvas);
    int colours = canvas.colours();
    if (width < 1 || width % colours != 0) {
      throw new InvalidArgumentException("width", width, "a multiple of the " + colours + " colours");
    }
    if (dilations == null) throw new InvalidArgumentException("dilations", "null", "one for each layer");
    for (int d : dilations) if (d < 1 || d > 1024) throw new InvalidArgumentException("dilations", d, "1 to 1024");
    try (Assembly parts = new Assembly()) {
      parts.add(this);
      vertical = layer("vertical", FilterMask.vertical(device, Type.A, width, colours, 3, 3), 1, random);
      horizontal = layer("horizontal", FilterMask.horizontal(device, Type.A, width, colours, 3, colours), 1, random);
      for (int i = 0; i < dilations.length; i++) {
        String name = "layers." + i + ".";
        gated.add(new Gated(
            layer(name + "vertical", FilterMask.vertical(device, Type.B, 2 * width, width, 3, 3), dilations[i], random),
            layer(name + "horizontal", halves(width), dilations[i], random),
            layer(name + "between", FilterMask.vertical(device, Type.B, 2 * width, 2 * width, 1, 1), 1, random),
            layer(name + "out", FilterMask.raster(device, Type.B, width, width, 1, 1, colours), 1, random)));
      }
      logits = layer("logits",
          FilterMask.raster(device, Type.B, colours * canvas.outputs(), width, 1, 1, colours), 1, random);
      parts.done(this);
    }
  }

  /** A horizontal mask before a gate: feature i of either half belongs to the colour of i. */
  private FilterMask halves(int width) {
    int colours = canvas().colours();
    return FilterMask.of(device(), 2L * width, width, 1, 3, 1, (out, in, ky, kx) ->
        kx == 0 || kx == 1 && in * colours / width <= out % width * colours / width);
  }

  private MaskedLayer layer(String name, FilterMask mask, int dilation, Generator random) {
    MaskedLayer layer = new MaskedLayer(parameters, name, mask, dilation, 1, random);
    all.add(layer);
    return layer;
  }

  private <M> M network(Layers<M> layers, M image) {
    M v = layers.conv(image, vertical);
    M h = layers.conv(image, horizontal);
    for (Gated g : gated) {
      M a = layers.conv(v, g.vertical);
      M b = layers.conv(a, g.between, layers.conv(h, g.horizontal));
      v = layers.gate(a);
      h = layers.conv(layers.gate(b), g.out, h);
    }
    return layers.conv(layers.elu(h), logits);
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
