package org.ondol.models.recipes;

/** The standard normal distribution. */
final class Normal {
  private static final int HALVINGS = 60;

  private Normal() {}

  /** The number below which lies such a share, 0.5 ± 0.4999. By halving an interval: good enough for pictures. */
  static double quantile(double share) {
    double low = -8;
    double high = 8;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (low + high) / 2;
      if (below(middle) < share) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }

  /** The share below x: 1/2 + the density times x (1 + x²/3 + x⁴/(3·5) + ...), Marsaglia 2004. */
  private static double below(double x) {
    double sum = x;
    double term = x;
    for (int i = 3; Math.abs(term) > 1e-17 * Math.abs(sum); i += 2) {
      term *= x * x / i;
      sum += term;
    }
    return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }
}
