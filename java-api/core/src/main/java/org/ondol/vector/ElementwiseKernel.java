package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.ElementwiseArgs;

/** out = op(x [, y]): chunks of elements are gathered by their strides, computed in the L1 cache and scattered. */
final class ElementwiseKernel {
  /** Two operands of this many floats stay in half of an L1 cache. */
  private static final int CHUNK = 2048;
  private static final long TASK = 16L * CHUNK;

  private final Loops loops;
  private final ElementwiseArgs args;
  private final long[] shape;
  private final Operand x;
  private final Operand y;
  private final Operand out;
  private final long count;

  /** A tensor with strides for the merged shape. */
  private record Operand(Floats data, long[] stride) {}

  private ElementwiseKernel(Loops loops, ElementwiseArgs args) {
    this.loops = loops;
    this.args = args;
    this.count = args.out().count();
    Tensor[] tensors = args.y() == null ? new Tensor[] {args.x(), args.out()}
        : new Tensor[] {args.x(), args.out(), args.y()};
    long[] size = args.out().shape();
    long[][] strides = new long[tensors.length][];
    for (int t = 0; t < tensors.length; t++) {
      strides[t] = tensors[t].strides();
    }
    int rank = merge(size, strides);
    this.shape = Arrays.copyOf(size, rank);
    this.x = new Operand(Floats.of(args.x()), strides[0]);
    this.out = new Operand(Floats.of(args.out()), strides[1]);
    this.y = args.y() == null ? null : new Operand(Floats.of(args.y()), strides[2]);
  }

  static void run(Loops loops, ElementwiseArgs args) {
    ElementwiseKernel kernel = new ElementwiseKernel(loops, args);
    Threads.pool().run(ceilDiv(kernel.count, TASK), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        long last = Math.min(kernel.count, end * TASK);
        for (long at = begin * TASK; at < last; at += CHUNK) {
          kernel.chunk(at, (int) Math.min(CHUNK, last - at), scratch);
        }
      }
    });
  }

  /** Merges neighbouring dimensions that all operands step through evenly; returns the new rank. */
  static int merge(long[] size, long[][] strides) {
    int rank = 0;
    for (int d = 0; d < size.length; d++) {
      if (size[d] == 1) {
        continue;
      }
      boolean even = rank > 0;
      for (long[] s : strides) {
        even = even && s[rank - 1] == s[d] * size[d];
      }
      int target = even ? rank - 1 : rank++;
      size[target] = even ? size[target] * size[d] : size[d];
      for (long[] s : strides) {
        s[target] = s[d];
      }
    }
    return rank;
  }

  private void chunk(long first, int n, Scratch scratch) {
    float[] a = scratch.floats(0, CHUNK);
    float[] b = scratch.floats(1, CHUNK);
    if (args.op() != Op.FILL) {
      move(x, first, n, a, true);
    }
    if (y == null) {
      loops.elements().unary(args.op(), args.param(), a, 0, padded(n));
    } else {
      move(y, first, n, b, true);
      loops.elements().binary(args.op(), args.param(), a, 0, b, 0, padded(n));
    }
    move(out, first, n, a, false);
  }

  /** Copies elements first to first + n - 1 in row-major order between a tensor and an array, run by run. */
  private void move(Operand operand, long first, int n, float[] array, boolean in) {
    int inner = shape.length - 1;
    long width = inner < 0 ? 1 : shape[inner];
    long step = inner < 0 ? 1 : operand.stride[inner];
    for (int done = 0; done < n; ) {
      long linear = first + done;
      long column = linear % width;
      long at = operand.data.start + column * step;
      linear /= width;
      for (int d = inner - 1; d >= 0; d--) {
        at += linear % shape[d] * operand.stride[d];
        linear /= shape[d];
      }
      int run = (int) Math.min(n - done, width - column);
      if (in) {
        operand.data.read(at, step, array, done, run);
      } else {
        operand.data.write(array, done, at, step, run);
      }
      done += run;
    }
  }
}
