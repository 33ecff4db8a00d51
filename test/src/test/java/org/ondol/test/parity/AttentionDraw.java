package org.ondol.test.parity;

import java.util.Arrays;
import org.ondol.test.oracle.AttentionCase;

/** Draws random attention problems over the whole contract. */
final class AttentionDraw {
  private static final int[] HEAD_SIZES = {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 80, 96, 128};
  private static final int[] KEY_COUNTS = {1, 2, 5, 15, 16, 17, 63, 64, 65, 127, 128, 129, 130, 200, 255, 256, 257, 300, 385,
    520, 640};
  private static final int[] ROW_COUNTS = {1, 1, 2, 3, 5, 6, 7, 8, 12, 15, 16, 17, 20, 33, 47, 48, 49, 64, 65, 97, 130};

  /** Multiply-adds that one case may cost, so that a suite of hundreds stays quick. */
  private static final long BUDGET = 2_500_000;

  private final Draw d;
  private final Draw.Fill fill;
  private final AttentionCase p = new AttentionCase();

  private AttentionDraw(Draw d, Draw.Fill fill) {
    this.d = d;
    this.fill = fill;
  }

  static AttentionCase draw(Draw d, Draw.Fill fill, boolean backward) {
    AttentionDraw draw = new AttentionDraw(d, fill);
    draw.sizes(backward);
    int form = d.below(backward ? 4 : 5);
    if (form == 3) {
      draw.pack();
    } else if (form == 4) {
      draw.page();
    } else if (d.oneIn(3)) {
      draw.p.kvLengths = d.random().longs(draw.p.batch, 0, draw.p.kvLen + 1).toArray();
    }
    draw.visibility();
    draw.scores();
    draw.contents(backward);
    return draw.p;
  }

  /** A plain problem of given sizes, contiguous; the caller sets its options. */
  static AttentionCase sized(Draw d, int batch, int heads, int kvHeads, int rows, int keys, int headDim) {
    AttentionDraw draw = new AttentionDraw(d, Draw.Fill.TAME);
    AttentionCase p = draw.p;
    p.batch = batch;
    p.heads = heads;
    p.kvHeads = kvHeads;
    p.qLen = rows;
    p.kvLen = keys;
    p.headDim = headDim;
    p.valueDim = headDim;
    p.scale = 1 / Math.sqrt(headDim);
    draw.contents(true);
    return p;
  }

  private static int of(Draw d, int[] choices) {
    return choices[d.below(choices.length)];
  }

  private void sizes(boolean backward) {
    do {
      p.batch = d.oneIn(2) ? 1 : d.between(1, 4);
      p.kvHeads = d.between(1, 3);
      p.heads = p.kvHeads * d.of(1, 1, 1, 2, 3, 4, 8);
      p.headDim = of(d, HEAD_SIZES);
      p.valueDim = d.oneIn(2) ? p.headDim : of(d, HEAD_SIZES);
      p.qLen = d.oneIn(40) ? 0 : of(d, ROW_COUNTS);
      p.kvLen = d.oneIn(40) ? 0 : of(d, KEY_COUNTS);
    } while ((long) p.batch * p.heads * p.qLen * p.kvLen * (p.headDim + p.valueDim) * (backward ? 3 : 1) > BUDGET);
  }

  /** Cuts the batch's rows and keys at random, some items empty. */
  private void pack() {
    p.qOffsets = offsets(p.batch * p.qLen);
    p.kvOffsets = offsets(p.batch * p.kvLen);
    p.qLen = longest(p.qOffsets);
    p.kvLen = longest(p.kvOffsets);
  }

  private long[] offsets(int total) {
    long[] cuts = d.random().longs(p.batch + 1, 0, total + 1).sorted().toArray();
    cuts[0] = 0;
    cuts[p.batch] = total;
    return cuts;
  }

  private static int longest(long[] offsets) {
    int longest = 0;
    for (int i = 1; i < offsets.length; i++) {
      longest = Math.max(longest, (int) (offsets[i] - offsets[i - 1]));
    }
    return longest;
  }

