package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
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
  private final Tensor eps;

  private RmsNormalization(Tensor gain, Tensor eps) {
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
    if (gain.rank() != 1 || gain.size(0) < 1) throw new ShapeException("gain", gain, "one dimension, not empty");
    try (Assembly parts = new Assembly()) {
      Tensor added = parts.add(Scope.detach(Tensor.of(gain.device(), new float[] {(float) eps}, 1)));
      return parts.done(new RmsNormalization(parts.add(Scope.detach(gain.copy())), added));
    }
  }

  /** The rows of x [..., n] normalised, as a new tensor; docs/arithmetic.md (Decoders) has the roundings. */
  public Tensor forward(Tensor x) {
    try (Tensor root = Reduce.apply(Reduce.Op.SUMSQ, x, -1, true)) {
      Elementwise.run(Op.AXPY, root, eps, root, 1.0 / gain.size(0));
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
    try (Assembly parts = new Assembly()) {
      return parts.done(new RmsNormalization(parts.add(Scope.detach(gain.to(device))),
          parts.add(Scope.detach(eps.to(device)))));
    }
  }

  @Override
  public void close() {
    gain.close();
    eps.close();
  }
}
