package org.ondol.models.proposals;

/**
 * Gaussian smoothing and derivatives of a plane whose edge is repeated outwards. Taps at the same distance are added
 * (or subtracted) first, and distances ascend: a mirrored image gives the mirrored result, bit for bit.
 */
final class Gaussian {
  private final int radius;
  /** Weight of the taps at each distance; the taps sum to 1. */
  private final float[] weights;
  /** Weight of the differences at each distance; a ramp of slope 1 gives 1. */
  private final float[] slopes;

  Gaussian(double sigma) {
    radius = (int) Math.ceil(4 * sigma);
    double[] g = new double[radius + 1];
    double sum = 0;
    double moment = 0;
    for (int j = 0; j <= radius; j++) {
      g[j] = sigma > 0 ? StrictMath.exp(-0.5 * j * j / (sigma * sigma)) : 1;
      sum += j == 0 ? g[j] : 2 * g[j];
      moment += 2.0 * j * j * g[j];
    }
    weights = new float[radius + 1];
    slopes = new float[radius + 1];
    for (int j = 0; j <= radius; j++) {
      weights[j] = (float) (g[j] / sum);
      slopes[j] = moment > 0 ? (float) (j * g[j] / moment) : 0;
    }
  }

  float[] smooth(float[] plane, int width, int height) {
    return columns(rows(plane, width, height, false), width, height, false);
  }

  /** The derivative to the right. */
  float[] derivativeX(float[] plane, int width, int height) {
    return columns(rows(plane, width, height, true), width, height, false);
  }

  /** The derivative downwards. */
  float[] derivativeY(float[] plane, int width, int height) {
    return columns(rows(plane, width, height, false), width, height, true);
  }

  private float[] rows(float[] in, int width, int height, boolean slope) {
    float[] out = new float[in.length];
    float[] line = new float[width + 2 * radius];
    float[] sums = new float[width];
    for (int y = 0; y < height; y++) {
      int at = y * width;
      System.arraycopy(in, at, line, radius, width);
      for (int j = 0; j < radius; j++) {
        line[j] = in[at];
        line[radius + width + j] = in[at + width - 1];
      }
      if (slope) clear(sums, width); else scale(line, radius, weights[0], sums, width);
      for (int j = 1; j <= radius; j++) {
        if (slope) addDifference(line, radius + j, line, radius - j, slopes[j], sums, width);
        else addSum(line, radius + j, line, radius - j, weights[j], sums, width);
      }
      System.arraycopy(sums, 0, out, at, width);
    }
    return out;
  }

  private float[] columns(float[] in, int width, int height, boolean slope) {
    float[] out = new float[in.length];
    float[] sums = new float[width];
    for (int y = 0; y < height; y++) {
      if (slope) clear(sums, width); else scale(in, y * width, weights[0], sums, width);
      for (int j = 1; j <= radius; j++) {
        int below = Math.min(y + j, height - 1) * width;
        int above = Math.max(y - j, 0) * width;
        if (slope) addDifference(in, below, in, above, slopes[j], sums, width);
        else addSum(in, below, in, above, weights[j], sums, width);
      }
      System.arraycopy(sums, 0, out, y * width, width);
    }
    return out;
  }

  // The loops that the compiler turns into vector instructions.

  private static void clear(float[] sums, int n) {
    for (int i = 0; i < n; i++) sums[i] = 0;
  }

  private static void scale(float[] a, int at, float weight, float[] sums, int n) {
    for (int i = 0; i < n; i++) sums[i] = weight * a[at + i];
  }

  private static void addSum(float[] a, int atA, float[] b, int atB, float weight, float[] sums, int n) {
    for (int i = 0; i < n; i++) sums[i] += weight * (a[atA + i] + b[atB + i]);
  }

  private static void addDifference(float[] a, int atA, float[] b, int atB, float weight, float[] sums, int n) {
    for (int i = 0; i < n; i++) sums[i] += weight * (a[atA + i] - b[atB + i]);
  }
}
