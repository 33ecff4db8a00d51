package org.ondol.grad;

import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;
import org.ondol.ops.Unpool;

/**
 * Operations on maps [N, C, H, W] or [N, C, L] on a tape; the contracts of {@link org.ondol.ops} say what they compute.
 */
public final class Maps {
  /** The gradients of a convolution, of some kind. */
  @FunctionalInterface
  private interface ConvBackward {
    Conv.Gradients run(Tensor dy, Conv.Wanted wanted);
  }

  /**
   * The greatest elements and their indices.
   *
   * @param indices INT32, the caller's: closed by its scope
   */
  public record Max(Value y, Tensor indices) {}

  private Maps() {}

  /**
   * A convolution.
   *
   * @param bias [out], or null
   */
  public static Value conv(Value x, Value weight, Value bias, ConvGeometry geometry) {
    return conv(x, weight, bias, geometry, false, null);
  }

  /**
   * A convolution and what follows it, in one pass over its result: the bits are those of a convolution, an addition
   * and a relu on the tape.
   *
   * @param bias [out], or null
   * @param relu whether a relu follows, after the residual
   * @param residual of the result's shape, to be added; or null
   */
  public static Value conv(Value x, Value weight, Value bias, ConvGeometry geometry, boolean relu, Value residual) {
    operands(x, weight);
    return Tape.apply("conv", r -> {
      Tensor in = x.tensor();
      Tensor w = weight.tensor();
      Tensor y = Conv.apply(in, w, geometry, epilogue(bias, relu, residual));
      back(r, relu ? y : null, residual, (dy, wanted) -> Conv.backward(in, w, dy, geometry, wanted));
      return y;
    }, x, weight, bias, residual);
  }

  /** A convolution whose filters are partly dead. */
  public static Value maskedConv(Value x, Value weight, FilterMask mask, Value bias, ConvGeometry geometry) {
    return maskedConv(x, weight, mask, bias, geometry, false, null);
  }

  /** The same with what follows it, as {@link #conv(Value, Value, Value, ConvGeometry, boolean, Value)} has it. */
  public static Value maskedConv(Value x, Value weight, FilterMask mask, Value bias, ConvGeometry geometry,
      boolean relu, Value residual) {
    operands(x, weight);
    return Tape.apply("maskedconv", r -> {
      Tensor in = x.tensor();
      Tensor w = weight.tensor();
      Tensor y = MaskedConv.apply(in, w, mask, geometry, epilogue(bias, relu, residual));
      back(r, relu ? y : null, residual, (dy, wanted) -> MaskedConv.backward(in, w, mask, dy, geometry, wanted));
      return y;
    }, x, weight, bias, residual);
  }

  /** A transposed convolution without output padding. */
  public static Value deconv(Value x, Value weight, Value bias, ConvGeometry geometry) {
    return deconv(x, weight, bias, geometry, 0, 0);
  }

  /** A transposed convolution. */
  public static Value deconv(Value x, Value weight, Value bias, ConvGeometry geometry, long outputPaddingH,
      long outputPaddingW) {
    operands(x, weight);
    return Tape.apply("deconv", r -> {
      Tensor in = x.tensor();
      Tensor w = weight.tensor();
      back(r, null, null, (dy, wanted) -> Deconv.backward(in, w, dy, geometry, wanted));
      return Deconv.apply(in, w, geometry, outputPaddingH, outputPaddingW, epilogue(bias, false, null));
    }, x, weight, bias);
  }

  private static void operands(Value x, Value weight) {
    Require.present("x", x);
    Require.present("weight", weight);
  }

  private static Conv.Epilogue epilogue(Value bias, boolean relu, Value residual) {
    Conv.Epilogue e = bias == null ? Conv.Epilogue.NONE : Conv.Epilogue.bias(bias.tensor());
    if (residual != null) e = e.residual(residual.tensor());
    return relu ? e.activation(Activation.RELU) : e;
  }

  /** @param rectified the result where a relu made it, which is positive where its operand is; else null */
  private static void back(Operation.Recording r, Tensor rectified, Value residual, ConvBackward backward) {
    r.backward((dy, g) -> {
      Tensor d = rectified == null ? dense(dy) : Elementwise.apply(Op.RELU_GRAD, rectified, dy);
      if (residual != null) g.add(3, d);
      Conv.Gradients all = backward.run(d, new Conv.Wanted(g.needs(0), g.needs(1), g.needs(2)));
      if (all.dx() != null) g.add(0, all.dx());
      if (all.dw() != null) g.add(1, all.dw());
      if (all.db() != null) g.add(2, all.db());
    });
  }

  /** With dense rows: else each of the gradients would copy it. */
  private static Tensor dense(Tensor t) {
    return t.size(-1) == 1 || t.stride(-1) == 1 ? t : t.contiguous();
  }

  // ---- pooling and resizing

  /** The greatest element of each window. */
  public static Value maxPool(Value x, PoolGeometry geometry) {
    Require.present("x", x);
    return Tape.apply("max pool", r -> max(r, Pool.maxWithIndices(x.tensor(), geometry), x, geometry).y(), x);
  }

