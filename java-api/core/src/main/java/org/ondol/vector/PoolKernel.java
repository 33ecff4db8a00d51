package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Pool;
import org.ondol.spi.PoolArgs;
import org.ondol.spi.PoolShape;

/**
 * Max and average pooling. A row of windows is folded over its rows first, into a line with one value for each column
 * (identities where there is padding), then over the columns of each window.
 */
final class PoolKernel {
  private static final long TASK = 1 << 14;

  /** Columns of a line. */
  static final int LINE = 4096;

  /** Greater strides than this are not worth dealing the line out by stride. */
  private static final int DEALT = 8;

  private final Loops loops;
  private final PoolShape shape;
  private final PoolAxis rows;
  private final PoolAxis columns;
  private final boolean max;
  private final Elementwise.Op fold;
  private final float identity;
  private final Floats x;
  private final Floats y;

  private PoolKernel(Loops loops, PoolArgs args) {
    this.loops = loops;
    shape = args.shape();
    rows = PoolAxis.rows(shape);
    columns = PoolAxis.columns(shape);
    max = args.op() == Pool.Op.MAX;
    fold = max ? Elementwise.Op.MAX : Elementwise.Op.ADD;
    identity = max ? Float.NEGATIVE_INFINITY : 0;
    x = Floats.of(args.x());
    y = Floats.of(args.y());
  }

  static void run(Loops loops, PoolArgs args) {
    if (args.indices() != null) {
      PoolIndices.run(loops, args);
      return;
    }
    PoolKernel kernel = new PoolKernel(loops, args);
    forRows(args.shape(), (plane, oy, scratch) -> kernel.row(plane, oy, scratch));
  }

  /** What a task does for one row of y. */
  @FunctionalInterface
  interface RowBody {
    void run(long plane, long oy, Scratch scratch);
  }

