package org.ondol.test.oracle;

import org.ondol.spi.ConvShape;
import org.ondol.test.oracle.Bound.Values;

/**
 * The bound of winograd's error around conv's exact result. With the transforms' magnitudes, a value of a tile is off by at
 * most gamma(C + 24) · |Aᵀ| (Σ_c |G||w||Gᵀ| ⊙ |Bᵀ||d||B|) |A|: C steps of the chain, one rounding of each filter, and at most
 * 4 roundings in each of the four one-dimensional transforms, with the epilogue's three.
 */
public final class WinogradOracle {
  private static final double[][] G = {
    {1 / 4.0, 0, 0}, {1 / 6.0, 1 / 6.0, 1 / 6.0}, {1 / 6.0, 1 / 6.0, 1 / 6.0}, {1 / 24.0, 1 / 12.0, 1 / 6.0},
    {1 / 24.0, 1 / 12.0, 1 / 6.0}, {0, 0, 1}
  };
  private static final double[][] B = {
    {4, 0, 5, 0, 1, 0}, {0, 4, 4, 1, 1, 0}, {0, 4, 4, 1, 1, 0}, {0, 2, 1, 2, 1, 0}, {0, 2, 1, 2, 1, 0}, {0, 4, 0, 5, 0, 1}
  };
  private static final double[][] A = {{1, 1, 1, 1, 1, 0}, {0, 1, 1, 2, 2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, 1, 8, 8, 1}};

  private WinogradOracle() {}

  /** w [yChannels, xChannels, 3, 3]; bias, residual or null; no activation but relu's and none's, which amplify nothing. */
  public static Values winograd(ConvShape s, float[] x, float[] w, float[] bias, float[] residual, String activation) {
    Values exact = ConvOracle.conv(s, x, w, null, bias, residual, activation, 0);
    int channels = (int) s.xChannels();
    double gamma = Bound.gamma(channels + 24);
    int at = 0;
    for (int n = 0; n < s.batch(); n++) {
      for (int o = 0; o < s.yChannels(); o++) {
        for (int oy = 0; oy < s.yHeight(); oy++) {
          for (int ox = 0; ox < s.yWidth(); ox++, at++) {
            double magnitude = magnitude(s, x, w, n, o, oy, ox);
            double added = (bias == null ? 0 : Math.abs(bias[o])) + (residual == null ? 0 : Math.abs(residual[at]));
            exact.bound()[at] = gamma * (magnitude + added);
          }
        }
      }
    }
    return exact;
  }

  private static double magnitude(ConvShape s, float[] x, float[] w, int n, int o, int oy, int ox) {
    int channels = (int) s.xChannels();
    double[][] sum = new double[6][6];
    for (int c = 0; c < channels; c++) {
      double[][] d = new double[6][6];
      for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 6; j++) {
          long iy = oy / 4 * 4 + i - s.padTop();
          long ix = ox / 4 * 4 + j - s.padLeft();
          boolean inside = iy >= 0 && iy < s.xHeight() && ix >= 0 && ix < s.xWidth();
          d[i][j] = inside ? Math.abs(x[(int) (((n * channels + c) * s.xHeight() + iy) * s.xWidth() + ix)]) : 0;
        }
      }
      double[][] f = new double[3][3];
      for (int k = 0; k < 9; k++) {
        f[k / 3][k % 3] = Math.abs(w[(o * channels + c) * 9 + k]);
      }
      double[][] v = product(product(B, d), transpose(B));
      double[][] u = product(product(G, f), transpose(G));
      for (int i = 0; i < 36; i++) {
        sum[i / 6][i % 6] += u[i / 6][i % 6] * v[i / 6][i % 6];
      }
    }
    return product(product(A, sum), transpose(A))[oy % 4][ox % 4];
  }

  private static double[][] product(double[][] a, double[][] b) {
    double[][] c = new double[a.length][b[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < b[0].length; j++) {
        for (int k = 0; k < b.length; k++) {
          c[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return c;
  }

  private static double[][] transpose(double[][] a) {
    double[][] t = new double[a[0].length][a.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a[0].length; j++) {
        t[j][i] = a[i][j];
      }
    }
    return t;
  }
}
