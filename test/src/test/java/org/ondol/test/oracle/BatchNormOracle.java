package org.ondol.test.oracle;

import static org.ondol.test.oracle.Bound.U;

import org.ondol.test.oracle.Bound.Values;

/** Batch normalisation of [n, c, s] and its gradient in float64. */
public final class BatchNormOracle {
  private final int n;
  private final int c;
  private final int s;

  public BatchNormOracle(int n, int c, int s) {
    this.n = n;
    this.c = c;
    this.s = s;
  }

  /** Relative error of a channel's sum: a segment's sum16, then the sum over segments. */
  private double sumError() {
    int segments = (s + 4095) / 4096;
    return Bound.gamma((Math.min(s, 4096) + 15) / 16 + 4 + n * segments);
  }

  private int[] positions(int k) {
    int[] at = new int[n * s];
    for (int i = 0; i < at.length; i++) {
      at[i] = (i / s * c + k) * s + i % s;
    }
    return at;
  }

  /** What training gives. */
  public record Forward(Values y, Values mean, Values variance, Values rstd) {}

  public Forward train(float[] x, float[] gamma, float[] beta, double eps, boolean relu) {
    Forward f = new Forward(new Values(n * c * s), new Values(c), new Values(c), new Values(c));
    for (int k = 0; k < c; k++) {
      int[] positions = positions(k);
      int m = positions.length;
      double sum = 0;
      double magnitude = 0;
      for (int at : positions) {
        sum += x[at];
        magnitude += Math.abs(x[at]);
      }
      double mean = sum / m;
      double meanError = (sumError() * magnitude + U * Math.abs(sum)) / m + U * Math.abs(mean);
      double squares = 0;
      double squaresError = 0;
      for (int at : positions) {
        double d = x[at] - mean;
        double error = meanError + U * Math.abs(d);
        squares += d * d;
        squaresError += 2 * Math.abs(d) * error + error * error;
      }
      double var = squares / m;
      double varError = (squaresError + (sumError() + 2 * U) * squares) / m;
      double rstd = 1 / Math.sqrt(var + eps);
      // d(rstd) = -rstd / (2 (var + eps)) dvar, taken where it is steepest; eps itself is rounded to float32.
      double least = Math.max(var + eps - varError, 0.5 * eps);
      double rstdError = rstd * (0.5 * (varError + U * (eps + var + eps)) / least + 3 * U);
      set(f.mean, k, mean, meanError);
      set(f.variance, k, var, varError);
      set(f.rstd, k, rstd, rstdError);
      double g = gamma == null ? 1 : gamma[k];
      double scaleError = Math.abs(g) * (rstdError + U * (rstd + rstdError));
      for (int at : positions) {
        double d = x[at] - mean;
        double y = d * g * rstd + (beta == null ? 0 : beta[k]);
        double dError = meanError + U * (Math.abs(d) + meanError);
        double error = dError * (Math.abs(g * rstd) + scaleError) + Math.abs(d) * scaleError;
        set(f.y, at, relu ? Math.max(0, y) : y, error + U * (Math.abs(y) + error));
      }
    }
    return f;
  }

  public Values infer(float[] x, float[] gamma, float[] beta, float[] mean, float[] variance, double eps, boolean relu) {
    Values result = new Values(n * c * s);
    for (int k = 0; k < c; k++) {
      double scale = (gamma == null ? 1 : gamma[k]) / Math.sqrt(variance[k] + eps);
      double offset = beta == null ? 0 : beta[k];
      for (int at : positions(k)) {
        double y = (x[at] - (double) mean[k]) * scale + offset;
        // scale carries four roundings (eps, its sum, root, quotient), shift one more; then the last fma.
        double error = 5 * U * Math.abs(scale) * (Math.abs(x[at]) + Math.abs(mean[k]))
            + U * (Math.abs(mean[k] * scale) + Math.abs(offset));
        set(result, at, relu ? Math.max(0, y) : y, error * 1.01 + U * (Math.abs(y) + error));
      }
    }
    return result;
  }

  /** Gradients. */
  public record Gradient(Values dx, Values dgamma, Values dbeta) {}

  /** From the forward's y (null without a relu), mean and rstd, as the operation computes it. */
  public Gradient backward(float[] x, float[] gamma, float[] dy, float[] y, float[] mean, float[] rstd, boolean training) {
    Gradient result = new Gradient(new Values(n * c * s), new Values(c), new Values(c));
    for (int k = 0; k < c; k++) {
      int[] positions = positions(k);
      int m = positions.length;
      double plain = 0;
      double weighted = 0;
      double plainMagnitude = 0;
      double weightedMagnitude = 0;
      for (int at : positions) {
        double d = y == null || y[at] > 0 ? dy[at] : 0;
        double h = ((double) x[at] - mean[k]) * rstd[k];
        plain += d;
        plainMagnitude += Math.abs(d);
        weighted += d * h;
        weightedMagnitude += Math.abs(d * h);
      }
      double plainError = sumError() * plainMagnitude;
      double weightedError = (sumError() + 3 * U) * weightedMagnitude;
      set(result.dbeta, k, plain, plainError);
      set(result.dgamma, k, weighted, weightedError);
      double a = (gamma == null ? 1 : gamma[k]) * (double) rstd[k];
      for (int at : positions) {
        double d = y == null || y[at] > 0 ? dy[at] : 0;
        double h = ((double) x[at] - mean[k]) * rstd[k];
        double inner = training ? d - plain / m - h * weighted / m : d;
        double error = !training ? 0 : plainError / m + Math.abs(h) * weightedError / m + 5 * U * Math.abs(h * weighted / m)
            + 3 * U * (Math.abs(d) + Math.abs(plain / m)) + U * Math.abs(inner);
        set(result.dx, at, a * inner, Math.abs(a) * (error * 1.01 + 2 * U * (Math.abs(inner) + error)));
      }
    }
    return result;
  }

  private static void set(Values v, int i, double value, double bound) {
    v.value()[i] = value;
    v.bound()[i] = bound * 1.01;
  }
}
