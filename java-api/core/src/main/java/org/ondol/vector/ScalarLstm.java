package org.ondol.vector;

import static org.ondol.vector.ScalarMath.sigmoid;
import static org.ondol.vector.ScalarMath.sigmoidGrad;
import static org.ondol.vector.ScalarMath.tanh;
import static org.ondol.vector.ScalarMath.tanhGrad;

/** {@link LstmLoops} with scalar code. */
final class ScalarLstm implements LstmLoops {
  @Override
  public void activate(float[] z, int at, int n, float[] t) {
    for (int j = 0; j < n; j++) {
      z[at + j] = sigmoid(z[at + j]);
      z[at + n + j] = sigmoid(z[at + n + j]);
      z[at + 2 * n + j] = tanh(z[at + 2 * n + j]);
      z[at + 3 * n + j] = sigmoid(z[at + 3 * n + j]);
    }
  }

  @Override
  public void cell(float[] z, int at, float[] c, int cAt, int n, float[] t) {
    for (int j = 0; j < n; j++) {
      float value = Math.fma(z[at + n + j], c[cAt + j], z[at + j] * z[at + 2 * n + j]);
      c[cAt + j] = value;
      z[at + j] = z[at + 3 * n + j] * tanh(value);
    }
  }

  @Override
  public void gradient(float[] z, int at, float[] u, float[] d, int dAt, float[] before, float[] dc, int dcAt, int n) {
    for (int j = 0; j < n; j++) {
      float i = z[at + j];
      float f = z[at + n + j];
      float g = z[at + 2 * n + j];
      float o = z[at + 3 * n + j];
      float s = dc[dcAt + j] + tanhGrad(u[j], d[dAt + j] * o);
      z[at + j] = sigmoidGrad(i, s * g);
      z[at + n + j] = sigmoidGrad(f, s * before[j]);
      z[at + 2 * n + j] = tanhGrad(g, s * i);
      z[at + 3 * n + j] = sigmoidGrad(o, d[dAt + j] * u[j]);
      dc[dcAt + j] = s * f;
    }
  }
}
