package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/**
 * The checked sizes of an LSTM.
 *
 * @param t steps
 * @param n sequences
 * @param w positions
 * @param h channels
 */
record LstmShape(long t, long n, long w, long h, long taps) {
  /** Of a forward pass. */
  static LstmShape of(Tensor x, Tensor weight, Lstm.Options options) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    Check.rank("x", x, 4, 4);
    LstmShape s = of(x.shape(), x.device(), weight, options);
    if (x.size(3) != 4 * s.h) {
      throw new ShapeException("x", "of shape " + Arrays.toString(x.shape()),
          "last size " + 4 * s.h + " like the weight's");
    }
    return s;
  }

  /** Of the way back. */
  static LstmShape of(Tensor weight, Lstm.Options options, Lstm.Training pass) {
    Check.present("weight", weight);
    Check.present("pass", pass);
    Check.present("pass.gates", pass.gates());
    Check.floats("pass.gates", pass.gates(), weight.device());
    Check.rank("pass.gates", pass.gates(), 4, 4);
    LstmShape s = of(pass.gates().shape(), weight.device(), weight, options);
    s.check(weight.device(), pass);
    return s;
  }

  /** Of the gradient of the weight. */
  static LstmShape of(Tensor dx, Lstm.Options options, Lstm.Training pass, long taps) {
    long h = dx.size(3) / 4;
    if (h < 1 || dx.size(3) % 4 != 0) {
      throw new ShapeException("dx", "of shape " + Arrays.toString(dx.shape()), "4 H as last size, H at least 1");
    }
    LstmShape s = new LstmShape(dx.size(0), dx.size(1), dx.size(2), h, taps);
    s.check(dx.device(), options);
    s.check(dx.device(), pass);
    return s;
  }

  private static LstmShape of(long[] rows, Device device, Tensor weight, Lstm.Options options) {
    Check.present("weight", weight);
    Check.floats("weight", weight, device);
    Check.rank("weight", weight, 3, 3);
    long h = weight.size(1);
    if (weight.size(0) < 1 || h < 1 || weight.size(2) != 4 * h) {
      throw new ShapeException("weight", "of shape " + Arrays.toString(weight.shape()),
          "[taps, H, 4 H] with at least one tap and channel");
    }
    LstmShape s = new LstmShape(rows[0], rows[1], rows[2], h, weight.size(0));
    s.check(device, options);
    return s;
  }

  private void check(Device device, Lstm.Options options) {
    Check.present("options", options);
    Check.optional("bias", options.bias(), device, 4 * h);
    Check.optional("h0", options.h0(), device, n, w, h);
    Check.optional("c0", options.c0(), device, n, w, h);
    if (options.before() < 0 || options.before() >= taps) {
      throw new InvalidArgumentException("before", options.before(), "0 to " + (taps - 1) + ", less than the taps");
    }
  }

  private void check(Device device, Lstm.Training pass) {
    Check.present("pass", pass);
    Check.present("pass.h", pass.h());
    Check.optional("pass.h", pass.h(), device, t, n, w, h);
    Check.present("pass.gates", pass.gates());
    Check.optional("pass.gates", pass.gates(), device, t, n, w, 4 * h);
    Check.present("pass.cells", pass.cells());
    Check.optional("pass.cells", pass.cells(), device, t, n, w, h);
  }

  /** New memory for h of all steps. */
  Tensor states(Device device) {
    return Tensor.empty(device, t, n, w, h);
  }

  /** New memory for the cells of one step. */
  Tensor cells(Device device) {
    return Tensor.empty(device, n, w, h);
  }

  /** New memory for the gates of all steps. */
  Tensor gates(Device device) {
    return Tensor.empty(device, t, n, w, 4 * h);
  }
}
