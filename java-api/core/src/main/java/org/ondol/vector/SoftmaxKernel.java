package org.ondol.vector;

import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.SoftmaxArgs;
import org.ondol.spi.SoftmaxBackwardArgs;

/** Softmax, log softmax and their gradients over the middle of [outer, n, inner]. */
final class SoftmaxKernel {
  private SoftmaxKernel() {}

  static void run(Loops loops, SoftmaxArgs args) {
    Floats x = Floats.of(args.x());
    Floats y = Floats.of(args.y());
    int n = Math.toIntExact(args.n());
    RowWise.run(args.outer(), n, args.inner(), new Floats[] {x}, y, (rows, scratch) -> {
      float[] row = rows[0];
      float[] p = scratch.floats(0, 16);
      Arrays.fill(row, n, padded(n), Float.NEGATIVE_INFINITY);
      float m = loops.rows().max16(row, padded(n), p);
      if (args.log()) {
        float[] e = scratch.floats(1, padded(n));
        System.arraycopy(row, 0, e, 0, n);
        loops.rows().minus(row, 0, padded(n), m, ScalarMath.log(sumOfExp(loops, e, n, m, p)));
      } else {
        loops.elements().unary(Op.SCALE, 1 / sumOfExp(loops, row, n, m, p), row, 0, padded(n));
      }
      return row;
    });
  }

  /** Replaces x by exp(x - m) and returns the sum. */
  private static float sumOfExp(Loops loops, float[] x, int n, float m, float[] p) {
    loops.rows().expMinus(x, 0, padded(n), m);
    Arrays.fill(x, n, padded(n), 0);
    return loops.rows().sum16(x, padded(n), p);
  }

  static void backward(Loops loops, SoftmaxBackwardArgs args) {
    Floats y = Floats.of(args.y());
    Floats dy = Floats.of(args.dy());
    Floats dx = Floats.of(args.dx());
    int n = Math.toIntExact(args.n());
    RowWise.run(args.outer(), n, args.inner(), new Floats[] {y, dy}, dx, (rows, scratch) -> {
      float[] p = scratch.floats(0, 16);
      Arrays.fill(rows[0], n, padded(n), 0);
      Arrays.fill(rows[1], n, padded(n), 0);
      if (args.log()) {
        float s = loops.rows().sum16(rows[1], padded(n), p);
        loops.rows().logSoftmaxGradient(rows[0], rows[1], 0, padded(n), s);
      } else {
        float s = loops.rows().dot16(rows[0], rows[1], padded(n), p);
        loops.rows().softmaxGradient(rows[0], rows[1], 0, padded(n), s);
      }
      return rows[1];
    });
  }
}
