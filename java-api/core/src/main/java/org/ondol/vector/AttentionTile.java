package org.ondol.vector;

import static org.ondol.vector.Scores.ROWS;
import static org.ondol.vector.Tiles.QUAD;

import java.util.Arrays;
import org.ondol.spi.AttentionArgs;

/**
 * A set of query rows that read the same keys: rows of one or more heads of a group, in panels of 16. Computes the
 * scores of a panel against a block of keys, in units of log 2, with -inf where a key is not visible. Used by the
 * forward pass and by its gradient, which must see the same bits.
 */
final class AttentionTile {
  /** Keys of a block of the online softmax. */
  static final int KEY_BLOCK = 128;

  final AttentionItem item;
  final int kvHead;
  final int rows;
  final int panels;
  /** Per row: its query head and its position; -1 beyond the last row. */
  final int[] head;
  final int[] position;
  /** Per row: the range of keys that windows and lengths let it see. */
  final int[] low;
  final int[] high;
  private final int[] panelLow;
  private final int[] panelHigh;
  private final Loops loops;
  private final AttentionItem.Operands operands;
  /** Scaled queries: [panel][d][16]. */
  private final float[] queries;
  private final float[] line;
  private final int[] words = new int[4];
  private final int[] alibiPosition = new int[ROWS];
  private final float[] alibiSlope = new float[ROWS];

  /** Arrays of the scratch that a tile occupies: those below this number. */
  static final int SCRATCH = 2;

  /**
   * @param first the tile's first row in the group's rows, head by head
   */
  AttentionTile(Loops loops, AttentionItem item, int kvHead, int first, int rows, Scratch scratch) {
    this.loops = loops;
    this.item = item;
    this.operands = item.operands;
    this.kvHead = kvHead;
    this.rows = rows;
    this.panels = (int) Packing.ceilDiv(rows, ROWS);
    this.head = new int[panels * ROWS];
    this.position = new int[panels * ROWS];
    this.low = new int[panels * ROWS];
    this.high = new int[panels * ROWS];
    this.panelLow = new int[panels];
    this.panelHigh = new int[panels];
    this.queries = scratch.floats(0, (long) panels * ROWS * operands.headDim);
    this.line = scratch.floats(1, Math.max(KEY_BLOCK, operands.headDim));
    for (int r = 0; r < panels * ROWS; r++) {
      boolean live = r < rows;
      head[r] = live ? kvHead * operands.group + (first + r) / item.queries : -1;
      position[r] = live ? (first + r) % item.queries : -1;
      low[r] = live ? item.low(position[r]) : 0;
      high[r] = live ? Math.max(low[r], item.high(position[r])) : 0;
    }
    for (int p = 0; p < panels; p++) {
      bounds(p);
    }
    loadQueries();
  }

  /** Takes a row out of the computation: it sees no key. */
  void silence(int row) {
    low[row] = 0;
    high[row] = 0;
    bounds(row / ROWS);
  }

  private void bounds(int panel) {
    int from = Integer.MAX_VALUE;
    int to = 0;
    for (int r = panel * ROWS; r < (panel + 1) * ROWS; r++) {
      if (high[r] > low[r]) {
        from = Math.min(from, low[r]);
        to = Math.max(to, high[r]);
      }
    }
    panelLow[panel] = Math.min(from, to);
    panelHigh[panel] = to;
  }

  private void loadQueries() {
    int d = operands.headDim;
    Arrays.fill(queries, 0, panels * ROWS * d, 0);
    for (int r = 0; r < rows; r++) {
      operands.q.read(item.query(operands.q, head[r], position[r]), line, 0, d);
      int at = r / ROWS * ROWS * d + r % ROWS;
      for (int i = 0; i < d; i++) {
        queries[at + ROWS * i] = line[i] * operands.scale;
      }
    }
  }

  /** The first key that any row may see. */
  int firstKey() {
    int first = Integer.MAX_VALUE;
    for (int p = 0; p < panels; p++) {
      if (panelHigh[p] > panelLow[p]) {
        first = Math.min(first, panelLow[p]);
      }
    }
    return first == Integer.MAX_VALUE ? 0 : first;
  }

  /** The key after the last one that any row may see. */
  int lastKey() {
    int last = 0;
    for (int high : panelHigh) {
      last = Math.max(last, high);
    }
    return last;
  }

  /** Where in a block of keys a panel begins to see some: a multiple of 16, so that partial sums keep their place. */
  int from(int panel, int block) {
    return Math.max(0, panelLow[panel] - block) & -ROWS;
  }

  /** Where in a block of keys a panel ends to see some; not above {@link #from} if it sees none. */
  int to(int panel, int block) {
    return Math.min(KEY_BLOCK, panelHigh[panel] - block);
  }