  /** The same with the indices that {@link #unpool} takes. */
  public static Max maxPoolWithIndices(Value x, PoolGeometry geometry) {
    Require.present("x", x);
    Tensor[] indices = new Tensor[1];
    Value y = Tape.apply("max pool", r -> {
      Pool.Max max = max(r, Pool.maxWithIndices(x.tensor(), geometry), x, geometry);
      indices[0] = Scope.detach(view(max.indices()));
      return max.y();
    }, x);
    // A view made here belongs to the caller's scope.
    try (Tensor mine = indices[0]) {
      return new Max(y, view(mine));
    }
  }

  private static Pool.Max max(Operation.Recording r, Pool.Max max, Value x, PoolGeometry geometry) {
    r.save(max.indices());
    r.backward((dy, g) -> g.add(0, Pool.maxBackward(dy, max.indices(), geometry, x.shape())));
    return max;
  }

  private static Tensor view(Tensor t) {
    return t.view(t.offset(), t.shape(), t.strides());
  }

  /** The greatest elements of height x width parts of the map. */
  public static Value adaptiveMaxPool(Value x, long height, long width) {
    Require.present("x", x);
    return Tape.apply("adaptive max pool", r -> {
      Pool.Max max = Pool.adaptiveMaxWithIndices(x.tensor(), height, width);
      r.save(max.indices());
      r.backward((dy, g) -> g.add(0, Pool.adaptiveMaxBackward(dy, max.indices(), x.shape())));
      return max.y();
    }, x);
  }

  /** The average of each window. */
  public static Value averagePool(Value x, PoolGeometry geometry) {
    Require.present("x", x);
    return Tape.apply("average pool", r -> {
      r.backward((dy, g) -> g.add(0, Pool.averageBackward(dy, geometry, x.shape())));
      return Pool.average(x.tensor(), geometry);
    }, x);
  }

  /** The averages of height x width parts of the map; 1 x 1 is the global average. */
  public static Value adaptiveAveragePool(Value x, long height, long width) {
    Require.present("x", x);
    return Tape.apply("adaptive average pool", r -> {
      r.backward((dy, g) -> g.add(0, Pool.adaptiveAverageBackward(dy, x.shape())));
      return Pool.adaptiveAverage(x.tensor(), height, width);
    }, x);
  }

  /**
   * Values to where their indices say, in planes of height x width.
   *
   * @param indices as {@link #maxPoolWithIndices} gives them; the tape keeps their memory open
   */
  public static Value unpool(Value x, Tensor indices, long height, long width) {
    Require.present("x", x);
    Require.open("indices", indices);
    return Tape.apply("unpool", r -> {
      Tensor mine = view(indices);
      r.save(mine);
      r.backward((dy, g) -> g.add(0, Unpool.backward(dy, mine)));
      return Unpool.apply(x.tensor(), mine, height, width);
    }, x);
  }

  /** Maps of another size. */
  public static Value resize(Value x, Resize.Target target, Resize.Options options) {
    Require.present("x", x);
    return Tape.apply("resize", r -> {
      r.backward((dy, g) -> g.add(0, Resize.backward(dy, x.size(-2), x.size(-1), target, options)));
      return Resize.apply(x.tensor(), target, options);
    }, x);
  }

  // ---- batch normalisation

  /**
   * With the statistics of the batch. The running ones move once a step, also where the part is recomputed.
   *
   * @param gamma [C], or null for 1
   * @param beta [C], or null for 0
   * @param running to move, or null
   * @param relu whether a relu follows
   */
  public static Value batchNorm(Value x, Value gamma, Value beta, double eps, boolean relu, BatchNorm.Running running) {
    Require.present("x", x);
    return Tape.apply("batchnorm", r -> {
      Tensor in = x.tensor();
      boolean move = running != null && !x.tape.replaying();
      BatchNorm.Result f = move ? BatchNorm.train(in, tensor(gamma), tensor(beta), eps, relu, running)
          : BatchNorm.train(in, tensor(gamma), tensor(beta), eps, relu);
      r.save(f.mean(), f.rstd());
      r.backward((dy, g) -> add(g, gamma, beta,
          BatchNorm.backward(in, tensor(gamma), dy, relu ? f.y() : null, f.mean(), f.rstd(), true)));
      return f.y();
    }, x, gamma, beta);
  }

  /**
   * With given statistics, which get no gradient.
   *
   * @param mean [C]
   * @param variance [C]
   */
  public static Value batchNorm(Value x, Value gamma, Value beta, Tensor mean, Tensor variance, double eps,
      boolean relu) {
    Require.present("x", x);
    Require.floats("mean", mean);
    Require.floats("variance", variance);
    return Tape.apply("batchnorm", r -> {
      Tensor in = x.tensor();
      Tensor y = BatchNorm.apply(in, tensor(gamma), tensor(beta), mean, variance, eps, relu);
      if (r.needed()) {
        Tensor savedMean = mean.copy();
        Tensor rstd = BatchNorm.rstd(variance, eps);
        r.save(savedMean, rstd);
        r.backward((dy, g) -> add(g, gamma, beta,
            BatchNorm.backward(in, tensor(gamma), dy, relu ? y : null, savedMean, rstd, false)));
      }
      return y;
    }, x, gamma, beta);
  }

  private static void add(Gradients g, Value gamma, Value beta, BatchNorm.Gradients all) {
    g.add(0, all.dx());
    if (gamma != null) g.add(1, all.dgamma());
    if (beta != null) g.add(2, all.dbeta());
  }

  private static Tensor tensor(Value v) {
    return v == null ? null : v.tensor();
  }
}
