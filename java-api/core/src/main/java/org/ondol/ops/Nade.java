package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.NadeArgs;
import org.ondol.spi.NadeBackwardArgs;

/**
 * The neural autoregressive distribution estimator (Larochelle and Murray 2011; for real numbers Uria, Murray and
 * Larochelle 2013): a network of one hidden layer for each of D ordered variables, of which each sees the variables
 * before it, all with shared weights. The activations a are updated in place, so that all D networks cost what one
 * layer of D inputs costs:
 *
 * <pre>a = start;  for each variable d:  h = act(scale[d] a);  y[n,d,:] = bias[d] + V[d] h;  a = a + x[n,d] W[d]</pre>
 *
 * <p>Outputs are what the caller makes of them: one logit for a binary variable, 3K numbers for a mixture of K normal
 * distributions. A variable that is 0 leaves a as it is, whatever W holds.
 *
 * <p>A part of the variables is a call on {@link Weights#range} and the same columns of x, from the state in which the
 * part before it ended.
 */
public final class Nade {
  /**
   * What is learned but for the start.
   *
   * @param w [D, H]: into the hidden units
   * @param v [D, O, H] for O outputs of each variable, O at least 1
   * @param bias [D, O], or null for none
   * @param scale [D]: what the activations are multiplied with, ρ in RNADE; or null for 1
   * @param activation {@link Activation#SIGMOID} or {@link Activation#RELU}
   */
  public record Weights(Tensor w, Tensor v, Tensor bias, Tensor scale, Activation activation) {
    /** Sigmoid units without a scale, as in NADE. */
    public Weights(Tensor w, Tensor v, Tensor bias) {
      this(w, v, bias, null, Activation.SIGMOID);
    }

    /** Views of the weights of the variables from {@code from} to before {@code to}. */
    public Weights range(long from, long to) {
      Check.present("w", w);
      Check.rank("w", w, 2, 2);
      long variables = w.size(0);
      if (from < 0 || from > variables) throw new InvalidArgumentException("from", from, "0 to " + variables);
      if (to < from || to > variables) throw new InvalidArgumentException("to", to, from + " to " + variables);
      Check.present("v", v);
      return new Weights(part("w", w, variables, from, to), part("v", v, variables, from, to),
          part("bias", bias, variables, from, to), part("scale", scale, variables, from, to), activation);
    }

    private static Tensor part(String argument, Tensor t, long variables, long from, long to) {
      if (t == null) return null;
      if (t.rank() == 0 || t.size(0) != variables) {
        throw new ShapeException(argument, "of shape " + Arrays.toString(t.shape()), variables + " variables as in w");
      }
      return t.slice(0, from, to);
    }
  }

  /**
   * Outputs and what to go on from.
   *
   * @param y [N, D, O]
   * @param state [N, H]: the activations a after the last variable
   */
  public record Result(Tensor y, Tensor state) {}

  /**
   * Binary variables that were drawn.
   *
   * @param x [N, D], 0 or 1, or what was given
   * @param y [N, D, 1], their logits
   * @param state [N, H]: the activations a after the last variable
   */
  public record Sample(Tensor x, Tensor y, Tensor state) {}

  /**
   * Gradients, each of the shape of what it is the gradient of.
   *
   * @param dx null where it was not asked for
   * @param dbias null where there is no bias
   * @param dscale null where there is no scale
   */
  public record Gradients(Tensor dx, Tensor dw, Tensor dv, Tensor dbias, Tensor dscale, Tensor dstart) {}

  private Nade() {}

  /**
   * The outputs of all variables given their values.
   *
   * @param x [N, D]
   * @param start [H] or, for each row its own, [N, H]
   * @return [N, D, O]
   */
  public static Tensor apply(Tensor x, Weights weights, Tensor start) {
    Shape s = check(x, weights, start);
    Tensor y = Tensor.empty(s.device, s.rows, s.variables, s.outputs);
    return Outputs.finish(y, () -> run(s, new Call(x, weights, start, y, null, null, null, null)));
  }

