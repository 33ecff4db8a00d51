package org.ondol.cuda;

import java.util.function.IntPredicate;
import org.ondol.ops.Precision;

/**
 * What a network computes, in float64, with a bound on how far float32 numbers of a precision may be from it: the errors
 * of each step as they follow from docs/arithmetic.md, Precisions, carried through the next (Higham 2002, chapters 2 and
 * 3). Of a sum of n float32 additions in whatever order the error is at most n u / (1 - n u) times the sum of magnitudes,
 * u = 2^-24; of a tensor core's, which may cut instead of rounding, u = 2^-22 is taken.
 */
record ErrorBound(Precision precision) {
  private static final double SINGLE = 0x1p-24;

  /** Of an addition inside a product, relative. */
  private double addition() {
    return precision == Precision.EXACT ? SINGLE : 4 * SINGLE;
  }

  /** Numbers and the most that each may be off. */
  record Numbers(double[] value, double[] error) {
    static Numbers of(float[] exact) {
      double[] value = new double[exact.length];
      for (int i = 0; i < value.length; i++) value[i] = exact[i];
      return new Numbers(value, new double[value.length]);
    }

    private static Numbers empty(int n) {
      return new Numbers(new double[n], new double[n]);
    }

    /** relu never moves two numbers apart. */
    Numbers relu() {
      Numbers y = empty(value.length);
      for (int i = 0; i < value.length; i++) {
        y.value[i] = Math.max(value[i], 0);
        y.error[i] = error[i];
      }
      return y;
    }
  }

  /** Of a rounding to the operands' type, relative. */
  private double unit() {
    return switch (precision) {
      case EXACT, BFLOAT16X3 -> 0;
      case BFLOAT16 -> 0x1p-8;
      case FLOAT16, TF32 -> 0x1p-11;
    };
  }

  /** The same below the smallest normal number. */
  private double tiny() {
    return precision == Precision.FLOAT16 ? 0x1p-25 : 0x1p-126;
  }

  /** The most that an operand's magnitude may become. */
  private double operand(double magnitude) {
    return magnitude * (1 + unit()) + tiny();
  }

  /** An accumulator of one element of a product. */
  private final class Sum {
    double value;
    /** Of magnitudes as they are, and with all their errors. */
    double exact;
    double most;
    int terms;

    void add(double x, double error, double weight) {
      value += x * weight;
      exact += Math.abs(x * weight);
      most += operand(Math.abs(x) + error) * operand(Math.abs(weight));
      terms++;
    }

    /** The element plus a bias, as it is stored. */
    void store(Numbers y, int at, double bias) {
      double error = most - exact;
      if (precision == Precision.BFLOAT16X3) {
        // h and l leave 2^-16 of an operand; l l' is left out, another 2^-16; three sums instead of one.
        error += 4 * 0x1p-16 * most;
        terms *= 3;
      }
      error += terms * addition() / (1 - terms * addition()) * most * (1 + 4 * 0x1p-16);
      y.value[at] = value + bias;
      error += SINGLE * (Math.abs(y.value[at]) + error);
      if (precision.operands().isHalf()) error += unit() * (Math.abs(y.value[at]) + error) + tiny();
      y.error[at] = error;
    }
  }

