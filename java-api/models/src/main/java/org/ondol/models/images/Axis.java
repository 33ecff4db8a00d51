package org.ondol.models.images;

/**
 * How one axis of a picture is resized: of which cells each new one is made, and by what weights.
 *
 * @param first of each new cell, the first cell that it is made of
 * @param weights of each new cell, those of the cells from the first on
 */
record Axis(int[] first, float[][] weights) {
  /** Linear with half_pixel coordinates; docs/arithmetic.md, resize. */
  static Axis linear(int in, int out) {
    Axis axis = new Axis(new int[out], new float[out][]);
    double scale = (double) out / in;
    for (int j = 0; j < out; j++) {
      double p = (j + 0.5) / scale - 0.5;
      double f = Math.floor(p);
      boolean edge = f < 0 || f >= in - 1;
      axis.first[j] = edge ? (f < 0 ? 0 : in - 1) : (int) f;
      double r = p - f;
      axis.weights[j] = edge ? new float[] {1} : new float[] {(float) (1 - r), (float) r};
    }
    return axis;
  }

  /** A new cell is the mean of what it covers; linear where cells grow. */
  static Axis area(int in, int out) {
    if (out >= in) return linear(in, out);
    Axis axis = new Axis(new int[out], new float[out][]);
    // In units of 1 / out of a cell, new cell j covers in * j to in * (j + 1), and cell i is out * i to out * (i + 1).
    for (int j = 0; j < out; j++) {
      long begin = (long) in * j;
      long end = begin + in;
      int first = (int) (begin / out);
      int last = (int) ((end - 1) / out);
      float[] w = new float[last - first + 1];
      for (int i = first; i <= last; i++) {
        long covered = Math.min(end, (long) out * (i + 1)) - Math.max(begin, (long) out * i);
        w[i - first] = (float) ((double) covered / in);
      }
      axis.first[j] = first;
      axis.weights[j] = w;
    }
    return axis;
  }

  int count() {
    return first.length;
  }

  /** Resizes a plane: along rows first, then along columns, rounded to the nearest byte at the end. */
  static void apply(byte[] in, int at, int width, Axis columns, Axis rows, byte[] out, int to) {
    // Rows that were made last, by their number modulo the most that are needed at once.
    int most = 1;
    for (float[] w : rows.weights) most = Math.max(most, w.length);
    float[][] made = new float[most][columns.count()];
    int next = 0;
    float[] sum = new float[columns.count()];
    for (int y = 0; y < rows.count(); y++) {
      float[] w = rows.weights[y];
      int first = rows.first[y];
      for (next = Math.max(next, first); next < first + w.length; next++) {
        columns.row(in, at + next * width, made[next % most]);
      }
      float[] row = made[first % most];
      for (int x = 0; x < sum.length; x++) sum[x] = w[0] * row[x];
      for (int k = 1; k < w.length; k++) {
        row = made[(first + k) % most];
        for (int x = 0; x < sum.length; x++) sum[x] = Math.fma(w[k], row[x], sum[x]);
      }
      int o = to + y * sum.length;
      for (int x = 0; x < sum.length; x++) out[o + x] = (byte) Math.clamp((int) (sum[x] + 0.5f), 0, 255);
    }
  }

  private void row(byte[] in, int at, float[] out) {
    for (int x = 0; x < out.length; x++) {
      float[] w = weights[x];
      int i = at + first[x];
      float sum = w[0] * (in[i] & 0xFF);
      for (int k = 1; k < w.length; k++) sum = Math.fma(w[k], in[i + k] & 0xFF, sum);
      out[x] = sum;
    }
  }
}
