package org.ondol.vector;

import static org.ondol.vector.AttentionTile.KEY_BLOCK;
import static org.ondol.vector.Packing.padded;
import static org.ondol.vector.Scores.ROWS;
import static org.ondol.vector.Tiles.PANEL;
import static org.ondol.vector.Tiles.QUAD;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.spi.AttentionArgs;

/**
 * Attention, forward. A task takes one block of keys after the other, packs it, and lets all its panels of 16 query
 * rows pass over it: scores (keys by rows, lanes are rows), online softmax, accumulation of the values. A panel's
 * scores stay in the L1 cache.
 */
final class AttentionKernel {
  private final Loops loops;
  private final AttentionItem.Operands operands;
  private final AttentionTasks tasks;
  /** Floats of a row's saved state: maximum, 16 partial sums, values. */
  private final int stateWidth;
  /** Where the states of each task begin that shares its rows with others, by task. */
  private final long[] stateAt;
  private final float[] states;

  private AttentionKernel(Loops loops, AttentionArgs args, Scratch scratch) {
    this.loops = loops;
    this.operands = new AttentionItem.Operands(args);
    this.tasks = new AttentionTasks(operands);
    this.stateWidth = 1 + 16 + operands.valueDim;
    this.stateAt = new long[Math.toIntExact(tasks.count())];
    long total = 0;
    for (int t = 0; t < stateAt.length; t++) {
      AttentionTasks.Task task = tasks.get(t);
      stateAt[t] = total;
      total += task.chunks() > 1 ? (long) task.rows() * stateWidth : 0;
    }
    this.states = total > 0 ? scratch.floats(0, total) : null;
  }

  static void run(Loops loops, AttentionArgs args) {
    try (Scratch scratch = Scratch.borrow()) {
      AttentionKernel kernel = new AttentionKernel(loops, args, scratch);
      Threads.pool().run(kernel.tasks.count(), (begin, end, thread) -> {
        try (Scratch own = Scratch.borrow()) {
          for (long task = begin; task < end; task++) {
            kernel.new Run(kernel.tasks.get(task), own).compute(task);
          }
        }
      });
      if (kernel.states != null) {
        kernel.mergeAll();
      }
    }
  }

  /** A block of values: floats from one key to the next and from one panel of 16 columns to the next. */
  private record Values(float[] at, int row, int panel, boolean finite) {}

  /** The state of one task's rows. */
  private final class Run {
    final AttentionTasks.Task task;
    final AttentionTile tile;
    final Scratch scratch;
    final int stride = padded(operands.valueDim);
    /** Per panel: maxima [16], partial sums [16][16], values [16][stride]. */
    final float[] m;
    final float[] l;
    final float[] o;
    final float[] scores;
    final float[] scale = new float[ROWS];

    Run(AttentionTasks.Task task, Scratch scratch) {
      this.task = task;
      this.scratch = scratch;
      this.tile = new AttentionTile(loops, task.item(), task.kvHead(), task.firstRow(), task.rows(), scratch);
      int rows = tile.panels * ROWS;
      this.m = scratch.floats(AttentionTile.SCRATCH, rows);
      this.l = scratch.floats(AttentionTile.SCRATCH + 1, rows * 16L);
      this.o = scratch.floats(AttentionTile.SCRATCH + 2, (long) rows * stride);
      this.scores = scratch.floats(AttentionTile.SCRATCH + 3, (KEY_BLOCK + 1) * ROWS);
      Arrays.fill(m, 0, rows, Float.NEGATIVE_INFINITY);
      Arrays.fill(l, 0, rows * 16, 0);
      Arrays.fill(o, 0, rows * stride, 0);
    }

    void compute(long index) {
      int begin = tile.firstKey();
      int end = tile.lastKey();
      if (task.chunks() > 1) {
        begin = Math.max(begin, task.chunk() * AttentionTasks.SPLIT);
        end = Math.min(end, (task.chunk() + 1) * AttentionTasks.SPLIT);
      }
      float[] keys = scratch.floats(AttentionTile.SCRATCH + 4, (long) KEY_BLOCK * operands.headDim);
      float[] values = scratch.floats(AttentionTile.SCRATCH + 5, (long) KEY_BLOCK * stride);
      float[] rowMajor =
          scratch.floats(AttentionTile.SCRATCH + 6, (long) KEY_BLOCK * Math.max(operands.headDim, stride));
      for (int block = begin & -KEY_BLOCK; block < end; block += KEY_BLOCK) {
        int n = Math.min(KEY_BLOCK, task.item().keys - block);
        tile.packKeys(block, n, rowMajor, keys);
        readValues(block, n, rowMajor);
        boolean finite = loops.scores().finite(rowMajor, 0, n * operands.valueDim);
        // One panel of rows reads the values once: packing them would cost more than it saves.
        if (tile.panels == 1 && stride == operands.valueDim) {
          step(0, block, keys, new Values(rowMajor, stride, PANEL, finite));
          continue;
        }
        Packing.panels(rowMajor, 0, operands.valueDim, n, operands.valueDim, values, 0);
        for (int panel = 0; panel < tile.panels; panel++) {
          step(panel, block, keys, new Values(values, PANEL, PANEL * n, finite));
        }
      }
      if (task.chunks() > 1) {
        save((int) stateAt[(int) index]);
      } else {
        finish();
      }
    }

