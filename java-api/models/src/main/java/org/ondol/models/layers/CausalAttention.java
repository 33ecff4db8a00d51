package org.ondol.models.layers;

import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.KvCache;

/**
 * Self-attention of a decoder: a token attends to itself and to those before it, whose keys and values a cache keeps.
 * Query heads share key heads in groups (Ainslie et al. 2023; as many of the one as of the other is multi-head, one key
 * head multi-query attention), and rotary positions turn queries and keys:
 *
 * <pre>
 *   q_h = R_p x W_h^Q    k_g = R_p x W_g^K    v_g = x W_g^V
 *   y = Concat_h(Attention(q_h, k_g(h), v_g(h))) W^O    g(h) = floor(h / (heads / kvHeads))
 * </pre>
 *
 * <p>However a sequence is cut into calls, a token's result has the same bits. The definition of attention
 * (docs/arithmetic.md, Split keys) orders the sum over more than 256 keys differently for up to 16 queries than for
 * more; a row that sees no more than 256 keys has the same bits either way. So rows from position 256 on go in groups
 * of 16, where they have the order that a single token has.
 */
public final class CausalAttention implements Layer {
  private static final long UNSPLIT_KEYS = 256;
  private static final long SPLIT_QUERIES = 16;

  private final Linear projections;
  private final Linear output;
  private final int heads;
  private final int kvHeads;
  private final long size;

  private CausalAttention(Linear projections, Linear output, int heads, int kvHeads) {
    this.projections = projections;
    this.output = output;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.size = output.inputs() / heads;
  }

  /**
   * Takes the two layers over.
   *
   * @param projections width to (heads + 2 · kvHeads) · size: queries, keys and values of all heads
   * @param output heads · size to width
   * @param kvHeads a divisor of heads
   */
  public static CausalAttention of(Linear projections, Linear output, int heads, int kvHeads) {
    if (heads < 1) throw new InvalidArgumentException("heads", heads, "at least 1");
    if (kvHeads < 1 || heads % kvHeads != 0) {
      throw new InvalidArgumentException("kvHeads", kvHeads, "a positive divisor of " + heads + " heads");
    }
    long size = output.inputs() / heads;
    if (size < 1 || output.inputs() % heads != 0) {
      throw new ShapeException("output", "of " + output.inputs() + " rows", "a multiple of " + heads + " heads");
    }
    if (projections.outputs() != (heads + 2L * kvHeads) * size) {
      throw new ShapeException("projections", "of " + projections.outputs() + " columns",
          heads + " + 2 · " + kvHeads + " heads of " + size);
    }
    return new CausalAttention(projections, output, heads, kvHeads);
  }

  /** An empty cache for one sequence. */
  public KvCache newCache(long capacity) {
    return new KvCache(device(), 1, kvHeads, size, size, capacity);
  }

  /**
   * The attention of tokens that follow those in the cache, to which they are added.
   *
   * @param x [tokens, width]
   * @param rotary for heads of this size and as many positions as the cache will hold
   * @param residual [tokens, width], added to the result
   */
  public Tensor forward(Tensor x, RotaryEmbedding rotary, KvCache cache, Tensor residual) {
    long tokens = x.size(0);
    try (Tensor context = attend(x, rotary, cache); Tensor rows = context.reshape(tokens, output.inputs())) {
      return output.forward(rows, residual);
    }
  }

  /** The heads' results, [tokens, heads, size]. */
  private Tensor attend(Tensor x, RotaryEmbedding rotary, KvCache cache) {
    long tokens = x.size(0);
    try (Tensor all = projections.forward(x); Tensor byHead = all.reshape(1, tokens, heads + 2L * kvHeads, size)) {
      try (Tensor pairs = all.reshape(tokens, heads + 2L * kvHeads, size / 2, 2);
          Tensor turned = pairs.slice(1, 0, heads + kvHeads)) {
        rotary.rotate(turned, cache.length());
      }
      try (Tensor headsFirst = byHead.transpose(1, 2); Tensor q = headsFirst.slice(1, 0, heads);
          Tensor k = headsFirst.slice(1, heads, heads + kvHeads);
          Tensor v = headsFirst.slice(1, heads + kvHeads, heads + 2L * kvHeads)) {
        cache.append(k, v);
        return attend(q, cache);
      }
    }
  }

  private Tensor attend(Tensor q, KvCache cache) {
    long tokens = q.size(2);
    long before = cache.length() - tokens;
    Tensor out = Tensor.empty(device(), tokens, heads, size);
    boolean done = false;
    try (Tensor batch = out.unsqueeze(0); Tensor headsFirst = batch.transpose(1, 2); Tensor keys = cache.keys();
        Tensor values = cache.values()) {
      long to;
      for (long from = 0; from < tokens; from = to) {
        to = Math.min(tokens, Math.max(from + SPLIT_QUERIES, UNSPLIT_KEYS - before));
        try (Tensor rows = q.slice(2, from, to); Tensor k = keys.slice(2, 0, before + to);
            Tensor v = values.slice(2, 0, before + to); Tensor target = headsFirst.slice(2, from, to)) {
          Attention.into(rows, k, v, Attention.Options.causal(Attention.Alignment.BOTTOM_RIGHT), target);
        }
      }
      done = true;
      return out;
    } finally {
      if (!done) out.close();
    }
  }

  @Override
  public Device device() {
    return output.device();
  }

  @Override
  public CausalAttention to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new CausalAttention(parts.add(projections.to(device)), parts.add(output.to(device)), heads,
          kvHeads));
    }
  }

  @Override
  public void close() {
    Assembly.closeAll(List.of(projections, output));
  }
}