  /** x W + b of rows, W [in, out]. */
  Numbers linear(Numbers x, int rows, float[] w, float[] bias) {
    int out = bias.length;
    int in = w.length / out;
    Numbers y = Numbers.empty(rows * out);
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < out; o++) {
        Sum sum = new Sum();
        for (int i = 0; i < in; i++) sum.add(x.value[r * in + i], x.error[r * in + i], w[i * out + o]);
        sum.store(y, r * out + o, bias[o]);
      }
    }
    return y;
  }

  /**
   * A convolution of stride 1 of one square map [c, side, side].
   *
   * @param live which entries of the weight count
   */
  Numbers conv(Numbers x, int side, float[] w, IntPredicate live, float[] bias, int kernel, int pad) {
    int out = side + 2 * pad - kernel + 1;
    int channels = w.length / (bias.length * kernel * kernel);
    Numbers y = Numbers.empty(bias.length * out * out);
    for (int o = 0; o < bias.length; o++) {
      for (int p = 0; p < out * out; p++) {
        Sum sum = new Sum();
        for (int t = 0; t < channels * kernel * kernel; t++) {
          int row = p / out + t / kernel % kernel - pad;
          int column = p % out + t % kernel - pad;
          int weight = o * channels * kernel * kernel + t;
          if (row < 0 || row >= side || column < 0 || column >= side || !live.test(weight)) continue;
          int at = (t / (kernel * kernel) * side + row) * side + column;
          sum.add(x.value[at], x.error[at], w[weight]);
        }
        sum.store(y, o * out * out + p, bias[o]);
      }
    }
    return y;
  }

  /** The greatest of each 2 x 2 of maps of an even side. */
  static Numbers pool(Numbers x, int side) {
    Numbers y = Numbers.empty(x.value.length / 4);
    for (int i = 0; i < y.value.length; i++) {
      int half = side / 2;
      int first = i / half * 2 * side + i % half * 2;
      y.value[i] = Double.NEGATIVE_INFINITY;
      for (int at : new int[] {first, first + 1, first + side, first + side + 1}) {
        y.value[i] = Math.max(y.value[i], x.value[at]);
        y.error[i] = Math.max(y.error[i], x.error[at]);
      }
    }
    return y;
  }

  /** x + y; where y is a convolution's residual, it is one of its operands and the sum is stored as its results are. */
  Numbers add(Numbers x, Numbers y, boolean operand) {
    boolean rounds = operand && precision.operands().isHalf();
    Numbers z = Numbers.empty(x.value.length);
    for (int i = 0; i < z.value.length; i++) {
      z.value[i] = x.value[i] + y.value[i];
      double error = x.error[i] + y.error[i];
      if (rounds) error += unit() * (Math.abs(y.value[i]) + y.error[i]) + tiny();
      error += SINGLE * (Math.abs(z.value[i]) + error);
      if (rounds) error += unit() * (Math.abs(z.value[i]) + error) + tiny();
      z.error[i] = error;
    }
    return z;
  }

  /**
   * Layer normalisation of rows without scale and shift: d = x - mean is off by at most 2 e, so is its root mean square s, and
   * |d'/s' - d/s| is at most (2 e + |d/s| 2 e) / (s - 2 e).
   */
  Numbers norm(Numbers x, int rows, double eps) {
    int n = x.value.length / rows;
    Numbers y = Numbers.empty(x.value.length);
    for (int r = 0; r < rows; r++) {
      double mean = 0;
      double square = 0;
      double e = 0;
      for (int i = r * n; i < (r + 1) * n; i++) {
        mean += x.value[i] / n;
        e = Math.max(e, x.error[i] + 2 * n * SINGLE * Math.abs(x.value[i]));
      }
      for (int i = r * n; i < (r + 1) * n; i++) square += Math.pow(x.value[i] - mean, 2) / n;
      double s = Math.sqrt(square + eps);
      for (int i = r * n; i < (r + 1) * n; i++) {
        y.value[i] = (x.value[i] - mean) / s;
        double most = 2 * e * (1 + Math.abs(y.value[i])) / (s - 2 * e);
        y.error[i] = 2 * e < s ? most : Double.POSITIVE_INFINITY;
        y.error[i] += (n + 8) * SINGLE * (Math.abs(y.value[i]) + y.error[i]);
      }
    }
    return y;
  }

  /**
   * Attention of one head, rows of d numbers. With scores off by at most t, a weight is off by a factor of at most e^(2 t); its own
   * rounding before it meets V, and those of the exponentials, are added.
   */
  Numbers attention(Numbers q, Numbers k, Numbers v, int rows, int d) {
    Numbers out = Numbers.empty(rows * d);
    for (int i = 0; i < rows; i++) {
      Numbers score = Numbers.empty(rows);
      double greatest = 0;
      double t = 0;
      for (int j = 0; j < rows; j++) {
        double most = 0;
        double magnitude = 0;
        for (int c = 0; c < d; c++) {
          double a = q.value[i * d + c];
          double b = k.value[j * d + c];
          score.value[j] += a * b / Math.sqrt(d);
          magnitude += Math.abs(a * b) / Math.sqrt(d);
          double reach = operand(Math.abs(a) + q.error[i * d + c]) * operand(Math.abs(b) + k.error[j * d + c]);
          most += reach / Math.sqrt(d);
        }
        t = Math.max(t, most - magnitude + (d + 4) * addition() * most);
        greatest = Math.max(greatest, Math.abs(score.value[j]));
      }
      // The device's 2^x, and its argument of 2 |s| log2 e at most.
      double factor = Math.exp(2 * (t + 0x1p-20 + 8 * greatest * SINGLE)) * (1 + unit()) - 1;
      double sum = 0;
      for (int j = 0; j < rows; j++) sum += Math.exp(score.value[j] - greatest);
      for (int c = 0; c < d; c++) {
        double error = 0;
        double most = 0;
        for (int j = 0; j < rows; j++) {
          double p = Math.exp(score.value[j] - greatest) / sum;
          double x = v.value[j * d + c];
          out.value[i * d + c] += p * x;
          double reach = operand(Math.abs(x) + v.error[j * d + c]);
          error += p * (reach - Math.abs(x)) + p * factor * reach + tiny() * reach;
          most += p * (1 + factor) * reach;
        }
        error += 2 * (rows + 4) * addition() * most;
        if (precision.operands().isHalf()) error += unit() * (Math.abs(out.value[i * d + c]) + error) + tiny();
        out.error[i * d + c] = error;
      }
    }
    return out;
  }
}
