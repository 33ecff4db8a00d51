package org.ondol.test.fuzz;

import java.util.List;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Clip;
import org.ondol.grad.Generator;
import org.ondol.grad.GradientException;
import org.ondol.grad.Losses;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Elementwise.Op;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of the tape: a step each, whose results are the gradients. */
final class TrainingCalls {
  static final List<Call> ALL = List.of(TrainingCalls::linear, TrainingCalls::elementwise, TrainingCalls::views,
      TrainingCalls::classes, TrainingCalls::optimizer, TrainingCalls::draws);

  private TrainingCalls() {}

  private static Tensor[] list(Tensor... tensors) {
    return tensors;
  }

  private static Tensor[] gradients(Value loss, Value... variables) {
    loss.tape().backward(loss);
    Tensor[] out = new Tensor[variables.length];
    for (int i = 0; i < out.length; i++) out[i] = Scope.detach(variables[i].gradient().copy());
    return out;
  }

  private static Value loss(Arguments a, Value x, Value t) {
    Reduction r = a.of(Reduction.values());
    Value loss = switch (a.below(6)) {
      case 0 -> Losses.bernoulli(x, t, r);
      case 1 -> Losses.mse(x, t, r);
      case 2 -> Losses.l1(x, t, r);
      case 3 -> Losses.smoothL1(x, t, a.number(0.5), r);
      case 4 -> Losses.hinge(x, t, a.number(1), r);
      default -> Losses.gaussianKl(x, t, r);
    };
    return loss.sum();
  }

  private static Tensor[] linear(Arguments a) {
    int m = a.size();
    int k = a.size();
    int n = a.size();
    try (Scope scope = Scope.open(); Tape tape = Tape.open(new Generator(m))) {
      Value x = tape.variable(a.tensor(2, m, k));
      Value w = tape.variable(a.tensor(k, n));
      Value b = tape.variable(a.tensor(n));
      double dropped = a.number(0.25);
      Value h = a.flag() ? tape.recompute(() -> x.linear(w, b).dropout(dropped)) : x.linear(w, b).dropout(dropped);
      return gradients(loss(a, h, tape.constant(a.tensor(2, m, n))), x, w, b);
    }
  }

  private static Tensor[] elementwise(Arguments a) {
    int m = a.size();
    int n = a.size();
    Op one = a.of(Op.ABS, Op.GELU, Op.EXP, Op.SQRT, Op.ERF, Op.RECIPROCAL, Op.SILU);
    Op two = a.of(Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.MAX, Op.MIN);
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Value x = tape.variable(a.tensor(m, n));
      Value y = tape.variable(a.tensor(a.flag() ? m : 1, 1));
      Value z = x.apply(one).apply(two, y).leakyRelu(a.number(0.1)).axpy(a.number(2), x);
      return gradients(z.sum(a.smallInteger(1)).square().mean(), x, y);
    }
  }

  private static Tensor[] views(Arguments a) {
    int m = 1 + a.below(4);
    int n = 1 + a.below(4);
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Value x = tape.variable(a.tensor(m, n, 3));
      Value joined = Value.concat(a.smallInteger(2), x, x.slice(a.smallInteger(2), a.integer(0), a.integer(2)));
      Value turned = joined.permute(2, 0, 1).transpose(a.smallInteger(0),
          a.smallInteger(-1)).reshape(a.integers(m, 5 * n));
      return gradients(turned.mul(turned.detach()).select(a.smallInteger(1),
          a.integer(0)).softmax(a.smallInteger(0)).square().sum(), x);
    }
  }

  private static Tensor[] classes(Arguments a) {
    int m = a.size();
    int classes = 1 + a.below(5);
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Value x = tape.variable(a.tensor(m, classes));
      Tensor ids = a.indices(m, classes);
      Reduction r = a.of(Reduction.values());
      Value loss = a.flag() ? Losses.softmax(x, ids, a.smallInteger(1), r)
          : Losses.softmax(x, ids, a.smallInteger(1), a.integer(0), r);
      return gradients(loss.sum(), x);
    }
  }

  private static Tensor[] optimizer(Arguments a) {
    int n = 1 + a.below(5);
    try (Scope scope = Scope.open(); Parameters all = new Parameters(); Tape tape = Tape.open()) {
      Tensor first = a.tensor(n, 2);
      all.add("p", (first == null ? first : first.copy()));
      Value p = tape.parameter(all.get("p"));
      tape.backward(p.square().sum());
      Clip.byValue(all, a.number(-2), a.number(2));
      try {
        Clip.byNorm(all, a.number(1));
      } catch (GradientException e) {
        // An infinite norm.
      }
      Adam.Options options = a.of(Adam.Options.ADAM, Adam.Options.ADAMW);
      try (Adam adam = new Adam(all, Schedule.constant(a.number(0.1)), options)) {
        adam.step();
        return list(Scope.detach(all.get("p").tensor().copy()), Scope.detach(adam.state().get("p/second").copy()));
      }
    }
  }

  private static Tensor[] draws(Arguments a) {
    Generator g = new Generator(a.integer(7));
    g.seek(a.integer(3));
    long[] shape = a.integers(a.size(), 3);
    return list(switch (a.below(3)) {
      case 0 -> g.uniform(a.device(), a.number(-1), a.number(1), shape);
      case 1 -> g.normal(a.device(), a.number(0), a.number(1), shape);
      default -> g.dropout(a.device(), a.number(0.5), shape);
    });
  }
}
