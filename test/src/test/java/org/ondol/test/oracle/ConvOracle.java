package org.ondol.test.oracle;

import org.ondol.spi.ConvShape;
import org.ondol.test.oracle.Bound.Values;

/**
 * Convolutions in float64, as the formulas read: conv gathers, deconv scatters each element of x over y (so it shares
 * no index arithmetic with a gathering kernel), and the gradient of the weight is what one element of it does to y.
 * Live entries lie like the weight; null means that all are live.
 */
public final class ConvOracle {
  private final ConvShape s;

  private ConvOracle(ConvShape shape) {
    s = shape;
  }

  /** y = act(w * x + bias + residual), with w [yChannels, xChannels / groups, kernelH, kernelW]. */
  public static Values conv(ConvShape s, float[] x, float[] w, boolean[] live, float[] bias, float[] residual,
      String activation, double slope) {
    ConvOracle o = new ConvOracle(s);
    Sums y = new Sums(s.batch() * s.yChannels() * s.yHeight() * s.yWidth());
    o.pairs((n, in, out, weight, iy, ix, oy, ox) -> {
      if (live == null || live[weight]) {
        y.add(o.y(n, out, oy, ox), x[o.x(n, in, iy, ix)], w[weight]);
      }
    });
    return o.finish(y, bias, residual, activation, slope);
  }

  /**
   * The transpose of the map above, from the small map x to the large map y; w is [xChannels, yChannels / groups,
   * kernelH, kernelW].
   */
  public static Values deconv(ConvShape s, float[] x, float[] w, boolean[] live, float[] bias, float[] residual,
      String activation, double slope) {
    // The conv that goes the other way: it slides over y and gives x.
    ConvOracle o = new ConvOracle(new ConvShape(s.batch(), s.groups(), s.yChannels(), s.yHeight(), s.yWidth(),
        s.xChannels(),
        s.xHeight(), s.xWidth(), s.kernelH(), s.kernelW(), s.strideH(), s.strideW(), s.dilationH(), s.dilationW(),
        s.padTop(),
        s.padLeft()));
    Sums y = new Sums(s.batch() * s.yChannels() * s.yHeight() * s.yWidth());
    o.pairs((n, large, small, weight, ly, lx, sy, sx) -> {
      if (live == null || live[weight]) {
        y.add(o.x(n, large, ly, lx), x[o.y(n, small, sy, sx)], w[weight]);
      }
    });
    return new ConvOracle(s).finish(y, bias, residual, activation, slope);
  }

  /** dw of a conv: each pair of elements of x and y that an entry joins. */
  public static Values convweight(ConvShape s, float[] x, float[] dy, boolean[] live) {
    ConvOracle o = new ConvOracle(s);
    Sums dw = new Sums(s.yChannels() * s.depth());
    o.pairs((n, in, out, weight, iy, ix, oy, ox) -> {
      if (live == null || live[weight]) {
        dw.add(weight, x[o.x(n, in, iy, ix)], dy[o.y(n, out, oy, ox)]);
      }
    });
    Values v = new Values(dw.value.length);
    for (int i = 0; i < dw.value.length; i++) {
      v.value()[i] = dw.value[i];
      v.bound()[i] = dw.error(i, s.batch());
    }
    return v;
  }

  /** Sum of dy [batch, channels, positions] over images and positions. */
  public static Values dbias(float[] dy, int batch, int channels, int positions) {
    Values db = new Values(channels);
    for (int i = 0; i < dy.length; i++) {
      int o = i / positions % channels;
      db.value()[o] += dy[i];
      db.bound()[o] += Math.abs(dy[i]) * Bound.gamma((positions + 15) / 16 + 4 + (batch + 15) / 16 + 4);
    }
    return db;
  }

  /** An element of x and one of y that a filter entry joins: y += w x. */
  private interface Pair {
    void join(long n, long in, long out, int weight, long iy, long ix, long oy, long ox);
  }

