package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Reduce;

/**
 * Normalisation of the last dimension by its root mean square (Zhang and Sennrich 2019, eq. 4):
 *
 * <pre>
 *   y_i = g_i x_i / sqrt((x_1² + ... + x_n²) / n + eps)
 * </pre>
 *
 * Unlike layer normalisation it takes no mean away and adds no offset.
 */
public final class RmsNormalization implements Layer {
  private final Tensor gain;
  private final double eps;

  private RmsNormalization(Tensor gain, double eps) {
    this.gain = gain;
    this.eps = eps;
  }

  /**
   * Copies the gain g, [n].
   *
   * @param eps of the paper's code and of LLaMA, a finite number of at least 0
   */
  public static RmsNormalization of(Tensor gain, double eps) {
    if (!(eps >= 0 && eps <= Float.MAX_VALUE)) {
      throw new InvalidArgumentException("eps", eps, "a finite number of at least 0");
    }
    return new RmsNormalization(Scope.detach(gain.copy()), eps);
  }

  /** The rows of x [..., n] normalised, as a new tensor. */
  public Tensor forward(Tensor x) {
    try (Tensor root = Reduce.apply(Reduce.Op.SUMSQ, x, -1, true)) {
      Elementwise.run(Op.SCALE, root, null, root, 1.0 / gain.size(0));
      Elementwise.run(Op.SHIFT, root, null, root, eps);
      Elementwise.run(Op.SQRT, root, null, root, 0);
      Tensor y = Elementwise.div(x, root);
      Elementwise.run(Op.MUL, y, gain, y, 0);
      return y;
    }
  }

  @Override
  public Device device() {
    return gain.device();
  }

  @Override
  public RmsNormalization to(Device device) {
    return new RmsNormalization(Scope.detach(gain.to(device)), eps);
  }

  @Override
  public void close() {
    gain.close();
  }
}
