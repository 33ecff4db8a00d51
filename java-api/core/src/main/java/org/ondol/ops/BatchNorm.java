package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.BatchNormArgs;
import org.ondol.spi.BatchNormBackwardArgs;

/**
 * Batch normalisation (Ioffe and Szegedy 2015) of [N, C, ...]: y = (x - mean) / sqrt(variance + eps) · gamma + beta per channel,
 * with given statistics (inference) or those of the batch (training), and a relu at the end where asked for.
 */
public final class BatchNorm {
  /**
   * A training pass with what its gradient needs; all but y are [C].
   *
   * @param variance biased: divided by the number of elements
   * @param rstd 1 / sqrt(variance + eps)
   */
  public record Result(Tensor y, Tensor mean, Tensor variance, Tensor rstd) {}

  /** Gradients; dgamma and dbeta are [C]. */
  public record Gradients(Tensor dx, Tensor dgamma, Tensor dbeta) {}

  /** A layer's weight and bias after {@link #fold}. */
  public record Folded(Tensor weight, Tensor bias) {}

  /**
   * Statistics that training moves towards those of each batch: new = (1 - momentum) old + momentum · batch, in place.
   *
   * @param mean [C], contiguous
   * @param variance [C], contiguous
   * @param momentum in PyTorch's sense: the weight of the batch
   * @param unbiased whether the batch's variance counts as divided by one element less
   */
  public record Running(Tensor mean, Tensor variance, double momentum, boolean unbiased) {
    /** As PyTorch keeps them; its default momentum is 0.1. */
    public static Running pytorch(Tensor mean, Tensor variance, double momentum) {
      return new Running(mean, variance, momentum, true);
    }

    /** As ONNX keeps them: its momentum, 0.9 by default, is the weight of the old value. */
    public static Running onnx(Tensor mean, Tensor variance, double momentum) {
      return new Running(mean, variance, 1 - momentum, false);
    }
  }

  private BatchNorm() {}

  /**
   * Inference.
   *
   * @param gamma [C], or null for 1
   * @param beta [C], or null for 0
   * @param mean [C]
   * @param variance [C]
   * @param eps added to the variance, not negative
   */
  public static Tensor apply(Tensor x, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double eps, boolean relu) {
    check(x, gamma, beta, eps);
    statistic("mean", mean, x);
    statistic("variance", variance, x);
    Tensor y = Tensor.empty(x.device(), x.shape());
    return Outputs.finish(y, () -> {
      try (Tensor denseMean = mean.contiguous(); Tensor denseVariance = variance.contiguous()) {
        launch(x, gamma, beta, false, denseMean, denseVariance, null, y, relu, eps);
      }
    });
  }

  /** Training. x needs an element in every channel. */
  public static Result train(Tensor x, Tensor gamma, Tensor beta, double eps, boolean relu) {
    check(x, gamma, beta, eps);
    if (x.count() == 0 && x.size(1) > 0) {
      throw new ShapeException("x", "of shape " + Arrays.toString(x.shape()), "an element in every channel to take the mean of");
    }
    Tensor[] out = new Tensor[4];
    boolean done = false;
    try {
      out[0] = Tensor.empty(x.device(), x.shape());
      for (int i = 1; i < out.length; i++) out[i] = Tensor.empty(x.device(), x.size(1));
      launch(x, gamma, beta, true, out[1], out[2], out[3], out[0], relu, eps);
      done = true;
      return new Result(out[0], out[1], out[2], out[3]);
    } finally {
      if (!done) Outputs.closeAll(out);
    }
  }

  /** The same, and moves the running statistics. */
  public static Result train(Tensor x, Tensor gamma, Tensor beta, double eps, boolean relu, Running running) {
    check(x, gamma, beta, eps);
    check(running, x);
    Result result = train(x, gamma, beta, eps, relu);
    boolean done = false;
    try {
      long channels = x.size(1);
      double m = channels == 0 ? 2 : x.count() / channels;
      move(running.mean, result.mean, 1, running.momentum);
      move(running.variance, result.variance, running.unbiased ? m / (m - 1) : 1, running.momentum);
      done = true;
      return result;
    } finally {
      if (!done) Outputs.closeAll(result.y, result.mean, result.variance, result.rstd);
    }
  }

