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
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Embedding;

/**
 * BERT's encoder (Devlin et al. 2019): token t at position i enters as
 *
 * <pre>
 *   x = LayerNorm(word[t] + position[i] + type[0])
 * </pre>
 *
 * and goes through a transformer encoder with GELU. All tokens of a batch lie packed in one matrix without padding.
 * Every token is of type 0: the model is used on single sequences, not on pairs.
 */
public final class Bert implements Layer {
  /**
   * What the shapes of the weights do not tell.
   *
   * @param layers blocks of the encoder
   * @param heads attention heads of a block
   * @param eps of the layer normalisations
   */
  public record Config(int layers, int heads, double eps) {}

  private final Tensor words;
  /** position[i] + type[0]. */
  private final Tensor positions;
  private final LayerNormalization norm;
  private final TransformerEncoder encoder;

  private Bert(Tensor words, Tensor positions, LayerNormalization norm, TransformerEncoder encoder) {
    this.words = words;
    this.positions = positions;
    this.norm = norm;
    this.encoder = encoder;
  }

  /** Builds the model on a device from weights under the names of its PyTorch port, linear ones [out, in]. */
  public static Bert load(Weights weights, Config config, Device device) {
    try (Assembly parts = new Assembly(); Scope _ = Scope.open()) {
      Tensor words = parts.add(Scope.detach(weights.tensor("embeddings.word_embeddings.weight", device, -1, -1)));
      long width = words.size(1);
      Tensor position = weights.tensor("embeddings.position_embeddings.weight", device, -1, width);
      Tensor type = weights.tensor("embeddings.token_type_embeddings.weight", device, -1, width);
      Tensor positions = parts.add(Scope.detach(Elementwise.add(position, type.slice(0, 0, 1))));
      Reader reader = new Reader(weights, device, config.eps());
      LayerNormalization norm = parts.add(reader.norm("embeddings.LayerNorm", width));
      List<TransformerEncoder.Block> blocks = new ArrayList<>();
      for (int i = 0; i < config.layers(); i++) {
        blocks.add(parts.add(reader.block("encoder.layer." + i, width, config.heads())));
      }
      return parts.done(new Bert(words, positions, norm, TransformerEncoder.of(blocks)));
    }
  }

  private record Reader(Weights weights, Device device, double eps) {
    TransformerEncoder.Block block(String name, long width, int heads) {
      try (Assembly parts = new Assembly(); Scope _ = Scope.open()) {
        var attention = parts.add(attention(name + ".attention", width, heads));
        var attentionNorm = parts.add(norm(name + ".attention.output.LayerNorm", width));
        Linear up = parts.add(linear(name + ".intermediate.dense", width, -1));
        Linear down = parts.add(linear(name + ".output.dense", up.outputs(), width));
        var feedForwardNorm = parts.add(norm(name + ".output.LayerNorm", width));
        return parts.done(new TransformerEncoder.Block(attention, attentionNorm,
            FeedForward.of(up, down, Activation.GELU), feedForwardNorm));
      }
    }

    MultiHeadAttention attention(String name, long width, int heads) {
      Tensor weight = Tensor.empty(device, width, 3 * width);
      Tensor bias = Tensor.empty(device, 3 * width);
      int part = 0;
      for (String role : List.of("query", "key", "value")) {
        String source = name + ".self." + role;
        Tensor w = weights.tensor(source + ".weight", device, width, width).transpose(0, 1);
        weight.slice(1, part * width, (part + 1) * width).assign(w);
        bias.slice(0, part * width, (part + 1) * width).assign(weights.tensor(source + ".bias", device, width));
        part++;
      }
      try (Assembly parts = new Assembly()) {
        Linear projections = parts.add(Linear.of(weight, bias));
        Linear output = parts.add(linear(name + ".output.dense", width, width));
        return parts.done(MultiHeadAttention.of(projections, output, heads));
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

  /**
   * The last hidden states of all tokens, [tokens, width]: those of sequence b are rows offsets[b] to offsets[b+1] with
   * {@link #offsets}.
   *
   * @param sequences token ids, each sequence of 1 to {@link #maxTokens} of them
   */
  public Tensor forward(List<long[]> sequences) {
    long[] offsets = offsets(sequences);
    try (Scope scope = Scope.open()) {
      Tensor x = embed(sequences, offsets);
      return scope.keep(encoder.forward(x, Attention.Options.DEFAULT.packed(offsets, offsets)));
    }
  }

  /** Where each sequence begins among the packed tokens, and where the last one ends. */
  public long[] offsets(List<long[]> sequences) {
    long[] offsets = new long[sequences.size() + 1];
    for (int b = 0; b < sequences.size(); b++) {
      int length = sequences.get(b).length;
      if (length < 1 || length > maxTokens()) {
        throw new InvalidArgumentException("sequences", length + " tokens long at index " + b,
            "1 to " + maxTokens() + " tokens");
      }
      offsets[b + 1] = offsets[b] + length;
    }
    return offsets;
  }

  private Tensor embed(List<long[]> sequences, long[] offsets) {
    long[] ids = new long[(int) offsets[sequences.size()]];
    for (int b = 0; b < sequences.size(); b++) {
      System.arraycopy(sequences.get(b), 0, ids, (int) offsets[b], sequences.get(b).length);
    }
    Tensor x = Embedding.lookup(words, Tensor.of(device(), ids, ids.length));
    for (int b = 0; b < sequences.size(); b++) {
      Tensor rows = x.slice(0, offsets[b], offsets[b + 1]);
      Tensor first = positions.slice(0, 0, sequences.get(b).length);
      Elementwise.run(Elementwise.Op.ADD, rows, first, rows, 0);
    }
    return norm.forward(x);
  }

  /** How many positions the model knows. */
  public int maxTokens() {
    return Math.toIntExact(positions.size(0));
  }

  /** Size of a hidden state. */
  public int width() {
    return Math.toIntExact(words.size(1));
  }

  @Override
  public Device device() {
    return words.device();
  }

  @Override
  public Bert to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new Bert(parts.add(Scope.detach(words.to(device))),
          parts.add(Scope.detach(positions.to(device))), parts.add(norm.to(device)), parts.add(encoder.to(device))));
    }
  }

  @Override
  public void close() {
    Assembly.closeAll(Arrays.asList(words, positions, norm, encoder));
  }
}
