package org.ondol.vector;

import static org.ondol.vector.PoolKernel.LINE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.spi.PoolArgs;
import org.ondol.spi.PoolShape;

/**
 * Max pooling with the indices of the maxima. As in {@link PoolKernel} rows are folded first; as that loses the order of
 * the taps, columns are folded by value and then by index.
 */
final class PoolIndices {
  private final PoolLoops loops;
  private final PoolShape shape;
  private final PoolAxis rows;
  private final PoolAxis columns;
  private final Floats x;
  private final Floats y;
  private final MemorySegment indices;
  private final long indicesAt;

  private PoolIndices(Loops loops, PoolArgs args) {
    this.loops = loops.pool();
    shape = args.shape();
    rows = PoolAxis.rows(shape);
    columns = PoolAxis.columns(shape);
    x = Floats.of(args.x());
    y = Floats.of(args.y());
    indices = args.indices().segment();
    indicesAt = args.indices().offset();
  }

  static void run(Loops loops, PoolArgs args) {
    PoolIndices kernel = new PoolIndices(loops, args);
    PoolKernel.forRows(args.shape(), kernel::row);
  }

  /** The maximum so far and where it is, for the columns of a line or the windows of a row; from the scratch. */
  private record Line(float[] values, int[] at) {}

  private void row(long plane, long oy, Scratch scratch) {
    long in = PoolKernel.plane(x, shape, plane);
    long out = PoolKernel.plane(y, shape, plane) + oy * shape.yWidth();
    long indexOut = indicesAt + (plane * shape.yHeight() + oy) * shape.yWidth();
    Line line = new Line(scratch.floats(0, LINE), scratch.ints(0, LINE));
    Line result = new Line(scratch.floats(1, LINE), scratch.ints(1, LINE));
    for (long ox = 0; ox < shape.yWidth(); ) {
      int n = PoolKernel.block(columns, ox);
      if (n == 0) {
        n = 1;
        wide(in, oy, ox, line, result, scratch);
      } else {
        long from = columns.low(ox);
        vertical(in, oy, from, (int) (columns.high(ox + n - 1) - from), line, scratch);
        horizontal(line, from, ox, n, result);
      }
      for (int i = 0; i < n; i++) {
        result.values[i] += 0f;
      }
      y.write(result.values, 0, out + ox, n);
      MemorySegment.copy(result.at, 0, indices, ValueLayout.JAVA_INT_UNALIGNED, (indexOut + ox) * Integer.BYTES, n);
      ox += n;
    }
  }

  private void vertical(long plane, long oy, long from, int n, Line line, Scratch scratch) {
    float[] row = scratch.floats(2, LINE);
    int width = (int) shape.xWidth();
    long iy = rows.first(oy);
    long limit = rows.limit(oy);
    x.read(plane + iy * width + from, line.values, 0, n);
    for (int i = 0; i < n; i++) {
      line.at[i] = (int) (iy * width + from) + i;
    }
    for (iy += rows.dilation(); iy < limit; iy += rows.dilation()) {
      x.read(plane + iy * width + from, row, 0, n);
      loops.later(line.values, line.at, row, (int) (iy * width + from), n);
    }
  }

  private void horizontal(Line line, long from, long ox, int n, Line result) {
    for (int i = 0; i < n; i++) {
      int first = (int) (columns.first(ox + i) - from);
      result.values[i] = line.values[first];
      result.at[i] = line.at[first];
      fold(line, first + columns.dilation(), columns.limit(ox + i) - from, result, i);
    }
  }

  private void fold(Line line, long first, long limit, Line result, int i) {
    float m = result.values[i];
    int at = result.at[i];
    for (long k = first; k < limit; k += columns.dilation()) {
      float v = line.values[(int) k];
      int vAt = line.at[(int) k];
      if (v == m || v != v && m != m ? vAt < at : v > m || v != v) {
        m = v;
        at = vAt;
      }
    }
    result.values[i] = m;
    result.at[i] = at;
  }

  private void wide(long plane, long oy, long ox, Line line, Line result, Scratch scratch) {
    long limit = columns.limit(ox);
    long tap = columns.first(ox);
    boolean begun = false;
    while (tap < limit) {
      int n = (int) Math.min(LINE, limit - tap);
      vertical(plane, oy, tap, n, line, scratch);
      if (!begun) {
        result.values[0] = line.values[0];
        result.at[0] = line.at[0];
        begun = true;
      }
      fold(line, 0, n, result, 0);
      tap += Packing.ceilDiv(n, columns.dilation()) * columns.dilation();
    }
  }
}
