package org.ondol.ops;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.spi.LstmArgs;
import org.ondol.spi.LstmBackwardArgs;

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) whose state is a
 * row of W positions with H channels, as in the Row LSTM and the Diagonal BiLSTM (van den Oord et al. 2016, Pixel
 * Recurrent Neural Networks, section 3). Step t takes from x what the input gives to the gates, and from the state
 * before it a convolution along the row:
 *
 * <pre>
 *   z[r] = x[t, r] + bias + sum over taps of h'[r + tap - before] · K[tap]      (zeros outside the row)
 *   i, f, g, o = sigmoid(z_i), sigmoid(z_f), tanh(z_g), sigmoid(z_o);  c = f c' + i g;  h = o tanh(c)
 * </pre>
 *
 * <p>x is [T, N, W, 4H], N sequences of T steps with the gates in the order i, f, g, o; the weight K is [taps, H, 4H].
 * With W = 1 and one tap it is the LSTM of PyTorch, whose two biases are added up and whose {@code weight_hh_l0}
 * [4H, H] is K's transpose: {@code weight.transpose(0, 1).unsqueeze(0)}. A row's LSTM has three taps from one position
 * to the left, a diagonal's (of the skewed map) two. {@link #step} goes on by one step for some of the positions, for
 * sampling.
 *
 * <p>Sequences are independent and the order of every sum is fixed (docs/arithmetic.md), so a result depends on neither
 * the batch nor threads.
 */
public final class Lstm {
  /**
   * What goes into the steps beside x and the weight.
   *
   * @param bias [4H], or null for 0
   * @param h0 [N, W, H], the state before the first step; or null for 0
   * @param c0 [N, W, H], its cells; or null for 0
   * @param before how many positions the first tap lies to the left of its output: 0 to taps - 1. With two taps, 1
   *     reads r - 1 and r; with three, 1 reads r - 1, r and r + 1, and 2 reads r - 2, r - 1 and r
   * @param reverse whether steps go from the last to the first
   */
  public record Options(Tensor bias, Tensor h0, Tensor c0, int before, boolean reverse) {
    /** From zeros, the first tap on the output's own position. */
    public static final Options NONE = new Options(null, null, null, 0, false);

    public static Options bias(Tensor bias) {
      return new Options(bias, null, null, 0, false);
    }

    public Options state(Tensor h0, Tensor c0) {
      return new Options(bias, h0, c0, before, reverse);
    }

    public Options before(int before) {
      return new Options(bias, h0, c0, before, reverse);
    }

    public Options reverse(boolean reverse) {
      return new Options(bias, h0, c0, before, reverse);
    }
  }

  /**
   * The states of all steps.
   *
   * @param h [T, N, W, H]
   * @param c [N, W, H], the cells after the last step
   */
  public record Result(Tensor h, Tensor c) {}

  /**
   * The same with what the gradient needs, 5H floats for each 4H of x: computing the gates again instead would take the
   * products of the forward pass a second time, half of what going back costs.
   *
   * @param gates [T, N, W, 4H], after their activations
   * @param cells [T, N, W, H], of all steps
   */
  public record Training(Tensor h, Tensor c, Tensor gates, Tensor cells) {}

  /** Gradients in the shapes of what they belong to; dbias is [4H] and dh0 and dc0 [N, W, H] whether given or not. */
  public record Gradients(Tensor dx, Tensor dweight, Tensor dbias, Tensor dh0, Tensor dc0) {}

  private Lstm() {}

  /**
   * All steps of all sequences.
   *
   * @param x [T, N, W, 4H] with H of at least 1
   * @param weight [taps, H, 4H] with at least one tap
   */
  public static Result apply(Tensor x, Tensor weight, Options options) {
    LstmShape s = LstmShape.of(x, weight, options);
    Tensor[] out = {s.states(x.device()), s.cells(x.device()), null, null};
    launch(s, x, weight, options, out);
    return new Result(out[0], out[1]);
  }

  /** The same, keeping what {@link #backward} needs. */
  public static Training forward(Tensor x, Tensor weight, Options options) {
    LstmShape s = LstmShape.of(x, weight, options);
    Device device = x.device();
    Tensor[] out = {s.states(device), s.cells(device), s.gates(device), s.states(device)};
    launch(s, x, weight, options, out);
    return new Training(out[0], out[1], out[2], out[3]);
  }

