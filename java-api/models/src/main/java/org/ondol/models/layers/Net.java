package org.ondol.models.layers;

import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Maps;
import org.ondol.grad.Parameter;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Activation;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;

/**
 * What a network of maps [N, C, H, W] can be written in once: on a tape, for training, and at once, for speed.
 *
 * @param <M> a map
 */
public interface Net<M> {
  /** act(norm(w * x + b)). */
  M conv(M x, ConvUnit unit);

  /** act(norm(w * x + b) + residual), with a map of the result's shape. */
  M conv(M x, ConvUnit unit, M residual);

  /** act(norm(deconv(x, w) + b)). */
  M deconv(M x, DeconvUnit unit);

  M maxPool(M x, PoolGeometry geometry);

  M averagePool(M x, PoolGeometry geometry);

  /** The mean of each channel, [N, C, 1, 1]. */
  M globalAverage(M x);

  M add(M x, M y);

  /** Maps one after the other, by channels. */
  M concat(List<M> maps);

  /** Channels from (inclusive) to (exclusive). */
  M channels(M x, long from, long to);

  M resize(M x, Resize.Target target, Resize.Options options);

  /** The part of a map that begins at a row and a column. */
  M crop(M x, long top, long left, long height, long width);

  /** A unary operation, with its constant where it has one. */
  M apply(Op op, double param, M x);

  /** {@code x < 0 ? slope · x : x}, with a slope for each channel (He et al. 2015). */
  M prelu(M x, Parameter slope);

  /** Drops elements while training; elsewhere the map itself. */
  M dropout(M x, double probability);

  /** Batch norm that does not follow a convolution. */
  M batchNorm(M x, NormUnit unit);

  /** The size of a map's dimension. */
  long size(M x, int dim);

  default M relu(M x) {
    return apply(Op.RELU, 0, x);
  }

  /**
   * A network on a tape: differentiable, and each operation its own.
   *
   * @param statistics {@link Statistics#RUNNING} for examples whose results are their own, without dropout
   */
  record OnTape(Tape tape, Statistics statistics) implements Net<Value> {
    /** Of running statistics, the weight of the newest batch. */
    private static final double MOMENTUM = 0.1;

    public OnTape {
      if (tape == null) throw new InvalidArgumentException("tape", "null", "a tape");
      if (statistics == null) throw new InvalidArgumentException("statistics", "null", "a kind of statistics");
    }

    @Override
    public Value conv(Value x, ConvUnit unit) {
      return finish(convolved(x, unit), unit.norm(), unit.activation(), unit.slope());
    }

    @Override
    public Value conv(Value x, ConvUnit unit, Value residual) {
      Value y = finish(convolved(x, unit), unit.norm(), Activation.NONE, 0);
      return activate(y.add(residual), unit.activation(), unit.slope());
    }

    private Value convolved(Value x, ConvUnit unit) {
      ConvGeometry g = unit.geometry();
      return Maps.conv(x, tape.parameter(unit.weight()), optional(unit.bias()), g);
    }

    @Override
    public Value deconv(Value x, DeconvUnit unit) {
      Value y = Maps.deconv(x, tape.parameter(unit.weight()), optional(unit.bias()), unit.geometry(),
          unit.outputPaddingH(), unit.outputPaddingW());
      return finish(y, unit.norm(), unit.activation(), unit.slope());
    }

    private Value optional(Parameter p) {
      return p == null ? null : tape.parameter(p);
    }

    private Value finish(Value x, NormUnit norm, Activation activation, double slope) {
      if (norm == null) return activate(x, activation, slope);
      boolean relu = activation == Activation.RELU && slope == 0;
      Value y = batchNorm(x, norm, relu);
      return relu ? y : activate(y, activation, slope);
    }

    private static Value activate(Value x, Activation activation, double slope) {
      return switch (activation) {
        case NONE -> x;
        case RELU -> slope == 0 ? x.relu() : x.leakyRelu(slope);
        case GELU -> x.gelu();
        case GELU_TANH -> x.apply(Op.GELU_TANH);
        case SIGMOID -> x.sigmoid();
        case TANH -> x.tanh();
        case SILU -> x.silu();
      };
    }

    @Override
    public Value batchNorm(Value x, NormUnit unit) {
      return batchNorm(x, unit, false);
    }

    private Value batchNorm(Value x, NormUnit unit, boolean relu) {
      Value g = tape.parameter(unit.gamma());
      Value b = tape.parameter(unit.beta());
      return switch (statistics) {
        case MOVING -> moving(x, g, b, unit, relu);
        case BATCH -> Maps.batchNorm(x, g, b, unit.eps(), relu, null);
        case RUNNING -> Maps.batchNorm(x, g, b, unit.mean().tensor(), unit.variance().tensor(), unit.eps(), relu);
      };
    }

    private static Value moving(Value x, Value g, Value b, NormUnit unit, boolean relu) {
      Value y = Maps.batchNorm(x, g, b, unit.eps(), relu,
          BatchNorm.Running.pytorch(unit.mean().tensor(), unit.variance().tensor(), MOMENTUM));
      unit.mean().written();
      unit.variance().written();
      return y;
    }

    @Override
    public Value maxPool(Value x, PoolGeometry geometry) {
      return Maps.maxPool(x, geometry);
    }

    @Override
    public Value averagePool(Value x, PoolGeometry geometry) {
      return Maps.averagePool(x, geometry);
    }

    @Override
    public Value globalAverage(Value x) {
      return Maps.adaptiveAveragePool(x, 1, 1);
    }

    @Override
    public Value add(Value x, Value y) {
      return x.add(y);
    }

    @Override
    public Value concat(List<Value> maps) {
      return Value.concat(1, maps.toArray(Value[]::new));
    }

    @Override
    public Value channels(Value x, long from, long to) {
      return x.slice(1, from, to);
    }

    @Override
    public Value resize(Value x, Resize.Target target, Resize.Options options) {
      return Maps.resize(x, target, options);
    }

    @Override
    public Value crop(Value x, long top, long left, long height, long width) {
      return x.slice(2, top, top + height).slice(3, left, left + width);
    }

    @Override
    public Value apply(Op op, double param, Value x) {
      return switch (op) {
        case SCALE -> x.scale(param);
        case SHIFT -> x.shift(param);
        default -> x.apply(op);
      };
    }

    /** relu(x) - slope · relu(-x): for each x one of the two is 0. */
    @Override
    public Value prelu(Value x, Parameter slope) {
      Value columns = tape.parameter(slope).reshape(1, -1, 1, 1);
      return x.relu().sub(columns.mul(x.neg().relu()));
    }

    @Override
    public Value dropout(Value x, double probability) {
      return statistics == Statistics.RUNNING ? x : x.dropout(probability);
    }

    @Override
    public long size(Value x, int dim) {
      return x.size(dim);
    }
  }
}
