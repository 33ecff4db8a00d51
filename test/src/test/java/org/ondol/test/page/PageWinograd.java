package org.ondol.test.page;

import org.ondol.spi.ConvShape;

/** winograd as docs/arithmetic.md defines it: tiles of 4 x 4 outputs from 6 x 6 inputs, one after the other. */
public final class PageWinograd {
  private static final double[][] G = {{1 / 4.0, 0, 0}, {-1 / 6.0, -1 / 6.0, -1 / 6.0}, {-1 / 6.0, 1 / 6.0, -1 / 6.0},
    {1 / 24.0, 1 / 12.0, 1 / 6.0}, {1 / 24.0, -1 / 12.0, 1 / 6.0}, {0, 0, 1}};

  private PageWinograd() {}

  /** A linear map of a short vector. */
  private interface Step {
    float[] apply(float[] v);
  }

  private static float[] b(float[] d) {
    float p = Math.fma(-4f, d[2], d[4]);
    float q = Math.fma(-4f, d[1], d[3]);
    float r = d[4] - d[2];
    float s = (d[3] - d[1]) * 2f;
    return new float[] {Math.fma(4f, d[0], Math.fma(-5f, d[2], d[4])), p + q, p - q, r + s, r - s,
      Math.fma(4f, d[1], Math.fma(-5f, d[3], d[5]))};
  }

  private static float[] a(float[] m) {
    float s1 = m[1] + m[2];
    float d1 = m[1] - m[2];
    float s2 = m[3] + m[4];
    float d2 = m[3] - m[4];
    return new float[] {(m[0] + s1) + s2, Math.fma(2f, d2, d1), Math.fma(4f, s2, s1), Math.fma(8f, d2, d1) + m[5]};
  }

  /** On each column, then on each row. */
  private static float[][] both(Step step, float[][] x) {
    float[][] columns = transposed(x);
    for (int i = 0; i < columns.length; i++) {
      columns[i] = step.apply(columns[i]);
    }
    float[][] rows = transposed(columns);
    for (int i = 0; i < rows.length; i++) {
      rows[i] = step.apply(rows[i]);
    }
    return rows;
  }

  private static float[][] transposed(float[][] x) {
    float[][] t = new float[x[0].length][x.length];
    for (int i = 0; i < x.length; i++) {
      for (int j = 0; j < x[0].length; j++) {
        t[j][i] = x[i][j];
      }
    }
    return t;
  }

  /** U of one filter of nine weights. */
  private static float[][] u(float[] w, int at) {
    double[][] half = new double[6][3];
    float[][] u = new float[6][6];
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 3; j++) {
        half[i][j] = G[i][0] * w[at + j] + G[i][1] * w[at + 3 + j] + G[i][2] * w[at + 6 + j];
      }
      for (int j = 0; j < 6; j++) {
        u[i][j] = (float) (half[i][0] * G[j][0] + half[i][1] * G[j][1] + half[i][2] * G[j][2]);
      }
    }
    return u;
  }

  /** conv of contiguous maps by 3 x 3 filters at stride 1. */
  public static float[] conv(ConvShape s, float[] x, float[] w, PageConv.Epilogue epilogue) {
    int in = (int) s.xChannels();
    int out = (int) s.yChannels();
    int height = (int) s.yHeight();
    int width = (int) s.yWidth();
    float[] y = new float[(int) s.batch() * out * height * width];
    for (int n = 0; n < s.batch(); n++) {
      for (int top = 0; top < height; top += 4) {
        for (int left = 0; left < width; left += 4) {
          float[][][] v = new float[in][][];
          for (int c = 0; c < in; c++) {
            v[c] = both(PageWinograd::b, input(s, x, n * in + c, top, left));
          }
          for (int o = 0; o < out; o++) {
            float[][] tile = both(PageWinograd::a, products(v, w, o * in));
            for (int i = 0; i < Math.min(16, 4 * (height - top)); i++) {
              if (left + i % 4 < width) {
                int at = ((n * out + o) * height + top + i / 4) * width + left + i % 4;
                y[at] = epilogue.finish(tile[i / 4][i % 4], o, at);
              }
            }
          }
        }
      }
    }
    return y;
  }

  private static float[][] input(ConvShape s, float[] x, int plane, int top, int left) {
    float[][] d = new float[6][6];
    for (int i = 0; i < 36; i++) {
      long iy = top + i / 6 - s.padTop();
      long ix = left + i % 6 - s.padLeft();
      boolean inside = iy >= 0 && iy < s.xHeight() && ix >= 0 && ix < s.xWidth();
      d[i / 6][i % 6] = inside ? x[(int) ((plane * s.xHeight() + iy) * s.xWidth() + ix)] : 0f;
    }
    return d;
  }

  private static float[][] products(float[][][] v, float[] w, int filter) {
    float[][] m = new float[6][6];
    for (int c = 0; c < v.length; c++) {
      float[][] u = u(w, (filter + c) * 9);
      for (int i = 0; i < 36; i++) {
        m[i / 6][i % 6] = Math.fma(v[c][i / 6][i % 6], u[i / 6][i % 6], m[i / 6][i % 6]);
      }
    }
    return m;
  }
}
