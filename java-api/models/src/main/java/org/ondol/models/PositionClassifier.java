package org.ondol.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.FeedForward;
import org.ondol.models.layers.Layer;
import org.ondol.models.layers.LayerNormalization;
import org.ondol.models.layers.Linear;
import org.ondol.models.layers.MultiHeadAttention;
import org.ondol.models.layers.TransformerEncoder;
import org.ondol.models.weights.Weights;
import org.ondol.models.weights.WeightsException;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Embedding;

/**
 * A transformer encoder that names a class for each position of a sequence (A. Vaswani et al., Attention Is All You
 * Need, NIPS 2017). Symbol t at position i enters as
 *
 * <pre>
 * x = embedding[t] + PE(i)
 * PE(i, 2j) = sin(i / 10000^(2j / width))    PE(i, 2j + 1) = cos(i / 10000^(2j / width))       (section 3.5)
 * </pre>
 *
 * goes through the blocks of {@link TransformerEncoder} with relus, every position seeing all of its sequence, and
 * leaves as
 *
 * <pre>
 * logits = relu(LayerNorm(x W + b)) W' + b'
 * </pre>
 */
public final class PositionClassifier implements Layer {
  /**
   * What the shapes of the weights do not tell.
   *
   * @param layers blocks of the encoder
   * @param heads attention heads of a block
   * @param eps of the layer normalisations
   */
  public record Config(int layers, int heads, double eps) {}

  /** relu(LayerNorm(x W + b)) W' + b'. */
  private record Head(Linear hidden, LayerNormalization norm, Linear classes) implements AutoCloseable {
    Tensor forward(Tensor x) {
      return classes.forward(Elementwise.relu(norm.forward(hidden.forward(x))));
    }

    Head to(Device device) {
      try (Assembly parts = new Assembly()) {
        return parts.done(new Head(parts.add(hidden.to(device)), parts.add(norm.to(device)),
            parts.add(classes.to(device))));
      }
    }

    @Override
    public void close() {
      Assembly.closeAll(List.of(hidden, norm, classes));
    }
  }

  private final Tensor embedding; // [symbols, width]
  private final TransformerEncoder encoder;
  private final Head head;

  private PositionClassifier(Tensor embedding, TransformerEncoder encoder, Head head) {
    this.embedding = embedding;
    this.encoder = encoder;
    this.head = head;
  }

  /**
   * Builds the model on a device from weights under the names of the UvA deep learning tutorials (P. Lippe, tutorial 6),
   * linear ones [out, in]: there the embedding is a linear layer of one-hot vectors, input_net.1.
   */
  public static PositionClassifier load(Weights weights, Config config, Device device) {
    Reader reader = new Reader(weights, device, config.eps());
    try (Assembly parts = new Assembly(); Scope scope = Scope.open()) {
      Tensor rows = weights.tensor("input_net.1.weight", device, -1, -1).transpose(0, 1);
      long width = rows.size(1);
      if (width % 2 != 0) throw new WeightsException("the width is " + width + ", expected an even number");
      Tensor bias = weights.tensor("input_net.1.bias", device, width);
      Tensor embedding = parts.add(Scope.detach(Elementwise.add(rows, bias)));
      List<TransformerEncoder.Block> blocks = new ArrayList<>();
      for (int i = 0; i < config.layers(); i++) {
        blocks.add(parts.add(reader.block("transformer.layers." + i, width, config.heads())));
      }
      Linear hidden = parts.add(reader.linear("output_net.0", width, -1));
      LayerNormalization norm = parts.add(reader.norm("output_net.1", hidden.outputs()));
      Head head = new Head(hidden, norm, parts.add(reader.linear("output_net.4", hidden.outputs(), -1)));
      return parts.done(new PositionClassifier(embedding, TransformerEncoder.of(blocks), head));
    }
  }

