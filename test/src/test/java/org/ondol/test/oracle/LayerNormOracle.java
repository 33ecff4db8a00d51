package org.ondol.test.oracle;

import static org.ondol.test.oracle.Bound.U;

import org.ondol.test.oracle.Bound.Values;

/** Layer normalisation of contiguous rows and its gradient in float64. */
public final class LayerNormOracle {
  private LayerNormOracle() {}

  public record Forward(Values y, Values mean, Values rstd) {}

  public static Forward layernorm(float[] x, int rows, int n, float[] gamma, float[] beta, double eps) {
    Forward f = new Forward(new Values(rows * n), new Values(rows), new Values(rows));
    for (int r = 0; r < rows; r++) {
      double sum = 0;
      double magnitude = 0;
      for (int i = 0; i < n; i++) {
        sum += x[r * n + i];
        magnitude += Math.abs(x[r * n + i]);
      }
      double mean = sum / n;
      double meanError = Bound.sum16(n) * magnitude / n + U * Math.abs(mean);
      double squares = 0;
      double squaresError = 0;
      for (int i = 0; i < n; i++) {
        double d = x[r * n + i] - mean;
        double error = meanError + U * Math.abs(d);
        squares += d * d;
        squaresError += 2 * Math.abs(d) * error + error * error;
      }
      double var = squares / n;
      double varError = (squaresError + (Bound.sum16(n) + U) * squares) / n;
      double rstd = 1 / Math.sqrt(var + eps);
      // d(rstd) = -rstd / (2 (var + eps)) dvar, taken where it is steepest; eps itself is rounded to float32.
      double least = Math.max(var + eps - varError, 0.5 * eps);
      double rstdError = rstd * (0.5 * (varError + U * (eps + var + eps)) / least + 3 * U);
      set(f.mean, r, mean, meanError);
      set(f.rstd, r, rstd, rstdError);
      for (int i = 0; i < n; i++) {
        double d = x[r * n + i] - mean;
        double dError = meanError + U * Math.abs(d);
        double g = gamma == null ? 1 : gamma[i];
        double y = d * rstd * g + (beta == null ? 0 : beta[i]);
        double error = Math.abs(g)
            * (dError * (rstd + rstdError) + Math.abs(d) * rstdError + U * (Math.abs(d) + dError) * (rstd + rstdError));
        set(f.y, r * n + i, y, error + U * (Math.abs(y) + error));
      }
    }
    return f;
  }

  public record Gradient(Values dx, Values dgamma, Values dbeta) {}

  /** From the forward's mean and rstd, as the operation computes it. */
  public static Gradient backward(float[] x, float[] gamma, float[] dy, float[] mean, float[] rstd, int rows, int n) {
    Gradient result = new Gradient(new Values(rows * n), new Values(n), new Values(n));
    double[] gammaMagnitude = new double[n];
    double[] betaMagnitude = new double[n];
    for (int r = 0; r < rows; r++) {
      double s1 = 0;
      double s2 = 0;
      double m1 = 0;
      double m2 = 0;
      for (int i = 0; i < n; i++) {
        double h = ((double) x[r * n + i] - mean[r]) * rstd[r];
        double g = (double) dy[r * n + i] * (gamma == null ? 1 : gamma[i]);
        s1 += g;
        m1 += Math.abs(g);
        s2 += g * h;
        m2 += Math.abs(g * h);
        result.dgamma.value()[i] += dy[r * n + i] * h;
        gammaMagnitude[i] += Math.abs(dy[r * n + i] * h);
        result.dbeta.value()[i] += dy[r * n + i];
        betaMagnitude[i] += Math.abs(dy[r * n + i]);
      }
      double e1 = (Bound.sum16(n) + 3 * U) * m1 / n;
      double e2 = (Bound.sum16(n) + 5 * U) * m2 / n;
      for (int i = 0; i < n; i++) {
        double h = ((double) x[r * n + i] - mean[r]) * rstd[r];
        double g = (double) dy[r * n + i] * (gamma == null ? 1 : gamma[i]);
        double inner = g - s1 / n - h * s2 / n;
        double innerError = e1 + Math.abs(h) * e2 + 3 * U * Math.abs(h * s2 / n)
            + 3 * U * (Math.abs(g) + Math.abs(s1 / n)) + U * Math.abs(inner);
        set(result.dx, r * n + i, rstd[r] * inner, Math.abs(rstd[r]) * (innerError + U * Math.abs(inner)));
      }
    }
    for (int i = 0; i < n; i++) {
      result.dgamma.bound()[i] = Bound.gamma(rows + 3) * gammaMagnitude[i];
      result.dbeta.bound()[i] = Bound.gamma(rows) * betaMagnitude[i];
    }
    return result;
  }

  private static void set(Values v, int i, double value, double bound) {
    v.value()[i] = value;
    v.bound()[i] = bound * 1.01;
  }
}
