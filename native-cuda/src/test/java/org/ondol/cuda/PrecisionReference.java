package org.ondol.cuda;

import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Precision;

/**
 * Products as docs/arithmetic.md's section on precisions writes them, in plain loops: in a precision with float32 sums, or, for
 * {@code precision} null, in float64. Arrays are row-major; what is stored in a 16-bit type is rounded to it.
 */
record PrecisionReference(Precision precision) {
  private static float bfloat16(float x) {
    int b = Float.floatToRawIntBits(x);
    return Float.intBitsToFloat(b + 0x7FFF + (b >>> 16 & 1) & 0xFFFF0000);
  }

  /** A finite number rounded to a type or, for TF32, to 10 bits of fraction. */
  static float rounded(Precision precision, float x) {
    int b = Float.floatToRawIntBits(x);
    return switch (precision) {
      case EXACT, BFLOAT16X3 -> x;
      case BFLOAT16 -> bfloat16(x);
      case FLOAT16 -> Float.float16ToFloat(Float.floatToFloat16(x));
      case TF32 -> Float.intBitsToFloat(b + 0xFFF + (b >>> 13 & 1) & 0xFFFFE000);
    };
  }

  /** A result as it is stored. */
  double stored(double x) {
    return precision == null ? x : precision.operands().isHalf() ? rounded(precision, (float) x) : (float) x;
  }

  /** A float32 intermediate result. */
  double single(double x) {
    return precision == null ? x : (float) x;
  }

  /** sum + a * b. */
  double add(double sum, double a, double b) {
    if (precision == null) return sum + a * b;
    float s = (float) sum;
    float x = (float) a;
    float y = (float) b;
    if (precision != Precision.BFLOAT16X3) return s + rounded(precision, x) * rounded(precision, y);
    float xHigh = bfloat16(x);
    float yHigh = bfloat16(y);
    return s + xHigh * yHigh + xHigh * bfloat16(y - yHigh) + bfloat16(x - xHigh) * yHigh;
  }

