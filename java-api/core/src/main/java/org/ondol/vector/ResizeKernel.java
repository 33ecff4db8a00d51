package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.spi.ResizeArgs;
import org.ondol.spi.ResizeBackwardArgs;

/**
 * Images of another size. Forward, each input row is resized once along its columns and kept while output rows need it: an
 * enlarged image costs little more than its vertical blends. Backward, rows come first, and then sixteen input rows side by side
 * go through the columns.
 */
final class ResizeKernel {
  /** Elements of a task, about. */
  private static final long TASK = 1 << 14;

  /** The table of one axis; second cells and weights are null where the nearest cell is taken. */
  private record Axis(int in, int out, int[] first, int[] second, float[] firstWeight, float[] secondWeight) {
    static Axis of(long in, long out, Tensor cells, Tensor weights) {
      int n = (int) out;
      float[] ones = new float[padded(n)];
      Arrays.fill(ones, 1);
      return weights == null ? new Axis((int) in, n, ints(cells, 0, n), null, ones, null)
          : new Axis((int) in, n, ints(cells, 0, n), ints(cells, n, n), floats(weights, 0, n), floats(weights, n, n));
    }

    private static int[] ints(Tensor t, int from, int n) {
      int[] values = new int[padded(n)];
      MemorySegment.copy(t.segment(), ValueLayout.JAVA_INT_UNALIGNED, 4 * (t.offset() + from), values, 0, n);
      return values;
    }

    private static float[] floats(Tensor t, int from, int n) {
      float[] values = new float[padded(n)];
      MemorySegment.copy(t.segment(), ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * (t.offset() + from), values, 0, n);
      return values;
    }
  }

  private final Lines lines;
  private final Axis rows;
  private final Axis columns;
  private final Floats from;
  private final Floats to;

  private ResizeKernel(Loops loops, Axis rows, Axis columns, Tensor from, Tensor to) {
    this.lines = loops.lines();
    this.rows = rows;
    this.columns = columns;
    this.from = Floats.of(from);
    this.to = Floats.of(to);
  }

  static void run(Loops loops, ResizeArgs args) {
    ResizeKernel kernel = new ResizeKernel(loops, Axis.of(args.inRows(), args.outRows(), args.rows(), args.rowWeights()),
        Axis.of(args.inColumns(), args.outColumns(), args.columns(), args.columnWeights()), args.x(), args.y());
    long all = args.planes() * args.outRows();
    long perTask = Math.max(1, TASK / args.outColumns());
    Threads.pool().run(ceilDiv(all, perTask), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          kernel.forward(task * perTask, (int) Math.min(perTask, all - task * perTask), scratch);
        }
      }
    });
  }

  /** Two input rows resized along their columns, by their number over all planes. */
  private static final class Kept {
    final float[][] line;
    final long[] number = {-1, -1};

    Kept(float[] a, float[] b) {
      line = new float[][] {a, b};
    }

    /** Where the row is, or -1. */
    int find(long row) {
      return number[0] == row ? 0 : number[1] == row ? 1 : -1;
    }
  }

  private void forward(long begin, int count, Scratch scratch) {
    int width = columns.out;
    int n = padded(width);
    // Each row is written with its padding, which the next row covers.
    float[] out = scratch.floats(0, (long) count * width + 16);
    float[] source = scratch.floats(1, padded(columns.in));
    Kept kept = new Kept(scratch.floats(2, n), scratch.floats(3, n));
    for (int k = 0; k < count; k++) {
      long plane = (begin + k) / rows.out * rows.in;
      int i = (int) ((begin + k) % rows.out);
      long first = plane + rows.first[i];
      if (rows.second == null) {
        System.arraycopy(line(kept, first, first, source), 0, out, k * width, width);
      } else {
        long second = plane + rows.second[i];
        float[] a = line(kept, first, second, source);
        float[] b = line(kept, second, first, source);
        lines.blend(a, rows.firstWeight[i], b, rows.secondWeight[i], out, k * width, n);
      }
    }
    to.write(out, 0, to.start + begin * width, count * width);
  }

  /** A row of the input resized along its columns; the row {@code other} is left where it is. */
  private float[] line(Kept kept, long row, long other, float[] source) {
    int slot = kept.find(row);
    if (slot < 0) {
      slot = kept.number[0] == other ? 1 : 0;
      kept.number[slot] = row;
      from.read(from.start + row * columns.in, source, 0, columns.in);
      if (columns.second == null) {
        lines.pick(source, columns.first, kept.line[slot], padded(columns.out));
      } else {
        lines.mix(source, columns.first, columns.firstWeight, columns.second, columns.secondWeight, kept.line[slot],
            padded(columns.out));
      }
    }
    return kept.line[slot];
  }

  static void backward(Loops loops, ResizeBackwardArgs args) {
    ResizeKernel kernel = new ResizeKernel(loops, Axis.of(args.inRows(), args.outRows(), args.rows(), args.rowWeights()),
        Axis.of(args.inColumns(), args.outColumns(), args.columns(), args.columnWeights()), args.dy(), args.dx());
    int[][] ranges = ranges(kernel.rows);
    long blocks = ceilDiv(args.inRows(), Lines.ROWS);
    Threads.pool().run(args.planes() * blocks, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          kernel.block(task / blocks, (int) (task % blocks) * Lines.ROWS, ranges, scratch);
        }
      }
    });
  }

  /** For each input row, the first output row that it is part of and the one after the last. */
  private static int[][] ranges(Axis rows) {
    int[] begin = new int[rows.in];
    int[] end = new int[rows.in];
    for (int i = rows.out - 1; i >= 0; i--) {
      begin[rows.first[i]] = i;
      end[rows.first[i]] = Math.max(end[rows.first[i]], i + 1);
      if (rows.second != null) {
        begin[rows.second[i]] = i;
        end[rows.second[i]] = Math.max(end[rows.second[i]], i + 1);
      }
    }
    return new int[][] {begin, end};
  }

  private void block(long plane, int firstRow, int[][] ranges, Scratch scratch) {
    int n = padded(columns.out);
    int count = Math.min(Lines.ROWS, rows.in - firstRow);
    float[] sum = scratch.floats(0, n);
    float[] dy = scratch.floats(1, n);
    float[] side = scratch.floats(2, (long) columns.out * Lines.ROWS);
    float[] acc = scratch.floats(3, (long) columns.in * Lines.ROWS);
    for (int k = 0; k < count; k++) {
      int row = firstRow + k;
      Arrays.fill(sum, 0, n, 0);
      for (int i = ranges[0][row]; i < ranges[1][row]; i++) {
        from.read(from.start + (plane * rows.out + i) * columns.out, dy, 0, columns.out);
        if (rows.first[i] == row) {
          lines.accumulate(sum, dy, rows.firstWeight[i], n);
        }
        if (rows.second != null && rows.second[i] == row) {
          lines.accumulate(sum, dy, rows.secondWeight[i], n);
        }
      }
      Packing.column(sum, 0, columns.out, side, k, Lines.ROWS);
    }
    Arrays.fill(acc, 0, columns.in * Lines.ROWS, 0);
    lines.spread(side, columns.out, columns.first, columns.firstWeight, columns.second, columns.secondWeight, acc);
    float[] line = scratch.floats(4, columns.in);
    for (int k = 0; k < count; k++) {
      for (int c = 0; c < columns.in; c++) {
        line[c] = acc[c * Lines.ROWS + k];
      }
      to.write(line, 0, to.start + (plane * rows.in + firstRow + k) * columns.in, columns.in);
    }
  }
}
