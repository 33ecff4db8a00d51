package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;
import static org.ondol.vector.Tiles.PANEL;
import static org.ondol.vector.Tiles.QUAD;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Activation;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.GemmArgs;

/**
 * C = act(alpha A B + bias) + residual. A task computes one block of C in an array: quads of A (a block of them stays
 * in the L2 cache) times panels of B (one stays in L1), {@value #K_BLOCK} steps of k at a time, then the epilogue row
 * by row.
 */
final class GemmKernel {
  private static final int K_BLOCK = 256;
  private static final int ROWS = 128;
  private static final int COLUMNS = 512;

  /** B is packed once for all tasks if that takes no more floats than this, else by every task for itself. */
  private static final long SHARED_LIMIT = 1 << 24;

  private final Loops loops;
  private final GemmArgs args;
  private final Floats a;
  private final Floats b;
  private final Floats c;
  private final Floats bias;
  private final Floats residual;
  private final long batches;
  private final int rows;
  private final int columns;
  private final long rowBlocks;
  private final long columnBlocks;

  /** B in panels for all tasks, or null. */
  private float[] shared;
  private long sharedBatch;

  private GemmKernel(Loops loops, GemmArgs args) {
    this.loops = loops;
    this.args = args;
    this.a = Floats.of(args.a());
    this.b = Floats.of(args.packed() != null ? args.packed() : args.b());
    this.c = Floats.of(args.c());
    this.bias = Floats.of(args.bias());
    this.residual = Floats.of(args.residual());
    long batches = 1;
    for (int d = 0; d < args.c().rank() - 2; d++) {
      batches *= args.c().size(d);
    }
    this.batches = batches;
    int rows = even(args.m(), ROWS, QUAD);
    int columns = even(args.n(), COLUMNS, PANEL);
    long wanted = Threads.count() == 1 ? 1 : 4L * Threads.count();
    while (batches * ceilDiv(args.m(), rows) * ceilDiv(args.n(), columns) < wanted && (rows > 32 || columns > 64)) {
      if (columns > 64 && columns >= 2 * rows || rows <= 32) {
        columns = even(args.n(), Math.max(64, columns / 2), PANEL);
      } else {
        rows = even(args.m(), Math.max(32, rows / 2), QUAD);
      }
    }
    this.rows = rows;
    this.columns = columns;
    this.rowBlocks = ceilDiv(args.m(), rows);
    this.columnBlocks = ceilDiv(args.n(), columns);
  }

  static void run(Loops loops, GemmArgs args) {
    GemmKernel kernel = new GemmKernel(loops, args);
    try (Scratch scratch = Scratch.borrow()) {
      kernel.share(scratch);
      long tasks = kernel.batches * kernel.rowBlocks * kernel.columnBlocks;
      Threads.pool().run(tasks, (begin, end, thread) -> {
        try (Scratch own = Scratch.borrow()) {
          for (long task = begin; task < end; task++) {
            kernel.block(task, own);
          }
        }
      });
    }
  }

  /** A block size of at most {@code limit} that cuts n into nearly equal blocks, a multiple of {@code unit}. */
  private static int even(long n, int limit, int unit) {
    long blocks = ceilDiv(n, limit);
    return (int) (ceilDiv(ceilDiv(n, blocks), unit) * unit);
  }

