package org.ondol.bench.stems;

import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.bench.Case;
import org.ondol.bench.Check;

/** A neural autoregressive estimator and a batch, with a float64 reference of some rows and some hidden units. */
public final class NadeCase implements Case {
  enum Kind { PASS, STEP, SAMPLE }

  final Kind kind;
  final int rows, variables, outputs, hidden;
  /** Pictures of which 13 of 100 pixels are 1, as in binarized MNIST; else normal numbers, and rectified units. */
  final boolean binary;
  private float[] x;

  NadeCase(Kind kind, boolean binary, int rows, int variables, int outputs, int hidden) {
    this.kind = kind;
    this.binary = binary;
    this.rows = rows;
    this.variables = variables;
    this.outputs = outputs;
    this.hidden = hidden;
  }

  @Override
  public String name() {
    String what = switch (kind) {
      case PASS -> "pass";
      case STEP -> "pass and gradient";
      case SAMPLE -> "sampling";
    };
    return "%s %s, N%d D%d O%d H%d".formatted(binary ? "NADE" : "RNADE", what, rows, variables, outputs, hidden);
  }

  /** The multiply-adds; activations are not counted, nor what zeros leave out. */
  @Override
  public double flops() {
    double unit = 2.0 * rows * hidden;
    double live = 0;
    for (float v : x()) {
      live += v != 0 ? 1.0 / rows : 0;
    }
    double forward = unit * ((double) variables * outputs + live);
    return kind == Kind.STEP ? forward + unit * (2.0 * variables * outputs + variables + live) : forward;
  }

  @Override
  public double bytes() {
    return 4.0 * variables * hidden * (1 + outputs);
  }

  float[] x() {
    if (x == null) {
      x = Inputs.normal(1, rows * variables);
      SplittableRandom random = new SplittableRandom(2);
      for (int i = 0; binary && i < x.length; i++) {
        x[i] = random.nextInt(100) < 13 ? 1 : 0;
      }
    }
    return x;
  }

  private static float[] scaled(long seed, int count, double by) {
    float[] values = Inputs.normal(seed, count);
    for (int i = 0; i < count; i++) {
      values[i] *= (float) by;
    }
    return values;
  }

  float[] w() {
    return scaled(3, variables * hidden, 0.5 / Math.sqrt(variables));
  }

  float[] v() {
    return scaled(4, variables * outputs * hidden, 1 / Math.sqrt(hidden));
  }

  float[] bias() {
    return scaled(5, variables * outputs, 0.5);
  }

  float[] start() {
    return scaled(6, hidden, 0.5);
  }

  float[] dy() {
    return scaled(7, rows * variables * outputs, 0.1);
  }

  float[] uniform() {
    SplittableRandom random = new SplittableRandom(8);
    float[] u = new float[rows * variables];
    for (int i = 0; i < u.length; i++) {
      u[i] = (float) random.nextDouble();
    }
    return u;
  }

  private double act(double a) {
    return binary ? 1 / (1 + Math.exp(-a)) : Math.max(a, 0);
  }

  /** y, x where it was drawn, and of the gradients dw and, where a contender gives it, dv. */
  @Override
  public String check(Map<String, float[]> answer) {
    float[] values = answer.getOrDefault("x", x());
    for (int n : new int[] {0, rows - 1}) {
      String wrong = row(n, values, answer.get("y"));
      if (wrong != null) {
        return wrong;
      }
    }
    float[] u = kind == Kind.SAMPLE ? uniform() : new float[0];
    for (int i = 0; i < u.length; i++) {
      double p = 1 / (1 + Math.exp(-answer.get("y")[i]));
      if (Math.abs(u[i] - p) > 1e-5 && values[i] != (u[i] < p ? 1 : 0)) {
        return "x[%d] is %s where u is %s and the probability %s".formatted(i, values[i], u[i], p);
      }
    }
    return kind == Kind.STEP ? gradient(answer) : null;
  }

  private String row(int n, float[] values, float[] y) {
    float[] w = w();
    float[] v = v();
    float[] bias = bias();
    double[] a = new double[hidden];
    for (int h = 0; h < hidden; h++) {
      a[h] = start()[h];
    }
    for (int d = 0; d < variables; d++) {
      for (int o = 0; o < outputs; o++) {
        int k = d * outputs + o;
        double sum = bias[k];
        for (int h = 0; h < hidden; h++) {
          sum += v[k * hidden + h] * act(a[h]);
        }
        String wrong = Check.within("y", n * variables * outputs + k, sum, y[n * variables * outputs + k], 2e-4);
        if (wrong != null) {
          return wrong;
        }
      }
      for (int h = 0; h < hidden; h++) {
        a[h] += (double) values[n * variables + d] * w[d * hidden + h];
      }
    }
    return null;
  }

  private String gradient(Map<String, float[]> answer) {
    for (int h : new int[] {0, hidden / 2, hidden - 1}) {
      double[] dw = new double[variables];
      double[] dv = new double[variables * outputs];
      unit(h, dw, dv);
      for (int d = 0; d < variables; d++) {
        String wrong = Check.within("dw", d * hidden + h, dw[d], answer.get("dw")[d * hidden + h], 2e-3);
        for (int k = d * outputs; wrong == null && answer.containsKey("dv") && k < (d + 1) * outputs; k++) {
          wrong = Check.within("dv", k * hidden + h, dv[k], answer.get("dv")[k * hidden + h], 2e-3);
        }
        if (wrong != null) {
          return wrong;
        }
      }
    }
    return null;
  }

  /** Given dy, a hidden unit's gradients need no other unit. */
  private void unit(int h, double[] dw, double[] dv) {
    float[] w = w();
    float[] v = v();
    float[] dy = dy();
    double first = start()[h];
    for (int n = 0; n < rows; n++) {
      double[] a = new double[variables + 1];
      a[0] = first;
      for (int d = 0; d < variables; d++) {
        a[d + 1] = a[d] + (double) x()[n * variables + d] * w[d * hidden + h];
      }
      double g = 0;
      for (int d = variables - 1; d >= 0; d--) {
        dw[d] += g * x()[n * variables + d];
        double unit = act(a[d]);
        double e = 0;
        for (int k = d * outputs; k < (d + 1) * outputs; k++) {
          double one = dy[n * variables * outputs + k];
          dv[k] += one * unit;
          e += one * v[k * hidden + h];
        }
        g += e * (binary ? unit * (1 - unit) : unit > 0 ? 1 : 0);
      }
    }
  }
}