  /** The same, with the state in which it ends. */
  public static Result forward(Tensor x, Weights weights, Tensor start) {
    Shape s = check(x, weights, start);
    Tensor y = Tensor.empty(s.device, s.rows, s.variables, s.outputs);
    Tensor state = null;
    boolean done = false;
    try {
      state = Tensor.empty(s.device, s.rows, s.hidden);
      run(s, new Call(x, weights, start, y, state, null, null, null));
      done = true;
      return new Result(y, state);
    } finally {
      if (!done) Outputs.closeAll(y, state);
    }
  }

  /**
   * The state alone, a + Σ x[n,d] W[d] over ascending d.
   *
   * @param x [N, D]
   * @param w [D, H]
   * @param start [H] or [N, H]
   * @return [N, H]
   */
  public static Tensor advance(Tensor x, Tensor w, Tensor start) {
    Check.present("x", x);
    Device device = x.device();
    Check.floats("x", x, device);
    Check.rank("x", x, 2, 2);
    Shape s = shape(device, x.size(0), x.size(1), 0, w, start);
    Tensor state = Tensor.empty(device, s.rows, s.hidden);
    Weights weights = new Weights(w, null, null);
    return Outputs.finish(state, () -> run(s, new Call(x, weights, start, null, state, null, null, null)));
  }

  /**
   * Draws binary variables one after the other, each from its own logit: x = u &lt; sigmoid(y) ? 1 : 0.
   *
   * @param uniform [N, D], the random numbers u of 0 to 1
   * @param known UINT8 [N, D]: where not 0, x is not drawn but given's; or null
   * @param given [N, D], read where known is not 0; null exactly where known is
   * @param weights of one output, [D, 1, H]
   * @param start [H] or [N, H]
   */
  public static Sample sample(Tensor uniform, Tensor known, Tensor given, Weights weights, Tensor start) {
    Check.present("uniform", uniform);
    Device device = uniform.device();
    Check.floats("uniform", uniform, device);
    Check.rank("uniform", uniform, 2, 2);
    Shape s = check(device, uniform.size(0), uniform.size(1), weights, start);
    if (s.outputs != 1) throw new ShapeException("v", "with " + s.outputs + " outputs", "one output a variable");
    if (known == null && given != null) {
      throw new InvalidArgumentException("given", "without known", "null, or known too");
    }
    if (known != null) {
      Check.tensor("known", known, DType.UINT8, device);
      Check.shape("known", known, s.rows, s.variables);
      Check.present("given", given);
      Check.optional("given", given, device, s.rows, s.variables);
    }
    Tensor x = null;
    Tensor y = null;
    Tensor state = null;
    boolean done = false;
    try {
      x = Tensor.empty(device, s.rows, s.variables);
      y = Tensor.empty(device, s.rows, s.variables, 1);
      state = Tensor.empty(device, s.rows, s.hidden);
      run(s, new Call(x, weights, start, y, state, uniform, known, given));
      done = true;
      return new Sample(x, y, state);
    } finally {
      if (!done) Outputs.closeAll(x, y, state);
    }
  }

  /**
   * The gradients of {@link #forward}.
   *
   * @param dy [N, D, O]
   * @param dstate [N, H], the gradient of the state at the end; or null for 0
   * @param input whether to compute dx: it and the scale's gradient cost a second pass over the hidden units
   */
  public static Gradients backward(Tensor x, Weights weights, Tensor start, Tensor dy, Tensor dstate, boolean input) {
    Shape s = check(x, weights, start);
    Check.floats("dy", dy, s.device);
    Check.shape("dy", dy, s.rows, s.variables, s.outputs);
    Check.optional("dstate", dstate, s.device, s.rows, s.hidden);
    Tensor[] out = new Tensor[6];
    Tensor rowScale = null;
    boolean done = false;
    try {
      out[0] = input ? Tensor.empty(s.device, s.rows, s.variables) : null;
      out[1] = Tensor.empty(s.device, s.variables, s.hidden);
      out[2] = Tensor.empty(s.device, s.variables, s.outputs, s.hidden);
      out[5] = Tensor.empty(s.device, start.shape());
      rowScale = weights.scale == null ? null : Tensor.empty(s.device, s.rows, s.variables);
      backward(s, new Call(x, weights, start, null, null, null, null, null), dy, dstate, out, rowScale);
      out[3] = weights.bias == null ? null : Reduce.sum(dy, 0);
      out[4] = rowScale == null ? null : Reduce.sum(rowScale, 0);
      done = true;
      return new Gradients(out[0], out[1], out[2], out[3], out[4], out[5]);
    } finally {
      if (!done) Outputs.closeAll(out);
      Outputs.closeAll(rowScale);
    }
  }

