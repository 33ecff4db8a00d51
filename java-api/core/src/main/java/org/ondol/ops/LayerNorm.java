package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.LayerNormArgs;
import org.ondol.spi.LayerNormBackwardArgs;

/**
 * Layer normalisation (Ba, Kiros and Hinton 2016): y = (x - mean) / sqrt(var + eps) · gamma + beta over the trailing
 * dimensions, with the biased variance.
 */
public final class LayerNorm {
  /**
   * A forward pass with what its gradient needs.
   *
   * @param mean per row, [rows]; rows is 0 where x has no elements
   * @param rstd 1 / sqrt(var + eps) per row
   */
  public record Result(Tensor y, Tensor mean, Tensor rstd) {}

  /** Gradients; dgamma and dbeta have the shape [n] of gamma flattened. */
  public record Gradients(Tensor dx, Tensor dgamma, Tensor dbeta) {}

  private LayerNorm() {}

  /**
   * Normalises the last dimension of x.
   *
   * @param gamma [n], or null for 1
   * @param beta [n], or null for 0
   * @param eps added to the variance, not negative
   */
  public static Tensor apply(Tensor x, Tensor gamma, Tensor beta, double eps) {
    long n = check(x, gamma, beta, eps);
    Tensor y = Tensor.empty(x.device(), x.shape());
    return Outputs.finish(y, () -> launch(x, gamma, beta, eps, n, y, null, null));
  }

  /** The same, keeping the rows' statistics for {@link #backward}. */
  public static Result forward(Tensor x, Tensor gamma, Tensor beta, double eps) {
    long n = check(x, gamma, beta, eps);
    long rows = n == 0 ? 0 : x.count() / n;
    Tensor y = Tensor.empty(x.device(), x.shape());
    Tensor mean = Tensor.empty(x.device(), rows);
    Tensor rstd = Tensor.empty(x.device(), rows);
    boolean done = false;
    try {
      launch(x, gamma, beta, eps, n, y, mean, rstd);
      done = true;
      return new Result(y, mean, rstd);
    } finally {
      if (!done) Outputs.closeAll(y, mean, rstd);
    }
  }

  /** Gradients of x, gamma and beta from the gradient of y and the statistics of {@link #forward}. */
  public static Gradients backward(Tensor x, Tensor gamma, Tensor dy, Tensor mean, Tensor rstd) {
    long n = check(x, gamma, null, 0);
    Device device = x.device();
    Check.floats("dy", dy, device);
    if (!Arrays.equals(x.shape(), dy.shape())) {
      throw new ShapeException("dy", "of shape " + Arrays.toString(dy.shape()), Arrays.toString(x.shape()));
    }
    long rows = n == 0 ? 0 : x.count() / n;
    Check.present("mean", mean);
    Check.present("rstd", rstd);
    Check.optional("mean", mean, device, rows);
    Check.optional("rstd", rstd, device, rows);
    Tensor dx = Tensor.empty(device, x.shape());
    Tensor dgamma = Tensor.empty(device, n);
    Tensor dbeta = Tensor.empty(device, n);
    boolean done = false;
    try (Tensor denseX = x.contiguous(); Tensor denseDy = dy.contiguous(); Tensor denseMean = mean.contiguous();
        Tensor denseRstd = rstd.contiguous(); Tensor denseGamma = gamma == null ? null : gamma.contiguous()) {
      if (n > 0) {
        var args = new LayerNormBackwardArgs(rows, n, denseX, denseGamma, denseDy, denseMean, denseRstd, dx, dgamma, dbeta);
        Check.launch(device, k -> k.layernormBackward(args), denseX, denseGamma, denseDy, denseMean, denseRstd, dx, dgamma, dbeta);
      }
      done = true;
      return new Gradients(dx, dgamma, dbeta);
    } finally {
      if (!done) Outputs.closeAll(dx, dgamma, dbeta);
    }
  }

  private static long check(Tensor x, Tensor gamma, Tensor beta, double eps) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    Check.rank("x", x, 1, 8);
    long n = x.size(-1);
    Check.optional("gamma", gamma, x.device(), n);
    Check.optional("beta", beta, x.device(), n);
    if (!(eps >= 0) || eps > Float.MAX_VALUE) throw new InvalidArgumentException("eps", eps, "a finite number of at least 0");
    return n;
  }

  private static void launch(Tensor x, Tensor gamma, Tensor beta, double eps, long n, Tensor y, Tensor mean, Tensor rstd) {
    if (x.count() == 0) return;
    try (Tensor denseX = x.contiguous(); Tensor denseGamma = gamma == null ? null : gamma.contiguous();
        Tensor denseBeta = beta == null ? null : beta.contiguous()) {
      var args = new LayerNormArgs(x.count() / n, n, denseX, denseGamma, denseBeta, y, mean, rstd, (float) eps);
      Check.launch(x.device(), k -> k.layernorm(args), denseX, denseGamma, denseBeta, y, mean, rstd);
    }
  }
}