  /**
   * One step for positions whose neighbours' state is known, into given memory: what drawing pixel after pixel needs.
   * All tensors may be slices of larger ones, in every dimension but the last. Position r reads the state at r to
   * r + taps - 1 of h0, so the caller's slice says how far to the left the first tap lies, and nothing is padded: a
   * state kept with zeros around it serves at the edges.
   *
   * @param x [N, W, 4H]
   * @param weight [taps, H, 4H]
   * @param bias [4H], or null
   * @param h0 [N, W + taps - 1, H], the state before, with its halo
   * @param c0 [N, W, H], its cells; or null for 0
   * @param h [N, W, H], written; overlaps no operand
   * @param c [N, W, H], written; may be exactly c0
   */
  public static void step(Tensor x, Tensor weight, Tensor bias, Tensor h0, Tensor c0, Tensor h, Tensor c) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    Check.rank("x", x, 3, 3);
    Check.unitLast("x", x);
    try (Tensor one = x.unsqueeze(0)) {
      LstmShape s = LstmShape.of(one, weight, Options.bias(bias));
      Check.present("h0", h0);
      Check.optional("h0", h0, x.device(), s.n(), s.w() + s.taps() - 1, s.h());
      Check.unitLast("h0", h0);
      Check.optional("c0", c0, x.device(), s.n(), s.w(), s.h());
      if (c0 != null) Check.unitLast("c0", c0);
      result("h", h, s, x, weight, bias, h0);
      result("c", c, s, x, weight, bias, h0);
      if (c0 != null) Check.disjoint("h", h, "c0", c0);
      Check.disjointOrSame("c", c, "c0", c0);
      Check.disjoint("c", c, "h", h);
      if (h.count() == 0) return;
      try (Tensor denseWeight = weight.contiguous(); Tensor denseBias = bias == null ? null : bias.contiguous();
          Tensor out = h.unsqueeze(0)) {
        var args = new LstmArgs(1, s.n(), s.w(), s.h(), s.taps(), 0, false, true, one, denseWeight, denseBias, h0, c0,
            out, c, null, null);
        Check.launch(x.device(), k -> k.lstm(args), one, denseWeight, denseBias, h0, c0, out, c);
      }
    }
  }

  private static void result(String argument, Tensor t, LstmShape s, Tensor x, Tensor weight, Tensor bias, Tensor h0) {
    Check.present(argument, t);
    Check.optional(argument, t, x.device(), s.n(), s.w(), s.h());
    Check.unitLast(argument, t);
    Check.writable(argument, t);
    Check.disjoint(argument, t, "x", x);
    Check.disjoint(argument, t, "weight", weight);
    Check.disjoint(argument, t, "bias", bias);
    Check.disjoint(argument, t, "h0", h0);
  }

  /**
   * Gradients from those of all states and of the last cells.
   *
   * @param weight as in {@link #forward}
   * @param options as in {@link #forward}
   * @param pass its result
   * @param dh [T, N, W, H]
   * @param dc [N, W, H], of the cells after the last step; or null for 0
   */
  public static Gradients backward(Tensor weight, Options options, Training pass, Tensor dh, Tensor dc) {
    Tensor[] dx = new Tensor[3];
    Tensor[] dweight = new Tensor[2];
    boolean done = false;
    try {
      LstmShape s = LstmShape.of(weight, options, pass);
      dx = inputGradients(s, weight, options, pass, dh, dc, true);
      dweight = weightGradients((int) s.taps(), options, pass, dx[0]);
      done = true;
      return new Gradients(dx[0], dweight[0], dweight[1], dx[1], dx[2]);
    } finally {
      if (!done) Outputs.closeAll(dx);
      if (!done) Outputs.closeAll(dweight);
    }
  }

  /**
   * The part of {@link #backward} that goes through the steps: dx, dh0 and dc0.
   *
   * @param initial whether dh0 and dc0 are wanted; else they are null
   */
  public static Tensor[] inputGradients(Tensor weight, Options options, Training pass, Tensor dh, Tensor dc,
      boolean initial) {
    return inputGradients(LstmShape.of(weight, options, pass), weight, options, pass, dh, dc, initial);
  }

  private static Tensor[] inputGradients(LstmShape s, Tensor weight, Options options, Training pass, Tensor dh,
      Tensor dc, boolean initial) {
    Device device = weight.device();
    Check.floats("dh", dh, device);
    Check.shape("dh", dh, s.t(), s.n(), s.w(), s.h());
    Check.optional("dc", dc, device, s.n(), s.w(), s.h());
    Tensor[] out = {null, null, null};
    boolean done = false;
    try (Tensor w = weight.contiguous(); Tensor gates = pass.gates.contiguous(); Tensor cells = pass.cells.contiguous();
        Tensor c0 = options.c0 == null ? null : options.c0.contiguous(); Tensor denseDh = dh.contiguous();
        Tensor denseDc = dc == null ? null : dc.contiguous()) {
      out[0] = s.gates(device);
      if (initial && s.t() == 0) {
        out[1] = Tensor.zeros(device, s.n(), s.w(), s.h());
        out[2] = dc == null ? Tensor.zeros(device, s.n(), s.w(), s.h()) : dc.copy();
      } else if (initial) {
        out[1] = s.cells(device);
        out[2] = s.cells(device);
      }
      if (out[0].count() > 0) {
        var args = new LstmBackwardArgs(s.t(), s.n(), s.w(), s.h(), s.taps(), options.before, options.reverse, w, gates,
            cells, c0, denseDh, denseDc, out[0], out[1], out[2]);
        Check.launch(device, k -> k.lstmBackward(args), w, gates, cells, c0, denseDh, denseDc, out[0], out[1], out[2]);
      }
      done = true;
      return out;
    } finally {
      if (!done) Outputs.closeAll(out);
    }
  }

  /**
   * The rest of {@link #backward}: dweight and dbias as a product and a sum over all rows.
   *
   * @param taps of the weight
   * @param dx the gates' gradients, [T, N, W, 4H]
   */
  public static Tensor[] weightGradients(int taps, Options options, Training pass, Tensor dx) {
    if (taps < 1) throw new InvalidArgumentException("taps", taps, "at least 1");
    Check.present("dx", dx);
    Check.floats("dx", dx, dx.device());
    Check.rank("dx", dx, 4, 4);
    LstmShape s = LstmShape.of(dx, options, pass, taps);
    Tensor[] out = new Tensor[2];
    boolean done = false;
    try (Tensor windows = windows(s, options, pass.h); Tensor states = windows.transpose(0, 1);
        Tensor rows = dx.reshape(s.t() * s.n() * s.w(), 4 * s.h()); Tensor product = Gemm.matmul(states, rows)) {
      out[0] = product.reshape(s.taps(), s.h(), 4 * s.h());
      out[1] = Reduce.sum(rows, 0);
      done = true;
      return out;
    } finally {
      if (!done) Outputs.closeAll(out);
    }
  }

  /** The state that each row of gates has read, [T N W, taps H]: h of the step before with zeros around it. */
  private static Tensor windows(LstmShape s, Options options, Tensor h) {
    long around = s.w() + s.taps() - 1;
    try (Tensor padded = Tensor.zeros(h.device(), s.t(), s.n(), around, s.h());
        Tensor inner = padded.slice(2, options.before, options.before + s.w())) {
      if (inner.count() > 0) {
        int first = options.reverse ? (int) s.t() - 1 : 0;
        if (options.h0 != null) {
          try (Tensor at = inner.select(0, first)) {
            at.assign(options.h0);
          }
        }
        try (Tensor to = inner.slice(0, options.reverse ? 0 : 1, options.reverse ? s.t() - 1 : s.t());
            Tensor from = h.slice(0, options.reverse ? 1 : 0, options.reverse ? s.t() : s.t() - 1)) {
          to.assign(from);
        }
      }
      long[] strides = {s.n() * around * s.h(), around * s.h(), s.h(), 1};
      try (Tensor view = padded.view(padded.offset(), new long[] {s.t(), s.n(), s.w(), s.taps() * s.h()}, strides)) {
        return view.reshape(s.t() * s.n() * s.w(), s.taps() * s.h());
      }
    }
  }

  private static void launch(LstmShape s, Tensor x, Tensor weight, Options o, Tensor[] out) {
    boolean done = false;
    try (Tensor rows = dense(x); Tensor denseWeight = weight.contiguous();
        Tensor bias = o.bias == null ? null : o.bias.contiguous(); Tensor h0 = o.h0 == null ? null : dense(o.h0);
        Tensor c0 = o.c0 == null ? null : dense(o.c0)) {
      if (s.t() == 0 && o.c0 != null) {
        out[1].assign(o.c0);
      } else if (s.t() == 0) {
        Elementwise.fill(out[1], 0);
      } else if (out[1].count() > 0) {
        var args = new LstmArgs(s.t(), s.n(), s.w(), s.h(), s.taps(), o.before, o.reverse, false, rows, denseWeight,
            bias, h0, c0, out[0], out[1], out[2], out[3]);
        Check.launch(x.device(), k -> k.lstm(args), rows, denseWeight, bias, h0, c0, out[0], out[1], out[2], out[3]);
      }
      done = true;
    } finally {
      if (!done) Outputs.closeAll(out);
    }
  }

  /** With a dense last dimension. */
  private static Tensor dense(Tensor t) {
    return t.size(-1) > 1 && t.stride(-1) != 1 ? t.contiguous() : t.view(t.offset(), t.shape(), t.strides());
  }
}