  /** old = fma(batch · correction, momentum, old · (1 - momentum)). */
  private static void move(Tensor old, Tensor batch, double correction, double momentum) {
    try (Tensor corrected = correction == 1 ? batch.contiguous() : Elementwise.scale(batch, correction)) {
      Elementwise.run(Op.SCALE, old, null, old, 1 - momentum);
      Elementwise.run(Op.AXPY, corrected, old, old, momentum);
    }
  }

  /** 1 / sqrt(variance + eps): what {@link #backward} takes for given statistics. */
  public static Tensor rstd(Tensor variance, double eps) {
    Check.present("variance", variance);
    Check.floats("variance", variance, variance.device());
    checkEps(eps);
    Tensor out = Elementwise.apply(Op.SHIFT, variance, null, eps);
    return Outputs.finish(out, () -> {
      Elementwise.run(Op.SQRT, out, null, out, 0);
      Elementwise.run(Op.RECIPROCAL, out, null, out, 0);
    });
  }

  /**
   * Gradients of x, gamma and beta from the gradient of y.
   *
   * @param y the forward result where it ended with a relu, else null
   * @param mean of the batch, or as given
   * @param rstd of the batch, or from {@link #rstd(Tensor, double)}
   * @param training whether mean and rstd are those of the batch
   */
  public static Gradients backward(Tensor x, Tensor gamma, Tensor dy, Tensor y, Tensor mean, Tensor rstd, boolean training) {
    check(x, gamma, null, 0);
    Device device = x.device();
    Check.floats("dy", dy, device);
    Check.shape("dy", dy, x.shape());
    Check.optional("y", y, device, x.shape());
    statistic("mean", mean, x);
    statistic("rstd", rstd, x);
    long channels = x.size(1);
    Tensor[] out = new Tensor[3];
    boolean done = false;
    try (Tensor denseX = x.contiguous(); Tensor denseDy = dy.contiguous(); Tensor denseY = y == null ? null : y.contiguous();
        Tensor denseGamma = gamma == null ? null : gamma.contiguous(); Tensor denseMean = mean.contiguous();
        Tensor denseRstd = rstd.contiguous()) {
      out[0] = Tensor.empty(device, x.shape());
      out[1] = x.count() == 0 ? Tensor.zeros(device, channels) : Tensor.empty(device, channels);
      out[2] = x.count() == 0 ? Tensor.zeros(device, channels) : Tensor.empty(device, channels);
      if (x.count() > 0) {
        var args = new BatchNormBackwardArgs(x.size(0), channels, size(x), training, denseX, denseDy, denseY, denseGamma,
            denseMean, denseRstd, out[0], out[1], out[2]);
        Check.launch(device, k -> k.batchnormBackward(args), denseX, denseDy, denseY, denseGamma, denseMean, denseRstd, out[0],
            out[1], out[2]);
      }
      done = true;
      return new Gradients(out[0], out[1], out[2]);
    } finally {
      if (!done) Outputs.closeAll(out);
    }
  }

  /**
   * A convolution followed by inference, as one convolution.
   *
   * @param weight [O, I, ...]
   * @param bias [O], or null
   * @param gamma [O], or null for 1; likewise beta, mean and variance of the normalisation
   */
  public static Folded fold(Tensor weight, Tensor bias, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double eps) {
    Check.present("weight", weight);
    Check.floats("weight", weight, weight.device());
    Check.rank("weight", weight, 2, 6);
    float[][] affine = affine(weight, weight.size(0), bias, gamma, beta, mean, variance, eps);
    long[] columns = new long[weight.rank()];
    Arrays.fill(columns, 1);
    columns[0] = weight.size(0);
    try (Tensor scale = Tensor.of(weight.device(), affine[0], columns)) {
      return folded(Elementwise.mul(weight, scale), affine[1]);
    }
  }

  /**
   * The same for a transposed convolution.
   *
   * @param weight [I, O / groups, ...]: output channel o is column o mod (O / groups) of group o / (O / groups)
   */
  public static Folded foldTransposed(Tensor weight, Tensor bias, long groups, Tensor gamma, Tensor beta, Tensor mean,
      Tensor variance, double eps) {
    Check.present("weight", weight);
    Check.floats("weight", weight, weight.device());
    Check.rank("weight", weight, 2, 5);
    long[] shape = weight.shape();
    if (groups < 1 || shape[0] % groups != 0) {
      throw new InvalidArgumentException("groups", groups, "a divisor of " + shape[0] + " input channels");
    }
    float[][] affine = affine(weight, Math.multiplyExact(groups, shape[1]), bias, gamma, beta, mean, variance, eps);
    long[] grouped = new long[shape.length + 1];
    System.arraycopy(shape, 1, grouped, 2, shape.length - 1);
    grouped[0] = groups;
    grouped[1] = shape[0] / groups;
    long[] columns = new long[grouped.length];
    Arrays.fill(columns, 1);
    columns[0] = groups;
    columns[2] = shape[1];
    try (Tensor scale = Tensor.of(weight.device(), affine[0], columns); Tensor view = weight.reshape(grouped);
        Tensor product = Elementwise.mul(view, scale)) {
      return folded(product.reshape(shape), affine[1]);
    }
  }

