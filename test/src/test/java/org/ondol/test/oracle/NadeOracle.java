package org.ondol.test.oracle;

import static org.ondol.test.oracle.Bound.U;

import org.ondol.test.oracle.Bound.Values;

/**
 * nade in float64, each variable's activations as the sum that they are: a_d = start + Σ over k < d of x_k W_k. A bound
 * follows each value: what rounding may have done to the float32 one.
 */
public final class NadeOracle {
  private final NadeCase c;
  private final float[] x;

  /** @param x [rows, variables], the case's or what was drawn */
  public NadeOracle(NadeCase c, float[] x) {
    this.c = c;
    this.x = x;
  }

  /** A number and how far the float32 one may be from it. */
  private record Near(double value, double error) {}

  private Near activation(int n, int d, int h) {
    double sum = c.start(n, h);
    double magnitude = Math.abs(sum);
    for (int k = 0; k < d; k++) {
      double term = (double) x[n * c.variables + k] * c.w[k * c.hidden + h];
      sum += term;
      magnitude += Math.abs(term);
    }
    return new Near(sum, Bound.gamma(d) * magnitude);
  }

  private double scale(int d) {
    return c.scale == null ? 1 : c.scale[d];
  }

  private Near unit(int d, Near a) {
    double z = scale(d) * a.value;
    double error = Math.abs(scale(d)) * a.error + (c.scale == null ? 0 : U * (Math.abs(z) + Math.abs(scale(d)) * a.error));
    if (c.relu) {
      return new Near(Math.max(z, 0), error);
    }
    double h = 1 / (1 + Math.exp(-z));
    // The slope is at most 1/4, and at most sigmoid itself where the argument may be anywhere within its error.
    double steepest = Math.min(0.25, 1 / (1 + Math.exp(-z - error)));
    return new Near(h, steepest * error + 6 * U * (h + steepest * error) + 0x1p-126);
  }

  /** d act(z) / d z. */
  private Near slope(int d, Near a) {
    Near h = unit(d, a);
    if (c.relu) {
      double z = scale(d) * a.value;
      double error = Math.abs(scale(d)) * a.error * (1 + U) + U * Math.abs(z);
      return new Near(z > 0 ? 1 : 0, Math.abs(z) <= error ? 1 : 0);
    }
    double q = h.value * (1 - h.value);
    return new Near(q, h.error * (1 + h.error) + 3 * U * (Math.abs(h.value) + h.error));
  }

  public Values y() {
    Values y = new Values(c.rows * c.variables * c.outputs);
    for (int n = 0; n < c.rows; n++) {
      for (int d = 0; d < c.variables; d++) {
        for (int o = 0; o < c.outputs; o++) {
          output(y, n, d, o);
        }
      }
    }
    return y;
  }

  private void output(Values y, int n, int d, int o) {
    int k = d * c.outputs + o;
    double sum = 0;
    double magnitude = 0;
    double error = 0;
    for (int h = 0; h < c.hidden; h++) {
      Near unit = unit(d, activation(n, d, h));
      double v = c.v[k * c.hidden + h];
      sum += v * unit.value;
      magnitude += Math.abs(v) * (Math.abs(unit.value) + unit.error);
      error += Math.abs(v) * unit.error;
    }
    double value = sum + (c.bias == null ? 0 : c.bias[k]);
    error += Bound.sum16(c.hidden) * magnitude;
    set(y, (n * c.variables + d) * c.outputs + o, value, error + U * (Math.abs(value) + error));
  }

  public Values state() {
    Values state = new Values(c.rows * c.hidden);
    for (int n = 0; n < c.rows; n++) {
      for (int h = 0; h < c.hidden; h++) {
        Near a = activation(n, c.variables, h);
        set(state, n * c.hidden + h, a.value, a.error);
      }
    }
    return state;
  }

