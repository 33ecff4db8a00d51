package org.ondol.test.page;

import java.util.Arrays;
import org.ondol.test.oracle.AttentionCase;

/** Attention forward, bit for bit as docs/arithmetic.md defines it, one row and one key at a time. */
public final class PageAttention {
  private static final int KEY_BLOCK = 128;
  private static final int SPLIT = 256;
  private static final int SPLIT_ROWS = 16;
  static final float LOG2E = 0x1.715476p+0f;
  private static final float LN2 = 0x1.62e43p-1f;
  private static final double LOG2E_DOUBLE = 1.4426950408889634;
  private static final double LN2_DOUBLE = 0.6931471805599453;

  /** Output rows in the order of {@link AttentionCase#row}; lse has one value per row. */
  public record Result(float[] out, float[] lse) {}

  private final AttentionCase p;

  private PageAttention(AttentionCase p) {
    this.p = p;
  }

  public static Result forward(AttentionCase p) {
    PageAttention page = new PageAttention(p);
    float[] out = new float[p.rowCount() * p.valueDim];
    float[] lse = new float[p.rowCount()];
    for (int b = 0; b < p.batch; b++) {
      for (int h = 0; h < p.heads; h++) {
        for (int i = 0; i < p.rows(b); i++) {
          page.row(b, h, i, out, lse);
        }
      }
    }
    return new Result(out, lse);
  }

  private static final class State {
    float m = Float.NEGATIVE_INFINITY;
    final float[] l = new float[16];
    final float[] o;

    State(int valueDim) {
      o = new float[valueDim];
    }
  }

  private void row(int b, int h, int i, float[] out, float[] lse) {
    int keys = p.keys(b);
    State state;
    if (p.rows(b) <= SPLIT_ROWS && keys > SPLIT) {
      State[] chunks = new State[(keys + SPLIT - 1) / SPLIT];
      for (int s = 0; s < chunks.length; s++) {
        chunks[s] = chunk(b, h, i, s * SPLIT, Math.min(keys, (s + 1) * SPLIT));
      }
      state = merge(chunks);
    } else {
      state = chunk(b, h, i, 0, keys);
    }
    int row = p.row(b, h, i);
    float total = PageSums.tree(state.l);
    for (int d = 0; d < p.valueDim; d++) {
      out[row * p.valueDim + d] = total == 0f ? 0f : Math.fma(state.o[d], 1f / total, 0f);
    }
    lse[row] = total == 0f ? Float.NEGATIVE_INFINITY : Math.fma(state.m, LN2, PageMath.log(total));
  }

  private State chunk(int b, int h, int i, int from, int to) {
    State state = new State(p.valueDim);
    for (int begin = from; begin < to; begin += KEY_BLOCK) {
      block(state, b, h, i, begin, Math.min(to, begin + KEY_BLOCK));
    }
    return state;
  }

  private void block(State state, int b, int h, int i, int begin, int end) {
    float[] z = new float[end - begin];
    boolean any = false;
    for (int j = begin; j < end; j++) {
      boolean visible = p.visible(b, h, i, j);
      z[j - begin] = visible ? score(p, b, h, i, j) : Float.NEGATIVE_INFINITY;
      any |= visible;
    }
    if (!any) {
      return;
    }
    float max = state.m;
    for (float score : z) {
      max = score > max ? score : max;
    }
    float u = max == Float.NEGATIVE_INFINITY ? 0f : max;
    float a = PageMath.exp2w(state.m - u);
    for (int r = 0; r < 16; r++) {
      state.l[r] = state.l[r] * a;
    }
    for (int d = 0; d < p.valueDim; d++) {
      state.o[d] = state.o[d] * a;
    }
    state.m = max;
    for (int j = begin; j < end; j++) {
      if (p.visible(b, h, i, j)) {
        add(state, b, h, i, j, PageMath.exp2w(z[j - begin] - u));
      }
    }
  }

  private void add(State state, int b, int h, int i, int j, float w) {
    state.l[j % 16] = state.l[j % 16] + w;
    if (p.dropout > 0) {
      float factor = dropoutFactor(p, b, h, i, j);
      w = factor == 0f ? 0f : w * factor;
    }
    if (w == 0f) {
      return;
    }
    int at = p.key(b, p.keyHead(h), j) * p.valueDim;
    for (int d = 0; d < p.valueDim; d++) {
      state.o[d] = Math.fma(w, p.v[at + d], state.o[d]);
    }
  }

  private State merge(State[] chunks) {
    State merged = new State(p.valueDim);
    for (State chunk : chunks) {
      merged.m = chunk.m > merged.m ? chunk.m : merged.m;
    }
    float u = merged.m == Float.NEGATIVE_INFINITY ? 0f : merged.m;
    for (State chunk : chunks) {
      float w = PageMath.exp2w(chunk.m - u);
      for (int r = 0; r < 16; r++) {
        merged.l[r] = Math.fma(chunk.l[r], w, merged.l[r]);
      }
      for (int d = 0; d < p.valueDim; d++) {
        merged.o[d] = Math.fma(chunk.o[d], w, merged.o[d]);
      }
    }
    return merged;
  }

  /** 1/(1-p) for a weight that is kept, 0 for one that is dropped, 1 without dropout. */
  static float dropoutFactor(AttentionCase p, int b, int h, int i, int j) {
    if (p.dropout == 0) {
      return 1f;
    }
    return PagePhilox.keep(p.seed, p.dropout, b, h, i, j) ? (float) (1 / (1 - p.dropout)) : 0f;
  }

  /** The score in units of log 2 up to and including the softcap. */
  static float cappedScore(AttentionCase p, int b, int h, int i, int j) {
    float c = (float) (p.scale * LOG2E_DOUBLE);
    float[] qs = Arrays.copyOfRange(p.q, p.row(b, h, i) * p.headDim, (p.row(b, h, i) + 1) * p.headDim);
    for (int d = 0; d < p.headDim; d++) {
      qs[d] = qs[d] * c;
    }
    float z = PageSums.chain(0f, qs, 0, 1, p.k, p.key(b, p.keyHead(h), j) * p.headDim, 1, p.headDim);
    if (p.softcap != 0) {
      z = PageMath.tanh(z * (float) (LN2_DOUBLE / p.softcap)) * (float) (p.softcap * LOG2E_DOUBLE);
    }
    return z;
  }

  static float score(AttentionCase p, int b, int h, int i, int j) {
    float z = cappedScore(p, b, h, i, j);
    if (p.alibi != null) {
      z = Math.fma(-(p.alibi[h] * LOG2E), (float) Math.abs(j - p.diagonal(b, i)), z);
    }
    if (p.bias != null) {
      z = Math.fma(p.biasAt(b, h, i, j), LOG2E, z);
    }
    return z;
  }
}
