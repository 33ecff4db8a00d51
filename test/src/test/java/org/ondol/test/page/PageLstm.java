package org.ondol.test.page;

/** lstm as docs/arithmetic.md defines it, over contiguous operands; a null operand is an absent one. */
public record PageLstm(int steps, int sequences, int positions, int hidden, int taps, int before, boolean reverse) {
  public record Forward(float[] h, float[] c, float[] gates, float[] cells) {}

  public record Gradient(float[] dx, float[] dh0, float[] dc0, float[] dweight, float[] dbias) {}

  /** The time of the i-th step. */
  private int time(int i) {
    return reverse ? steps - 1 - i : i;
  }

  /** The row of a position, of tensors with or without a time. */
  private int row(int t, int n, int r) {
    return (t * sequences + n) * positions + r;
  }

  /** The state before the i-th step at a position that may lie outside. */
  private float state(int i, int n, int r, int channel, float[] h, float[] h0) {
    if (r < 0 || r >= positions) {
      return 0f;
    }
    if (i == 0) {
      return h0 == null ? 0f : h0[row(0, n, r) * hidden + channel];
    }
    return h[row(time(i - 1), n, r) * hidden + channel];
  }

  private float cell(int i, int n, int r, int channel, float[] cells, float[] c0) {
    if (i == 0) {
      return c0 == null ? 0f : c0[row(0, n, r) * hidden + channel];
    }
    return cells[row(time(i - 1), n, r) * hidden + channel];
  }

  public Forward forward(float[] x, float[] weight, float[] bias, float[] h0, float[] c0) {
    int states = steps * sequences * positions * hidden;
    Forward f = new Forward(new float[states], new float[sequences * positions * hidden], new float[4 * states],
        new float[states]);
    for (int i = 0; i < steps; i++) {
      for (int n = 0; n < sequences; n++) {
        for (int r = 0; r < positions; r++) {
          float[] z = new float[4 * hidden];
          for (int j = 0; j < 4 * hidden; j++) {
            float acc = x[row(time(i), n, r) * 4 * hidden + j];
            acc = bias == null ? acc : acc + bias[j];
            for (int tap = 0; tap < taps; tap++) {
              for (int channel = 0; channel < hidden; channel++) {
                acc = Math.fma(state(i, n, r + tap - before, channel, f.h, h0),
                    weight[(tap * hidden + channel) * 4 * hidden + j], acc);
              }
            }
            z[j] = acc;
          }
          for (int m = 0; m < hidden; m++) {
            finish(z, m, cell(i, n, r, m, f.cells, c0), row(time(i), n, r), f);
          }
        }
      }
    }
    for (int m = 0; m < f.c.length; m++) {
      f.c[m] = steps > 0 ? f.cells[time(steps - 1) * f.c.length + m] : c0 == null ? 0f : c0[m];
    }
    return f;
  }

  private void finish(float[] z, int m, float before, int row, Forward f) {
    float i = PageMath.sigmoid(z[m]);
    float forget = PageMath.sigmoid(z[hidden + m]);
    float g = PageMath.tanh(z[2 * hidden + m]);
    float o = PageMath.sigmoid(z[3 * hidden + m]);
    float c = Math.fma(forget, before, i * g);
    f.cells[row * hidden + m] = c;
    f.h[row * hidden + m] = o * PageMath.tanh(c);
    f.gates[row * 4 * hidden + m] = i;
    f.gates[row * 4 * hidden + hidden + m] = forget;
    f.gates[row * 4 * hidden + 2 * hidden + m] = g;
    f.gates[row * 4 * hidden + 3 * hidden + m] = o;
  }

