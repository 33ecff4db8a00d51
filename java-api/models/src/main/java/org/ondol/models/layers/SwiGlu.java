package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * The gated position-wise network of a transformer, (silu(x W) ⊙ x V) W2 (Shazeer 2020, eq. 6: FFN_SwiGLU), without
 * biases in the paper. W and V are one product with the weights side by side, [W V].
 */
public final class SwiGlu implements Layer {
  private final Linear up;
  private final Linear down;

  private SwiGlu(Linear up, Linear down) {
    this.up = up;
    this.down = down;
  }

  /**
   * Takes the two layers over.
   *
   * @param up width to 2 · hidden: W and V
   * @param down hidden to width: W2
   */
  public static SwiGlu of(Linear up, Linear down) {
    if (up.outputs() != 2 * down.inputs()) {
      throw new ShapeException("up", "of " + up.outputs() + " columns", "twice down's " + down.inputs() + " rows");
    }
    return new SwiGlu(up, down);
  }

  /** The network's result for x [tokens, width] plus a residual of the same shape. */
  public Tensor forward(Tensor x, Tensor residual) {
    long hidden = down.inputs();
    try (Tensor both = up.forward(x); Tensor gate = both.slice(1, 0, hidden);
        Tensor value = both.slice(1, hidden, 2 * hidden); Tensor inner = Elementwise.apply(Op.SILU, gate)) {
      Elementwise.run(Op.MUL, inner, value, inner, 0);
      return down.forward(inner, residual);
    }
  }

  @Override
  public Device device() {
    return up.device();
  }

  @Override
  public SwiGlu to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new SwiGlu(parts.add(up.to(device)), parts.add(down.to(device))));
    }
  }

  @Override
  public void close() {
    up.close();
    down.close();
  }
}
