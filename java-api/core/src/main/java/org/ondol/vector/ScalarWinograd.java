package org.ondol.vector;

/** {@link WinogradLoops} with scalar code. */
final class ScalarWinograd implements WinogradLoops {
  @Override
  public void deal(float[] from, int fromAt, int n, float[] to, int at, int part) {
    for (int j = 0; j < TILE; j++) {
      for (int i = 0; i < n; i++) {
        to[at + j * part + i] = from[fromAt + TILE * i + j];
      }
    }
  }

  @Override
  public void input(float[] x, int at, int part, int pitch, int n, float[] to, int toAt, int point, float[] half) {
    for (int t = 0; t < n; t++) {
      for (int j = 0; j < SIDE; j++) {
        for (int i = 0; i < SIDE; i++) {
          half[i * SIDE + j] = x[at + (i % TILE * TILE + j % TILE) * part + i / TILE * pitch + j / TILE + t];
        }
        transform(half, j, SIDE);
      }
      for (int i = 0; i < SIDE; i++) {
        transform(half, i * SIDE, 1);
      }
      for (int p = 0; p < POINTS; p++) {
        to[toAt + p * point + t] = half[p];
      }
    }
  }

  /** B on six values. */
  private static void transform(float[] d, int at, int step) {
    float d0 = d[at];
    float d1 = d[at + step];
    float d2 = d[at + 2 * step];
    float d3 = d[at + 3 * step];
    float d4 = d[at + 4 * step];
    float d5 = d[at + 5 * step];
    float p = Math.fma(-4f, d2, d4);
    float q = Math.fma(-4f, d1, d3);
    float r = d4 - d2;
    float s = (d3 - d1) * 2f;
    d[at] = Math.fma(4f, d0, Math.fma(-5f, d2, d4));
    d[at + step] = p + q;
    d[at + 2 * step] = p - q;
    d[at + 3 * step] = r + s;
    d[at + 4 * step] = r - s;
    d[at + 5 * step] = Math.fma(4f, d1, Math.fma(-5f, d3, d5));
  }

  @Override
  public void output(float[] products, int at, int point, int n, float[] y, int yAt, int width, float[] half) {
    for (int t = n - 1; t >= 0; t--) {
      for (int l = 0; l < 16; l++) {
        for (int p = 0; p < POINTS; p++) {
          half[p] = products[at + p * point + 16 * t + l];
        }
        for (int j = 0; j < SIDE; j++) {
          reduce(half, j, SIDE);
        }
        for (int i = 0; i < TILE; i++) {
          reduce(half, i * SIDE, 1);
          for (int j = 0; j < TILE; j++) {
            y[yAt + (i * width + t * TILE + j) * 16 + l] = half[i * SIDE + j];
          }
        }
      }
    }
  }

  /** A on six values; the first four are replaced. */
  private static void reduce(float[] m, int at, int step) {
    float s1 = m[at + step] + m[at + 2 * step];
    float d1 = m[at + step] - m[at + 2 * step];
    float s2 = m[at + 3 * step] + m[at + 4 * step];
    float d2 = m[at + 3 * step] - m[at + 4 * step];
    m[at] = (m[at] + s1) + s2;
    m[at + step] = Math.fma(2f, d2, d1);
    m[at + 2 * step] = Math.fma(4f, s2, s1);
    m[at + 3 * step] = Math.fma(8f, d2, d1) + m[at + 5 * step];
  }
}