  private void share(Scratch scratch) {
    long k = args.k();
    long panels = ceilDiv(args.n(), PANEL);
    if (args.packed() != null) {
      float[] array = b.array();
      shared = array != null && b.start + panels * k * PANEL <= array.length ? array : null;
      sharedBatch = 0;
      return;
    }
    boolean oneMatrix = true;
    for (int d = 0; d < args.c().rank() - 2; d++) {
      oneMatrix &= args.c().size(d) == 1 || b.stride(d) == 0;
    }
    long size = panels * k * PANEL;
    long matrices = oneMatrix ? 1 : batches;
    boolean reused = rowBlocks > 1 || oneMatrix && batches > 1;
    if (!reused || size > SHARED_LIMIT / matrices) {
      return;
    }
    shared = scratch.floats(0, matrices * size);
    sharedBatch = oneMatrix ? 0 : size;
    int group = 4;
    long groups = ceilDiv(panels, group);
    Threads.pool().run(matrices * groups, (begin, end, thread) -> {
      try (Scratch own = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          long matrix = task / groups;
          long j = task % groups * group * PANEL;
          int n = (int) Math.min(group * PANEL, args.n() - j);
          for (long i = 0; i < k; i += K_BLOCK) {
            int steps = (int) Math.min(K_BLOCK, k - i);
            int at = (int) (matrix * size + (j / PANEL * k + i) * PANEL);
            packB(batchStart(b, matrix), i, steps, j, n, shared, at, (int) k * PANEL, own);
          }
        }
      }
    });
  }

  private long batchStart(Floats x, long batch) {
    long at = x.start;
    for (int d = args.c().rank() - 3; d >= 0; d--) {
      long size = args.c().size(d);
      at += batch % size * x.stride(d);
      batch /= size;
    }
    return at;
  }

  private void block(long task, Scratch scratch) {
    // Neighbouring tasks share columns: B's panels stay in the outer cache while the rows pass.
    long i0 = task % rowBlocks * rows;
    long j0 = task / rowBlocks % columnBlocks * columns;
    long batch = task / rowBlocks / columnBlocks;
    int m = (int) Math.min(rows, args.m() - i0);
    int n = (int) Math.min(columns, args.n() - j0);
    int quads = (int) ceilDiv(m, QUAD);
    int stride = padded(n);
    float[] product = scratch.floats(1, (long) quads * QUAD * stride);
    if (args.k() == 0) {
      Arrays.fill(product, 0, m * stride, 0);
    }
    float[] left = scratch.floats(2, (long) quads * QUAD * K_BLOCK);
    long aStart = batchStart(a, batch);
    for (long k0 = 0; k0 < args.k(); k0 += K_BLOCK) {
      int k = (int) Math.min(K_BLOCK, args.k() - k0);
      packA(aStart + i0 * a.stride(-2) + k0 * a.stride(-1), m, k, left, scratch);
      float[] right = shared;
      int at;
      int panelStride;
      if (shared != null) {
        long base = args.packed() != null ? b.start : batch * sharedBatch;
        at = (int) (base + (j0 / PANEL * args.k() + k0) * PANEL);
        panelStride = (int) args.k() * PANEL;
      } else {
        right = scratch.floats(3, (long) K_BLOCK * stride);
        at = 0;
        panelStride = k * PANEL;
        ownB(batch, k0, k, j0, n, right, panelStride, scratch);
      }
      for (int j = 0; j < n; j += PANEL) {
        loops.tiles().quads(left, 0, quads, right, at + j / PANEL * panelStride, k, product, j, stride, k0 == 0);
      }
    }
    epilogue(product, stride, batch, i0, m, j0, n, scratch);
  }

  private void packA(long at, int m, int k, float[] to, Scratch scratch) {
    float[] rowMajor = scratch.floats(4, (long) ROWS * K_BLOCK);
    if (a.stride(-2) == 1 && a.stride(-1) != 1) {
      a.readRows(at, a.stride(-1), k, rowMajor, 0, m, m);
      Packing.quadsOfColumns(rowMajor, 0, m, k, m, to, 0);
      return;
    }
    if (a.stride(-1) == 1) {
      a.readRows(at, a.stride(-2), m, rowMajor, 0, k, k);
    } else {
      for (int i = 0; i < m; i++) {
        a.read(at + i * a.stride(-2), a.stride(-1), rowMajor, i * k, k);
      }
    }
    Packing.quads(rowMajor, 0, k, m, k, to, 0);
  }

  private void ownB(long batch, long k0, int k, long j0, int n, float[] to, int panelStride, Scratch scratch) {
    if (args.packed() == null) {
      packB(batchStart(b, batch), k0, k, j0, n, to, 0, panelStride, scratch);
      return;
    }
    for (int j = 0; j < n; j += PANEL) {
      b.read(b.start + ((j0 + j) / PANEL * args.k() + k0) * PANEL, to, j / PANEL * panelStride, panelStride);
    }
  }

  /** Packs k rows and n columns of B; panels lie panelStride apart. */
  private void packB(long start, long k0, int k, long j0, int n, float[] to, int toAt, int panelStride,
      Scratch scratch) {
    long at = start + k0 * b.stride(-2) + j0 * b.stride(-1);
    float[] line = scratch.floats(5, Math.max(COLUMNS, K_BLOCK));
    if (b.stride(-2) == 1 && b.stride(-1) != 1) {
      for (int j = 0; j < padded(n); j++) {
        if (j < n) {
          b.read(at + j * b.stride(-1), line, 0, k);
        } else {
          Arrays.fill(line, 0, k, 0);
        }
        Packing.column(line, 0, k, to, toAt + j / PANEL * panelStride + j % PANEL, PANEL);
      }
      return;
    }
    for (int i = 0; i < k; i++) {
      b.read(at + i * b.stride(-2), b.stride(-1), line, 0, n);
      Packing.panelRow(line, 0, n, to, toAt + PANEL * i, panelStride);
    }
  }

  private void epilogue(float[] product, int stride, long batch, long i0, int m, long j0, int n, Scratch scratch) {
    Elements e = loops.elements();
    float[] row = scratch.floats(6, COLUMNS);
    if (args.alpha() != 1) {
      e.unary(Op.SCALE, args.alpha(), product, 0, m * stride);
    }
    if (bias != null) {
      bias.read(bias.start + j0, row, 0, n);
      for (int i = 0; i < m; i++) {
        e.binary(Op.ADD, 0, product, i * stride, row, 0, stride);
      }
    }
    if (args.activation() != Activation.NONE) {
      e.unary(Op.valueOf(args.activation().name()), 0, product, 0, m * stride);
    }
    long cAt = batchStart(c, batch) + i0 * c.stride(-2) + j0;
    long residualAt = residual == null ? 0 : batchStart(residual, batch) + i0 * residual.stride(-2) + j0;
    for (int i = 0; i < m; i++) {
      if (residual != null) {
        residual.read(residualAt + i * residual.stride(-2), row, 0, n);
        e.binary(Op.ADD, 0, product, i * stride, row, 0, stride);
      }
      c.write(product, i * stride, cAt + i * c.stride(-2), n);
    }
  }
}
