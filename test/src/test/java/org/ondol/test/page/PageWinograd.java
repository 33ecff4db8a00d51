package org.ondol.test.page;

import org.ondol.spi.ConvShape;

/** winograd as docs/arithmetic.md defines it, output by output: each computes its whole tile and takes one value of it. */
public final class PageWinograd {
  private static final double[][] G = {
    {0.25, 0, 0}, {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6}, {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1}
  };

  private PageWinograd() {}

  /** w is [yChannels, xChannels, 3, 3]. */
  public static float[] winograd(ConvShape s, float[] x, float[] w, PageConv.Epilogue epilogue) {
    int height = (int) s.yHeight();
    int width = (int) s.yWidth();
    int channels = (int) s.yChannels();
    float[] y = new float[(int) s.batch() * channels * height * width];
    for (int n = 0; n < s.batch(); n++) {
      for (int o = 0; o < channels; o++) {
        for (int ty = 0; ty < height; ty += 4) {
          for (int tx = 0; tx < width; tx += 4) {
            float[][] tile = tile(s, x, w, n, o, ty, tx);
            for (int i = 0; i < 4 && ty + i < height; i++) {
              for (int j = 0; j < 4 && tx + j < width; j++) {
                int at = ((n * channels + o) * height + ty + i) * width + tx + j;
                y[at] = epilogue.finish(tile[i][j], o, at);
              }
            }
          }
        }
      }
    }
    return y;
  }

  private static float[][] tile(ConvShape s, float[] x, float[] w, int n, int o, int ty, int tx) {
    int channels = (int) s.xChannels();
    float[][] m = new float[6][6];
    for (int c = 0; c < channels; c++) {
      float[][] d = new float[6][6];
      for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 6; j++) {
          long iy = ty + i - s.padTop();
          long ix = tx + j - s.padLeft();
          boolean inside = iy >= 0 && iy < s.xHeight() && ix >= 0 && ix < s.xWidth();
          d[i][j] = inside ? x[(int) (((n * channels + c) * s.xHeight() + iy) * s.xWidth() + ix)] : 0f;
        }
      }
      float[][] v = columnsThenRows(d, PageWinograd::input, 6);
      float[][] u = filter(w, (o * channels + c) * 9);
      for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 6; j++) {
          m[i][j] = Math.fma(v[i][j], u[i][j], m[i][j]);
        }
      }
    }
    return columnsThenRows(m, PageWinograd::output, 4);
  }

  private interface Transform {
    float[] apply(float[] v);
  }

  /** Applies a transform to each column, then to each row of the result. */
  private static float[][] columnsThenRows(float[][] a, Transform t, int size) {
    float[][] half = new float[size][6];
    for (int j = 0; j < 6; j++) {
      float[] column = new float[6];
      for (int i = 0; i < 6; i++) {
        column[i] = a[i][j];
      }
      float[] r = t.apply(column);
      for (int i = 0; i < size; i++) {
        half[i][j] = r[i];
      }
    }
    float[][] out = new float[size][];
    for (int i = 0; i < size; i++) {
      out[i] = t.apply(half[i]);
    }
    return out;
  }

  private static float[] input(float[] d) {
    float p = Math.fma(-4f, d[2], d[4]);
    float q = Math.fma(-4f, d[1], d[3]);
    float r = d[4] - d[2];
    float s = (d[3] - d[1]) * 2f;
    return new float[] {Math.fma(4f, d[0], Math.fma(-5f, d[2], d[4])), p + q, p - q, r + s, r - s,
      Math.fma(4f, d[1], Math.fma(-5f, d[3], d[5]))};
  }

  private static float[] output(float[] m) {
    float s1 = m[1] + m[2];
    float d1 = m[1] - m[2];
    float s2 = m[3] + m[4];
    float d2 = m[3] - m[4];
    return new float[] {(m[0] + s1) + s2, Math.fma(2f, d2, d1), Math.fma(4f, s2, s1), Math.fma(8f, d2, d1) + m[5]};
  }

  private static float[][] filter(float[] w, int at) {
    double[][] half = new double[6][3];
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 3; j++) {
        half[i][j] = G[i][0] * w[at + j] + G[i][1] * w[at + 3 + j] + G[i][2] * w[at + 6 + j];
      }
    }
    float[][] u = new float[6][6];
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        u[i][j] = (float) (half[i][0] * G[j][0] + half[i][1] * G[j][1] + half[i][2] * G[j][2]);
      }
    }
    return u;
  }
}