  /** relu(0.5 a b + bias) + residual of [m, k] and [k, n]. */
  double[] gemm(float[] a, float[] b, float[] bias, float[] residual, int m, int n, int k) {
    double[] c = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double v = 0;
        for (int l = 0; l < k; l++) v = add(v, a[i * k + l], b[l * n + j]);
        v = Math.max(single(single(v * 0.5) + bias[j]), 0);
        c[i * n + j] = stored(v + residual[i * n + j]);
      }
    }
    return c;
  }

  /** Sizes of a convolution: batch, channels and height and width of both maps, and of the filters. */
  record Maps(int n, int c, int h, int w, int o, int oh, int ow, int kh, int kw) {}

  /** One element of x, one of the filters and one of y that meet. */
  private interface Meeting {
    void at(int x, int weight, int y);
  }

  /** All meetings of a conv over ascending (n, o, oy, ox, c, ky, kx) without those at padding and dead entries. */
  private static void meet(Maps s, ConvGeometry g, boolean[] live, Meeting meeting) {
    int groups = (int) g.groups();
    int in = s.c / groups;
    int out = s.o / groups;
    for (int n = 0; n < s.n; n++) {
      for (int o = 0; o < s.o; o++) {
        for (int oy = 0; oy < s.oh; oy++) {
          for (int ox = 0; ox < s.ow; ox++) {
            for (int c = 0; c < in; c++) {
              for (int ky = 0; ky < s.kh; ky++) {
                for (int kx = 0; kx < s.kw; kx++) {
                  int y = (int) (oy * g.strideH() - g.padTop() + ky * g.dilationH());
                  int x = (int) (ox * g.strideW() - g.padLeft() + kx * g.dilationW());
                  int weight = ((o * in + c) * s.kh + ky) * s.kw + kx;
                  if (y < 0 || y >= s.h || x < 0 || x >= s.w || live != null && !live[weight]) continue;
                  meeting.at(((n * s.c + o / out * in + c) * s.h + y) * s.w + x, weight, ((n * s.o + o) * s.oh + oy) * s.ow + ox);
                }
              }
            }
          }
        }
      }
    }
  }

  private double[] all(double[] sums) {
    for (int i = 0; i < sums.length; i++) sums[i] = stored(sums[i]);
    return sums;
  }

  /** y of x, w [o, c / groups, kh, kw] and a bias. */
  double[] conv(Maps s, ConvGeometry g, boolean[] live, float[] x, float[] w, float[] bias) {
    double[] y = new double[s.n * s.o * s.oh * s.ow];
    meet(s, g, live, (i, j, k) -> y[k] = add(y[k], x[i], w[j]));
    for (int k = 0; k < y.length; k++) y[k] += bias == null ? 0 : bias[k / (s.oh * s.ow) % s.o];
    return all(y);
  }

  /** dx of a conv, which is what deconv computes. */
  double[] deconv(Maps s, ConvGeometry g, boolean[] live, float[] dy, float[] w) {
    double[] dx = new double[s.n * s.c * s.h * s.w];
    meet(s, g, live, (i, j, k) -> dx[i] = add(dx[i], dy[k], w[j]));
    return all(dx);
  }

  double[] convweight(Maps s, ConvGeometry g, boolean[] live, float[] x, float[] dy) {
    double[] dw = new double[s.o * s.c / (int) g.groups() * s.kh * s.kw];
    meet(s, g, live, (i, j, k) -> dw[j] = add(dw[j], dy[k], x[i]));
    return all(dw);
  }

  /** Attention of one item: heads of q, of which kvHeads share keys; causal to the bottom right where so asked. */
  record Heads(int heads, int kvHeads, int q, int k, int d, int dv, boolean causal) {
    boolean visible(int i, int j) {
      return !causal || j <= i + k - q;
    }
  }

  /** out, and what a gradient needs beside it. */
  record Attended(double[] out, double[] lse, double[] dq, double[] dk, double[] dv) {}

  /** Forward, and with dout backward. */
  Attended attention(Heads s, float[] q, float[] k, float[] v, float[] dout) {
    double[] out = new double[s.heads * s.q * s.dv];
    double[] lse = new double[s.heads * s.q];
    double[] dq = new double[q.length];
    double[] dk = new double[k.length];
    double[] dv = new double[v.length];
    for (int row = 0; row < s.heads * s.q; row++) {
      int group = row / s.q / (s.heads / s.kvHeads);
      forward(s, q, k, v, row, group, out, lse);
      if (dout != null) backward(s, q, k, v, dout, row, group, out, lse, dq, dk, dv);
    }
    double scale = 1 / Math.sqrt(s.d);
    for (double[] g : new double[][] {dq, dk}) for (int i = 0; i < g.length; i++) g[i] *= scale;
    return new Attended(out, lse, all(dq), all(dk), all(dv));
  }

  private double score(Heads s, float[] q, float[] k, int row, int key) {
    double z = 0;
    for (int d = 0; d < s.d; d++) z = add(z, q[row * s.d + d], k[key * s.d + d]);
    return single(z / Math.sqrt(s.d));
  }

  private void forward(Heads s, float[] q, float[] k, float[] v, int row, int group, double[] out, double[] lse) {
    double max = Double.NEGATIVE_INFINITY;
    double[] z = new double[s.k];
    for (int j = 0; j < s.k; j++) {
      z[j] = s.visible(row % s.q, j) ? score(s, q, k, row, group * s.k + j) : Double.NEGATIVE_INFINITY;
      max = Math.max(max, z[j]);
    }
    double sum = 0;
    double[] o = new double[s.dv];
    for (int j = 0; j < s.k; j++) {
      if (!s.visible(row % s.q, j)) continue;
      double weight = single(Math.exp(single(z[j] - max)));
      sum = single(sum + weight);
      for (int d = 0; d < s.dv; d++) o[d] = add(o[d], weight, v[(group * s.k + j) * s.dv + d]);
    }
    for (int d = 0; d < s.dv; d++) out[row * s.dv + d] = sum == 0 ? 0 : stored(o[d] / sum);
    lse[row] = sum == 0 ? Double.NEGATIVE_INFINITY : single(max + Math.log(sum));
  }

  private void backward(Heads s, float[] q, float[] k, float[] v, float[] dout, int row, int group, double[] out, double[] lse,
      double[] dq, double[] dk, double[] dv) {
    double delta = 0;
    for (int d = 0; d < s.dv; d++) delta = single(delta + dout[row * s.dv + d] * out[row * s.dv + d]);
    for (int j = 0; j < s.k; j++) {
      if (!s.visible(row % s.q, j)) continue;
      int key = group * s.k + j;
      double p = single(Math.exp(single(score(s, q, k, row, key) - lse[row])));
      double dp = 0;
      for (int d = 0; d < s.dv; d++) {
        dv[key * s.dv + d] = add(dv[key * s.dv + d], p, dout[row * s.dv + d]);
        dp = add(dp, dout[row * s.dv + d], v[key * s.dv + d]);
      }
      double ds = single(p * single(dp - delta));
      for (int d = 0; d < s.d; d++) {
        dq[row * s.d + d] = add(dq[row * s.d + d], ds, k[key * s.d + d]);
        dk[key * s.d + d] = add(dk[key * s.d + d], ds, q[row * s.d + d]);
      }
    }
  }
}