  private record Reader(Weights weights, Device device, double eps) {
    TransformerEncoder.Block block(String name, long width, int heads) {
      try (Assembly parts = new Assembly()) {
        Linear projections = parts.add(linear(name + ".self_attn.qkv_proj", width, 3 * width));
        Linear output = parts.add(linear(name + ".self_attn.o_proj", width, width));
        LayerNormalization first = parts.add(norm(name + ".norm1", width));
        Linear up = parts.add(linear(name + ".linear_net.0", width, -1));
        Linear down = parts.add(linear(name + ".linear_net.3", up.outputs(), width));
        LayerNormalization second = parts.add(norm(name + ".norm2", width));
        return parts.done(new TransformerEncoder.Block(MultiHeadAttention.of(projections, output, heads), first,
            FeedForward.of(up, down, Activation.RELU), second));
      }
    }

    Linear linear(String name, long in, long out) {
      Tensor weight = weights.tensor(name + ".weight", device, out, in);
      return Linear.of(weight.transpose(0, 1), weights.tensor(name + ".bias", device, weight.size(0)));
    }

    LayerNormalization norm(String name, long width) {
      return LayerNormalization.of(weights.tensor(name + ".weight", device, width),
          weights.tensor(name + ".bias", device, width), eps);
    }
  }

  /** PE(0 .. length - 1), [length, width], computed in double. */
  private static float[] positions(int length, int width) {
    float[] p = new float[length * width];
    for (int i = 0; i < length; i++) {
      for (int j = 0; j < width; j += 2) {
        double angle = i / StrictMath.pow(10000, (double) j / width);
        p[i * width + j] = (float) StrictMath.sin(angle);
        p[i * width + j + 1] = (float) StrictMath.cos(angle);
      }
    }
    return p;
  }

  /**
   * The logits of the classes at each position, [positions, classes], the sequences behind one another.
   *
   * @param sequences of at least one symbol each; symbols are 0 to {@link #symbols} - 1
   */
  public Tensor forward(List<long[]> sequences) {
    long[] offsets = offsets(sequences);
    try (Scope scope = Scope.open()) {
      Tensor x = embed(sequences, offsets);
      return scope.keep(head.forward(encoder.forward(x, Attention.Options.DEFAULT.packed(offsets, offsets))));
    }
  }

  private static long[] offsets(List<long[]> sequences) {
    if (sequences == null) throw new InvalidArgumentException("sequences", "null", "a list");
    long[] offsets = new long[sequences.size() + 1];
    for (int b = 0; b < sequences.size(); b++) {
      long[] sequence = sequences.get(b);
      if (sequence == null || sequence.length == 0) {
        throw new InvalidArgumentException("sequences", (sequence == null ? "null" : "empty") + " at index " + b,
            "at least one symbol");
      }
      offsets[b + 1] = offsets[b] + sequence.length;
    }
    return offsets;
  }

  private Tensor embed(List<long[]> sequences, long[] offsets) {
    long[] symbols = sequences.stream().flatMapToLong(Arrays::stream).toArray();
    Tensor x = Embedding.lookup(embedding, Tensor.of(device(), symbols, symbols.length));
    int longest = sequences.stream().mapToInt(s -> s.length).max().orElse(0);
    int width = Math.toIntExact(embedding.size(1));
    Tensor positions = Tensor.of(device(), positions(longest, width), longest, width);
    for (int b = 0; b < sequences.size(); b++) {
      Tensor rows = x.slice(0, offsets[b], offsets[b + 1]);
      Elementwise.run(Elementwise.Op.ADD, rows, positions.slice(0, 0, sequences.get(b).length), rows, 0);
    }
    return x;
  }

  /** Symbols that the model knows. */
  public int symbols() {
    return Math.toIntExact(embedding.size(0));
  }

  @Override
  public Device device() {
    return embedding.device();
  }

  @Override
  public PositionClassifier to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new PositionClassifier(parts.add(Scope.detach(embedding.to(device))),
          parts.add(encoder.to(device)), parts.add(head.to(device))));
    }
  }

  @Override
  public void close() {
    Assembly.closeAll(List.of(embedding, encoder, head));
  }
}
