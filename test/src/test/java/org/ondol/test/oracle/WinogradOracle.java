package org.ondol.test.oracle;

import org.ondol.spi.ConvShape;
import org.ondol.test.oracle.Bound.Values;

/**
 * The direct convolution in float64, with the bound that Winograd's detour allows. With A, B and G the transforms'
 * matrices, every computed output is a sum of products A · (G w Gᵀ ⊙ B d Bᵀ) · Aᵀ each of which went through at most 1
 * rounding in U, 2 for each direction of B, C in the chain over C channels and 3 for each direction of A; so the error
 * is at most gamma(C + 11) times the same expression over magnitudes (Higham, chapter 3).
 */
public final class WinogradOracle {
  private static final double[][] G = {{0.25, 0, 0}, {1 / 6.0, 1 / 6.0, 1 / 6.0}, {1 / 6.0, 1 / 6.0, 1 / 6.0},
    {1 / 24.0, 1 / 12.0, 1 / 6.0}, {1 / 24.0, 1 / 12.0, 1 / 6.0}, {0, 0, 1}};
  private static final double[][] B = {{4, 0, 5, 0, 1, 0}, {0, 4, 4, 1, 1, 0}, {0, 4, 4, 1, 1, 0}, {0, 2, 1, 2, 1, 0},
    {0, 2, 1, 2, 1, 0}, {0, 4, 0, 5, 0, 1}};
  private static final double[][] A = {{1, 1, 1, 1, 1, 0}, {0, 1, 1, 2, 2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, 1, 8, 8, 1}};

  private WinogradOracle() {}

  public static Values conv(ConvShape s, float[] x, float[] w, float[] bias, float[] residual, String activation,
      double slope) {
    double[] exact = ConvOracle.conv(s, x, w, null, null, null, "none", 0).value();
    double[] error = new double[exact.length];
    int in = (int) s.xChannels();
    int height = (int) s.yHeight();
    int width = (int) s.yWidth();
    double[][][] u = new double[w.length / 9][][];
    for (int f = 0; f < u.length; f++) {
      double[][] filter = new double[3][3];
      for (int i = 0; i < 9; i++) {
        filter[i / 3][i % 3] = Math.abs(w[f * 9 + i]);
      }
      u[f] = both(G, filter);
    }
    for (int n = 0; n < s.batch(); n++) {
      for (int tile = 0; tile < (height + 3) / 4 * ((width + 3) / 4); tile++) {
        int top = tile / ((width + 3) / 4) * 4;
        int left = tile % ((width + 3) / 4) * 4;
        double[][][] v = new double[in][][];
        for (int c = 0; c < in; c++) {
          v[c] = both(B, magnitudes(s, x, n * in + c, top, left));
        }
        for (int o = 0; o < s.yChannels(); o++) {
          double[][] y = both(A, products(v, u, o * in));
          for (int i = 0; i < 16; i++) {
            if (top + i / 4 < height && left + i % 4 < width) {
              int at = (int) (((n * s.yChannels() + o) * height + top + i / 4) * width + left + i % 4);
              error[at] = Bound.gamma(in + 11) * y[i / 4][i % 4];
            }
          }
        }
      }
    }
    return ConvOracle.finish(s, exact, error, bias, residual, activation, slope);
  }

  private static double[][] products(double[][][] v, double[][][] u, int filter) {
    double[][] m = new double[6][6];
    for (int c = 0; c < v.length; c++) {
      for (int i = 0; i < 36; i++) {
        m[i / 6][i % 6] += v[c][i / 6][i % 6] * u[filter + c][i / 6][i % 6];
      }
    }
    return m;
  }

  /** M x Mᵀ. */
  private static double[][] both(double[][] m, double[][] x) {
    int n = m.length;
    double[][] y = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        for (int k = 0; k < x.length; k++) {
          for (int l = 0; l < x.length; l++) {
            y[i][j] += m[i][k] * x[k][l] * m[j][l];
          }
        }
      }
    }
    return y;
  }

  private static double[][] magnitudes(ConvShape s, float[] x, int plane, int top, int left) {
    double[][] d = new double[6][6];
    for (int i = 0; i < 36; i++) {
      long iy = top + i / 6 - s.padTop();
      long ix = left + i % 6 - s.padLeft();
      if (iy >= 0 && iy < s.xHeight() && ix >= 0 && ix < s.xWidth()) {
        d[i / 6][i % 6] = Math.abs(x[(int) ((plane * s.xHeight() + iy) * s.xWidth() + ix)]);
      }
    }
    return d;
  }
}
