package org.ondol.test.oracle;

import static org.ondol.test.oracle.Bound.U;

import org.ondol.test.oracle.Bound.Values;
import org.ondol.test.page.PagePhilox;

/**
 * Attention as its formula, in float64, with a bound on the error of a float32 result:
 *
 * <pre>
 *   s_ij = cap(scale q_i . k_j) - slope |j - d_i| + bias_ij,  cap(x) = softcap tanh(x / softcap)
 *   p_ij = exp(s_ij) / sum over visible j of exp(s_ij);  out_i = sum_j p_ij keep_ij v_j;  lse_i = log sum_j exp(s_ij)
 * </pre>
 *
 * A row without visible keys gives zeros and an lse of -inf.
 */
public final class AttentionOracle {
  /** Relative error of one weight from its exponential alone: the polynomial and three roundings. */
  private static final double EXP = 9.2e-8 + 4 * U;

  /** Rows in the order of {@link AttentionCase#row}. */
  public record Forward(Values out, Values lse) {}

  /** In the storage orders of q, k, v and bias; dbias is null without a bias. */
  public record Backward(Values dq, Values dk, Values dv, Values dbias) {}

  private final AttentionCase p;
  private final Forward forward;

  // The row that is being worked on: scores, their absolute errors, the softcap's tanh, the dropout factors.
  private double[] score;
  private double[] error;
  private double[] capped;
  private double[] keep;

  private AttentionOracle(AttentionCase p) {
    this.p = p;
    this.forward = new Forward(new Values(p.rowCount() * p.valueDim), new Values(p.rowCount()));
  }

  public static Forward forward(AttentionCase p) {
    AttentionOracle oracle = new AttentionOracle(p);
    oracle.eachRow(oracle::forwardRow);
    return oracle.forward;
  }

  public static Backward backward(AttentionCase p) {
    AttentionOracle oracle = new AttentionOracle(p);
    oracle.eachRow(oracle::forwardRow);
    return new Gradient(oracle).run();
  }

  private interface Row {
    void at(int b, int h, int i);
  }

  private void eachRow(Row row) {
    for (int b = 0; b < p.batch; b++) {
      for (int h = 0; h < p.heads; h++) {
        for (int i = 0; i < p.rows(b); i++) {
          scores(b, h, i);
          row.at(b, h, i);
        }
      }
    }
  }

  private void scores(int b, int h, int i) {
    int n = p.keys(b);
    score = new double[n];
    error = new double[n];
    capped = new double[n];
    keep = new double[n];
    for (int j = 0; j < n; j++) {
      if (p.visible(b, h, i, j)) {
        score(b, h, i, j);
      } else {
        score[j] = Double.NEGATIVE_INFINITY;
      }
      keep[j] = p.dropout == 0 ? 1 : PagePhilox.keep(p.seed, p.dropout, b, h, i, j) ? 1 / (1 - p.dropout) : 0;
    }
  }

  private void score(int b, int h, int i, int j) {
    int qAt = p.row(b, h, i) * p.headDim;
    int kAt = p.key(b, p.keyHead(h), j) * p.headDim;
    double dot = 0;
    double magnitude = 0;
    for (int d = 0; d < p.headDim; d++) {
      double product = (double) p.q[qAt + d] * p.k[kAt + d];
      dot += product;
      magnitude += Math.abs(product);
    }
    double s = p.scale * dot;
    double e = Bound.gamma(p.headDim + 2) * Math.abs(p.scale) * magnitude;
    if (p.softcap != 0) {
      e += 2 * U * Math.abs(s);
      capped[j] = Math.tanh(s / p.softcap);
      s = p.softcap * capped[j];
      e += 8 * U * Math.abs(s);
    }
    if (p.alibi != null) {
      double slope = (double) p.alibi[h] * Math.abs(j - p.diagonal(b, i));
      s -= slope;
      e += 2 * U * Math.abs(slope) + U * Math.abs(s);
    }
    if (p.bias != null) {
      double bias = p.biasAt(b, h, i, j);
      s += bias;
      e += 2 * U * Math.abs(bias) + U * Math.abs(s);
    }
    score[j] = s;
    error[j] = s == Double.NEGATIVE_INFINITY ? 0 : e;
  }