  /**
   * Scores of a panel with the keys from..to of a block, the first at s[0]; their number is rounded up to a multiple
   * of 4 with -inf.
   *
   * @param keys the block in quads, from keysAt on
   * @param factor where not null and scores are capped, receives the derivative of the cap
   */
  void scores(int panel, int block, int from, int to, float[] keys, int keysAt, float[] s, float[] factor) {
    int d = operands.headDim;
    int quads = (to - from + QUAD - 1) / QUAD;
    int count = quads * QUAD;
    if (rows - panel * ROWS <= ROWS / 2) {
      loops.tiles().half(keys, keysAt + from * d, quads, queries, panel * ROWS * d, d, s, 0, ROWS);
    } else {
      loops.tiles().quads(keys, keysAt + from * d, quads, queries, panel * ROWS * d, d, s, 0, ROWS, true);
    }
    AttentionArgs args = operands.args;
    if (args.softcap() > 0) {
      loops.scores().softcap(s, count, operands.capIn, operands.capOut);
      if (factor != null) {
        capDerivative(s, count, factor);
      }
    }
    if (operands.alibi != null) {
      alibi(panel, block + from, count, s);
    }
    if (operands.bias != null) {
      addBias(panel, block + from, to - from, s);
    }
    hide(panel, block + from, count, s);
    if (operands.mask != null) {
      mask(panel, block + from, to - from, s);
    }
  }

  private void capDerivative(float[] s, int count, float[] factor) {
    for (int i = 0; i < ROWS * count; i++) {
      float t = s[i] / operands.capOut;
      factor[i] = Math.fma(-t, t, 1);
    }
  }

  private void alibi(int panel, int key, int count, float[] s) {
    for (int r = 0; r < ROWS; r++) {
      int row = panel * ROWS + r;
      alibiPosition[r] = position[row] + item.diagonal;
      alibiSlope[r] = head[row] < 0 ? 0 : -(operands.alibi.get(operands.alibi.start + head[row]) * ScalarMath.LOG2E);
    }
    loops.scores().alibi(s, count, key, alibiPosition, alibiSlope);
  }

  private void addBias(int panel, int key, int count, float[] s) {
    Floats bias = operands.bias;
    for (int r = 0; r < ROWS; r++) {
      int row = panel * ROWS + r;
      if (head[row] < 0) {
        continue;
      }
      bias.read(item.score(bias.start, bias.strides, head[row], position[row], key), bias.stride(3), line, 0, count);
      for (int j = 0; j < count; j++) {
        s[ROWS * j + r] = Math.fma(line[j], ScalarMath.LOG2E, s[ROWS * j + r]);
      }
    }
  }

  private void hide(int panel, int key, int count, float[] s) {
    for (int r = 0; r < ROWS; r++) {
      int row = panel * ROWS + r;
      int from = Math.min(count, Math.max(0, low[row] - key));
      int to = Math.min(count, Math.max(from, high[row] - key));
      for (int j = 0; j < from; j++) {
        s[ROWS * j + r] = Float.NEGATIVE_INFINITY;
      }
      for (int j = to; j < count; j++) {
        s[ROWS * j + r] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private void mask(int panel, int key, int count, float[] s) {
    AttentionItem.Bytes mask = operands.mask;
    for (int r = 0; r < ROWS; r++) {
      int row = panel * ROWS + r;
      if (head[row] < 0) {
        continue;
      }
      long at = item.score(mask.start(), mask.strides(), head[row], position[row], key);
      long step = mask.strides()[3];
      for (int j = 0; j < count; j++) {
        if (mask.isZero(at + j * step)) {
          s[ROWS * j + r] = Float.NEGATIVE_INFINITY;
        }
      }
    }
  }

  /** Multiplies by the dropout factors: weights of the keys from block + from on, or gradients of them. */
  void dropout(int panel, int key, int count, float[] s) {
    for (int r = 0; r < ROWS; r++) {
      int row = panel * ROWS + r;
      if (head[row] < 0) {
        continue;
      }
      for (int j = 0; j < count; j++) {
        if (j % QUAD == 0) {
          Philox.words(operands.args.seed(), (key + j) / QUAD, position[row], head[row], (int) item.b, words);
        }
        boolean keep = (words[j % QUAD] & 0xFFFFFFFFL) >= operands.dropBelow;
        s[ROWS * j + r] = keep ? s[ROWS * j + r] * operands.keepFactor : 0;
      }
    }
  }

  /** Packs a block of keys into quads; n is the number of keys in the block. */
  void packKeys(int block, int n, float[] rowMajor, float[] quads) {
    int d = operands.headDim;
    item.readKeys(operands.k, kvHead, block, n, d, rowMajor);
    Packing.quads(rowMajor, 0, d, n, d, quads, 0);
  }
}
