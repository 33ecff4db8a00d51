package org.ondol.vector;

import static org.ondol.vector.AttentionTile.KEY_BLOCK;
import static org.ondol.vector.Packing.padded;
import static org.ondol.vector.Scores.ROWS;
import static org.ondol.vector.Tiles.PANEL;
import static org.ondol.vector.Tiles.QUAD;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.AttentionBackwardArgs;

/**
 * Gradients of attention. One pass over all pairs recomputes the weights from the log-sum-exp and serves dq, dk, dv
 * and dbias at once (five products). Rows ascend outside and keys inside, so each chain runs in its order: dq of a
 * tile of rows is complete after its keys, dk and dv of a key head collect over all rows of its group.
 */
final class AttentionGradient {
  /** Query rows of a tile: the length of a piece of the chains of dk and dv. */
  private static final int TILE = 64;

  private final Loops loops;
  private final AttentionBackwardArgs args;
  private final AttentionItem.Operands operands;
  private final Floats dout;
  private final Floats dq;
  private final Floats dk;
  private final Floats dv;
  private final Floats dbias;
  private final float scale;

  private AttentionGradient(Loops loops, AttentionBackwardArgs args) {
    this.loops = loops;
    this.args = args;
    this.operands = new AttentionItem.Operands(args.forward());
    this.dout = Floats.of(args.dout());
    this.dq = Floats.of(args.dq());
    this.dk = Floats.of(args.dk());
    this.dv = Floats.of(args.dv());
    this.dbias = Floats.of(args.dbias());
    this.scale = (float) args.forward().scale();
  }