  private void pairs(Pair pair) {
    for (long n = 0; n < s.batch(); n++) {
      for (long out = 0; out < s.yChannels(); out++) {
        for (long c = 0; c < s.xGroup(); c++) {
          long in = out / s.yGroup() * s.xGroup() + c;
          for (long ky = 0; ky < s.kernelH(); ky++) {
            for (long kx = 0; kx < s.kernelW(); kx++) {
              int weight = (int) (((out * s.xGroup() + c) * s.kernelH() + ky) * s.kernelW() + kx);
              positions(pair, n, in, out, weight, ky, kx);
            }
          }
        }
      }
    }
  }

  private void positions(Pair pair, long n, long in, long out, int weight, long ky, long kx) {
    for (long oy = 0; oy < s.yHeight(); oy++) {
      long iy = oy * s.strideH() + ky * s.dilationH() - s.padTop();
      if (iy < 0 || iy >= s.xHeight()) {
        continue;
      }
      for (long ox = 0; ox < s.yWidth(); ox++) {
        long ix = ox * s.strideW() + kx * s.dilationW() - s.padLeft();
        if (ix >= 0 && ix < s.xWidth()) {
          pair.join(n, in, out, weight, iy, ix, oy, ox);
        }
      }
    }
  }

  private int x(long n, long c, long iy, long ix) {
    return (int) (((n * s.xChannels() + c) * s.xHeight() + iy) * s.xWidth() + ix);
  }

  private int y(long n, long o, long oy, long ox) {
    return (int) (((n * s.yChannels() + o) * s.yHeight() + oy) * s.yWidth() + ox);
  }

  /** Sums of products with what bounds their error. */
  private static final class Sums {
    final double[] value;
    final double[] magnitude;
    final int[] terms;

    Sums(long n) {
      value = new double[Math.toIntExact(n)];
      magnitude = new double[value.length];
      terms = new int[value.length];
    }

    void add(int i, double a, double b) {
      value[i] += a * b;
      magnitude[i] += Math.abs(a * b);
      terms[i]++;
    }

    /**
     * A padding's step adds zero, which rounds nothing; each of the others may also lose something below the normal
     * numbers.
     */
    double error(int i, double more) {
      return Bound.gamma(terms[i] + more) * magnitude[i] + terms[i] * Bound.TINY;
    }
  }

  private Values finish(Sums sums, float[] bias, float[] residual, String activation, double slope) {
    double[] error = new double[sums.value.length];
    for (int i = 0; i < error.length; i++) {
      error[i] = sums.error(i, 0);
    }
    return finish(s, sums.value, error, bias, residual, activation, slope);
  }

  /** What is stored of sums that are exact, with a bound on the error of those that are computed. */
  static Values finish(ConvShape s, double[] sums, double[] errors, float[] bias, float[] residual, String activation,
      double slope) {
    Values y = new Values(sums.length);
    int plane = (int) (s.yHeight() * s.yWidth());
    for (int i = 0; i < sums.length; i++) {
      double b = bias == null ? 0 : bias[(int) (i / plane % s.yChannels())];
      double r = residual == null ? 0 : residual[i];
      double v = sums[i] + b + r;
      double error = errors[i];
      error += 2 * Bound.U * (Math.abs(sums[i] + b) + Math.abs(v) + 2 * error); // the two additions
      boolean leaky = activation.equals("relu") && slope != 0;
      if (leaky) {
        y.value()[i] = v < 0 ? v * slope : v;
        y.bound()[i] = Math.max(1, Math.abs(slope)) * (error + 2 * Bound.U * Math.abs(v));
      } else {
        y.value()[i] = ElementwiseOracle.value(activation, v, 0);
        // Every activation has a slope of at most 1.13 in magnitude.
        y.bound()[i] = activation.equals("none") ? error : 1.13 * error + ElementwiseOracle.bound(activation, v, 0);
      }
    }
    return y;
  }
}