  /** One step whose h0 [N, W + taps - 1, H] lies around the positions. */
  public Forward step(float[] x, float[] weight, float[] bias, float[] h0, float[] c0) {
    Forward f = new Forward(new float[sequences * positions * hidden], new float[sequences * positions * hidden],
        new float[4 * sequences * positions * hidden], new float[sequences * positions * hidden]);
    for (int n = 0; n < sequences; n++) {
      for (int r = 0; r < positions; r++) {
        float[] z = new float[4 * hidden];
        for (int j = 0; j < 4 * hidden; j++) {
          float acc = x[row(0, n, r) * 4 * hidden + j];
          acc = bias == null ? acc : acc + bias[j];
          for (int k = 0; k < taps * hidden; k++) {
            acc = Math.fma(h0[(n * (positions + taps - 1) + r) * hidden + k], weight[k * 4 * hidden + j], acc);
          }
          z[j] = acc;
        }
        for (int m = 0; m < hidden; m++) {
          finish(z, m, c0 == null ? 0f : c0[row(0, n, r) * hidden + m], row(0, n, r), f);
        }
      }
    }
    return f;
  }

  public Gradient backward(float[] weight, float[] h0, float[] c0, Forward f, float[] dh, float[] dc) {
    int state = sequences * positions * hidden;
    float[] dz = new float[4 * steps * state];
    float[] dcell = dc == null ? new float[state] : dc.clone();
    for (int i = steps - 1; i >= 0; i--) {
      for (int at = 0; at < state; at++) {
        int n = at / hidden / positions;
        int r = at / hidden % positions;
        int m = at % hidden;
        int row = row(time(i), n, r);
        float d = dh[row * hidden + m];
        d = i == steps - 1 ? d : chain(d, weight, dz, i + 1, n, r, m);
        float input = f.gates[row * 4 * hidden + m];
        float forget = f.gates[row * 4 * hidden + hidden + m];
        float g = f.gates[row * 4 * hidden + 2 * hidden + m];
        float o = f.gates[row * 4 * hidden + 3 * hidden + m];
        float u = PageMath.tanh(f.cells[row * hidden + m]);
        float s = dcell[at] + PageMath.tanhGrad(u, d * o);
        dz[row * 4 * hidden + m] = PageMath.sigmoidGrad(input, s * g);
        dz[row * 4 * hidden + hidden + m] = PageMath.sigmoidGrad(forget, s * cell(i, n, r, m, f.cells, c0));
        dz[row * 4 * hidden + 2 * hidden + m] = PageMath.tanhGrad(g, s * input);
        dz[row * 4 * hidden + 3 * hidden + m] = PageMath.sigmoidGrad(o, d * u);
        dcell[at] = s * forget;
      }
    }
    float[] dh0 = new float[state];
    for (int at = 0; steps > 0 && at < state; at++) {
      dh0[at] = chain(0f, weight, dz, 0, at / hidden / positions, at / hidden % positions, at % hidden);
    }
    return new Gradient(dz, dh0, dcell, dweight(h0, f.h, dz), PageRows.reduce("sum", dz, 1,
        steps * sequences * positions, 4 * hidden));
  }

  /** What reaches h before the i-th step from the gates of that step. */
  private float chain(float acc, float[] weight, float[] dz, int i, int n, int r, int m) {
    for (int tap = taps - 1; tap >= 0; tap--) {
      int from = r - tap + before;
      for (int j = 0; j < 4 * hidden; j++) {
        float d = from < 0 || from >= positions ? 0f : dz[row(time(i), n, from) * 4 * hidden + j];
        acc = Math.fma(d, weight[(tap * hidden + m) * 4 * hidden + j], acc);
      }
    }
    return acc;
  }

  private float[] dweight(float[] h0, float[] h, float[] dz) {
    float[] dk = new float[taps * hidden * 4 * hidden];
    for (int at = 0; at < dk.length; at++) {
      int j = at % (4 * hidden);
      int m = at / (4 * hidden) % hidden;
      int tap = at / (4 * hidden) / hidden;
      float acc = 0f;
      for (int t = 0; t < steps; t++) {
        for (int n = 0; n < sequences; n++) {
          for (int r = 0; r < positions; r++) {
            acc = Math.fma(state(time(t), n, r + tap - before, m, h, h0), dz[row(t, n, r) * 4 * hidden + j], acc);
          }
        }
      }
      dk[at] = acc;
    }
    return dk;
  }
}