  private static Folded folded(Tensor weight, float[] bias) {
    boolean done = false;
    try {
      Folded result = new Folded(weight, Tensor.of(weight.device(), bias, bias.length));
      done = true;
      return result;
    } finally {
      if (!done) weight.close();
    }
  }

  /** Scale per output channel, and the folded bias: few numbers, once per model. */
  private static float[][] affine(Tensor weight, long channels, Tensor bias, Tensor gamma, Tensor beta, Tensor mean,
      Tensor variance, double eps) {
    Device device = weight.device();
    Check.optional("bias", bias, device, channels);
    Check.optional("gamma", gamma, device, channels);
    Check.optional("beta", beta, device, channels);
    Check.present("mean", mean);
    Check.optional("mean", mean, device, channels);
    Check.present("variance", variance);
    Check.optional("variance", variance, device, channels);
    checkEps(eps);
    float[] scale = variance.toFloats();
    float[] shift = mean.toFloats();
    float[] g = gamma == null ? null : gamma.toFloats();
    float[] b = beta == null ? null : beta.toFloats();
    float[] before = bias == null ? null : bias.toFloats();
    for (int c = 0; c < scale.length; c++) {
      scale[c] = (g == null ? 1 : g[c]) / (float) Math.sqrt(scale[c] + (float) eps);
      shift[c] = Math.fma(-shift[c], scale[c], b == null ? 0 : b[c]);
      if (before != null) shift[c] = Math.fma(before[c], scale[c], shift[c]);
    }
    return new float[][] {scale, shift};
  }

  private static void check(Tensor x, Tensor gamma, Tensor beta, double eps) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    Check.rank("x", x, 2, 6);
    Check.optional("gamma", gamma, x.device(), x.size(1));
    Check.optional("beta", beta, x.device(), x.size(1));
    checkEps(eps);
  }

  private static void checkEps(double eps) {
    if (!(eps >= 0) || eps > Float.MAX_VALUE) throw new InvalidArgumentException("eps", eps, "a finite number of at least 0");
  }

  private static void statistic(String argument, Tensor t, Tensor x) {
    Check.present(argument, t);
    Check.optional(argument, t, x.device(), x.size(1));
  }

  private static void check(Running running, Tensor x) {
    Check.present("running", running);
    statistic("running.mean", running.mean, x);
    statistic("running.variance", running.variance, x);
    Check.contiguous("running.mean", running.mean);
    Check.contiguous("running.variance", running.variance);
    Check.disjoint("running.variance", running.variance, "running.mean", running.mean);
    if (!(running.momentum >= 0 && running.momentum <= 1)) {
      throw new InvalidArgumentException("running.momentum", running.momentum, "0 to 1");
    }
    if (running.unbiased && x.count() == x.size(1) && x.size(1) > 0) {
      throw new ShapeException("x", "of shape " + Arrays.toString(x.shape()),
          "two elements in every channel, for an unbiased variance");
    }
  }

  private static long size(Tensor x) {
    return Softmax.product(x, 2, x.rank());
  }

  private static void launch(Tensor x, Tensor gamma, Tensor beta, boolean training, Tensor mean, Tensor variance, Tensor rstd,
      Tensor y, boolean relu, double eps) {
    if (x.count() == 0) return;
    try (Tensor denseX = x.contiguous(); Tensor denseGamma = gamma == null ? null : gamma.contiguous();
        Tensor denseBeta = beta == null ? null : beta.contiguous()) {
      var args = new BatchNormArgs(x.size(0), x.size(1), size(x), training, denseX, denseGamma, denseBeta, mean, variance, rstd,
          y, relu, (float) eps);
      Check.launch(x.device(), k -> k.batchnorm(args), denseX, denseGamma, denseBeta, mean, variance, rstd, y);
    }
  }
}
