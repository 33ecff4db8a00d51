package org.ondol.test.grad;

import java.util.Arrays;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;

/**
 * A tensor of float64 with what {@link org.ondol.grad.Value} can do, written as plainly as it can be said: every
 * element of a result by a formula of its index. The forward passes of the tape's tests in a precision in which
 * differences mean something.
 */
final class Wide {
  final int[] shape;
  final double[] data;

  Wide(double[] data, int... shape) {
    this.shape = shape;
    this.data = data;
    if (data.length != count(shape)) throw new IllegalArgumentException(data.length + " for " + Arrays.toString(shape));
  }

  static int count(int... shape) {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  /** Element by element from a function of the index. */
  static Wide of(int[] shape, ToDoubleFunction<int[]> f) {
    double[] out = new double[count(shape)];
    int[] index = new int[shape.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = f.applyAsDouble(index);
      for (int d = shape.length - 1; d >= 0 && ++index[d] == shape[d]; d--) index[d] = 0;
    }
    return new Wide(out, shape);
  }

  double at(int... index) {
    int at = 0;
    for (int d = 0; d < shape.length; d++) at = at * shape[d] + index[d];
    return data[at];
  }

  /** 0 outside. */
  double padded(int... index) {
    for (int d = 0; d < shape.length; d++) if (index[d] < 0 || index[d] >= shape[d]) return 0;
    return at(index);
  }

  /** At an index of a shape that this one broadcasts to. */
  double spread(int... index) {
    int[] own = new int[shape.length];
    for (int d = 0; d < shape.length; d++) own[d] = shape[d] == 1 ? 0 : index[index.length - shape.length + d];
    return at(own);
  }

  static int[] changed(int[] a, int d, int value) {
    int[] b = a.clone();
    b[d] = value;
    return b;
  }

  static int[] without(int[] a, int d) {
    int[] b = new int[a.length - 1];
    for (int i = 0; i < b.length; i++) b[i] = a[i < d ? i : i + 1];
    return b;
  }

  static int[] with(int[] a, int d, int value) {
    int[] b = new int[a.length + 1];
    for (int i = 0; i < b.length; i++) b[i] = i == d ? value : a[i < d ? i : i - 1];
    return b;
  }

  private int dim(int d) {
    return d < 0 ? d + shape.length : d;
  }

  // ---- elements

  Wide map(DoubleUnaryOperator f) {
    return new Wide(Arrays.stream(data).map(f).toArray(), shape);
  }

  Wide zip(Wide y, DoubleBinaryOperator f) {
    int rank = Math.max(shape.length, y.shape.length);
    int[] out = new int[rank];
    for (int i = 0; i < rank; i++) {
      int a = i < rank - shape.length ? 1 : shape[i - rank + shape.length];
      int b = i < rank - y.shape.length ? 1 : y.shape[i - rank + y.shape.length];
      out[i] = Math.max(a, b);
    }
    return of(out, i -> f.applyAsDouble(spread(i), y.spread(i)));
  }

  Wide add(Wide y) {
    return zip(y, Double::sum);
  }

  Wide sub(Wide y) {
    return zip(y, (a, b) -> a - b);
  }

  Wide mul(Wide y) {
    return zip(y, (a, b) -> a * b);
  }

  Wide scale(double f) {
    return map(v -> v * f);
  }

  Wide relu() {
    return map(v -> Math.max(v, 0));
  }

  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** erf by its series: good to 1e-15 for the |x| < 4 of these tests. */
  static double erf(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; n < 200; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return sum * 2 / Math.sqrt(Math.PI);
  }

  // ---- sums

  Wide sum(int dim) {
    int d = dim(dim);
    return of(without(shape, d), i -> {
      double s = 0;
      for (int k = 0; k < shape[d]; k++) s += at(with(i, d, k));
      return s;
    });
  }

  Wide mean(int dim) {
    return sum(dim).scale(1.0 / shape[dim(dim)]);
  }

  Wide max(int dim) {
    int d = dim(dim);
    return of(without(shape, d), i -> {
      double m = Double.NEGATIVE_INFINITY;
      for (int k = 0; k < shape[d]; k++) m = Math.max(m, at(with(i, d, k)));
      return m;
    });
  }

  double total() {
    return Arrays.stream(data).sum();
  }

  Wide softmax(int dim) {
    Wide e = sub(max(dim).unsqueeze(dim(dim))).map(Math::exp);
    return e.zip(e.sum(dim).unsqueeze(dim(dim)), (a, b) -> a / b);
  }

  Wide layerNorm(Wide gamma, Wide beta, double eps) {
    Wide centred = sub(mean(-1).unsqueeze(shape.length - 1));
    Wide variance = centred.mul(centred).mean(-1).unsqueeze(shape.length - 1);
    return centred.zip(variance, (a, v) -> a / Math.sqrt(v + eps)).mul(gamma).add(beta);
  }

  // ---- views

  Wide reshape(int... to) {
    return new Wide(data, to);
  }

  Wide unsqueeze(int d) {
    return reshape(with(shape, d, 1));
  }

  Wide permute(int... order) {
    int[] to = new int[order.length];
    for (int i = 0; i < order.length; i++) to[i] = shape[order[i]];
    return of(to, i -> {
      int[] from = new int[order.length];
      for (int k = 0; k < order.length; k++) from[order[k]] = i[k];
      return at(from);
    });
  }

  Wide slice(int d, int from, int to) {
    return of(changed(shape, d, to - from), i -> at(changed(i, d, i[d] + from)));
  }

  Wide select(int d, int index) {
    return of(without(shape, d), i -> at(with(i, d, index)));
  }

  Wide expand(int... to) {
    return of(to, this::spread);
  }

  static Wide concat(int d, Wide... parts) {
    int size = Arrays.stream(parts).mapToInt(p -> p.shape[d]).sum();
    return of(changed(parts[0].shape, d, size), i -> {
      int at = i[d];
      for (Wide p : parts) {
        if (at < p.shape[d]) return p.at(changed(i, d, at));
        at -= p.shape[d];
      }
      throw new AssertionError();
    });
  }

  // ---- products

  /** Of matrices [.., m, k] and [.., k, n] with broadcast batches. */
  Wide matmul(Wide b) {
    int k = shape[shape.length - 1];
    int ra = shape.length;
    int rb = b.shape.length;
    Wide batch = new Wide(new double[count(Arrays.copyOf(shape, ra - 2))], Arrays.copyOf(shape, ra - 2))
        .add(new Wide(new double[count(Arrays.copyOf(b.shape, rb - 2))], Arrays.copyOf(b.shape, rb - 2)));
    int rank = batch.shape.length + 2;
    int[] out = Arrays.copyOf(batch.shape, rank);
    out[rank - 2] = shape[ra - 2];
    out[rank - 1] = b.shape[rb - 1];
    return of(out, i -> {
      double s = 0;
      for (int x = 0; x < k; x++) s += spread(changed(i, rank - 1, x)) * b.spread(changed(i, rank - 2, x));
      return s;
    });
  }

  /** Attention of this query over k and v, head h reading head h / group; an absent bias is null. */
  Wide attention(Wide k, Wide v, Wide bias, boolean causal) {
    int group = shape[1] / k.shape[1];
    int keys = k.shape[2];
    Wide scores = of(new int[] {shape[0], shape[1], shape[2], keys}, i -> {
      if (causal && i[3] > i[2]) return Double.NEGATIVE_INFINITY;
      double s = 0;
      for (int d = 0; d < shape[3]; d++) s += at(i[0], i[1], i[2], d) * k.at(i[0], i[1] / group, i[3], d);
      return s / Math.sqrt(shape[3]) + (bias == null ? 0 : bias.spread(i));
    });
    Wide p = scores.softmax(3);
    return of(new int[] {shape[0], shape[1], shape[2], v.shape[3]}, i -> {
      double s = 0;
      for (int j = 0; j < keys; j++) s += p.at(i[0], i[1], i[2], j) * v.at(i[0], i[1] / group, j, i[3]);
      return s;
    });
  }

  /** The states of an LSTM over this input [T, N, W, 4H]; null operands are absent. */
  Wide lstm(Wide k, Wide bias, Wide h0, Wide c0, int before, boolean reverse) {
    int hidden = k.shape[1];
    int[] state = {shape[1], shape[2], hidden};
    Wide h = h0 == null ? new Wide(new double[count(state)], state) : h0;
    Wide c = c0 == null ? new Wide(new double[count(state)], state) : c0;
    Wide[] all = new Wide[shape[0]];
    for (int step = 0; step < shape[0]; step++) {
      int t = reverse ? shape[0] - 1 - step : step;
      Wide last = h;
      Wide z = of(new int[] {shape[1], shape[2], 4 * hidden}, i -> {
        double sum = at(t, i[0], i[1], i[2]) + (bias == null ? 0 : bias.at(i[2]));
        for (int tap = 0; tap < k.shape[0]; tap++) {
          for (int m = 0; m < hidden; m++) sum += last.padded(i[0], i[1] + tap - before, m) * k.at(tap, m, i[2]);
        }
        return sum;
      });
      c = z.slice(2, hidden, 2 * hidden).map(Wide::sigmoid).mul(c)
          .add(z.slice(2, 0, hidden).map(Wide::sigmoid).mul(z.slice(2, 2 * hidden, 3 * hidden).map(Math::tanh)));
      h = z.slice(2, 3 * hidden, 4 * hidden).map(Wide::sigmoid).mul(c.map(Math::tanh));
      all[t] = h.unsqueeze(0);
    }
    return concat(0, all);
  }
}