    private void readValues(int block, int n, float[] rowMajor) {
      task.item().readKeys(operands.v, task.kvHead(), block, n, operands.valueDim, rowMajor);
    }

    private void step(int panel, int block, float[] keys, Values values) {
      int from = tile.from(panel, block);
      int to = tile.to(panel, block);
      if (to <= from) {
        return;
      }
      int count = to - from;
      tile.scores(panel, block, from, to, keys, 0, scores, null);
      loops.scores().weights(scores, count + QUAD - 1 & -QUAD, m, panel * ROWS, l, panel * ROWS * 16, scale);
      if (operands.args.dropout() > 0) {
        tile.dropout(panel, block + from, count, scores);
      }
      int at = panel * ROWS * stride;
      int rows = Math.min(ROWS, tile.rows - panel * ROWS);
      for (int column = 0; column < stride; column += PANEL) {
        int valuesAt = column / PANEL * values.panel + from * values.row;
        if (values.finite) {
          loops.tiles().panel(scores, 0, values.at, valuesAt, values.row, count, o, at + column, stride, rows, scale);
        } else {
          skipZeros(count, values, valuesAt, at + column);
        }
      }
    }

    /** The accumulation that never multiplies a value by a weight of zero: 0 times inf is NaN. */
    private void skipZeros(int count, Values values, int valuesAt, int at) {
      for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < PANEL; c++) {
          float sum = o[at + r * stride + c] * scale[r];
          for (int j = 0; j < count; j++) {
            float w = scores[ROWS * j + r];
            sum = w == 0 ? sum : Math.fma(w, values.at[valuesAt + values.row * j + c], sum);
          }
          o[at + r * stride + c] = sum;
        }
      }
    }

    private void save(int at) {
      for (int r = 0; r < tile.rows; r++) {
        states[at] = m[r];
        for (int p = 0; p < 16; p++) {
          states[at + 1 + p] = l[r / ROWS * ROWS * 16 + p * ROWS + r % ROWS];
        }
        System.arraycopy(o, r * stride, states, at + 17, operands.valueDim);
        at += stateWidth;
      }
    }

    private void finish() {
      float[] partials = new float[16];
      for (int r = 0; r < tile.rows; r++) {
        for (int p = 0; p < 16; p++) {
          partials[p] = l[r / ROWS * ROWS * 16 + p * ROWS + r % ROWS];
        }
        write(task.item(), tile.head[r], tile.position[r], m[r], Rows.sumTree(partials), o, r * stride);
      }
    }
  }

  /** Divides a row by its sum of weights and writes it and its log-sum-exp. */
  private void write(AttentionItem item, int head, int position, float m, float sum, float[] o, int at) {
    float inverse = 1 / sum;
    for (int d = 0; d < operands.valueDim; d++) {
      o[at + d] = sum == 0 ? 0 : Math.fma(o[at + d], inverse, 0f);
    }
    operands.out.write(o, at, item.query(operands.out, head, position), operands.valueDim);
    if (operands.lse != null) {
      float lse = sum == 0 ? Float.NEGATIVE_INFINITY : Math.fma(m, ScalarMath.LN2, ScalarMath.log(sum));
      operands.lse.set(item.query(operands.lse, head, position), lse);
    }
  }

  /** Merges the chunks of items whose keys were split, in ascending order. */
  private void mergeAll() {
    Threads.pool().run(tasks.count(), (begin, end, thread) -> {
      for (long index = begin; index < end; index++) {
        AttentionTasks.Task task = tasks.get(index);
        if (task.chunks() > 1 && task.chunk() == 0) {
          for (int r = 0; r < task.rows(); r++) {
            merge(task, (int) stateAt[(int) index] + r * stateWidth, r);
          }
        }
      }
    });
  }

  private void merge(AttentionTasks.Task task, int at, int row) {
    int step = task.rows() * stateWidth;
    float m = Float.NEGATIVE_INFINITY;
    for (int s = 0; s < task.chunks(); s++) {
      float candidate = states[at + s * step];
      m = candidate > m ? candidate : m;
    }
    float u = m == Float.NEGATIVE_INFINITY ? 0 : m;
    float[] sums = new float[16];
    float[] o = new float[operands.valueDim];
    for (int s = 0; s < task.chunks(); s++) {
      int state = at + s * step;
      float w = ScalarMath.exp2w(states[state] - u);
      for (int p = 0; p < 16; p++) {
        sums[p] = Math.fma(states[state + 1 + p], w, sums[p]);
      }
      for (int d = 0; d < o.length; d++) {
        o[d] = Math.fma(states[state + 17 + d], w, o[d]);
      }
    }
    int groupRow = task.firstRow() + row;
    int head = task.kvHead() * operands.group + groupRow / task.item().queries;
    write(task.item(), head, groupRow % task.item().queries, m, Rows.sumTree(sums), o, 0);
  }
}
