package org.ondol.test.models;

/** LLaMA's decoder in float64 by the formulas of its papers: every token anew, one number after the other. */
final class LlamaOracle {
  private final TinyLlama m;
  private final int size;
  private int at;
  private final double[][] embedding;
  private final double[][] attentionNorm;
  private final double[][][] wq;
  private final double[][][] wk;
  private final double[][][] wv;
  private final double[][][] wo;
  private final double[][] feedForwardNorm;
  private final double[][][] w1;
  private final double[][][] w2;
  private final double[][][] w3;
  private final double[] norm;
  private final double[][] output;

  LlamaOracle(TinyLlama model) {
    m = model;
    size = m.width / m.heads;
    embedding = matrix(m.vocabulary, m.width);
    attentionNorm = matrix(m.layers, m.width);
    wq = matrices(m.width, m.width);
    wk = matrices(m.kvHeads * size, m.width);
    wv = matrices(m.kvHeads * size, m.width);
    wo = matrices(m.width, m.width);
    feedForwardNorm = matrix(m.layers, m.width);
    w1 = matrices(m.hidden, m.width);
    w2 = matrices(m.width, m.hidden);
    w3 = matrices(m.hidden, m.width);
    norm = matrix(1, m.width)[0];
    at += m.maxTokens * size;
    output = m.shared ? embedding : matrix(m.vocabulary, m.width);
  }

  private double[][] matrix(int rows, int columns) {
    double[][] a = new double[rows][columns];
    for (double[] row : a) for (int j = 0; j < columns; j++) row[j] = m.weights[at++];
    return a;
  }

  private double[][][] matrices(int rows, int columns) {
    double[][][] a = new double[m.layers][][];
    for (int i = 0; i < m.layers; i++) a[i] = matrix(rows, columns);
    return a;
  }

  private static double[] times(double[][] w, double[] x) {
    double[] y = new double[w.length];
    for (int i = 0; i < w.length; i++) for (int j = 0; j < x.length; j++) y[i] += w[i][j] * x[j];
    return y;
  }

  private static double[] rms(double[] x, double[] gain) {
    double squares = 0;
    for (double v : x) squares += v * v;
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) y[i] = x[i] / Math.sqrt(squares / x.length + 1e-5) * gain[i];
    return y;
  }

  private void rotate(double[] x, int position) {
    for (int i = 0; i < x.length; i += 2) {
      double angle = position * Math.pow(10000, -(double) (i % size) / size);
      double a = x[i];
      double b = x[i + 1];
      x[i] = a * Math.cos(angle) - b * Math.sin(angle);
      x[i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
    }
  }

  private static double silu(double x) {
    return x / (1 + Math.exp(-x));
  }

  private double[] attend(double[] q, double[][] k, double[][] v, int token) {
    double[] y = new double[m.width];
    for (int h = 0; h < m.heads; h++) {
      int g = h / (m.heads / m.kvHeads);
      double[] weight = new double[token + 1];
      double sum = 0;
      for (int t = 0; t <= token; t++) {
        double score = 0;
        for (int d = 0; d < size; d++) score += q[h * size + d] * k[t][g * size + d];
        weight[t] = Math.exp(score / Math.sqrt(size));
        sum += weight[t];
      }
      for (int t = 0; t <= token; t++) {
        for (int d = 0; d < size; d++) y[h * size + d] += weight[t] / sum * v[t][g * size + d];
      }
    }
    return y;
  }

  private static void add(double[] x, double[] y) {
    for (int i = 0; i < x.length; i++) x[i] += y[i];
  }

  /** The logits of what follows each token. */
  double[][] logits(long[] tokens) {
    int n = tokens.length;
    double[][] x = new double[n][];
    for (int t = 0; t < n; t++) x[t] = embedding[(int) tokens[t]].clone();
    for (int l = 0; l < m.layers; l++) {
      double[][] q = new double[n][];
      double[][] k = new double[n][];
      double[][] v = new double[n][];
      for (int t = 0; t < n; t++) {
        double[] y = rms(x[t], attentionNorm[l]);
        q[t] = times(wq[l], y);
        k[t] = times(wk[l], y);
        v[t] = times(wv[l], y);
        rotate(q[t], t);
        rotate(k[t], t);
      }
      for (int t = 0; t < n; t++) {
        add(x[t], times(wo[l], attend(q[t], k, v, t)));
        double[] y = rms(x[t], feedForwardNorm[l]);
        double[] gate = times(w1[l], y);
        double[] value = times(w3[l], y);
        for (int i = 0; i < gate.length; i++) gate[i] = silu(gate[i]) * value[i];
        add(x[t], times(w2[l], gate));
      }
    }
    double[][] logits = new double[n][];
    for (int t = 0; t < n; t++) logits[t] = times(output, rms(x[t], norm));
    return logits;
  }
}