  private void forwardRow(int b, int h, int i) {
    int n = score.length;
    int row = p.row(b, h, i);
    double max = Double.NEGATIVE_INFINITY;
    for (double s : score) {
      max = Math.max(max, s);
    }
    if (max == Double.NEGATIVE_INFINITY) {
      forward.lse.value()[row] = max;
      return;
    }
    double sum = 0;
    double range = 0;
    for (double s : score) {
      sum += Math.exp(s - max);
      range = s == Double.NEGATIVE_INFINITY ? range : Math.max(range, max - s);
    }
    // Every block rescales what came before by one more rounded exponential, a split adds one for its merge.
    double rescale = (n / 128 + 2) * (EXP + 2 * U) + 2 * U * range;
    double weightError = 0;
    for (int j = 0; j < n; j++) {
      weightError += Math.exp(score[j] - max) / sum * (error[j] + EXP + rescale);
    }
    double lse = max + Math.log(sum);
    forward.lse.value()[row] = lse;
    // The maximum and the logarithm of the sum may cancel: each part is charged for itself.
    forward.lse.bound()[row] = 1.01 * (weightError + Bound.sum16(n) + 8 * U
        + 6 * U * (Math.abs(max) + range + Math.log(n)) + U * Math.abs(lse));
    for (int d = 0; d < p.valueDim; d++) {
      double out = 0;
      double magnitude = 0;
      double spread = 0;
      for (int j = 0; j < n; j++) {
        if (score[j] == Double.NEGATIVE_INFINITY) {
          continue;
        }
        double weight = Math.exp(score[j] - max) / sum * keep[j];
        double value = p.v[p.key(b, p.keyHead(h), j) * p.valueDim + d];
        out += weight * value;
        magnitude += weight * Math.abs(value);
        spread += weight * Math.abs(value) * (error[j] + EXP + rescale) + 0x1p-126 * Math.abs(value);
      }
      int at = row * p.valueDim + d;
      forward.out.value()[at] = out;
      forward.out.bound()[at] = 1.01 * (spread + magnitude * (Bound.gamma(n + 4) + Bound.sum16(n) + weightError));
    }
  }

  /** The backward pass over the same rows, from the formula: it keeps whole rows of scores, which no kernel may. */
  private static final class Gradient {
    private final AttentionOracle o;
    private final AttentionCase p;
    private final Backward g;
    private final double[] kMagnitude;
    private final double[] vMagnitude;
    private final double[] biasMagnitude;

    Gradient(AttentionOracle oracle) {
      o = oracle;
      p = oracle.p;
      g = new Backward(new Values(p.q.length), new Values(p.k.length), new Values(p.v.length),
          p.bias == null ? null : new Values(p.bias.length));
      kMagnitude = new double[p.k.length];
      vMagnitude = new double[p.v.length];
      biasMagnitude = new double[p.bias == null ? 0 : p.bias.length];
    }

    Backward run() {
      o.eachRow(this::row);
      int rows = p.rowCount() / p.heads * (p.heads / p.kvHeads);
      double scale = Math.abs(p.scale);
      for (int x = 0; x < p.k.length; x++) {
        g.dk.value()[x] *= p.scale;
        g.dk.bound()[x] = 1.01 * scale * (g.dk.bound()[x] + Bound.gamma(rows + 2) * kMagnitude[x]);
      }
      for (int x = 0; x < p.v.length; x++) {
        g.dv.bound()[x] = 1.01 * (g.dv.bound()[x] + Bound.gamma(rows + 2) * vMagnitude[x]);
      }
      for (int x = 0; x < biasMagnitude.length; x++) {
        double terms = (double) p.rowCount() * Math.max(1, p.storedKeys());
        g.dbias.bound()[x] = 1.01 * (g.dbias.bound()[x] + Bound.gamma(terms) * biasMagnitude[x]);
      }
      return g;
    }