  /** x where u is clearly on one side of sigmoid(y): elsewhere the bound is 1. */
  public Values drawn(float[] uniform, boolean[] known, float[] given) {
    Values y = y();
    Values drawn = new Values(x.length);
    for (int i = 0; i < x.length; i++) {
      double p = 1 / (1 + Math.exp(-y.value()[i]));
      boolean fixed = known != null && known[i];
      drawn.value()[i] = fixed ? given[i] : uniform[i] < p ? 1 : 0;
      drawn.bound()[i] = !fixed && Math.abs(uniform[i] - p) <= y.bound()[i] + 6 * U ? 1 : 0;
    }
    return drawn;
  }

  public record Gradient(Values dx, Values dw, Values dv, Values dbias, Values dscale, Values dstart) {}

  public Gradient gradient() {
    Gradient r = new Gradient(new Values(x.length), new Values(c.w.length), new Values(c.v.length),
        new Values(c.variables * c.outputs), new Values(c.variables), new Values(c.start.length));
    double[] magnitudes = new double[c.start.length];
    for (int n = 0; n < c.rows; n++) {
      for (int h = 0; h < c.hidden; h++) {
        unitGradient(r, n, h, magnitudes);
      }
      for (int k = 0; k < c.variables * c.outputs; k++) {
        double dy = c.dy[n * c.variables * c.outputs + k];
        add(r.dbias, k, dy, Bound.sum16(c.rows) * Math.abs(dy));
      }
    }
    for (int i = 0; i < magnitudes.length && !c.ownStart; i++) {
      r.dstart.bound()[i] += Bound.gamma(c.rows) * magnitudes[i];
    }
    return r;
  }

  /** All that one hidden unit of one row adds to the gradients; the sums' own roundings are counted term by term. */
  private void unitGradient(Gradient r, int n, int h, double[] magnitudes) {
    double g = c.dstate == null ? 0 : c.dstate[n * c.hidden + h];
    double magnitude = Math.abs(g);
    double error = 0;
    for (int d = c.variables - 1; d >= 0; d--) {
      int at = n * c.variables + d;
      // What g may be off: by its terms, and by a rounding of the sum for each.
      double off = error + Bound.gamma(c.variables - d) * magnitude;
      double w = c.w[d * c.hidden + h];
      add(r.dx, at, g * w, off * Math.abs(w) + Bound.sum16(c.hidden) * (Math.abs(g) + off) * Math.abs(w));
      double rows = Bound.gamma(c.rows);
      add(r.dw, d * c.hidden + h, x[at] * g, Math.abs(x[at]) * (off + rows * (Math.abs(g) + off)));
      Near a = activation(n, d, h);
      Near unit = unit(d, a);
      double e = 0;
      double eMagnitude = 0;
      for (int o = 0; o < c.outputs; o++) {
        double dy = c.dy[at * c.outputs + o];
        int k = (d * c.outputs + o) * c.hidden + h;
        add(r.dv, k, dy * unit.value, Math.abs(dy) * (unit.error + rows * (unit.value + unit.error)));
        e += dy * c.v[k];
        eMagnitude += Math.abs(dy * c.v[k]);
      }
      double eError = Bound.gamma(c.outputs) * eMagnitude;
      Near q = slope(d, a);
      double product = e * q.value;
      double productError = Math.abs(e) * q.error + eError * (q.value + q.error);
      productError += 2 * U * (Math.abs(product) + productError);
      add(r.dscale, d, product * a.value, productError * (Math.abs(a.value) + a.error) + Math.abs(product) * a.error
          + 1.01 * (Bound.sum16(c.hidden) + Bound.sum16(c.rows)) * (Math.abs(product) + productError) * (Math.abs(a.value) + a.error));
      double s = Math.abs(scale(d));
      g += product * scale(d);
      magnitude += (Math.abs(product) + productError) * s;
      error += productError * s;
    }
    double off = error + Bound.gamma(c.variables) * magnitude;
    int at = (c.ownStart ? n * c.hidden : 0) + h;
    magnitudes[at] += Math.abs(g) + off;
    add(r.dstart, at, g, off);
  }

  private static void add(Values v, int i, double value, double bound) {
    v.value()[i] += value;
    v.bound()[i] += bound * 1.01;
  }

  private static void set(Values v, int i, double value, double bound) {
    v.value()[i] = value;
    v.bound()[i] = bound * 1.01;
  }
}
