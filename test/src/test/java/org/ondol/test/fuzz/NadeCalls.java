package org.ondol.test.fuzz;

import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Nade;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of the neural autoregressive estimator. */
final class NadeCalls {
  static final List<Call> ALL = List.of(NadeCalls::forward, NadeCalls::advance, NadeCalls::sample, NadeCalls::backward,
      NadeCalls::range);

  private NadeCalls() {}

  private static Tensor[] list(Tensor... tensors) {
    return tensors;
  }

  private static Nade.Weights weights(Arguments a, int variables, int outputs, int hidden) {
    return new Nade.Weights(a.tensor(variables, hidden), a.tensor(variables, outputs, hidden),
        a.oneIn(3) ? null : a.tensor(variables, outputs), a.oneIn(3) ? a.tensor(variables) : null,
        a.of(Activation.SIGMOID, Activation.RELU));
  }

  private static Tensor start(Arguments a, int rows, int hidden) {
    return a.flag() ? a.tensor(rows, hidden) : a.tensor(hidden);
  }

  private static Tensor[] forward(Arguments a) {
    int rows = a.size();
    int variables = a.size();
    int hidden = a.size() * 7;
    Nade.Result r = Nade.forward(a.tensor(rows, variables), weights(a, variables, 1 + a.below(3), hidden), start(a, rows, hidden));
    return list(r.y(), r.state());
  }

  private static Tensor[] range(Arguments a) {
    int rows = a.size();
    int hidden = a.size();
    Nade.Weights part = weights(a, 4, 2, hidden).range(a.integer(1), a.integer(3));
    return list(Nade.apply(a.tensor(rows, 2), part, start(a, rows, hidden)));
  }

  private static Tensor[] advance(Arguments a) {
    int rows = a.size();
    int variables = a.size();
    int hidden = a.size();
    return list(Nade.advance(a.tensor(rows, variables), a.tensor(variables, hidden), start(a, rows, hidden)));
  }

  private static Tensor[] sample(Arguments a) {
    int rows = a.size();
    int variables = a.size();
    int hidden = a.size() * 7;
    boolean known = a.flag();
    Nade.Sample s = Nade.sample(a.tensor(rows, variables), known ? a.mask(rows, variables) : null,
        known ? a.tensor(rows, variables) : null, weights(a, variables, 1, hidden), start(a, rows, hidden));
    return list(s.x(), s.y(), s.state());
  }

  private static Tensor[] backward(Arguments a) {
    int rows = a.size();
    int variables = a.size();
    int outputs = 1 + a.below(3);
    int hidden = a.size() * 7;
    Nade.Gradients g = Nade.backward(a.tensor(rows, variables), weights(a, variables, outputs, hidden), start(a, rows, hidden),
        a.tensor(rows, variables, outputs), a.flag() ? a.tensor(rows, hidden) : null, a.flag());
    return list(g.dx(), g.dw(), g.dv(), g.dbias(), g.dscale(), g.dstart());
  }
}
