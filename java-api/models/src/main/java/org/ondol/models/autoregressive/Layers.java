package org.ondol.models.autoregressive;

import java.util.List;
import org.ondol.Tensor;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.PixelNetwork;
import org.ondol.models.layers.PixelSampler;
import org.ondol.ops.Activation;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.PackedFilter;

/**
 * What a network of maps can be written in once, to become two things: values on a tape, for whole images with
 * gradients, and a {@link PixelNetwork}, which proves that nothing sees what comes later and computes pixel by pixel.
 * Both have the same bits.
 *
 * @param <M> a map
 */
interface Layers<M> {
  /** Images that a sampler, which keeps all maps of all of them, draws at once: more would leave the caches. */
  int TOGETHER = 32;

  M conv(M x, MaskedLayer layer);

  /** The convolution plus a map of its size. */
  M conv(M x, MaskedLayer layer, M residual);

  /** The relu of the convolution. */
  M convRelu(M x, MaskedLayer layer);

  /** tanh(first half of the channels) · sigmoid(second half). */
  M gate(M x);

  M add(M x, M y);

  M apply(Op op, double param, M x);

  default M relu(M x) {
    return apply(Op.RELU, 0, x);
  }

  /** {@code x > 0 ? x : exp(x) - 1}, as relu(x) + (exp(-relu(-x)) - 1) (Clevert, Unterthiner and Hochreiter 2016). */
  default M elu(M x) {
    M negative = apply(Op.NEG, 0, relu(apply(Op.NEG, 0, x)));
    return add(relu(x), apply(Op.SHIFT, -1, apply(Op.EXP, 0, negative)));
  }

  /** The network, from the image on. */
  @FunctionalInterface
  interface Network {
    <M> M of(Layers<M> layers, M image);
  }

  /** Whole images, on a tape. */
  record OnTape(Tape tape) implements Layers<Value> {
    @Override
    public Value conv(Value x, MaskedLayer layer) {
      return layer.apply(tape, x);
    }

    @Override
    public Value conv(Value x, MaskedLayer layer, Value residual) {
      return layer.apply(tape, x, false, residual);
    }

    @Override
    public Value convRelu(Value x, MaskedLayer layer) {
      return layer.apply(tape, x, true, null);
    }

    @Override
    public Value gate(Value x) {
      long half = x.size(1) / 2;
      return x.slice(1, 0, half).tanh().mul(x.slice(1, half, 2 * half).sigmoid());
    }

    @Override
    public Value add(Value x, Value y) {
      return x.add(y);
    }

    @Override
    public Value apply(Op op, double param, Value x) {
      return op == Op.SHIFT ? x.shift(param) : x.apply(op);
    }
  }

  /** Nodes of a network that is being built. */
  final class Nodes implements Layers<Integer>, AutoCloseable {
    private final PixelNetwork.Builder builder;
    private final Assembly parts = new Assembly();

    private Nodes(PixelNetwork.Builder builder) {
      this.builder = builder;
    }

    @Override
    public Integer conv(Integer x, MaskedLayer layer) {
      return conv(x, layer, -1);
    }

    @Override
    public Integer conv(Integer x, MaskedLayer layer, Integer residual) {
      return conv(x, layer, Activation.NONE, residual);
    }

    @Override
    public Integer convRelu(Integer x, MaskedLayer layer) {
      return conv(x, layer, Activation.RELU, -1);
    }

    private Integer conv(Integer x, MaskedLayer layer, Activation activation, int residual) {
      PackedFilter filter = parts.add(layer.packed());
      Tensor bias = parts.add(layer.bias());
      return builder.conv(x, filter, bias, activation, 0, residual);
    }

    @Override
    public Integer gate(Integer x) {
      return builder.gate(x);
    }

    @Override
    public Integer add(Integer x, Integer y) {
      return builder.add(x, y);
    }

    @Override
    public Integer apply(Op op, double param, Integer x) {
      return builder.apply(op, param, x);
    }

    private PixelNetwork build() {
      return parts.done(builder.build());
    }

    @Override
    public void close() {
      parts.close();
    }
  }

  /** The network with its parameters as they are now. Its masks stay with the layers. */
  static PixelNetwork build(PixelModel model, Network network) {
    try (Nodes nodes = new Nodes(PixelNetwork.on(model.device(), model.canvas().colours()))) {
      network.of(nodes, 0);
      return nodes.build();
    }
  }

  /** The network pixel by pixel. */
  static PixelModel.Stepper stepper(PixelModel model, int batch, Network network) {
    try (Assembly parts = new Assembly()) {
      PixelNetwork built = parts.add(build(model, network));
      PixelSampler sampler = parts.add(built.sampler(batch, model.canvas().height(), model.canvas().width()));
      return parts.done(new PixelModel.Stepper() {
        @Override
        public Tensor step(int row, int column) {
          return sampler.step(row, column);
        }

        @Override
        public void set(int row, int column, int colour, float[] values) {
          sampler.set(row, column, colour, values);
        }

        @Override
        public void close() {
          Assembly.closeAll(List.of(sampler, built));
        }
      });
    }
  }
}
