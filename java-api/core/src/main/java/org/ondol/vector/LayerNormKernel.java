package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.LayerNormArgs;
import org.ondol.spi.LayerNormBackwardArgs;

/** Layer normalisation of rows, and its gradient. */
final class LayerNormKernel {
  private static final long TASK = 1 << 14;

  /** Columns of a task that sums gradients over rows. */
  private static final int COLUMNS = 128;

  private LayerNormKernel() {}

  private static float[] parameter(Floats data, int n, float absent) {
    float[] values = new float[padded(n)];
    if (data == null) {
      Arrays.fill(values, absent);
    } else {
      data.read(data.start, values, 0, n);
    }
    return values;
  }

  static void run(Loops loops, LayerNormArgs args) {
    int n = Math.toIntExact(args.n());
    Floats x = Floats.of(args.x());
    Floats y = Floats.of(args.y());
    Floats means = Floats.of(args.mean());
    Floats rstds = Floats.of(args.rstd());
    float[] gamma = parameter(Floats.of(args.gamma()), n, 1);
    float[] beta = parameter(Floats.of(args.beta()), n, 0);
    forRows(args.rows(), n, (row, scratch) -> {
      float[] p = scratch.floats(0, 16);
      float[] d = scratch.floats(1, padded(n));
      x.read(x.start + row * n, d, 0, n);
      Arrays.fill(d, n, padded(n), 0);
      float mean = loops.rows().sum16(d, padded(n), p) / n;
      loops.rows().minus(d, 0, padded(n), mean, 0);
      Arrays.fill(d, n, padded(n), 0);
      float variance = loops.rows().dot16(d, d, padded(n), p) / n;
      float rstd = 1 / (float) Math.sqrt(variance + args.eps());
      loops.rows().normalize(d, 0, padded(n), rstd, gamma, beta);
      y.write(d, 0, y.start + row * n, n);
      if (means != null) {
        means.set(means.start + row, mean);
      }
      if (rstds != null) {
        rstds.set(rstds.start + row, rstd);
      }
    });
  }

  @FunctionalInterface
  private interface RowBody {
    void run(long row, Scratch scratch);
  }

  private static void forRows(long rows, int n, RowBody body) {
    long perTask = Math.max(1, TASK / n);
    Threads.pool().run(ceilDiv(rows, perTask), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        long last = Math.min(rows, end * perTask);
        for (long row = begin * perTask; row < last; row++) {
          body.run(row, scratch);
        }
      }
    });
  }

  static void backward(Loops loops, LayerNormBackwardArgs args) {
    if (args.dx() != null) {
      inputGradient(loops, args);
    }
    if (args.dgamma() != null || args.dbeta() != null) {
      Threads.pool().run(ceilDiv(args.n(), COLUMNS), (begin, end, thread) -> {
        try (Scratch scratch = Scratch.borrow()) {
          for (long task = begin; task < end; task++) {
            parameterGradient(loops, args, task * COLUMNS, scratch);
          }
        }
      });
    }
  }

  private static void inputGradient(Loops loops, LayerNormBackwardArgs args) {
    int n = Math.toIntExact(args.n());
    Floats x = Floats.of(args.x());
    Floats dy = Floats.of(args.dy());
    Floats dx = Floats.of(args.dx());
    Floats means = Floats.of(args.mean());
    Floats rstds = Floats.of(args.rstd());
    float[] gamma = parameter(Floats.of(args.gamma()), n, 1);
    forRows(args.rows(), n, (row, scratch) -> {
      float[] p = scratch.floats(0, 16);
      float[] h = scratch.floats(1, padded(n));
      float[] g = scratch.floats(2, padded(n));
      float rstd = rstds.get(rstds.start + row);
      x.read(x.start + row * n, h, 0, n);
      dy.read(dy.start + row * n, g, 0, n);
      loops.rows().standardize(h, 0, padded(n), means.get(means.start + row), rstd);
      loops.elements().binary(Op.MUL, 0, g, 0, gamma, 0, padded(n));
      Arrays.fill(h, n, padded(n), 0);
      Arrays.fill(g, n, padded(n), 0);
      float s1 = loops.rows().sum16(g, padded(n), p) / n;
      float s2 = loops.rows().dot16(g, h, padded(n), p) / n;
      loops.rows().layernormGradient(h, g, 0, padded(n), rstd, s1, s2);
      dx.write(g, 0, dx.start + row * n, n);
    });
  }

  /** dgamma and dbeta of a block of columns: chains over ascending rows. */
  private static void parameterGradient(Loops loops, LayerNormBackwardArgs args, long column, Scratch scratch) {
    int width = (int) Math.min(COLUMNS, args.n() - column);
    Floats x = Floats.of(args.x());
    Floats dy = Floats.of(args.dy());
    Floats means = Floats.of(args.mean());
    Floats rstds = Floats.of(args.rstd());
    float[] h = scratch.floats(1, COLUMNS);
    float[] g = scratch.floats(2, COLUMNS);
    float[] dgamma = scratch.floats(3, COLUMNS);
    float[] dbeta = scratch.floats(4, COLUMNS);
    Arrays.fill(dgamma, 0);
    Arrays.fill(dbeta, 0);
    for (long row = 0; row < args.rows(); row++) {
      x.read(x.start + row * args.n() + column, h, 0, width);
      dy.read(dy.start + row * args.n() + column, g, 0, width);
      loops.rows().standardize(h, 0, padded(width), means.get(means.start + row), rstds.get(rstds.start + row));
      loops.rows().multiplyAdd(dgamma, 0, g, 0, h, 0, padded(width));
      loops.elements().binary(Op.ADD, 0, dbeta, 0, g, 0, padded(width));
    }
    if (args.dgamma() != null) {
      Floats out = Floats.of(args.dgamma());
      out.write(dgamma, 0, out.start + column, width);
    }
    if (args.dbeta() != null) {
      Floats out = Floats.of(args.dbeta());
      out.write(dbeta, 0, out.start + column, width);
    }
  }
}
