package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Attention;

/**
 * Multi-head self-attention (Vaswani et al. 2017, section 3.2.2):
 *
 * <pre>
 *   head_i = Attention(x W_i^Q, x W_i^K, x W_i^V)
 *   y = Concat(head_1, ..., head_H) W^O
 * </pre>
 *
 * The three projections are one product with the weights side by side, [W^Q W^K W^V], and the heads are strided views
 * of its result: nothing is split, transposed or concatenated in memory. Rows are the tokens of one sequence or of
 * several packed behind one another, told apart by the options' offsets, so a short sequence is never padded to a long
 * one.
 */
public final class MultiHeadAttention implements Layer {
  private final Linear projections;
  private final Linear output;
  private final int heads;

  private MultiHeadAttention(Linear projections, Linear output, int heads) {
    this.projections = projections;
    this.output = output;
    this.heads = heads;
  }

  /**
   * Takes the two layers over.
   *
   * @param projections width to 3 · width: queries, keys and values of all heads
   * @param output width to width
   */
  public static MultiHeadAttention of(Linear projections, Linear output, int heads) {
    long width = output.inputs();
    if (heads < 1 || width % heads != 0) {
      throw new InvalidArgumentException("heads", heads, "a positive divisor of the width " + width);
    }
    if (projections.outputs() != 3 * width) {
      throw new ShapeException("projections", "of " + projections.outputs() + " columns", "3 times the width " + width);
    }
    return new MultiHeadAttention(projections, output, heads);
  }

  /**
   * The attention of tokens among each other.
   *
   * @param x [tokens, width]
   * @param residual [tokens, width], added to the result
   */
  public Tensor forward(Tensor x, Attention.Options options, Tensor residual) {
    try (Tensor context = attend(x, options)) {
      return output.forward(context, residual);
    }
  }

  /** Concat(head_1, ..., head_H), [tokens, width]. */
  private Tensor attend(Tensor x, Attention.Options options) {
    long tokens = x.size(0);
    long width = output.inputs();
    try (Tensor qkv = projections.forward(x);
        Tensor split = qkv.reshape(tokens, 3, heads, width / heads);
        Tensor byHead = split.permute(1, 2, 0, 3);
        Tensor q = byHead.slice(0, 0, 1);
        Tensor k = byHead.slice(0, 1, 2);
        Tensor v = byHead.slice(0, 2, 3);
        Tensor out = Attention.apply(q, k, v, options);
        Tensor byToken = out.transpose(1, 2)) {
      return byToken.reshape(tokens, width);
    }
  }

  @Override
  public Device device() {
    return output.device();
  }

  @Override
  public MultiHeadAttention to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(
          new MultiHeadAttention(parts.add(projections.to(device)), parts.add(output.to(device)), heads));
    }
  }

  @Override
  public void close() {
    projections.close();
    output.close();
  }
}
