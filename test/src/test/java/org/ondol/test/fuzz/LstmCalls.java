package org.ondol.test.fuzz;

import java.util.List;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Sequences;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Lstm;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of lstm. */
final class LstmCalls {
  static final List<Call> ALL = List.of(LstmCalls::forward, LstmCalls::step, LstmCalls::backward, LstmCalls::tape);

  private LstmCalls() {}

  /** Sizes of one call. */
  private record Sizes(int t, int n, int w, int h, int taps) {
    static Sizes draw(Arguments a) {
      return new Sizes(a.size(), a.size(), a.size(), 1 + a.below(20), 1 + a.below(3));
    }

    Lstm.Options options(Arguments a) {
      return new Lstm.Options(a.oneIn(2) ? null : a.tensor(4 * h), a.oneIn(2) ? null : a.tensor(n, w, h),
          a.oneIn(2) ? null : a.tensor(n, w, h), a.smallInteger(a.below(taps)), a.flag());
    }

    Tensor weight(Arguments a) {
      return a.tensor(taps, h, 4 * h);
    }
  }

  private static Tensor[] forward(Arguments a) {
    Sizes s = Sizes.draw(a);
    Lstm.Training f = Lstm.forward(a.tensor(s.t, s.n, s.w, 4 * s.h), s.weight(a), s.options(a));
    return new Tensor[] {f.h(), f.c(), f.gates(), f.cells()};
  }

  private static Tensor[] step(Arguments a) {
    Sizes s = Sizes.draw(a);
    Tensor h = a.rows(s.n, s.w, s.h);
    Tensor c = a.rows(s.n, s.w, s.h);
    Lstm.step(a.rows(s.n, s.w, 4 * s.h), s.weight(a), a.oneIn(2) ? null : a.tensor(4 * s.h), a.rows(s.n,
        s.w + s.taps - 1, s.h),
        a.oneIn(2) ? null : a.oneIn(2) ? c : a.rows(s.n, s.w, s.h), h, c);
    return new Tensor[] {h.copy(), c.copy()};
  }

  private static Tensor[] backward(Arguments a) {
    Sizes s = Sizes.draw(a);
    Lstm.Training pass = new Lstm.Training(a.tensor(s.t, s.n, s.w, s.h), a.tensor(s.n, s.w, s.h),
        a.tensor(s.t, s.n, s.w, 4 * s.h), a.tensor(s.t, s.n, s.w, s.h));
    Lstm.Gradients g = Lstm.backward(s.weight(a), s.options(a), pass, a.tensor(s.t, s.n, s.w, s.h),
        a.oneIn(2) ? null : a.tensor(s.n, s.w, s.h));
    return new Tensor[] {g.dx(), g.dweight(), g.dbias(), g.dh0(), g.dc0()};
  }

  private static Tensor[] tape(Arguments a) {
    Sizes s = Sizes.draw(a);
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Value x = tape.variable(a.tensor(s.t, s.n, s.w, 4 * s.h));
      Value weight = tape.variable(s.weight(a));
      Value bias = a.oneIn(2) ? null : tape.constant(a.tensor(4 * s.h));
      Value h0 = a.oneIn(2) ? null : tape.constant(a.tensor(s.n, s.w, s.h));
      Value loss = Sequences.lstm(x, weight, bias, h0, null, a.smallInteger(a.below(s.taps)), a.flag()).square().sum();
      tape.backward(loss);
      return new Tensor[] {Scope.detach(x.gradient().copy()), Scope.detach(weight.gradient().copy())};
    }
  }
}
