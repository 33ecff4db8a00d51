package org.ondol.models.autoregressive;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Linear;
import org.ondol.ops.Activation;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;

/**
 * PixelRNN (van den Oord, Kalchbrenner and Kavukcuoglu 2016, table 1): a 7 x 7 convolution with mask A, layers of
 * {@link RowLstm} or {@link DiagonalLstm}, each with a residual connection, twice a 1 x 1 convolution and relu, and a
 * 1 x 1 convolution to the logits. With several colours each feature belongs to one of them and sees the features of
 * the same and of earlier ones.
 */
public final class PixelRnn extends PixelModel {
  /** Which LSTM the layers are. */
  public enum Kind { ROW, DIAGONAL }

  /** States of a row are all that is kept: products of more rows cost less for each. */
  private static final int TOGETHER = 256;

  private final MaskedLayer first;
  private final List<RecurrentLayer> layers = new ArrayList<>();
  private final List<MaskedLinear> last = new ArrayList<>();

  /**
   * With first values.
   *
   * @param count of layers
   * @param features between layers, a multiple of the colours; the paper has 2 · hidden
   * @param hidden features of an LSTM's state, a multiple of the colours
   * @param top features of the two layers before the logits, a multiple of the colours
   */
  public PixelRnn(Device device, Canvas canvas, Kind kind, int count, int features, int hidden, int top,
      Generator random) {
    super(device, canvas);
    if (kind == null) throw new InvalidArgumentException("kind", "null", "ROW or DIAGONAL");
    if (count < 1) throw new InvalidArgumentException("count", count, "at least 1");
    multiple("features", features);
    multiple("hidden", hidden);
    multiple("top", top);
    int colours = canvas.colours();
    try (Assembly parts = new Assembly()) {
      FilterMask mask = FilterMask.raster(device, Type.A, features, colours, 7, 7, colours);
      first = parts.add(new MaskedLayer(parameters, "first", mask, 1, 1, random));
      for (int i = 0; i < count; i++) {
        String name = "layers." + i;
        layers.add(parts.add(kind == Kind.ROW
            ? new RowLstm(parameters, name, device, colours, features, hidden, random)
            : new DiagonalLstm(parameters, name, device, colours, features, hidden, random)));
      }
      last.add(parts.add(linear("last.0", features, top, 1, random)));
      last.add(parts.add(linear("last.1", top, top, 2, random)));
      last.add(parts.add(linear("logits", top, colours * canvas.outputs(), 1, random)));
      parts.done(this);
    }
  }

  private void multiple(String name, int value) {
    if (value < 1 || value % canvas().colours() != 0) {
      throw new InvalidArgumentException(name, value, "a multiple of the " + canvas().colours() + " colours");
    }
  }

  private MaskedLinear linear(String name, int in, int out, double gain, Generator random) {
    MaskedLinear.Sight sight = MaskedLinear.colours(canvas().colours(), in, out);
    return new MaskedLinear(parameters, name, device(), in, out, gain, sight, random);
  }

  @Override
  Value network(Tape tape, Value images) {
    // From here on features are the last dimension: all that follows is products with them.
    Value x = first.apply(tape, images).permute(0, 2, 3, 1).apply(Op.COPY);
    for (RecurrentLayer layer : layers) x = layer.of(tape, x);
    x = last.get(0).apply(tape, x).relu();
    x = last.get(1).apply(tape, x).relu();
    return last.get(2).apply(tape, x).permute(0, 3, 1, 2);
  }

  @Override
  Stepper stepper(int batch) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new Steps(parts, batch));
    }
  }

  @Override
  int together() {
    return TOGETHER;
  }

  /** The first convolution as a sampler of its own, then each layer at one pixel. */
  private final class Steps implements Stepper {
    private final Stepper features;
    private final List<RecurrentLayer.Cells> cells = new ArrayList<>();
    private final List<Linear> top = new ArrayList<>();
    private final List<AutoCloseable> all = new ArrayList<>();
    /** Colours of the current pixel that are set, and with how many its layers were computed; -1 for not yet. */
    private int set;
    private int computed = -1;

    Steps(Assembly parts, int batch) {
      features = own(parts, Layers.stepper(PixelRnn.this, batch, new Layers.Network() {
        @Override
        public <M> M of(Layers<M> nodes, M image) {
          return nodes.conv(image, first);
        }
      }));
      for (RecurrentLayer layer : layers) {
        cells.add(own(parts, layer.cells(batch, canvas().height(), canvas().width())));
      }
      for (MaskedLinear l : last) top.add(own(parts, l.packed()));
    }

    private <T extends AutoCloseable> T own(Assembly parts, T part) {
      all.add(part);
      return parts.add(part);
    }

    @Override
    public Tensor step(int row, int column) {
      Tensor x = layers(row, column);
      x = top.get(0).forward(x, Activation.RELU);
      x = top.get(1).forward(x, Activation.RELU);
      return top.get(2).forward(x);
    }

    private Tensor layers(int row, int column) {
      Tensor x = features.step(row, column);
      for (RecurrentLayer.Cells c : cells) x = c.at(x, row, column);
      computed = set;
      return x;
    }

    /** Layers must have seen all colours of a pixel but the last one, which none of them sees there. */
    @Override
    public void set(int row, int column, int colour, float[] values) {
      boolean done = colour == canvas().colours() - 1;
      try (Scope scope = Scope.open()) {
        if (done && computed < set) layers(row, column);
        features.set(row, column, colour, values);
        set++;
        if (done && column == canvas().width() - 1) {
          for (RecurrentLayer.Cells c : cells) c.endRow(row);
        }
      }
      if (done) {
        set = 0;
        computed = -1;
      }
    }

    @Override
    public void close() {
      Assembly.closeAll(all);
    }
  }

  @Override
  public void close() {
    super.close();
    first.close();
    Assembly.closeAll(layers);
    Assembly.closeAll(last);
  }
}
