package org.ondol.bench.stems;

import java.util.Arrays;
import java.util.Map;
import org.ondol.bench.Case;
import org.ondol.bench.Check;

/**
 * The recurrence of an LSTM over rows of positions; where there is one position and one tap, of the ordinary LSTM with
 * its input's product, as the peers have it.
 */
public final class LstmCase implements Case {
  final String what;
  final int steps, sequences, positions, hidden, taps, before, in;
  final boolean gradient;
  private float[] x, weight, input, bias, dh;

  private LstmCase(String what, int steps, int sequences, int positions, int hidden, int taps, int before, int in,
      boolean gradient) {
    this.what = what;
    this.steps = steps;
    this.sequences = sequences;
    this.positions = positions;
    this.hidden = hidden;
    this.taps = taps;
    this.before = before;
    this.in = in;
    this.gradient = gradient;
  }

  /** The skewed map of a picture has 2 w - 1 columns. */
  static LstmCase diagonal(int size, int n, int hidden, boolean gradient) {
    return new LstmCase("diagonal", 2 * size - 1, n, size, hidden, 2, 1, 0, gradient);
  }

  static LstmCase row(int size, int n, int hidden) {
    return new LstmCase("row", size, n, size, hidden, 3, 1, 0, false);
  }

  static LstmCase plain(int steps, int n, int hidden) {
    return new LstmCase("plain", steps, n, 1, hidden, 1, 0, hidden, false);
  }

  /** Whether the input's product belongs to the case, and peers have it. */
  boolean plain() {
    return in > 0;
  }

  @Override
  public String name() {
    return "%s T%d N%d%s H%d%s".formatted(what, steps, sequences, positions > 1 ? " W" + positions : "", hidden,
        gradient ? " forward and backward" : "");
  }

  /** The products; a gradient has two more of the same size. */
  @Override
  public double flops() {
    return 2.0 * steps * sequences * positions * (taps * hidden + in) * 4 * hidden * (gradient ? 3 : 1);
  }

  @Override
  public double bytes() {
    return 4.0 * (x().length + weight().length);
  }

  /** What the gates get, [T, N, W, 4H], or the input [T, N, in]. */
  float[] x() {
    return x == null ? x = Inputs.normal(41, steps * sequences * positions * (plain() ? in : 4 * hidden)) : x;
  }

  /** [taps, H, 4H]. */
  float[] weight() {
    return weight == null ? weight = scaled(42, taps * hidden * 4 * hidden, taps * hidden) : weight;
  }

  /** [in, 4H]. */
  float[] input() {
    return input == null ? input = scaled(43, in * 4 * hidden, in) : input;
  }

  float[] bias() {
    return bias == null ? bias = Inputs.normal(44, 4 * hidden) : bias;
  }

  float[] dh() {
    return dh == null ? dh = Inputs.normal(45, steps * sequences * positions * hidden) : dh;
  }

  private static float[] scaled(long seed, int count, int k) {
    float[] values = Inputs.normal(seed, count);
    for (int i = 0; i < count; i++) values[i] /= (float) Math.sqrt(k);
    return values;
  }

  /** The last sequence in float64; of a gradient its length, which is the derivative of the loss along it. */
  @Override
  public String check(Map<String, float[]> answer) {
    int n = sequences - 1;
    double[] z = inputs(n);
    if (gradient) return checkGradient(answer.get("dx"), n, z);
    double[] expected = states(z);
    for (int i = 0; i < expected.length; i++) {
      int row = positions * hidden;
      int at = (i / row * sequences + n) * row + i % row;
      String wrong = Check.within("h", at, expected[i], answer.get("h")[at], 1e-4);
      if (wrong != null) return wrong;
    }
    return null;
  }

  private String checkGradient(float[] dx, int n, double[] z) {
    double[] direction = new double[z.length];
    double squares = 0;
    for (int i = 0; i < z.length; i++) {
      direction[i] = dx[place(i, n)];
      squares += direction[i] * direction[i];
    }
    double length = Math.sqrt(squares);
    double step = 1e-4;
    double[] loss = new double[2];
    for (int side = 0; side < 2; side++) {
      double[] moved = z.clone();
      for (int i = 0; i < z.length; i++) moved[i] += (side == 0 ? step : -step) * direction[i] / length;
      double[] h = states(moved);
      for (int i = 0; i < h.length; i++) {
        int row = positions * hidden;
        loss[side] += h[i] * dh()[(i / row * sequences + n) * row + i % row];
      }
    }
    return Check.within("dx", n, (loss[0] - loss[1]) / (2 * step), length, 1e-4 * length);
  }

  /** Where element i of a sequence's gates [T, W, 4H] lies in x. */
  private int place(int i, int n) {
    int row = positions * 4 * hidden;
    return (i / row * sequences + n) * row + i % row;
  }

  private double[] inputs(int n) {
    double[] z = new double[steps * positions * 4 * hidden];
    for (int i = 0; i < z.length; i++) {
      int j = i % (4 * hidden);
      z[i] = bias()[j];
      if (!plain()) {
        z[i] += x()[place(i, n)];
        continue;
      }
      for (int k = 0; k < in; k++) {
        z[i] += (double) x()[(i / (4 * hidden) * sequences + n) * in + k] * input()[k * 4 * hidden + j];
      }
    }
    return z;
  }

  private double[] states(double[] z) {
    double[] h = new double[z.length / 4];
    double[] c = new double[positions * hidden];
    for (int t = 0; t < steps; t++) {
      for (int r = 0; r < positions; r++) {
        double[] g = Arrays.copyOfRange(z, (t * positions + r) * 4 * hidden, (t * positions + r + 1) * 4 * hidden);
        for (int k = 0; t > 0 && k < taps * hidden; k++) {
          int from = r + k / hidden - before;
          if (from < 0 || from >= positions) continue;
          double value = h[((t - 1) * positions + from) * hidden + k % hidden];
          for (int j = 0; j < g.length; j++) g[j] += value * weight()[k * 4 * hidden + j];
        }
        for (int m = 0; m < hidden; m++) {
          double cell = sigmoid(g[hidden + m]) * c[r * hidden + m] + sigmoid(g[m]) * Math.tanh(g[2 * hidden + m]);
          c[r * hidden + m] = cell;
          h[(t * positions + r) * hidden + m] = sigmoid(g[3 * hidden + m]) * Math.tanh(cell);
        }
      }
    }
    return h;
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
