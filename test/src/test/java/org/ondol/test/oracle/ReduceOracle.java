package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;

/** Reductions of the middle of a contiguous [outer, n, inner] in float64. */
public final class ReduceOracle {
  private ReduceOracle() {}

  public static Values reduce(String op, float[] x, int outer, int n, int inner) {
    Values y = new Values(outer * inner);
    for (int row = 0; row < outer * inner; row++) {
      double sum = 0;
      double magnitude = 0;
      double max = Double.NEGATIVE_INFINITY;
      for (int i = 0; i < n; i++) {
        double v = x[row / inner * n * inner + i * inner + row % inner];
        max = Math.max(max, v);
        v = op.equals("sumsq") ? v * v : v;
        sum += v;
        magnitude += Math.abs(v);
      }
      double error = Bound.sum16(n) * magnitude;
      switch (op) {
        case "sum", "sumsq" -> set(y, row, sum, error);
        case "mean" -> set(y, row, sum / n, (error + Bound.U * Math.abs(sum)) / n);
        case "max" -> set(y, row, max, 0);
        default -> throw new IllegalArgumentException("the oracle does not know the reduction " + op);
      }
    }
    return y;
  }

  private static void set(Values y, int i, double value, double bound) {
    y.value()[i] = value;
    y.bound()[i] = bound * 1.01;
  }
}
