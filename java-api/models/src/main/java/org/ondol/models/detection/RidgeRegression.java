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
  /** Rows of a factor that are made at once. */
  private static final int ROWS = 4;

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

  /** L with L L' = X'X + lambda I, some rows more each time: what is above them is read once for all of them. */
  private double[][] cholesky(double lambda) {
    double[][] lower = new double[size][];
    for (int from = 0; from < size; from += ROWS) {
      int to = Math.min(size, from + ROWS);
      for (int i = from; i < to; i++) lower[i] = new double[i + 1];
      double[] dots = new double[ROWS];
      for (int j = 0; j < from; j++) {
        if (to - from == ROWS) {
          dots(lower, from, lower[j], j, dots);
        } else {
          for (int i = from; i < to; i++) dots[i - from] = dot(lower[i], lower[j], j);
        }
        for (int i = from; i < to; i++) lower[i][j] = (entry(i, j, lambda) - dots[i - from]) / lower[j][j];
      }
      for (int i = from; i < to; i++) corner(lower, from, i, lambda);
    }
    return lower;
  }

  /** The entries of row i from a column on. */
  private void corner(double[][] lower, int from, int i, double lambda) {
    double[] row = lower[i];
    for (int j = from; j <= i; j++) {
      double rest = entry(i, j, lambda) - dot(row, j == i ? row : lower[j], j);
      row[j] = j == i ? Math.sqrt(Math.max(rest, Double.MIN_NORMAL)) : rest / lower[j][j];
    }
  }

  /** The two halves of the sums may differ in the last bit; the lower one counts. */
  private double entry(int i, int j, double lambda) {
    return gram[i * size + j] + (i == j ? lambda : 0);
  }

  /** {@link #dot} of each of four rows and b: the same sums. */
  private static void dots(double[][] rows, int from, double[] b, int n, double[] dots) {
    double[] p = rows[from];
    double[] q = rows[from + 1];
    double[] r = rows[from + 2];
    double[] s = rows[from + 3];
    double p0 = 0, p1 = 0, p2 = 0, p3 = 0;
    double q0 = 0, q1 = 0, q2 = 0, q3 = 0;
    double r0 = 0, r1 = 0, r2 = 0, r3 = 0;
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int i = 0;
    for (; i + 4 <= n; i += 4) {
      double b0 = b[i];
      double b1 = b[i + 1];
      double b2 = b[i + 2];
      double b3 = b[i + 3];
      p0 = Math.fma(p[i], b0, p0);
      p1 = Math.fma(p[i + 1], b1, p1);
      p2 = Math.fma(p[i + 2], b2, p2);
      p3 = Math.fma(p[i + 3], b3, p3);
      q0 = Math.fma(q[i], b0, q0);
      q1 = Math.fma(q[i + 1], b1, q1);
      q2 = Math.fma(q[i + 2], b2, q2);
      q3 = Math.fma(q[i + 3], b3, q3);
      r0 = Math.fma(r[i], b0, r0);
      r1 = Math.fma(r[i + 1], b1, r1);
      r2 = Math.fma(r[i + 2], b2, r2);
      r3 = Math.fma(r[i + 3], b3, r3);
      s0 = Math.fma(s[i], b0, s0);
      s1 = Math.fma(s[i + 1], b1, s1);
      s2 = Math.fma(s[i + 2], b2, s2);
      s3 = Math.fma(s[i + 3], b3, s3);
    }
    for (; i < n; i++) {
      p0 = Math.fma(p[i], b[i], p0);
      q0 = Math.fma(q[i], b[i], q0);
      r0 = Math.fma(r[i], b[i], r0);
      s0 = Math.fma(s[i], b[i], s0);
    }
    dots[0] = (p0 + p1) + (p2 + p3);
    dots[1] = (q0 + q1) + (q2 + q3);
    dots[2] = (r0 + r1) + (r2 + r3);
    dots[3] = (s0 + s1) + (s2 + s3);
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