  static void run(Loops loops, AttentionBackwardArgs args) {
    AttentionGradient gradient = new AttentionGradient(loops, args);
    long batch = args.forward().batch();
    long heads = args.forward().kvHeads();
    // A bias gradient that is summed over items or heads takes them in order: they become one task.
    boolean oneItem = gradient.dbias != null && gradient.dbias.stride(0) == 0;
    boolean oneHead = gradient.dbias != null && gradient.dbias.stride(1) == 0;
    if (gradient.dbias != null) {
      gradient.clearBias();
    }
    long items = oneItem ? 1 : batch;
    long groups = oneHead ? 1 : heads;
    Threads.pool().run(items * groups, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          long b = task / groups;
          long h = task % groups;
          for (long item = b; item < (oneItem ? batch : b + 1); item++) {
            for (long head = h; head < (oneHead ? heads : h + 1); head++) {
              gradient.new Head(gradient.operands.item(item), (int) head, scratch).compute();
            }
          }
        }
      }
    });
  }

  private void clearBias() {
    long[] size = args.dbias().shape();
    float[] zeros = new float[256];
    for (int d = 0; d < 4; d++) {
      size[d] = dbias.stride(d) == 0 ? Math.min(1, size[d]) : size[d];
    }
    for (long row = 0; row < size[0] * size[1] * size[2]; row++) {
      long at = dbias.start + row % size[2] * dbias.stride(2) + row / size[2] % size[1] * dbias.stride(1)
          + row / size[2] / size[1] * dbias.stride(0);
      for (long j = 0; j < size[3]; j += zeros.length) {
        int n = (int) Math.min(zeros.length, size[3] - j);
        dbias.write(zeros, 0, at + j * dbias.stride(3), Math.max(1, dbias.stride(3)), n);
      }
    }
  }

  /** One key head of one item with all query rows that read it. */
  private final class Head {
    final AttentionItem item;
    final int kvHead;
    final Scratch scratch;
    final int headDim = operands.headDim;
    final int valueDim = operands.valueDim;
    final int width = padded(operands.headDim);
    final int valueWidth = padded(operands.valueDim);
    /** All keys of the head, by block: k in quads and in panels of columns, v in quads; the sums of their gradients. */
    final float[] keyQuads;
    final float[] keyPanels;
    final float[] valueQuads;
    final float[] keySums;
    final float[] valueSums;
    /** The tile's rows: dout transposed by panels; q and dout in panels of columns; dq. */
    final float[] doutLanes;
    final float[] queryPanels;
    final float[] doutPanels;
    final float[] querySums;
    final float[] shift = new float[TILE];
    final float[] delta = new float[TILE];
    final float[] ones = new float[ROWS];
    /** Scores, then weights; gradients of them; derivative of the cap; weights after dropout. */
    final float[] weights;
    final float[] slopes;
    final float[] cap;
    final float[] dropped;
    /** Weights and gradients of a tile and a block of keys as quads of keys. */
    final float[] weightQuads;
    final float[] slopeQuads;
    final float[] line;
    /** Gradients of the scores of a tile, row by row, where the bias has a gradient. */
    final float[] biasRows;

    Head(AttentionItem item, int kvHead, Scratch scratch) {
      this.item = item;
      this.kvHead = kvHead;
      this.scratch = scratch;
      int next = AttentionTile.SCRATCH;
      long keys = (long) padded(item.keys) + KEY_BLOCK;
      this.keyQuads = scratch.floats(next++, keys * headDim);
      this.keyPanels = scratch.floats(next++, keys * width);
      this.valueQuads = scratch.floats(next++, keys * valueDim);
      this.keySums = scratch.floats(next++, keys * width);
      this.valueSums = scratch.floats(next++, keys * valueWidth);
      this.doutLanes = scratch.floats(next++, (long) TILE * valueDim);
      this.queryPanels = scratch.floats(next++, (long) TILE * width);
      this.doutPanels = scratch.floats(next++, (long) TILE * valueWidth);
      this.querySums = scratch.floats(next++, (long) TILE * width);
      this.weights = scratch.floats(next++, (KEY_BLOCK + 1) * ROWS);
      this.slopes = scratch.floats(next++, KEY_BLOCK * ROWS);
      this.cap = scratch.floats(next++, KEY_BLOCK * ROWS);
      this.dropped = scratch.floats(next++, KEY_BLOCK * ROWS);
      this.weightQuads = scratch.floats(next++, KEY_BLOCK * TILE);
      this.slopeQuads = scratch.floats(next++, KEY_BLOCK * TILE);
      this.line = scratch.floats(next++, (long) KEY_BLOCK * Math.max(width, valueWidth));
      this.biasRows = dbias == null ? null : scratch.floats(next, TILE * keys);
      Arrays.fill(keySums, 0, (int) keys * width, 0);
      Arrays.fill(valueSums, 0, (int) keys * valueWidth, 0);
      Arrays.fill(ones, 1);
    }

    void compute() {
      for (int block = 0; block < item.keys; block += KEY_BLOCK) {
        int n = Math.min(KEY_BLOCK, item.keys - block);
        item.readKeys(operands.k, kvHead, block, n, headDim, line);
        Packing.quads(line, 0, headDim, n, headDim, keyQuads, block * headDim);
        Packing.panels(line, 0, headDim, n, headDim, keyPanels, block * width);
        item.readKeys(operands.v, kvHead, block, n, valueDim, line);
        Packing.quads(line, 0, valueDim, n, valueDim, valueQuads, block * valueDim);
      }
      int rows = operands.group * item.queries;
      for (int first = 0; first < rows; first += TILE) {
        tile(new AttentionTile(loops, item, kvHead, first, Math.min(TILE, rows - first), scratch));
      }
      writeKeyGradients();
    }

    private void tile(AttentionTile tile) {
      load(tile);
      int rows = tile.panels * ROWS;
      Arrays.fill(querySums, 0, rows * width, 0);
      int last = tile.lastKey();
      for (int block = tile.firstKey() & -KEY_BLOCK; block < last; block += KEY_BLOCK) {
        int low = KEY_BLOCK;
        int high = 0;
        for (int p = 0; p < tile.panels; p++) {
          if (tile.to(p, block) > tile.from(p, block)) {
            low = Math.min(low, tile.from(p, block));
            high = Math.max(high, tile.to(p, block));
          }
        }
        if (high <= low) {
          continue;
        }
        Arrays.fill(weightQuads, low * rows, (high + QUAD - 1 & -QUAD) * rows, 0);
        Arrays.fill(slopeQuads, low * rows, (high + QUAD - 1 & -QUAD) * rows, 0);
        for (int p = 0; p < tile.panels; p++) {
          pairs(tile, p, block);
        }
        addKeyGradients(block, low, high, rows);
      }
      for (int r = 0; r < tile.rows; r++) {
        if (dq != null) {
          finish(querySums, r * width, headDim, scale);
          dq.write(querySums, r * width, item.query(dq, tile.head[r], tile.position[r]), headDim);
        }
        if (dbias != null) {
          addBiasGradient(tile, r);
        }
      }
    }

    /** Reads what the tile needs of its rows. */
    private void load(AttentionTile tile) {
      int rows = tile.panels * ROWS;
      Arrays.fill(doutLanes, 0, rows * valueDim, 0);
      Arrays.fill(queryPanels, 0, rows * width, 0);
      Arrays.fill(doutPanels, 0, rows * valueWidth, 0);
      Arrays.fill(shift, 0);
      Arrays.fill(delta, 0);
      float[] out = new float[valueWidth];
      float[] partials = new float[16];
      for (int r = 0; r < tile.rows; r++) {
        int head = tile.head[r];
        int i = tile.position[r];
        operands.q.read(item.query(operands.q, head, i), line, 0, headDim);
        Packing.panelRow(line, 0, headDim, queryPanels, r * PANEL, rows * PANEL);
        dout.read(item.query(dout, head, i), line, 0, valueDim);
        Packing.panelRow(line, 0, valueDim, doutPanels, r * PANEL, rows * PANEL);
        Packing.column(line, 0, valueDim, doutLanes, r / ROWS * ROWS * valueDim + r % ROWS, ROWS);
        Arrays.fill(line, valueDim, valueWidth, 0);
        operands.out.read(item.query(operands.out, head, i), out, 0, valueDim);
        delta[r] = loops.rows().dot16(line, out, valueWidth, partials);
        float lse = operands.lse.get(item.query(operands.lse, head, i));
        if (lse > Float.NEGATIVE_INFINITY) {
          shift[r] = lse * ScalarMath.LOG2E;
        } else {
          tile.silence(r);
        }
      }
    }

    /** Weights and gradients of a panel of rows and a block of keys; adds to dq. */
    private void pairs(AttentionTile tile, int panel, int block) {
      int from = tile.from(panel, block);
      int to = tile.to(panel, block);
      if (to <= from) {
        return;
      }
      int quads = (to - from + QUAD - 1) / QUAD;
      int count = quads * QUAD;
      tile.scores(panel, block, from, to, keyQuads, block * headDim, weights, cap);
      float[] rowShift = Arrays.copyOfRange(shift, panel * ROWS, (panel + 1) * ROWS);
      float[] rowDelta = Arrays.copyOfRange(delta, panel * ROWS, (panel + 1) * ROWS);
      loops.scores().probabilities(weights, count, rowShift);
      loops.tiles().quads(valueQuads, (block + from) * valueDim, quads, doutLanes, panel * ROWS * valueDim, valueDim,
          slopes, 0, ROWS, true);
      float[] kept = weights;
      if (operands.args.dropout() > 0) {
        tile.dropout(panel, block + from, to - from, slopes);
        System.arraycopy(weights, 0, dropped, 0, count * ROWS);
        tile.dropout(panel, block + from, to - from, dropped);
        kept = dropped;
      }
      loops.scores().gradients(weights, slopes, count, rowDelta);
      if (dbias != null) {
        keepBias(panel, block + from, to - from);
      }
      if (operands.args.softcap() > 0) {
        loops.elements().binary(Op.MUL, 0, slopes, 0, cap, 0, count * ROWS);
      }
      for (int c = 0; c < width; c += PANEL) {
        int n = Math.min(KEY_BLOCK, item.keys - block);
        loops.tiles().panel(slopes, 0, keyPanels, block * width + c * n + from * PANEL, PANEL, to - from,
            querySums, panel * ROWS * width + c, width, ROWS, ones);
      }
      int rows = tile.panels * ROWS;
      for (int q = 0; q < quads; q++) {
        int target = ((from + q * QUAD) * rows) + panel * ROWS * QUAD;
        Packing.quads(kept, q * QUAD * ROWS, ROWS, QUAD, ROWS, weightQuads, target);
        Packing.quads(slopes, q * QUAD * ROWS, ROWS, QUAD, ROWS, slopeQuads, target);
      }
    }

    /** Adds a tile's part of the chains over rows to dk and dv of a block's keys from low to high. */
    private void addKeyGradients(int block, int low, int high, int rows) {
      int quads = (high - low + QUAD - 1) / QUAD;
      for (int c = 0; c < valueWidth; c += PANEL) {
        loops.tiles().quads(weightQuads, low * rows, quads, doutPanels, c * rows, rows, valueSums,
            (block + low) * valueWidth + c, valueWidth, false);
      }
      for (int c = 0; c < width; c += PANEL) {
        loops.tiles().quads(slopeQuads, low * rows, quads, queryPanels, c * rows, rows, keySums,
            (block + low) * width + c, width, false);
      }
    }

    private void keepBias(int panel, int key, int count) {
      for (int r = 0; r < ROWS; r++) {
        int at = (panel * ROWS + r) * item.keys + key;
        for (int j = 0; j < count; j++) {
          biasRows[at + j] = slopes[ROWS * j + r];
        }
      }
    }

    /** Adds a row to the bias gradient, in ascending order of keys where they share an element. */
    private void addBiasGradient(AttentionTile tile, int r) {
      int row = r * item.keys;
      for (int j = tile.low[r]; j < tile.high[r]; j++) {
        long at = item.score(dbias.start, dbias.strides, tile.head[r], tile.position[r], j);
        dbias.set(at, dbias.get(at) + biasRows[row + j]);
      }
    }

    private void finish(float[] sums, int at, int n, float factor) {
      for (int i = at; i < at + n; i++) {
        sums[i] = sums[i] * factor + 0f;
      }
    }

    private void writeKeyGradients() {
      float[] zeros = new float[Math.max(headDim, valueDim)];
      long all = operands.args.qOffsets() != null ? item.keys : operands.args.kvLength();
      for (int j = 0; j < all; j++) {
        boolean used = j < item.keys;
        if (dk != null) {
          finish(keySums, used ? j * width : 0, used ? headDim : 0, scale);
          dk.write(used ? keySums : zeros, used ? j * width : 0, item.key(dk, kvHead, j), headDim);
        }
        if (dv != null) {
          finish(valueSums, used ? j * valueWidth : 0, used ? valueDim : 0, 1);
          dv.write(used ? valueSums : zeros, used ? j * valueWidth : 0, item.key(dv, kvHead, j), valueDim);
        }
      }
    }
  }
}
