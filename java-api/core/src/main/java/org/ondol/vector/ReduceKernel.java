package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Reduce.Op;
import org.ondol.spi.ReduceArgs;

/** Sums, means and maxima over the middle of [outer, n, inner], in 16 partials. */
final class ReduceKernel {
  private static final long TASK = 1 << 14;
  private static final int CHUNK = 4096;
  private static final int COLUMNS = 512;

  private final Loops loops;
  private final ReduceArgs args;
  private final Floats x;
  private final Floats y;

  private ReduceKernel(Loops loops, ReduceArgs args) {
    this.loops = loops;
    this.args = args;
    this.x = Floats.of(args.x());
    this.y = Floats.of(args.y());
  }

  static void run(Loops loops, ReduceArgs args) {
    ReduceKernel kernel = new ReduceKernel(loops, args);
    int width = (int) Math.min(COLUMNS, args.inner());
    long groups = ceilDiv(args.inner(), width);
    long units = args.outer() * groups;
    long perTask = Math.max(1, TASK / Math.max(1, Math.multiplyExact(args.n(), width)));
    Threads.pool().run(ceilDiv(units, perTask), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        long last = Math.min(units, end * perTask);
        for (long unit = begin * perTask; unit < last; unit++) {
          if (args.inner() == 1) {
            kernel.row(unit, scratch);
          } else {
            long column = unit % groups * width;
            kernel.columns(unit / groups, column, (int) Math.min(width, args.inner() - column), scratch);
          }
        }
      }
    });
  }

  private float identity() {
    return args.op() == Op.MAX ? Float.NEGATIVE_INFINITY : 0;
  }

  private void row(long row, Scratch scratch) {
    float[] p = scratch.floats(0, 16);
    float[] piece = scratch.floats(1, CHUNK);
    Arrays.fill(p, 0, 16, identity());
    for (long i = 0; i < args.n(); i += CHUNK) {
      int n = (int) Math.min(CHUNK, args.n() - i);
      x.read(x.start + row * args.n() + i, piece, 0, n);
      Arrays.fill(piece, n, padded(n), identity());
      switch (args.op()) {
        case SUM, MEAN -> loops.rows().sum(piece, 0, padded(n), p);
        case MAX -> loops.rows().max(piece, 0, padded(n), p);
        case SUMSQ -> loops.rows().dot(piece, 0, piece, 0, padded(n), p);
      }
    }
    float result = args.op() == Op.MAX ? Rows.maxTree(p) : Rows.sumTree(p);
    y.set(y.start + row, args.op() == Op.MEAN ? result / args.n() : result);
  }

  /** The same order for many columns at once: 16 rows of partials. */
  private void columns(long outer, long column, int width, Scratch scratch) {
    float[] p = scratch.floats(0, 16 * COLUMNS);
    float[] line = scratch.floats(1, CHUNK);
    int n = padded(width);
    Arrays.fill(p, 0, 16 * COLUMNS, identity());
    long at = x.start + outer * args.n() * args.inner() + column;
    for (long i = 0; i < args.n(); i++) {
      x.read(at + i * args.inner(), line, 0, width);
      int partial = (int) (i & 15) * COLUMNS;
      if (args.op() == Op.SUMSQ) {
        loops.rows().multiplyAdd(p, partial, line, 0, line, 0, n);
      } else {
        loops.elements().binary(combine(), 0, p, partial, line, 0, n);
      }
    }
    for (int half = 8; half > 0; half >>= 1) {
      for (int j = 0; j < half; j++) {
        loops.elements().binary(combine(), 0, p, j * COLUMNS, p, (j + half) * COLUMNS, n);
      }
    }
    if (args.op() == Op.MEAN) {
      for (int c = 0; c < width; c++) {
        p[c] /= args.n();
      }
    }
    y.write(p, 0, y.start + outer * args.inner() + column, width);
  }

  private Elementwise.Op combine() {
    return args.op() == Op.MAX ? Elementwise.Op.MAX : Elementwise.Op.ADD;
  }
}
