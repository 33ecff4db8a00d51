package org.ondol.test.oracle;

import static org.ondol.test.oracle.Bound.U;

import org.ondol.test.oracle.Bound.Values;

/**
 * An LSTM over rows and its gradient in float64, with the error of float32 followed through the steps: each number
 * carries how far its float32 version may be.
 */
public record LstmOracle(int steps, int sequences, int positions, int hidden, int taps, int before, boolean reverse) {
  public record Forward(Values h, Values c, Values gates, Values cells) {}

  public record Gradient(Values dx, Values dh0, Values dc0, Values dweight, Values dbias) {}

  /** A number and the error of its float32 version. */
  private record Number(double value, double error) {
    static Number exact(double value) {
      return new Number(value, 0);
    }

    /** A result, after one more rounding. */
    static Number rounded(double value, double error) {
      return new Number(value, error + U * (Math.abs(value) + error) + Bound.TINY);
    }

    Number plus(Number b) {
      return rounded(value + b.value, error + b.error);
    }

    Number times(Number b) {
      return rounded(value * b.value, Math.abs(value) * b.error + Math.abs(b.value) * error + error * b.error);
    }

    /** Steepest at 0 with a slope of 1/4. */
    Number sigmoid() {
      double v = ElementwiseOracle.value("sigmoid", value, 0);
      return new Number(v, 0.25 * error + ElementwiseOracle.bound("sigmoid", value, 0) + 6 * U * error);
    }

    Number tanh() {
      double v = ElementwiseOracle.value("tanh", value, 0);
      return new Number(v, error + ElementwiseOracle.bound("tanh", value, 0) + 6 * U * error);
    }

    /** 1 - x. */
    Number rest() {
      return rounded(1 - value, error);
    }

    /** 1 - x². */
    Number restOfSquare() {
      return rounded(1 - value * value, 2 * Math.abs(value) * error + error * error);
    }

    Number sigmoidGrad(Number dy) {
      return dy.times(times(rest()));
    }

    Number tanhGrad(Number dy) {
      return dy.times(restOfSquare());
    }
  }

  /** A sum of products: error of the terms, and of so many roundings of their magnitudes. */
  private static final class Sum {
    private double value;
    private double error;
    private double magnitude;
    private int terms;

    void add(Number a, double b) {
      value += a.value * b;
      error += a.error * Math.abs(b);
      magnitude += (Math.abs(a.value) + a.error) * Math.abs(b);
      terms++;
    }

    Number total() {
      return new Number(value, error + Bound.gamma(terms + 1) * magnitude + terms * Bound.TINY);
    }
  }

  private int time(int i) {
    return reverse ? steps - 1 - i : i;
  }

  private int row(int t, int n, int r) {
    return (t * sequences + n) * positions + r;
  }

  /** Null where a position lies outside the row. */
  private Number state(int i, int n, int r, int m, Values h, float[] h0) {
    if (r < 0 || r >= positions) {
      return null;
    }
    if (i == 0) {
      return Number.exact(h0 == null ? 0 : h0[row(0, n, r) * hidden + m]);
    }
    return at(h, row(time(i - 1), n, r) * hidden + m);
  }

  private static Number at(Values v, int i) {
    return new Number(v.value()[i], v.bound()[i]);
  }

  private static void set(Values v, int i, Number x) {
    v.value()[i] = x.value;
    v.bound()[i] = 1.01 * x.error;
  }

  public Forward forward(float[] x, float[] weight, float[] bias, float[] h0, float[] c0) {
    int state = sequences * positions * hidden;
    Forward f = new Forward(new Values(steps * state), new Values(state), new Values(4 * steps * state),
        new Values(steps * state));
    for (int i = 0; i < steps; i++) {
      for (int n = 0; n < sequences; n++) {
        for (int r = 0; r < positions; r++) {
          for (int m = 0; m < hidden; m++) {
            forward(i, n, r, m, x, weight, bias, h0, c0, f);
          }
        }
      }
    }
    for (int m = 0; m < state; m++) {
      set(f.c, m, steps > 0 ? at(f.cells, time(steps - 1) * state + m) : Number.exact(c0 == null ? 0 : c0[m]));
    }
    return f;
  }

  private void forward(int i, int n, int r, int m, float[] x, float[] weight, float[] bias, float[] h0, float[] c0,
      Forward f) {
    int row = row(time(i), n, r);
    Number[] gate = new Number[4];
    for (int q = 0; q < 4; q++) {
      int j = q * hidden + m;
      Sum z = new Sum();
      z.add(Number.exact(x[row * 4 * hidden + j]), 1);
      if (bias != null) {
        z.add(Number.exact(bias[j]), 1);
      }
      for (int tap = 0; tap < taps; tap++) {
        for (int channel = 0; channel < hidden; channel++) {
          Number h = state(i, n, r + tap - before, channel, f.h, h0);
          if (h != null) {
            z.add(h, weight[(tap * hidden + channel) * 4 * hidden + j]);
          }
        }
      }
      gate[q] = q == 2 ? z.total().tanh() : z.total().sigmoid();
      set(f.gates, row * 4 * hidden + j, gate[q]);
    }
    Number previous = i == 0 ? Number.exact(c0 == null ? 0 : c0[row(0, n, r) * hidden + m])
        : at(f.cells, row(time(i - 1), n, r) * hidden + m);
    Number c = gate[1].times(previous).plus(gate[0].times(gate[2]));
    set(f.cells, row * hidden + m, c);
    set(f.h, row * hidden + m, gate[3].times(c.tanh()));
  }

