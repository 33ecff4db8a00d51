package org.ondol.grad;

import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * Stochastic gradient descent, as PyTorch means it: g = gradient + decay · p; with momentum v = momentum · v + g (from
 * 0), and g = v, or g + momentum · v with Nesterov's; p = p - rate · g. Each line is one fused multiply-add.
 */
public final class Sgd extends Optimizer {
  /**
   * How to move.
   *
   * @param momentum 0 for none, below 1
   * @param nesterov whether the gradient is taken ahead (Sutskever et al. 2013); needs momentum
   * @param decay factor of the parameter that is added to its gradient
   */
  public record Options(double momentum, boolean nesterov, double decay) {
    public static final Options PLAIN = new Options(0, false, 0);

    public Options {
      Require.fraction("momentum", momentum);
      Require.notNegative("decay", decay);
      if (nesterov && momentum == 0) throw new InvalidArgumentException("nesterov", true, "a momentum above 0 with it");
    }

    public Options momentum(double momentum) {
      return new Options(momentum, nesterov, decay);
    }

    public Options nesterov(boolean nesterov) {
      return new Options(momentum, nesterov, decay);
    }

    public Options decay(double decay) {
      return new Options(momentum, nesterov, decay);
    }
  }

  private final Options options;

  public Sgd(Iterable<Parameter> parameters, Schedule schedule, Options options) {
    super(parameters, schedule);
    this.options = Require.present("options", options);
  }

  @Override
  public String kind() {
    return "sgd";
  }

  @Override
  List<String> slots() {
    return options.momentum == 0 ? List.of() : List.of("velocity");
  }

  @Override
  void update(Parameter parameter, Tensor gradient, State state, double rate) {
    Tensor p = parameter.tensor();
    Tensor g = options.decay == 0 ? gradient : Elementwise.apply(Op.AXPY, p, gradient, options.decay);
    if (options.momentum != 0) {
      Tensor v = state.tensors[0];
      Elementwise.run(Op.AXPY, v, g, v, options.momentum);
      g = options.nesterov ? Elementwise.apply(Op.AXPY, v, g, options.momentum) : v;
    }
    Elementwise.run(Op.AXPY, g, p, p, -rate);
  }
}
