package org.ondol.vector;

import java.util.Arrays;

/** {@link NadeLoops} with scalar code. */
final class ScalarNadeLoops implements NadeLoops {
  @Override
  public void activate(boolean sigmoid, boolean scaled, float s, float[] a, int aAt, float[] h, int hAt, int n) {
    for (int i = 0; i < n; i++) {
      float z = scaled ? s * a[aAt + i] : a[aAt + i];
      h[hAt + i] = sigmoid ? ScalarMath.sigmoid(z) : ScalarMath.relu(z);
    }
  }

  @Override
  public void advance(float x, float[] w, int wAt, float[] a, int aAt, int n) {
    for (int i = 0; i < n; i++) {
      a[aAt + i] = Math.fma(x, w[wAt + i], a[aAt + i]);
    }
  }

  @Override
  public void dots(float[] v, int vAt, float[] h, int hAt, int stride, int n, float[] p) {
    Arrays.fill(p, 0, 64, 0);
    for (int r = 0; r < 4; r++) {
      for (int i = 0; i < n; i += 16) {
        for (int j = 0; j < 16; j++) {
          p[16 * r + j] = Math.fma(v[vAt + i + j], h[hAt + r * stride + i + j], p[16 * r + j]);
        }
      }
    }
  }

  @Override
  public void back(NadeStep t) {
    for (int r = 0; r < t.rows; r++) {
      for (int i = 0; i < t.width; i++) {
        int at = r * t.width + i;
        float h = t.h[t.slot[t.slotAt + r] + i];
        float e = 0;
        for (int o = 0; o < t.outputs; o++) {
          float dy = t.dy[r * t.outputs + o];
          e = Math.fma(dy, t.v[o * t.width + i], e);
          if (t.dv != null) {
            t.dv[o * t.width + i] = Math.fma(dy, h, t.dv[o * t.width + i]);
          }
        }
        float q = t.sigmoid ? h * (1 - h) : h > 0 ? 1 : 0;
        t.g[at] = Math.fma(e, q * t.s, t.g[at]);
        if (t.products) {
          t.e[at] = e * q;
        }
      }
    }
  }
}
