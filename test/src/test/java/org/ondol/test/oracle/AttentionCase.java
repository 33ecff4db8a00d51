package org.ondol.test.oracle;

/**
 * One attention problem in plain arrays: what the oracle, the page reference and every backend compute from.
 *
 * <p>Storage is dense: q [batch, heads, qLen, headDim], k and v [batch, kvHeads, kvLen, ...]. Packed sequences (qOffsets
 * and kvOffsets given) drop the batch dimension, q is [heads, total rows, headDim] and so on. Paged keys are [pageCount,
 * kvHeads, pageSize, ...]. The accessors below hide which of these it is.
 */
public final class AttentionCase {
  public int batch = 1;
  public int heads = 1;
  public int kvHeads = 1;
  public int qLen;
  public int kvLen;
  public int headDim;
  public int valueDim;

  public float[] q;
  public float[] k;
  public float[] v;
  public float[] dout;

  /** Mask and bias are [b, h, Lq, Lk] where each dimension may be 1 to be broadcast; in packed form b is 1. */
  public boolean[] mask;
  public int[] maskShape;
  public float[] bias;
  public int[] biasShape;

  public float[] alibi;
  public long[] kvLengths;
  public long[] qOffsets;
  public long[] kvOffsets;
  public long[] pages;
  public int pagesPerItem;
  public int pageSize;
  public int pageCount;

  public boolean bottomRight;
  public long windowLeft = -1;
  public long windowRight = -1;
  public double scale = 1;
  public double softcap;
  public double dropout;
  public long seed;

  public boolean packed() {
    return qOffsets != null;
  }

  /** Rows of q over all items: the length of the position dimension as stored. */
  public int storedRows() {
    return packed() ? (int) qOffsets[batch] : qLen;
  }

  public int storedKeys() {
    return packed() ? (int) kvOffsets[batch] : kvLen;
  }

  /** Query rows of item b. */
  public int rows(int b) {
    return packed() ? (int) (qOffsets[b + 1] - qOffsets[b]) : qLen;
  }

  /** Keys in use of item b. */
  public int keys(int b) {
    if (kvLengths != null) {
      return (int) kvLengths[b];
    }
    return packed() ? (int) (kvOffsets[b + 1] - kvOffsets[b]) : kvLen;
  }

  /** Index of query row i in any array of [.., heads, position]; times headDim it is the row's place in q. */
  public int row(int b, int h, int i) {
    return packed() ? h * storedRows() + (int) qOffsets[b] + i : (b * heads + h) * qLen + i;
  }

  /** Index of key j for key head hk among the key rows; times headDim it is the row's place in k. */
  public int key(int b, int hk, int j) {
    if (pages != null) {
      int page = (int) pages[b * pagesPerItem + j / pageSize];
      return (page * kvHeads + hk) * pageSize + j % pageSize;
    }
    return packed() ? hk * storedKeys() + (int) kvOffsets[b] + j : (b * kvHeads + hk) * kvLen + j;
  }

  public int keyHead(int h) {
    return h / (heads / kvHeads);
  }

  public int rowCount() {
    return packed() ? heads * storedRows() : batch * heads * qLen;
  }

  public int keyRowCount() {
    return pages != null ? pageCount * kvHeads * pageSize
        : packed() ? kvHeads * storedKeys() : batch * kvHeads * kvLen;
  }

  /** Position of query row i among the keys: where the diagonal passes. */
  public int diagonal(int b, int i) {
    return i + (bottomRight ? keys(b) - rows(b) : 0);
  }

  public boolean visible(int b, int h, int i, int j) {
    int d = diagonal(b, i);
    return j < keys(b)
        && (windowLeft < 0 || j >= d - windowLeft)
        && (windowRight < 0 || j <= d + windowRight)
        && (mask == null || mask[broadcast(maskShape, b, h, i, j)]);
  }

  public float biasAt(int b, int h, int i, int j) {
    return bias[broadcast(biasShape, b, h, i, j)];
  }

  public int biasIndex(int b, int h, int i, int j) {
    return broadcast(biasShape, b, h, i, j);
  }

  private static int broadcast(int[] shape, int b, int h, int i, int j) {
    int at = shape[0] == 1 ? 0 : b;
    at = at * shape[1] + (shape[1] == 1 ? 0 : h);
    at = at * shape[2] + (shape[2] == 1 ? 0 : i);
    return at * shape[3] + (shape[3] == 1 ? 0 : j);
  }

  @Override
  public String toString() {
    return "attention[batch=%d heads=%d/%d q=%d kv=%d D=%d Dv=%d%s%s%s%s%s%s%s%s%s scale=%s%s%s]".formatted(
        batch, heads, kvHeads, qLen, kvLen, headDim, valueDim,
        bottomRight ? " bottom-right" : "",
        windowLeft >= 0 || windowRight >= 0 ? " window=" + windowLeft + "," + windowRight : "",
        mask != null ? " mask=" + java.util.Arrays.toString(maskShape) : "",
        bias != null ? " bias=" + java.util.Arrays.toString(biasShape) : "",
        alibi != null ? " alibi" : "",
        kvLengths != null ? " lengths=" + java.util.Arrays.toString(kvLengths) : "",
        qOffsets != null ? " q-offsets=" + java.util.Arrays.toString(qOffsets) : "",
        kvOffsets != null ? " kv-offsets=" + java.util.Arrays.toString(kvOffsets) : "",
        pages != null ? " pages=" + java.util.Arrays.toString(pages) + "x" + pageSize : "",
        scale,
        softcap != 0 ? " softcap=" + softcap : "",
        dropout != 0 ? " dropout=" + dropout + " seed=" + seed : "");
  }
}