  /** Rows of all planes, some of them a task. */
  static void forRows(PoolShape s, RowBody body) {
    long all = s.planes() * s.yHeight();
    long perRow = Math.max(s.yWidth(), s.xWidth() * Math.max(1, s.xHeight() / s.yHeight()));
    long perTask = Math.max(1, TASK / perRow);
    Threads.pool().run(ceilDiv(all, perTask), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        long last = Math.min(all, end * perTask);
        for (long row = begin * perTask; row < last; row++) {
          body.run(row / s.yHeight(), row % s.yHeight(), scratch);
        }
      }
    });
  }

  /** Where a plane begins. */
  static long plane(Floats t, PoolShape s, long plane) {
    return t.start + plane / s.channels() * t.stride(0) + plane % s.channels() * t.stride(1);
  }

  private void row(long plane, long oy, Scratch scratch) {
    long in = plane(x, shape, plane);
    long out = plane(y, shape, plane) + oy * shape.yWidth();
    float[] result = scratch.floats(3, LINE + 16);
    long rowCount = rows.count(oy);
    for (long ox = 0; ox < shape.yWidth(); ) {
      int n = block(columns, ox);
      if (n == 0) {
        n = 1;
        result[0] = wide(in, oy, ox, scratch);
      } else {
        float[] line = scratch.floats(0, LINE + 32);
        vertical(in, oy, columns.start(ox), (int) columns.span(ox, ox + n), line, scratch);
        horizontal(line, ox, n, result, scratch);
      }
      finish(result, ox, n, rowCount, scratch);
      y.write(result, 0, out + ox, n);
      ox += n;
    }
  }

  /** How many windows from ox on fit into a line; 0 where not even one does. */
  static int block(PoolAxis columns, long ox) {
    if (columns.span(ox, ox + 1) > LINE) {
      return 0;
    }
    long left = columns.out() - ox;
    if (!columns.adaptive()) {
      return (int) Math.min(Math.min(left, LINE), (LINE - columns.span(ox, ox + 1)) / columns.stride() + 1);
    }
    // Neighbouring adaptive windows differ by at most one column in size.
    long n = Math.min(Math.min(left, LINE), Math.max(1, LINE / (columns.in() / columns.out() + 1) - 2));
    return columns.span(ox, ox + n) <= LINE ? (int) n : 1;
  }

  /** Folds the rows of window oy for columns [from, from + n): identities outside the map. */
  private void vertical(long plane, long oy, long from, int n, float[] line, Scratch scratch) {
    int low = (int) Math.max(0, -from);
    int high = (int) Math.min(n, shape.xWidth() - from);
    int width = high - low;
    long at = plane + from + low;
    long iy = rows.first(oy);
    if (max) {
      x.read(at + iy * shape.xWidth(), line, low, width);
      iy += rows.dilation();
    } else {
      Arrays.fill(line, low, high, 0);
    }
    float[] row = scratch.floats(1, LINE + 32);
    long limit = rows.limit(oy);
    for (; iy < limit; iy += rows.dilation()) {
      x.read(at + iy * shape.xWidth(), row, 0, width);
      loops.elements().binary(fold, 0, line, low, row, 0, padded(width));
    }
    Arrays.fill(line, 0, low, identity);
    Arrays.fill(line, high, padded(n) + 16, identity);
  }

  /** Folds the columns of windows [ox, ox + n). */
  private void horizontal(float[] line, long ox, int n, float[] result, Scratch scratch) {
    if (columns.adaptive() || columns.stride() > DEALT) {
      for (int i = 0; i < n; i++) {
        long from = columns.start(ox);
        result[i] = fold(line, columns.first(ox + i) - from, columns.limit(ox + i) - from, identity);
      }
      return;
    }
    int stride = (int) columns.stride();
    int deck = padded(LINE / stride) + 32;
    float[] dealt = line;
    if (stride > 1) {
      dealt = scratch.floats(2, (long) stride * deck);
      int cards = (int) (columns.span(ox, ox + n) + stride - 1) / stride;
      for (int r = 0; r < stride; r++) {
        if (stride == 2) {
          loops.pool().evens(line, r, dealt, r * deck, cards);
        } else {
          deal(line, r, stride, cards, dealt, r * deck);
        }
      }
    }
    Arrays.fill(result, 0, padded(n), identity);
    for (int k = 0; k < columns.kernel(); k++) {
      int tap = (int) (k * columns.dilation());
      loops.elements().binary(fold, 0, result, 0, dealt, tap % stride * deck + tap / stride, padded(n));
    }
  }

  private static void deal(float[] line, int from, int stride, int n, float[] to, int toAt) {
    for (int i = 0, j = from; i < n; i++, j += stride) {
      to[toAt + i] = line[j];
    }
  }

  /** Columns [from, limit) of a line, {@code dilation} apart, into acc. */
  private float fold(float[] line, long from, long limit, float acc) {
    int step = (int) Math.min(columns.dilation(), LINE);
    for (int i = (int) from; i < limit; i += step) {
      acc = max ? ScalarMath.max(acc, line[i]) : acc + line[i];
    }
    return acc;
  }

  /** A window wider than a line, piece by piece. */
  private float wide(long plane, long oy, long ox, Scratch scratch) {
    float[] line = scratch.floats(0, LINE + 32);
    float acc = identity;
    long limit = columns.limit(ox);
    long tap = columns.first(ox);
    while (tap < limit) {
      int n = (int) Math.min(LINE, limit - tap);
      vertical(plane, oy, tap, n, line, scratch);
      acc = fold(line, 0, n, acc);
      tap += ceilDiv(n, columns.dilation()) * columns.dilation();
    }
    return acc;
  }

  /** The sign of a zero off a maximum; a sum to an average. */
  private void finish(float[] result, long ox, int n, long rowCount, Scratch scratch) {
    if (max) {
      loops.elements().unary(Elementwise.Op.SHIFT, 0, result, 0, padded(n));
      return;
    }
    float[] counts = scratch.floats(4, LINE + 16);
    for (int i = 0; i < n; i++) {
      counts[i] = rowCount * columns.count(ox + i);
    }
    Arrays.fill(counts, n, padded(n), 1);
    loops.elements().binary(Elementwise.Op.DIV, 0, result, 0, counts, 0, padded(n));
  }
}
