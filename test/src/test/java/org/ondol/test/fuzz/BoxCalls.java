package org.ondol.test.fuzz;

import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Nms;
import org.ondol.ops.TopK;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of nms and topk. Indices are returned as floats, which can be compared. */
final class BoxCalls {
  static final List<Call> NMS = List.of(BoxCalls::nms, BoxCalls::padded);
  static final List<Call> TOPK = List.of(BoxCalls::topk, BoxCalls::topkBackward);

  private BoxCalls() {}

  private static Tensor floats(Tensor indices) {
    long[] from = indices.toLongs();
    float[] to = new float[from.length];
    for (int i = 0; i < to.length; i++) {
      to[i] = from[i];
    }
    return Tensor.of(indices.device(), to, indices.shape());
  }

  private static Nms.Options options(Arguments a, int classes) {
    Nms.Method method = a.of(Nms.Method.values());
    boolean soft = method != Nms.Method.HARD;
    return new Nms.Options(a.of(Nms.Format.values()), method, a.smallInteger(a.below(2)), a.number(0.4), a.flag(),
        a.number(soft ? 0 : -1), a.integer(a.below(6) - 1), a.integer(a.below(9) - 1), a.flag(),
        a.integer(classes == 0 ? -1 : a.below(classes + 1) - 1), a.number(0.5), a.number(0.1));
  }

  private record Operands(Tensor boxes, Tensor scores, Nms.Options options) {
    static Operands draw(Arguments a) {
      int batch = a.size();
      int classes = a.size();
      int n = a.size() * (a.oneIn(3) ? 6 : 1);
      Tensor boxes = a.flag() ? a.tensor(batch, n, 4) : a.tensor(batch, n, classes, 4);
      return new Operands(boxes, a.tensor(batch, classes, n), BoxCalls.options(a, classes));
    }
  }

  private static Tensor[] nms(Arguments a) {
    Operands o = Operands.draw(a);
    Nms.Result r = Nms.apply(o.boxes, o.scores, o.options);
    try (Tensor indices = r.indices()) {
      return new Tensor[] {r.scores(), floats(indices)};
    }
  }

  private static Tensor[] padded(Arguments a) {
    Operands o = Operands.draw(a);
    Nms.Padded p = Nms.padded(o.boxes, o.scores, o.options);
    try (Tensor indices = p.indices(); Tensor counts = p.counts()) {
      return new Tensor[] {p.scores(), floats(indices), floats(counts)};
    }
  }

  private static Tensor[] topk(Arguments a) {
    int rows = a.size();
    int n = a.size() * (a.oneIn(3) ? 30 : 1);
    TopK.Result r = TopK.apply(a.tensor(rows, n), a.integer(n == 0 ? 0 : a.below(n + 1)), a.smallInteger(1), a.flag());
    try (Tensor indices = r.indices()) {
      return new Tensor[] {r.values(), floats(indices)};
    }
  }

  private static Tensor[] topkBackward(Arguments a) {
    int rows = a.size();
    int n = a.size();
    try (TopK.Result r = TopK.apply(a.tensor(rows, n), a.below(n + 1))) {
      return new Tensor[] {TopK.backward(a.tensor(r.values().shape()), r.indices(), a.integer(n), a.smallInteger(1))};
    }
  }
}
