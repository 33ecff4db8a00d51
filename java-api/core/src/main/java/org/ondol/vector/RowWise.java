package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import org.ondol.Threads;

/** Applies a function of rows along the middle of contiguous [outer, n, inner]. */
final class RowWise {
  /** Elements of a task: enough that handing it out costs nothing. */
  private static final long TASK = 1 << 14;

  /** Columns that are read together where inner is not 1: a cache line. */
  private static final int COLUMNS = 16;

  private static final int FIRST_ROW = 2;

  /** From rows of n elements, in arrays with room for n rounded up to 16, to one of these arrays. */
  @FunctionalInterface
  interface Function {
    /** May use arrays 0 and 1 of the scratch. */
    float[] apply(float[][] rows, Scratch scratch);
  }

  private final int n;
  private final long inner;
  private final Floats[] in;
  private final Floats out;
  private final Function function;

  private RowWise(int n, long inner, Floats[] in, Floats out, Function function) {
    this.n = n;
    this.inner = inner;
    this.in = in;
    this.out = out;
    this.function = function;
  }

  static void run(long outer, int n, long inner, Floats[] in, Floats out, Function function) {
    if (n == 0) {
      return;
    }
    RowWise work = new RowWise(n, inner, in, out, function);
    int width = (int) Math.min(COLUMNS, inner);
    long groups = ceilDiv(inner, width);
    long units = outer * groups;
    long perTask = Math.max(1, TASK / ((long) n * width));
    Threads.pool().run(ceilDiv(units, perTask), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        long last = Math.min(units, end * perTask);
        for (long unit = begin * perTask; unit < last; unit++) {
          if (inner == 1) {
            work.row(unit, scratch);
          } else {
            long column = unit % groups * width;
            work.columns(unit / groups * n * inner + column, (int) Math.min(width, inner - column), scratch);
          }
        }
      }
    });
  }

  private float[][] rows(Scratch scratch) {
    float[][] rows = new float[in.length][];
    for (int t = 0; t < in.length; t++) {
      rows[t] = scratch.floats(FIRST_ROW + t, padded(n));
    }
    return rows;
  }

  private void row(long row, Scratch scratch) {
    float[][] rows = rows(scratch);
    for (int t = 0; t < in.length; t++) {
      in[t].read(in[t].start + row * n, rows[t], 0, n);
    }
    out.write(function.apply(rows, scratch), 0, out.start + row * n, n);
  }

  private void columns(long at, int width, Scratch scratch) {
    float[][] rows = rows(scratch);
    float[][] blocks = new float[in.length][];
    for (int t = 0; t < in.length; t++) {
      blocks[t] = scratch.floats(FIRST_ROW + in.length + t, (long) n * COLUMNS);
      in[t].readRows(in[t].start + at, inner, n, blocks[t], 0, COLUMNS, width);
    }
    float[] result = scratch.floats(FIRST_ROW + 2 * in.length, (long) n * COLUMNS);
    for (int c = 0; c < width; c++) {
      for (int t = 0; t < in.length; t++) {
        for (int i = 0; i < n; i++) {
          rows[t][i] = blocks[t][i * COLUMNS + c];
        }
      }
      Packing.column(function.apply(rows, scratch), 0, n, result, c, COLUMNS);
    }
    for (int i = 0; i < n; i++) {
      out.write(result, i * COLUMNS, out.start + at + i * inner, width);
    }
  }
}
