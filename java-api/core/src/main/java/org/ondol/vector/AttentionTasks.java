package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Scores.ROWS;

import org.ondol.Threads;
import org.ondol.spi.AttentionArgs;

/**
 * Cuts attention into tasks: a batch item's key head, a range of the query rows that read it and, where few rows face
 * many keys, a range of keys.
 */
final class AttentionTasks {
  /** Keys of a chunk where they are split. */
  static final int SPLIT = 256;

  private static final int MOST_SPLIT_QUERIES = 16;

  /** Query rows of a task: the packing of a key block is spread over them. More than an L2 cache holds does no harm. */
  private static final int MOST_ROWS = 512;

  /** One task. */
  record Task(AttentionItem item, int kvHead, int firstRow, int rows, int chunk, int chunks) {}

  private final AttentionItem[] items;
  private final int[] rowsPerTask;
  private final int[] chunks;
  private final long[] first;
  private final int kvHeads;
  private final int group;

  AttentionTasks(AttentionItem.Operands operands) {
    AttentionArgs args = operands.args;
    int batch = (int) args.batch();
    this.items = new AttentionItem[batch];
    this.rowsPerTask = new int[batch];
    this.chunks = new int[batch];
    this.first = new long[batch + 1];
    this.kvHeads = (int) args.kvHeads();
    this.group = operands.group;
    for (int b = 0; b < batch; b++) {
      items[b] = operands.item(b);
    }
    int limit = MOST_ROWS;
    layOut(limit);
    while (Threads.count() > 1 && first[batch] < 4L * Threads.count() && limit > 4 * ROWS) {
      limit /= 2;
      layOut(limit);
    }
  }

  private void layOut(int limit) {
    for (int b = 0; b < items.length; b++) {
      AttentionItem item = items[b];
      int rows = Math.multiplyExact(group, item.queries);
      boolean split = item.queries <= MOST_SPLIT_QUERIES && item.keys > SPLIT;
      chunks[b] = split ? (int) ceilDiv(item.keys, SPLIT) : 1;
      rowsPerTask[b] = (int) (ceilDiv(ceilDiv(rows, ceilDiv(Math.max(rows, 1), limit)), ROWS) * ROWS);
      first[b + 1] = first[b] + kvHeads * rowBlocks(b) * chunks[b];
    }
  }

  private long rowBlocks(int b) {
    int rows = group * items[b].queries;
    return rows == 0 ? 0 : ceilDiv(rows, rowsPerTask[b]);
  }

  long count() {
    return first[items.length];
  }

  /** Tasks of an item that is split lie one after the other, chunk by chunk. */
  Task get(long index) {
    int low = 0;
    int high = items.length - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (first[middle] <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    long at = index - first[low];
    int chunk = (int) (at % chunks[low]);
    at /= chunks[low];
    long blocks = rowBlocks(low);
    // The last rows first: under a causal mask they have the most keys, and a long task should not begin last.
    int row = (int) (blocks - 1 - at % blocks) * rowsPerTask[low];
    int rows = Math.min(rowsPerTask[low], group * items[low].queries - row);
    return new Task(items[low], (int) (at / blocks), row, rows, chunk, chunks[low]);
  }
}
