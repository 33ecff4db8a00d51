package org.ondol.models;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.CausalAttention;
import org.ondol.models.layers.Layer;
import org.ondol.models.layers.Linear;
import org.ondol.models.layers.RmsNormalization;
import org.ondol.models.layers.RotaryEmbedding;
import org.ondol.models.layers.SwiGlu;
import org.ondol.models.weights.Llama2c;
import org.ondol.models.weights.Weights;
import org.ondol.ops.Embedding;
import org.ondol.ops.KvCache;

/**
 * LLaMA's decoder (Touvron et al. 2023, section 2.2; grouped queries as in Llama 2): a token t enters as a row of a
 * table and goes through a stack of blocks, each of which normalises what it reads rather than what it writes,
 *
 * <pre>
 *   x = E[t]
 *   h = x + Attention(RMSNorm(x))
 *   x = h + SwiGLU(RMSNorm(h))
 *   logits = RMSNorm(x) W
 * </pre>
 *
 * with causal attention, rotary positions and a cache of keys and values: a token is computed once, whatever follows.
 */
public final class Llama implements LanguageModel {
  /**
   * The shape of a model.
   *
   * @param width elements of a hidden state, heads times an even size
   * @param hidden inner width of the feed-forward networks
   * @param layers blocks
   * @param heads query heads of a block
   * @param kvHeads heads of keys and values, a divisor of heads
   * @param vocabulary different tokens
   * @param maxTokens the longest sequence
   * @param eps of the RMS normalisations
   * @param base of the rotary positions
   */
  public record Config(int width, int hidden, int layers, int heads, int kvHeads, int vocabulary, int maxTokens,
      double eps, double base) {
    /** Checks that the sizes fit each other. */
    public Config {
      positive("width", width);
      positive("hidden", hidden);
      positive("layers", layers);
      positive("heads", heads);
      positive("vocabulary", vocabulary);
      positive("maxTokens", maxTokens);
      if (width % heads != 0 || width / heads % 2 != 0) {
        throw new InvalidArgumentException("width", width, "a multiple of 2 · " + heads + ", as rotary positions "
            + "turn pairs of a head's elements");
      }
      if (kvHeads < 1 || heads % kvHeads != 0) {
        throw new InvalidArgumentException("kvHeads", kvHeads, "a positive divisor of " + heads + " heads");
      }
    }

    private static void positive(String argument, int value) {
      if (value < 1) throw new InvalidArgumentException(argument, value, "at least 1");
    }

    /** Elements of a head. */
    public int size() {
      return width / heads;
    }
  }

  /** A block; its parts are the paper's. */
  private record Block(RmsNormalization attentionNorm, CausalAttention attention, RmsNormalization feedForwardNorm,
      SwiGlu feedForward) implements Layer {
    Tensor forward(Tensor x, RotaryEmbedding rotary, KvCache cache) {
      try (Tensor h = attended(x, rotary, cache); Tensor normal = feedForwardNorm.forward(h)) {
        return feedForward.forward(normal, h);
      }
    }

    private Tensor attended(Tensor x, RotaryEmbedding rotary, KvCache cache) {
      try (Tensor normal = attentionNorm.forward(x)) {
        return attention.forward(normal, rotary, cache, x);
      }
    }

    @Override
    public Device device() {
      return attention.device();
    }

    @Override
    public Block to(Device device) {
      try (Assembly parts = new Assembly()) {
        return parts.done(new Block(parts.add(attentionNorm.to(device)), parts.add(attention.to(device)),
            parts.add(feedForwardNorm.to(device)), parts.add(feedForward.to(device))));
      }
    }

    @Override
    public void close() {
      Assembly.closeAll(List.of(attentionNorm, attention, feedForwardNorm, feedForward));
    }
  }

  private final Config config;
  private final Tensor embedding;
  private final RotaryEmbedding rotary;
  private final List<Block> blocks;
  private final RmsNormalization norm;
  private final Linear output;

  private Llama(Config config, Tensor embedding, RotaryEmbedding rotary, List<Block> blocks, RmsNormalization norm,
      Linear output) {
    this.config = config;
    this.embedding = embedding;
    this.rotary = rotary;
    this.blocks = List.copyOf(blocks);
    this.norm = norm;
    this.output = output;
  }

  /** The shape of a model of llama2.c, whose eps is 1e-5 and base 10000. */
  public static Config config(Llama2c.Header h) {
    return new Config(h.width(), h.hidden(), h.layers(), h.heads(), h.kvHeads(), h.vocabulary(), h.maxTokens(), 1e-5,
        1e4);
  }

  /** Builds the model on a device from weights under the names of the authors' code, linear ones [out, in]. */
  public static Llama load(Weights weights, Config config, Device device) {
    try (Assembly parts = new Assembly(); Scope _ = Scope.open()) {
      Reader reader = new Reader(weights, config, device);
      Tensor embedding = parts.add(Scope.detach(
          weights.tensor("tok_embeddings.weight", device, config.vocabulary(), config.width())));
      RotaryEmbedding rotary =
          parts.add(RotaryEmbedding.of(device, config.maxTokens(), config.size(), config.base()));
      List<Block> blocks = new ArrayList<>();
      for (int i = 0; i < config.layers(); i++) blocks.add(parts.add(reader.block("layers." + i)));
      RmsNormalization norm = parts.add(reader.norm("norm"));
      Linear output = parts.add(reader.linear("output", config.width(), config.vocabulary()));
      return parts.done(new Llama(config, embedding, rotary, blocks, norm, output));
    }
  }