  private record Shape(Device device, long rows, long variables, long outputs, long hidden) {}

  /** The operands of a checked call, of any strides. */
  private record Call(Tensor x, Weights weights, Tensor start, Tensor y, Tensor state, Tensor uniform, Tensor known,
      Tensor given) {
    /** The operands that are read, dense; null for null. */
    Tensor[] dense() {
      Tensor[] from = {uniform == null ? x : null, weights.w, weights.v, weights.bias, weights.scale, start, uniform,
          known, given};
      Tensor[] to = new Tensor[from.length];
      boolean done = false;
      try {
        for (int i = 0; i < from.length; i++) to[i] = from[i] == null ? null : from[i].contiguous();
        done = true;
        return to;
      } finally {
        if (!done) Outputs.closeAll(to);
      }
    }

    NadeArgs args(Shape s, Tensor[] in) {
      return new NadeArgs(s.rows, s.variables, s.outputs, s.hidden, weights.activation, uniform == null ? in[0] : x,
          in[1], in[2], in[3], in[4], in[5], y, state, in[6], in[7], in[8]);
    }
  }

  private static void run(Shape s, Call call) {
    Tensor[] in = call.dense();
    try {
      NadeArgs args = call.args(s, in);
      Check.launch(s.device, k -> k.nade(args), args.x(), args.w(), args.v(), args.bias(), args.scale(), args.start(),
          args.y(), args.state(), args.uniform(), args.known(), args.given());
    } finally {
      Outputs.closeAll(in);
    }
  }

  private static void backward(Shape s, Call call, Tensor dy, Tensor dstate, Tensor[] out, Tensor rowScale) {
    Tensor[] in = call.dense();
    try (Tensor denseDy = dy.contiguous(); Tensor denseState = dstate == null ? null : dstate.contiguous()) {
      NadeArgs forward = call.args(s, in);
      var args = new NadeBackwardArgs(forward, denseDy, denseState, out[0], rowScale, out[1], out[2], out[5]);
      Check.launch(s.device, k -> k.nadeBackward(args), forward.x(), forward.w(), forward.v(), forward.scale(),
          forward.start(), denseDy, denseState, out[0], rowScale, out[1], out[2], out[5]);
    } finally {
      Outputs.closeAll(in);
    }
  }

  private static Shape check(Tensor x, Weights weights, Tensor start) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    Check.rank("x", x, 2, 2);
    return check(x.device(), x.size(0), x.size(1), weights, start);
  }

  private static Shape check(Device device, long rows, long variables, Weights weights, Tensor start) {
    Check.present("weights", weights);
    Check.floats("v", weights.v, device);
    Check.rank("v", weights.v, 3, 3);
    long outputs = weights.v.size(1);
    if (outputs == 0) throw new ShapeException("v", "without outputs", "at least one output a variable");
    Shape s = shape(device, rows, variables, outputs, weights.w, start);
    Check.shape("v", weights.v, variables, outputs, s.hidden);
    Check.optional("bias", weights.bias, device, variables, outputs);
    Check.optional("scale", weights.scale, device, variables);
    if (weights.activation != Activation.SIGMOID && weights.activation != Activation.RELU) {
      throw new InvalidArgumentException("activation", weights.activation, "SIGMOID or RELU");
    }
    return s;
  }

  private static Shape shape(Device device, long rows, long variables, long outputs, Tensor w, Tensor start) {
    Check.floats("w", w, device);
    Check.rank("w", w, 2, 2);
    long hidden = w.size(1);
    Check.shape("w", w, variables, hidden);
    Check.floats("start", start, device);
    Check.rank("start", start, 1, 2);
    if (start.rank() == 1) {
      Check.shape("start", start, hidden);
    } else {
      Check.shape("start", start, rows, hidden);
    }
    return new Shape(device, rows, variables, outputs, hidden);
  }
}
