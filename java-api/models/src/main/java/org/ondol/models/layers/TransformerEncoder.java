package org.ondol.models.layers;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Attention;

/**
 * The encoder of a transformer (Vaswani et al. 2017, section 3.1): a stack of blocks
 *
 * <pre>
 *   h = LayerNorm(x + MultiHeadAttention(x))
 *   y = LayerNorm(h + FeedForward(h))
 * </pre>
 */
public final class TransformerEncoder implements Layer {
  /** One block, normalised after each sum as in the paper. */
  public record Block(MultiHeadAttention attention, LayerNormalization attentionNorm, FeedForward feedForward,
      LayerNormalization feedForwardNorm) implements Layer {
    /** The block's result for x [tokens, width]. */
    public Tensor forward(Tensor x, Attention.Options options) {
      try (Tensor h = attended(x, options); Tensor sum = feedForward.forward(h, h)) {
        return feedForwardNorm.forward(sum);
      }
    }

    private Tensor attended(Tensor x, Attention.Options options) {
      try (Tensor sum = attention.forward(x, options, x)) {
        return attentionNorm.forward(sum);
      }
    }

    @Override
    public Device device() {
      return attention.device();
    }

    @Override
    public Block to(Device device) {
      try (Assembly parts = new Assembly()) {
        return parts.done(new Block(parts.add(attention.to(device)), parts.add(attentionNorm.to(device)),
            parts.add(feedForward.to(device)), parts.add(feedForwardNorm.to(device))));
      }
    }

    @Override
    public void close() {
      Assembly.closeAll(List.of(attention, attentionNorm, feedForward, feedForwardNorm));
    }
  }

  private final List<Block> blocks;

  private TransformerEncoder(List<Block> blocks) {
    this.blocks = List.copyOf(blocks);
  }

  /** Takes the blocks over, at least one. */
  public static TransformerEncoder of(List<Block> blocks) {
    if (blocks.isEmpty()) throw new InvalidArgumentException("blocks", "empty", "at least one block");
    return new TransformerEncoder(blocks);
  }

  /**
   * The last block's result.
   *
   * @param x [tokens, width], not changed
   * @param options which tokens see each other; packed sequences are told apart by their offsets
   */
  public Tensor forward(Tensor x, Attention.Options options) {
    try (Scope scope = Scope.open()) {
      Tensor h = x;
      for (Block block : blocks) {
        Tensor next = block.forward(h, options);
        if (h != x) h.close(); // so that the next block finds the memory still in the cache
        h = next;
      }
      return scope.keep(h);
    }
  }

  @Override
  public Device device() {
    return blocks.getFirst().device();
  }

  @Override
  public TransformerEncoder to(Device device) {
    try (Assembly parts = new Assembly()) {
      List<Block> moved = new ArrayList<>();
      for (Block block : blocks) moved.add(parts.add(block.to(device)));
      return parts.done(new TransformerEncoder(moved));
    }
  }

  @Override
  public void close() {
    Assembly.closeAll(blocks);
  }
}