  private record Reader(Weights weights, Config config, Device device) {
    Block block(String name) {
      try (Assembly parts = new Assembly(); Scope _ = Scope.open()) {
        RmsNormalization attentionNorm = parts.add(norm(name + ".attention_norm"));
        CausalAttention attention = parts.add(attention(name + ".attention"));
        RmsNormalization feedForwardNorm = parts.add(norm(name + ".ffn_norm"));
        SwiGlu feedForward = parts.add(feedForward(name + ".feed_forward"));
        return parts.done(new Block(attentionNorm, attention, feedForwardNorm, feedForward));
      }
    }

    CausalAttention attention(String name) {
      int width = config.width();
      int keys = config.kvHeads() * config.size();
      try (Assembly parts = new Assembly()) {
        Linear projections = parts.add(Linear.of(sideBySide(width, List.of(matrix(name + ".wq", width, width),
            matrix(name + ".wk", width, keys), matrix(name + ".wv", width, keys))), null));
        Linear output = parts.add(linear(name + ".wo", width, width));
        return parts.done(CausalAttention.of(projections, output, config.heads(), config.kvHeads()));
      }
    }

    SwiGlu feedForward(String name) {
      int width = config.width();
      int hidden = config.hidden();
      try (Assembly parts = new Assembly()) {
        Linear up = parts.add(Linear.of(sideBySide(width,
            List.of(matrix(name + ".w1", width, hidden), matrix(name + ".w3", width, hidden))), null));
        return parts.done(SwiGlu.of(up, parts.add(linear(name + ".w2", hidden, width))));
      }
    }

    RmsNormalization norm(String name) {
      return RmsNormalization.of(weights.tensor(name + ".weight", device, config.width()), config.eps());
    }

    Linear linear(String name, int in, int out) {
      return Linear.of(matrix(name, in, out), null);
    }

    /** [in, out] */
    private Tensor matrix(String name, int in, int out) {
      return weights.tensor(name + ".weight", device, out, in).transpose(0, 1);
    }

    private Tensor sideBySide(int rows, List<Tensor> matrices) {
      long columns = 0;
      for (Tensor m : matrices) columns += m.size(1);
      Tensor all = Tensor.empty(device, rows, columns);
      long at = 0;
      for (Tensor m : matrices) {
        all.slice(1, at, at + m.size(1)).assign(m);
        at += m.size(1);
      }
      return all;
    }
  }

  private final class Cached implements Context {
    private final List<KvCache> caches = new ArrayList<>();
    private int length;

    Cached() {
      try (Assembly parts = new Assembly()) {
        int capacity = Math.min(64, config.maxTokens());
        for (Block block : blocks) caches.add(parts.add(block.attention.newCache(capacity)));
        parts.done(this);
      }
    }

    @Override
    public Tensor feed(long... tokens) {
      try (Tensor x = hidden(tokens); Tensor normal = norm.forward(x)) {
        return output.forward(normal);
      }
    }

    @Override
    public float[] next(long... tokens) {
      try (Tensor x = hidden(tokens); Tensor last = x.slice(0, tokens.length - 1L, tokens.length);
          Tensor normal = norm.forward(last); Tensor logits = output.forward(normal)) {
        return logits.toFloats();
      }
    }

    /** What leaves the last block; a call that fails on the way leaves the sequence as it was. */
    private Tensor hidden(long[] tokens) {
      if (tokens == null || tokens.length < 1 || tokens.length > room()) {
        throw new InvalidArgumentException("tokens", tokens == null ? "null" : tokens.length + " of them",
            room() == 0 ? "none, as the context of " + maxTokens() + " tokens is full"
                : "1 to " + room() + ", as " + length + " of " + maxTokens() + " are fed");
      }
      long[] ids = tokens.clone();
      for (int i = 0; i < ids.length; i++) {
        if (ids[i] < 0 || ids[i] >= vocabulary()) {
          throw new InvalidArgumentException("tokens", ids[i] + " at position " + i, "0 to " + (vocabulary() - 1));
        }
      }
      boolean done = false;
      try (Scope scope = Scope.open()) {
        Tensor x = Embedding.lookup(embedding, Tensor.of(device(), ids, ids.length));
        for (int i = 0; i < blocks.size(); i++) {
          Tensor next = blocks.get(i).forward(x, rotary, caches.get(i));
          x.close(); // so that the next block finds the memory still in the cache
          x = next;
        }
        scope.keep(x);
        length += ids.length;
        done = true;
        return x;
      } finally {
        if (!done) for (KvCache cache : caches) cache.truncate(Math.min(length, cache.length()));
      }
    }

    @Override
    public int length() {
      return length;
    }

    @Override
    public int room() {
      return config.maxTokens() - length;
    }

    @Override
    public void close() {
      Assembly.closeAll(caches);
    }
  }

  /** Begins a sequence; its cache grows with it. */
  @Override
  public Context begin() {
    return new Cached();
  }

  /** The shape of this model. */
  public Config config() {
    return config;
  }

  @Override
  public int vocabulary() {
    return config.vocabulary();
  }

  @Override
  public int maxTokens() {
    return config.maxTokens();
  }

  @Override
  public Device device() {
    return embedding.device();
  }

  @Override
  public Llama to(Device device) {
    try (Assembly parts = new Assembly()) {
      Tensor moved = parts.add(Scope.detach(embedding.to(device)));
      RotaryEmbedding movedRotary = parts.add(rotary.to(device));
      List<Block> movedBlocks = new ArrayList<>();
      for (Block block : blocks) movedBlocks.add(parts.add(block.to(device)));
      return parts.done(new Llama(config, moved, movedRotary, movedBlocks, parts.add(norm.to(device)),
          parts.add(output.to(device))));
    }
  }

  @Override
  public void close() {
    List<AutoCloseable> parts = new ArrayList<>(blocks);
    parts.addAll(List.of(embedding, rotary, norm, output));
    Assembly.closeAll(parts);
  }
}
