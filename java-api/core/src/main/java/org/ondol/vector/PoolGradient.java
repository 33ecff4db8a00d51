package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Pool;
import org.ondol.spi.PoolBackwardArgs;
import org.ondol.spi.PoolShape;

/** Gradients of pooling: a task owns some rows of dx and looks at the windows over them in ascending order. */
final class PoolGradient {
  private static final long TASK = 1 << 14;

  /** Columns of dx that averages are spread over at once. */
  private static final int COLUMNS = 2048;

  private final Loops loops;
  private final PoolShape shape;
  private final PoolAxis rows;
  private final PoolAxis columns;
  private final Floats dy;
  private final Floats dx;
  private final MemorySegment indices;
  private final long indicesAt;

  private PoolGradient(Loops loops, PoolBackwardArgs args) {
    this.loops = loops;
    shape = args.shape();
    rows = PoolAxis.rows(shape);
    columns = PoolAxis.columns(shape);
    dy = Floats.of(args.dy());
    dx = Floats.of(args.dx());
    indices = args.indices() == null ? null : args.indices().segment();
    indicesAt = args.indices() == null ? 0 : args.indices().offset();
  }

  static void run(Loops loops, PoolBackwardArgs args) {
    PoolGradient kernel = new PoolGradient(loops, args);
    PoolShape s = args.shape();
    boolean max = args.op() == Pool.Op.MAX;
    long perBand = Math.min(s.xHeight(), Math.max(1, TASK / s.xWidth()));
    long bands = ceilDiv(s.xHeight(), perBand);
    Threads.pool().run(s.planes() * bands, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          long low = task % bands * perBand;
          long high = Math.min(s.xHeight(), low + perBand);
          if (max) {
            kernel.scatter(task / bands, low, high, scratch);
          } else {
            for (long column = 0; column < s.xWidth(); column += COLUMNS) {
              kernel.spread(task / bands, low, high, column, (int) Math.min(COLUMNS, s.xWidth() - column), scratch);
            }
          }
        }
      }
    });
  }

  /** Max pooling: dy to the cells that indices name, where they lie in rows [low, high) and in their window. */
  private void scatter(long plane, long low, long high, Scratch scratch) {
    int width = (int) shape.xWidth();
    long out = PoolKernel.plane(dx, shape, plane);
    float[] zeros = scratch.floats(0, COLUMNS);
    Arrays.fill(zeros, 0, COLUMNS, 0);
    for (long at = low * width; at < high * width; at += COLUMNS) {
      dx.write(zeros, 0, out + at, (int) Math.min(COLUMNS, high * width - at));
    }
    long limit = rows.limitOver(high);
    for (long oy = rows.firstOver(low); oy < limit; oy++) {
      long in = PoolKernel.plane(dy, shape, plane) + oy * shape.yWidth();
      long at = indicesAt + (plane * shape.yHeight() + oy) * shape.yWidth();
      for (long ox = 0; ox < shape.yWidth(); ox++) {
        int index = indices.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, at + ox);
        int iy = index / width;
        int ix = index - iy * width;
        if (index >= 0 && iy >= low && iy < high && rows.holds(oy, iy) && columns.holds(ox, ix)) {
          dx.set(out + index, dx.get(out + index) + dy.get(in + ox));
        }
      }
    }
  }

  /** Averages: rows [low, high) of columns [from, from + n). */
  private void spread(long plane, long low, long high, long from, int n, Scratch scratch) {
    int stride = padded(n);
    float[] sums = scratch.floats(1, (high - low) * stride + 16);
    Arrays.fill(sums, 0, (int) (high - low) * stride, 0);
    float[] line = scratch.floats(2, stride + 16);
    long limit = rows.limitOver(high);
    for (long oy = rows.firstOver(low); oy < limit; oy++) {
      Arrays.fill(line, 0, stride, 0);
      line(PoolKernel.plane(dy, shape, plane) + oy * shape.yWidth(), rows.count(oy), from, n, line, scratch);
      for (long iy = Math.max(low, rows.first(oy)); iy < Math.min(high, rows.limit(oy)); iy++) {
        if (rows.holds(oy, iy)) {
          loops.elements().binary(Elementwise.Op.ADD, 0, sums, (int) (iy - low) * stride, line, 0, stride);
        }
      }
    }
    long out = PoolKernel.plane(dx, shape, plane) + from;
    for (long iy = low; iy < high; iy++) {
      dx.write(sums, (int) (iy - low) * stride, out + iy * shape.xWidth(), n);
    }
  }

  /** A row of dy over its counts, spread over the columns [from, from + n) of a line. */
  private void line(long in, long rowCount, long from, int n, float[] line, Scratch scratch) {
    long reach = (columns.kernel() - 1) * columns.dilation();
    if (columns.stride() == 1 && !columns.adaptive() && reach <= COLUMNS) {
      slide(in, rowCount, from, n, (int) reach, line, scratch);
      return;
    }
    long limit = columns.limitOver(from + n);
    for (long ox = columns.firstOver(from); ox < limit; ox++) {
      float g = dy.get(in + ox) / (float) (rowCount * columns.count(ox));
      long last = Math.min(from + n, columns.limit(ox));
      for (long ix = columns.first(ox); ix < last; ix += columns.dilation()) {
        if (ix >= from) {
          line[(int) (ix - from)] += g;
        }
      }
    }
  }

  /** Stride 1: the windows that hold a column are neighbours, the last tap's first. */
  private void slide(long in, long rowCount, long from, int n, int reach, float[] line, Scratch scratch) {
    float[] g = scratch.floats(3, n + reach + 32);
    long ox = from + columns.begin() - reach;
    int low = (int) Math.max(0, -ox);
    int high = (int) Math.max(low, Math.min(n + reach, shape.yWidth() - ox));
    Arrays.fill(g, 0, n + reach + 32, 0);
    if (high == low) {
      return;
    }
    dy.read(in + ox + low, g, low, high - low);
    for (int i = low; i < high; i++) {
      g[i] /= (float) (rowCount * columns.count(ox + i));
    }
    for (int shift = 0; shift <= reach; shift += (int) columns.dilation()) {
      loops.elements().binary(Elementwise.Op.ADD, 0, line, 0, g, shift, padded(n));
    }
  }
}