  /** Spreads the keys over pages in random order, shared pages included; pages past an item's keys are numbered -1. */
  private void page() {
    p.pageSize = d.of(1, 5, 16, 32, 64, 128);
    p.pagesPerItem = (p.kvLen + p.pageSize - 1) / p.pageSize;
    p.kvLengths = d.random().longs(p.batch, 0, p.kvLen + 1).toArray();
    p.kvLen = p.pagesPerItem * p.pageSize;
    p.pageCount = Math.max(1, p.batch * p.pagesPerItem + d.between(-1, 2));
    p.pages = new long[p.batch * p.pagesPerItem];
    for (int x = 0; x < p.pages.length; x++) {
      boolean used = (long) (x % p.pagesPerItem) * p.pageSize < p.kvLengths[x / p.pagesPerItem];
      p.pages[x] = used ? d.below(p.pageCount) : -1;
    }
  }

  private void visibility() {
    p.bottomRight = d.oneIn(2);
    switch (d.below(5)) {
      case 0 -> p.windowRight = 0;
      case 1 -> {
        p.windowLeft = d.below(Math.max(1, p.kvLen));
        p.windowRight = d.of(0, 0, 1, 17, 130);
      }
      case 2 -> p.windowLeft = d.of(0, 3, 40, 128, 300);
      default -> { }
    }
    if (d.oneIn(3)) {
      p.maskShape = broadcastShape();
      p.mask = new boolean[count(p.maskShape)];
      int hidden = d.of(1, 2, 8);
      for (int x = 0; x < p.mask.length; x++) {
        p.mask[x] = !d.oneIn(hidden + 1);
      }
      if (d.oneIn(3) && p.maskShape[3] > 1) {
        blankRows();
      }
    }
  }

  /** Hides everything from some rows, and runs of keys from others, so that whole blocks are skipped. */
  private void blankRows() {
    int keys = p.maskShape[3];
    for (int row = 0; row < p.mask.length / keys; row++) {
      if (d.oneIn(3)) {
        Arrays.fill(p.mask, row * keys, (row + 1) * keys, false);
      } else if (d.oneIn(2)) {
        Arrays.fill(p.mask, row * keys, row * keys + d.below(keys), false);
      }
    }
  }

  private int[] broadcastShape() {
    return new int[] {d.oneIn(2) ? 1 : p.batch, d.oneIn(2) ? 1 : p.heads, d.oneIn(4) ? 1 : p.qLen, d.oneIn(6) ? 1 : p.kvLen};
  }

  private static int count(int[] shape) {
    return shape[0] * shape[1] * shape[2] * shape[3];
  }

  private void scores() {
    p.scale = d.of(1 / Math.sqrt(p.headDim), 1 / Math.sqrt(p.headDim), 1.0 / p.headDim, 0.0, -0.3);
    if (d.oneIn(4)) {
      p.softcap = d.of(0.5, 5.0, 30.0);
    }
    if (d.oneIn(3)) {
      p.biasShape = broadcastShape();
      p.bias = d.floats(Draw.Fill.TAME, count(p.biasShape));
      if (d.oneIn(3)) {
        for (int x = 0; x < p.bias.length; x++) {
          p.bias[x] = d.oneIn(4) ? Float.NEGATIVE_INFINITY : p.bias[x];
        }
      }
    }
    if (d.oneIn(4)) {
      p.alibi = d.floats(Draw.Fill.TAME, p.heads);
    }
    if (d.oneIn(4)) {
      p.dropout = d.of(0.1, 0.5, 0.9);
      p.seed = d.random().nextLong();
    }
  }

  private void contents(boolean backward) {
    p.q = d.floats(fill, p.rowCount() * p.headDim);
    p.k = d.floats(fill, p.keyRowCount() * p.headDim);
    p.v = d.floats(fill, p.keyRowCount() * p.valueDim);
    if (d.oneIn(2)) {
      poisonUnused();
    }
    if (backward) {
      p.dout = d.floats(fill, p.rowCount() * p.valueDim);
    }
  }

  /** Whatever lies where no key is in use must not be seen. */
  private void poisonUnused() {
    boolean[] used = new boolean[p.keyRowCount()];
    for (int b = 0; b < p.batch; b++) {
      for (int h = 0; h < p.kvHeads; h++) {
        for (int j = 0; j < p.keys(b); j++) {
          used[p.key(b, h, j)] = true;
        }
      }
    }
    for (int row = 0; row < used.length; row++) {
      if (!used[row]) {
        Arrays.fill(p.k, row * p.headDim, (row + 1) * p.headDim, Float.NaN);
        Arrays.fill(p.v, row * p.valueDim, (row + 1) * p.valueDim, Float.POSITIVE_INFINITY);
      }
    }
  }
}
