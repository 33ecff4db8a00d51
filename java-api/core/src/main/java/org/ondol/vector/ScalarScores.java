package org.ondol.vector;

/** {@link Scores} with scalar code. */
final class ScalarScores implements Scores {
  @Override
  public void weights(float[] s, int keys, float[] m, int mAt, float[] l, int lAt, float[] a) {
    for (int r = 0; r < ROWS; r++) {
      float before = m[mAt + r];
      float after = before;
      for (int j = r; j < ROWS * keys; j += ROWS) {
        after = s[j] > after ? s[j] : after;
      }
      float u = after == Float.NEGATIVE_INFINITY ? 0 : after;
      float scale = ScalarMath.exp2w(before - u);
      m[mAt + r] = after;
      a[r] = scale;
      for (int p = 0; p < 16; p++) {
        l[lAt + ROWS * p + r] *= scale;
      }
      for (int j = r; j < ROWS * keys; j += ROWS) {
        float w = ScalarMath.exp2w(s[j] - u);
        s[j] = w;
        l[lAt + (j & 15 * ROWS) + r] += w;
      }
    }
  }

  @Override
  public void softcap(float[] s, int keys, float in, float out) {
    for (int j = 0; j < ROWS * keys; j++) {
      s[j] = ScalarMath.tanh(s[j] * in) * out;
    }
  }

  @Override
  public void alibi(float[] s, int keys, int first, int[] position, float[] slope) {
    for (int j = 0; j < keys; j++) {
      for (int r = 0; r < ROWS; r++) {
        s[ROWS * j + r] = Math.fma(slope[r], Math.abs(first + j - position[r]), s[ROWS * j + r]);
      }
    }
  }

  @Override
  public void probabilities(float[] s, int keys, float[] shift) {
    for (int j = 0; j < keys; j++) {
      for (int r = 0; r < ROWS; r++) {
        s[ROWS * j + r] = ScalarMath.exp2w(s[ROWS * j + r] - shift[r]);
      }
    }
  }

  @Override
  public void gradients(float[] p, float[] dp, int keys, float[] delta) {
    for (int j = 0; j < keys; j++) {
      for (int r = 0; r < ROWS; r++) {
        int i = ROWS * j + r;
        dp[i] = p[i] == 0 ? 0 : p[i] * (dp[i] - delta[r]);
      }
    }
  }

  @Override
  public boolean finite(float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      if (!Float.isFinite(x[i])) {
        return false;
      }
    }
    return true;
  }
}
