package org.ondol.bench.stems;

import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.ondol.bench.Case;
import org.ondol.bench.Check;

/**
 * Scaled dot-product attention, Q [B,H,Lq,D], K and V [B,Hkv,Lk,D], scale 1/sqrt(D), causal from the top left. Answers:
 * "out", or with backward "out", "dq", "dk", "dv" as far as a contender gives them.
 */
final class AttentionCase implements Case {
  private static final int CHECKED_ROWS = 24; // of each head: the reference is a plain loop in float64
  private static final double FORWARD_BOUND = 1e-5; // of sum p|v|: float32 errors seen are ten times smaller
  private static final double BACKWARD_BOUND = 5e-5; // of the largest gradient

  final String name;
  final int batch, heads, kvHeads, queries, keys, dim;
  final boolean causal, backward;
  private float[] q, k, v, dout;
  private List<Row> rows;
  private List<Gradient> gradients;

  AttentionCase(String name, int batch, int heads, int kvHeads, int queries, int keys, int dim, boolean causal,
      boolean backward) {
    this.name = name;
    this.batch = batch;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.queries = queries;
    this.keys = keys;
    this.dim = dim;
    this.causal = causal;
    this.backward = backward;
  }

  @Override
  public String name() {
    return name;
  }

  private double pairs() {
    double perHead = causal ? 0.5 * queries * (queries + 1.0) : (double) queries * keys;
    return perHead * batch * heads;
  }

  /** Two products forward (QK', PV); five backward (QK' again, dO V', P' dO, dS K, dS' Q). */
  @Override
  public double flops() {
    return pairs() * 2 * dim * (backward ? 7 : 2);
  }

  @Override
  public double bytes() {
    return 4.0 * dim * batch * (heads * (double) queries + 2.0 * kvHeads * keys);
  }

  @Override
  public boolean readBound() {
    return queries == 1;
  }

  float[] q() {
    return q == null ? q = Inputs.normal(1, batch * heads * queries * dim) : q;
  }

  float[] k() {
    return k == null ? k = Inputs.normal(2, batch * kvHeads * keys * dim) : k;
  }

  float[] v() {
    return v == null ? v = Inputs.normal(3, batch * kvHeads * keys * dim) : v;
  }

  float[] dout() {
    return dout == null ? dout = Inputs.normal(4, batch * heads * queries * dim) : dout;
  }

  @Override
  public String check(Map<String, float[]> answer) {
    if (rows == null) {
      q();
      k();
      v();
      dout(); // all made before several threads ask for them
      rows = IntStream.range(0, batch * heads).boxed().flatMap(this::sampledRows).parallel().map(this::row).toList();
      int[] wholeHeads = backward ? new int[] {0, batch * heads - 1} : new int[0];
      gradients = IntStream.of(wholeHeads).parallel().mapToObj(this::gradient).toList();
    }
    float[] out = answer.get("out");
    for (Row row : rows) {
      String wrong = out == null ? null : row.check(out);
      if (wrong != null) {
        return wrong;
      }
    }
    for (Gradient gradient : gradients) {
      String wrong = gradient.check(answer);
      if (wrong != null) {
        return wrong;
      }
    }
    return null;
  }

  /** Evenly spaced rows of a head, the last one included, as indices into [B,H,Lq]. */
  private Stream<Integer> sampledRows(int head) {
    int step = Math.max(1, queries / CHECKED_ROWS);
    IntStream even = IntStream.iterate(0, row -> row < queries - 1, row -> row + step);
    return IntStream.concat(even, IntStream.of(queries - 1)).mapToObj(row -> head * queries + row);
  }

  private int visible(int row) {
    return causal ? Math.min(row + 1, keys) : keys;
  }

  private int kvBase(int head) {
    int group = heads / kvHeads;
    return (head / heads * kvHeads + head % heads / group) * keys * dim;
  }

  private double dot(float[] a, int aFrom, float[] b, int bFrom) {
    double sum = 0;
    for (int d = 0; d < dim; d++) {
      sum += (double) a[aFrom + d] * b[bFrom + d];
    }
    return sum;
  }

  /** The softmax weights of one query in float64. */
  private double[] weights(int head, int row) {
    int from = (head * queries + row) * dim;
    double[] p = new double[visible(row)];
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < p.length; j++) {
      p[j] = dot(q(), from, k(), kvBase(head) + j * dim) / Math.sqrt(dim);
      max = Math.max(max, p[j]);
    }
    double sum = 0;
    for (int j = 0; j < p.length; j++) {
      p[j] = Math.exp(p[j] - max);
      sum += p[j];
    }
    for (int j = 0; j < p.length; j++) {
      p[j] /= sum;
    }
    return p;
  }

  /** A row of the answer in float64, starting at an index, with the magnitude sum p|v| that scales its error. */
  private record Row(int from, double[] sum, double[] magnitude) {
    String check(float[] out) {
      for (int d = 0; d < sum.length; d++) {
        String wrong = Check.within("out", from + d, sum[d], out[from + d], FORWARD_BOUND * magnitude[d]);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }
  }

  private Row row(int index) {
    int head = index / queries;
    double[] p = weights(head, index % queries);
    double[] sum = new double[dim];
    double[] magnitude = new double[dim];
    for (int j = 0; j < p.length; j++) {
      for (int d = 0; d < dim; d++) {
        double term = p[j] * v()[kvBase(head) + j * dim + d];
        sum[d] += term;
        magnitude[d] += Math.abs(term);
      }
    }
    return new Row(index * dim, sum, magnitude);
  }

  /** The gradients of one head in float64, and where they start. */
  private record Gradient(int qFrom, int kvFrom, double[] dq, double[] dk, double[] dv) {
    String check(Map<String, float[]> answer) {
      String wrong = compare("dq", dq, answer.get("dq"), qFrom);
      wrong = wrong != null ? wrong : compare("dk", dk, answer.get("dk"), kvFrom);
      return wrong != null ? wrong : compare("dv", dv, answer.get("dv"), kvFrom);
    }

    private static String compare(String what, double[] expected, float[] actual, int from) {
      double bound = BACKWARD_BOUND * DoubleStream.of(expected).map(Math::abs).max().orElse(0);
      for (int i = 0; actual != null && i < expected.length; i++) {
        String wrong = Check.within(what, from + i, expected[i], actual[from + i], bound);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }
  }

  /** Only for as many query heads as key heads: a grouped key head would need the sum over its group. */
  private Gradient gradient(int head) {
    int kv = kvBase(head);
    double[] dq = new double[queries * dim];
    double[] dk = new double[keys * dim];
    double[] dv = new double[keys * dim];
    double scale = 1 / Math.sqrt(dim);
    for (int i = 0; i < queries; i++) {
      int from = (head * queries + i) * dim;
      double[] p = weights(head, i);
      double[] dp = new double[p.length];
      double mean = 0;
      for (int j = 0; j < p.length; j++) {
        dp[j] = dot(dout(), from, v(), kv + j * dim);
        mean += p[j] * dp[j];
      }
      for (int j = 0; j < p.length; j++) {
        double ds = p[j] * (dp[j] - mean) * scale;
        for (int d = 0; d < dim; d++) {
          dq[i * dim + d] += ds * k()[kv + j * dim + d];
          dk[j * dim + d] += ds * q()[from + d];
          dv[j * dim + d] += p[j] * dout()[from + d];
        }
      }
    }
    return new Gradient(head * queries * dim, kv, dq, dk, dv);
  }
}