    private void row(int b, int h, int i) {
      int row = p.row(b, h, i);
      double lse = o.forward.lse.value()[row];
      if (lse == Double.NEGATIVE_INFINITY) {
        return;
      }
      double delta = 0;
      double deltaError = 0;
      for (int d = 0; d < p.valueDim; d++) {
        int at = row * p.valueDim + d;
        delta += p.dout[at] * o.forward.out.value()[at];
        deltaError += Math.abs(p.dout[at]) * (o.forward.out.bound()[at]
            + Bound.sum16(p.valueDim) * Math.abs(o.forward.out.value()[at]));
      }
      double[] qMagnitude = new double[p.headDim];
      for (int j = 0; j < o.score.length; j++) {
        if (o.score[j] != Double.NEGATIVE_INFINITY) {
          pair(b, h, i, j, lse, delta, deltaError, qMagnitude);
        }
      }
      for (int d = 0; d < p.headDim; d++) {
        int at = row * p.headDim + d;
        g.dq.value()[at] *= p.scale;
        g.dq.bound()[at] = 1.01 * Math.abs(p.scale)
            * (g.dq.bound()[at] + Bound.gamma(o.score.length + 2) * qMagnitude[d]);
      }
    }

    private void pair(int b, int h, int i, int j, double lse, double delta, double deltaError, double[] qMagnitude) {
      int row = p.row(b, h, i);
      int key = p.key(b, p.keyHead(h), j);
      double w = Math.exp(o.score[j] - lse);
      double wError = w * 1.01 * (o.error[j] + o.forward.lse.bound()[row] + EXP
          + 3 * U * (Math.abs(o.score[j]) + Math.abs(lse))) + 0x1p-126;
      double dp = 0;
      double dpError = 0;
      for (int d = 0; d < p.valueDim; d++) {
        double dout = p.dout[row * p.valueDim + d];
        int at = key * p.valueDim + d;
        g.dv.value()[at] += w * o.keep[j] * dout;
        g.dv.bound()[at] += (wError + U * w) * o.keep[j] * Math.abs(dout);
        vMagnitude[at] += w * o.keep[j] * Math.abs(dout);
        dp += dout * p.v[at];
        dpError += Math.abs(dout * p.v[at]) * Bound.gamma(p.valueDim + 2);
      }
      double inner = dp * o.keep[j] - delta;
      double ds = w * inner;
      double dsError = (w + wError) * (dpError * o.keep[j] + deltaError + U * Math.abs(inner))
          + wError * Math.abs(inner) + U * Math.abs(ds);
      if (p.bias != null) {
        int at = p.biasIndex(b, h, i, j);
        g.dbias.value()[at] += ds;
        g.dbias.bound()[at] += dsError;
        biasMagnitude[at] += Math.abs(ds);
      }
      if (p.softcap != 0) {
        double t = o.capped[j];
        double slopeError = 2 * Math.abs(t) * (o.error[j] / p.softcap + 12 * U) + 4 * U;
        dsError = dsError * (1 - t * t + slopeError) + Math.abs(ds) * slopeError;
        ds *= 1 - t * t;
      }
      for (int d = 0; d < p.headDim; d++) {
        int qAt = row * p.headDim + d;
        int kAt = key * p.headDim + d;
        g.dq.value()[qAt] += ds * p.k[kAt];
        g.dq.bound()[qAt] += dsError * Math.abs(p.k[kAt]);
        qMagnitude[d] += Math.abs(ds * p.k[kAt]);
        g.dk.value()[kAt] += ds * p.q[qAt];
        g.dk.bound()[kAt] += dsError * Math.abs(p.q[qAt]);
        kMagnitude[kAt] += Math.abs(ds * p.q[qAt]);
      }
    }
  }
}
