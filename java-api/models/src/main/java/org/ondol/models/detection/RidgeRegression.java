package org.ondol.models.detection;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Gemm;

/**
 * Regularised least squares of several numbers by the same features, the rows of which come little by little (Girshick et
 * al. 2014, appendix C):
 *
 * <pre>
 * m = mean of t,   W = least over W of  sum of |t - m - W' x|^2 + lambda |W|^2  =  (X' X + lambda I)^-1 X' (T - m)
 * </pre>
 *
 * Only the sums X'X, X'T, and of x and t are kept, in float64; those of one call of {@link #add} are products of the device.
 */
public final class RidgeRegression {
  private final int size;
  private final int targets;
  private final double[] gram;
  private final double[] products;
  private final double[] sums;
  private final double[] means;
  private long count;

  /**
   * Nothing is known at first.
   *
   * @param size of x
   * @param targets numbers of t
   */
  public RidgeRegression(int size, int targets) {
    if (size < 1 || size > 1 << 14) throw new InvalidArgumentException("size", size, "1 to " + (1 << 14));
    if (targets < 1) throw new InvalidArgumentException("targets", targets, "at least 1");
    this.size = size;
    this.targets = targets;
    gram = new double[Math.multiplyExact(size, size)];
    products = new double[Math.multiplyExact(size, targets)];
    sums = new double[size];
    means = new double[targets];
  }

  /**
   * More rows.
   *
   * @param x [n, size]
   * @param t [n, targets]
   */
  public void add(Tensor x, Tensor t) {
    check("x", x, x, size);
    check("t", t, x, targets);
    if (x.size(0) == 0) return;
    try (Scope scope = Scope.open()) {
      Tensor columns = x.transpose(0, 1);
      accumulate(gram, Gemm.matmul(columns, x).toFloats());
      accumulate(products, Gemm.matmul(columns, t).toFloats());
      columns(sums, x.toFloats());
      columns(means, t.toFloats());
      count += x.size(0);
    }
  }

  private static void check(String name, Tensor rows, Tensor like, long columns) {
    if (rows == null) throw new InvalidArgumentException(name, "null", "a value");
    if (rows.rank() != 2 || rows.size(1) != columns || rows.size(0) != like.size(0)) {
      throw new ShapeException(name, "of shape " + Arrays.toString(rows.shape()),
          "[" + (rows == like ? "n" : like.size(0)) + ", " + columns + "]");
    }
  }

  private static void accumulate(double[] sums, float[] more) {
    for (int i = 0; i < sums.length; i++) sums[i] += more[i];
  }

  private static void columns(double[] sums, float[] rows) {
    for (int i = 0; i < rows.length; i++) sums[i % sums.length] += rows[i];
  }

  /** How many rows it has had. */
  public long count() {
    return count;
  }

  /** The mean of t, 0 before the first row. */
  public float[] mean() {
    float[] mean = new float[targets];
    for (int k = 0; k < targets; k++) mean[k] = count == 0 ? 0 : (float) (means[k] / count);
    return mean;
  }

  /**
   * The weights W.
   *
   * @param lambda above 0; 1000 in the paper
   * @return [size, targets], rows first
   */
  public float[] solve(double lambda) {
    if (!(lambda > 0 && lambda <= Float.MAX_VALUE)) throw new InvalidArgumentException("lambda", lambda, "above 0");
    double[][] lower = cholesky(lambda);
    float[] w = new float[size * targets];
    double[] column = new double[size];
    for (int k = 0; k < targets; k++) {
      double mean = count == 0 ? 0 : means[k] / count;
      for (int i = 0; i < size; i++) column[i] = products[i * targets + k] - mean * sums[i];
      substitute(lower, column);
      for (int i = 0; i < size; i++) w[i * targets + k] = (float) column[i];
    }
    return w;
  }

  /** L with L L' = X'X + lambda I, a row more each time. */
  private double[][] cholesky(double lambda) {
    double[][] lower = new double[size][];
    for (int i = 0; i < size; i++) {
      double[] row = new double[i + 1];
      for (int j = 0; j <= i; j++) {
        // The two halves of the sums may differ in the last bit; the lower one counts.
        double rest = gram[i * size + j] + (i == j ? lambda : 0) - dot(row, j == i ? row : lower[j], j);
        row[j] = j == i ? Math.sqrt(Math.max(rest, Double.MIN_NORMAL)) : rest / lower[j][j];
      }
      lower[i] = row;
    }
    return lower;
  }

  /** x := (L L')^-1 x. */
  private static void substitute(double[][] lower, double[] x) {
    for (int i = 0; i < x.length; i++) x[i] = (x[i] - dot(lower[i], x, i)) / lower[i][i];
    for (int i = x.length - 1; i >= 0; i--) {
      x[i] /= lower[i][i];
      for (int j = 0; j < i; j++) x[j] = Math.fma(-lower[i][j], x[i], x[j]);
    }
  }

  private static double dot(double[] a, double[] b, int n) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 4 <= n; i += 4) {
      s0 = Math.fma(a[i], b[i], s0);
      s1 = Math.fma(a[i + 1], b[i + 1], s1);
      s2 = Math.fma(a[i + 2], b[i + 2], s2);
      s3 = Math.fma(a[i + 3], b[i + 3], s3);
    }
    for (; i < n; i++) s0 = Math.fma(a[i], b[i], s0);
    return (s0 + s1) + (s2 + s3);
  }
}
