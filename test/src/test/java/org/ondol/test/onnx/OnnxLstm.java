package org.ondol.test.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;
import org.ondol.ops.Lstm;
import org.ondol.ops.PackedMatrix;

/**
 * ONNX's LSTM with one direction: x [T, N, in], W [1, 4H, in], R [1, 4H, H], B [1, 8H] for both, initial states
 * [1, N, H], gates in the order i, o, f, g. The input's part is a product of its own.
 */
final class OnnxLstm {
  private static final int[] ORDER = {0, 2, 3, 1};

  private OnnxLstm() {}

  static Tensor[] run(OnnxCase c, Device device) {
    assertNull(c.input(4), "sequence lengths");
    assertNull(c.input(7), "peepholes");
    assertEquals(0, c.intAttribute("layout", 0), "layout");
    boolean reverse = c.stringAttribute("direction", "forward").equals("reverse");
    Tensor x = floats(c, device, 0);
    Tensor input = gates(floats(c, device, 1).select(0, 0));
    Tensor recurrent = gates(floats(c, device, 2).select(0, 0));
    long hidden = recurrent.size(1);
    Tensor bias = null;
    if (c.input(3) != null) {
      Tensor both = floats(c, device, 3).select(0, 0);
      bias = gates(Elementwise.add(both.slice(0, 0, 4 * hidden), both.slice(0, 4 * hidden, 8 * hidden)));
    }
    Tensor z = Gemm.linear(x, PackedMatrix.of(input.transpose(0, 1)), Gemm.Epilogue.NONE);
    Lstm.Options options = Lstm.Options.bias(bias).reverse(reverse)
        .state(state(floats(c, device, 5)), state(floats(c, device, 6)));
    Lstm.Result r = Lstm.apply(z.unsqueeze(2), recurrent.transpose(0, 1).unsqueeze(0), options);
    Tensor y = r.h().transpose(1, 2); // [T, directions, N, H]
    Tensor last = r.h().select(0, reverse ? 0 : (int) x.size(0) - 1);
    return new Tensor[] {y, last.squeeze(1).unsqueeze(0), r.c().squeeze(1).unsqueeze(0)};
  }

  private static Tensor floats(OnnxCase c, Device device, int i) {
    OnnxValue v = c.input(i);
    return v == null ? null : Tensor.of(device, v.floats(), v.dims());
  }

  /** [1, N, H] to [N, 1, H]. */
  private static Tensor state(Tensor t) {
    return t == null ? null : t.transpose(0, 1);
  }

  /** The rows of four gates in the order i, f, g, o. */
  private static Tensor gates(Tensor t) {
    long hidden = t.size(0) / 4;
    Tensor out = Tensor.empty(t.device(), t.shape());
    for (int gate = 0; gate < 4; gate++) {
      Tensor from = t.slice(0, ORDER[gate] * hidden, (ORDER[gate] + 1) * hidden);
      out.slice(0, gate * hidden, (gate + 1) * hidden).assign(from);
    }
    return out;
  }
}