  /** From the forward's gates, cells and states, as the operation computes it. */
  public Gradient backward(float[] weight, float[] h0, float[] c0, float[] h, float[] gates, float[] cells, float[] dh,
      float[] dc) {
    int state = sequences * positions * hidden;
    Gradient g = new Gradient(new Values(4 * steps * state), new Values(state), new Values(state),
        new Values(weight.length), new Values(4 * hidden));
    for (int m = 0; m < state; m++) {
      set(g.dc0, m, Number.exact(dc == null ? 0 : dc[m]));
    }
    for (int i = steps - 1; i >= 0; i--) {
      for (int at = 0; at < state; at++) {
        int n = at / hidden / positions;
        int r = at / hidden % positions;
        int m = at % hidden;
        int row = row(time(i), n, r);
        Number d = arriving(dh[row * hidden + m], i == steps - 1 ? -1 : i + 1, n, r, m, weight, g.dx);
        float before = i == 0 ? c0 == null ? 0 : c0[at] : cells[row(time(i - 1), n, r) * hidden + m];
        backward(row, m, at, d, Number.exact(before), gates, cells, g);
      }
    }
    for (int at = 0; steps > 0 && at < state; at++) {
      set(g.dh0, at, arriving(0, 0, at / hidden / positions, at / hidden % positions, at % hidden, weight, g.dx));
    }
    parameters(h0, h, g);
    return g;
  }

  private void backward(int row, int m, int at, Number d, Number before, float[] gates, float[] cells, Gradient g) {
    Number[] gate = new Number[4];
    for (int q = 0; q < 4; q++) {
      gate[q] = Number.exact(gates[row * 4 * hidden + q * hidden + m]);
    }
    Number u = Number.exact(cells[row * hidden + m]).tanh();
    Number s = at(g.dc0, at).plus(u.tanhGrad(d.times(gate[3])));
    set(g.dx, row * 4 * hidden + m, gate[0].sigmoidGrad(s.times(gate[2])));
    set(g.dx, row * 4 * hidden + hidden + m, gate[1].sigmoidGrad(s.times(before)));
    set(g.dx, row * 4 * hidden + 2 * hidden + m, gate[2].tanhGrad(s.times(gate[0])));
    set(g.dx, row * 4 * hidden + 3 * hidden + m, gate[3].sigmoidGrad(d.times(u)));
    set(g.dc0, at, s.times(gate[1]));
  }

  /** The gradient of h: the given one and what comes from the gates of step i; none where i is -1. */
  private Number arriving(double given, int i, int n, int r, int m, float[] weight, Values dx) {
    Sum sum = new Sum();
    sum.add(Number.exact(given), 1);
    for (int tap = 0; i >= 0 && tap < taps; tap++) {
      int from = r - tap + before;
      for (int j = 0; from >= 0 && from < positions && j < 4 * hidden; j++) {
        sum.add(at(dx, row(time(i), n, from) * 4 * hidden + j), weight[(tap * hidden + m) * 4 * hidden + j]);
      }
    }
    return sum.total();
  }

  private void parameters(float[] h0, float[] h, Gradient g) {
    Values states = new Values(h.length);
    for (int i = 0; i < h.length; i++) {
      states.value()[i] = h[i];
    }
    Sum[] bias = new Sum[4 * hidden];
    Sum[] weight = new Sum[taps * hidden * 4 * hidden];
    java.util.Arrays.setAll(bias, i -> new Sum());
    java.util.Arrays.setAll(weight, i -> new Sum());
    for (int row = 0; row < steps * sequences * positions; row++) {
      int t = row / positions / sequences;
      for (int j = 0; j < 4 * hidden; j++) {
        Number d = at(g.dx, row * 4 * hidden + j);
        bias[j].add(d, 1);
        for (int k = 0; k < taps * hidden; k++) {
          Number s = state(time(t), row / positions % sequences, row % positions + k / hidden - before, k % hidden,
              states, h0);
          if (s != null) {
            weight[k * 4 * hidden + j].add(d, s.value);
          }
        }
      }
    }
    for (int j = 0; j < bias.length; j++) {
      set(g.dbias, j, bias[j].total());
    }
    for (int j = 0; j < weight.length; j++) {
      set(g.dweight, j, weight[j].total());
    }
  }
}
