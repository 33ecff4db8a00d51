package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Activation;

/** The position-wise network of a transformer, act(x W1 + b1) W2 + b2 (Vaswani et al. 2017, eq. 2). */
public final class FeedForward implements Layer {
  private final Linear up;
  private final Linear down;
  private final Activation activation;

  private FeedForward(Linear up, Linear down, Activation activation) {
    this.up = up;
    this.down = down;
    this.activation = activation;
  }

  /** Takes the two layers over; the original has ReLU, BERT has GELU (Hendrycks and Gimpel 2016). */
  public static FeedForward of(Linear up, Linear down, Activation activation) {
    return new FeedForward(up, down, activation);
  }

  /** The network's result for x [tokens, width] plus a residual of the same shape. */
  public Tensor forward(Tensor x, Tensor residual) {
    try (Tensor inner = up.forward(x, activation)) {
      return down.forward(inner, residual);
    }
  }

  @Override
  public Device device() {
    return up.device();
  }

  @Override
  public FeedForward to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new FeedForward(parts.add(up.to(device)), parts.add(down.to(device)), activation));
    }
  }

  @Override
  public void close() {
    up.close();
    down.close();
  }
}
