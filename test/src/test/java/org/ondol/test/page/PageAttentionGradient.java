package org.ondol.test.page;

import org.ondol.test.oracle.AttentionCase;

/** Attention's gradient, bit for bit as docs/arithmetic.md defines it, from the forward pass's out and lse. */
public final class PageAttentionGradient {
  private static final double LOG2E_DOUBLE = 1.4426950408889634;

  /** dk and dv in the storage order of k and v, dbias in that of the bias; dbias is null without a bias. */
  public record Result(float[] dq, float[] dk, float[] dv, float[] dbias) {}

  private final AttentionCase p;
  private final float[] out;
  private final float[] lse;

  private PageAttentionGradient(AttentionCase p, float[] out, float[] lse) {
    this.p = p;
    this.out = out;
    this.lse = lse;
  }

  public static Result backward(AttentionCase p, float[] out, float[] lse) {
    return new PageAttentionGradient(p, out, lse).run();
  }

  private Result run() {
    float[] dq = new float[p.q.length];
    float[] dk = new float[p.k.length];
    float[] dv = new float[p.v.length];
    float[] dbias = p.bias == null ? null : new float[p.bias.length];
    for (int b = 0; b < p.batch; b++) {
      for (int h = 0; h < p.heads; h++) {
        for (int i = 0; i < p.rows(b); i++) {
          row(b, h, i, dq, dk, dv, dbias);
        }
      }
    }
    float scale = (float) p.scale;
    for (int x = 0; x < dk.length; x++) {
      dk[x] = dk[x] * scale + 0f;
    }
    for (int x = 0; x < dq.length; x++) {
      dq[x] = dq[x] * scale + 0f;
    }
    for (int x = 0; x < dv.length; x++) {
      dv[x] = dv[x] + 0f;
    }
    return new Result(dq, dk, dv, dbias);
  }

  /**
   * Adds one query row to every chain. Heads and rows ascend in the caller, so the chains of dk and dv, which run over
   * (query heads of the group, rows), are met in their order.
   */
  private void row(int b, int h, int i, float[] dq, float[] dk, float[] dv, float[] dbias) {
    int row = p.row(b, h, i);
    if (lse[row] == Float.NEGATIVE_INFINITY) {
      return;
    }
    int at = row * p.valueDim;
    float delta = PageSums.sum16(p.dout, at, out, at, 1, p.valueDim);
    for (int j = 0; j < p.keys(b); j++) {
      if (!p.visible(b, h, i, j)) {
        continue;
      }
      float w = PageMath.exp2w(PageAttention.score(p, b, h, i, j) - lse[row] * PageAttention.LOG2E);
      float factor = PageAttention.dropoutFactor(p, b, h, i, j);
      int key = p.key(b, p.keyHead(h), j);
      axpy(w * factor, p.dout, at, dv, key * p.valueDim, p.valueDim);
      float dp = PageSums.chain(0f, p.dout, at, 1, p.v, key * p.valueDim, 1, p.valueDim);
      if (p.dropout > 0) {
        dp = dp * factor;
      }
      float ds = w * (dp - delta);
      if (dbias != null) {
        int x = p.biasIndex(b, h, i, j);
        dbias[x] = dbias[x] + ds;
      }
      if (p.softcap != 0) {
        float t = PageAttention.cappedScore(p, b, h, i, j) / (float) (p.softcap * LOG2E_DOUBLE);
        ds = ds * Math.fma(-t, t, 1f);
      }
      axpy(ds, p.k, key * p.headDim, dq, row * p.headDim, p.headDim);
      axpy(ds, p.q, row * p.headDim, dk, key * p.headDim, p.headDim);
    }
  }

  private static void axpy(float a, float[] x, int xAt, float[] y, int yAt, int n) {
    for (int d = 0; d < n; d++) {
      y[yAt + d] = Math.fma(a, x[xAt + d], y[yAt + d]);
    }
  }
}
