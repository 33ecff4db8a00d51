package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.DType;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.spi.CastArgs;

/** y = x in another type: chunks are gathered by their strides, converted in the L1 cache and scattered. */
final class CastKernel {
  private static final int CHUNK = 2048;
  private static final long TASK = 16L * CHUNK;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private final Loops loops;
  private final long[] shape;
  private final Operand x;
  private final Operand y;

  /** A tensor with strides for the merged shape; one of the two ways to its elements is null. */
  private record Operand(DType type, Floats floats, MemorySegment halves, long start, long[] stride) {
    static Operand of(Tensor t, long[] stride) {
      boolean half = t.dtype().isHalf();
      return new Operand(t.dtype(), half ? null : Floats.of(t), half ? t.segment() : null, t.offset(), stride);
    }
  }

  private CastKernel(Loops loops, CastArgs args) {
    this.loops = loops;
    long[] size = args.y().shape();
    long[][] strides = {args.x().strides(), args.y().strides()};
    this.shape = Arrays.copyOf(size, ElementwiseKernel.merge(size, strides));
    this.x = Operand.of(args.x(), strides[0]);
    this.y = Operand.of(args.y(), strides[1]);
  }

  static void run(Loops loops, CastArgs args) {
    CastKernel kernel = new CastKernel(loops, args);
    long count = args.y().count();
    Threads.pool().run(ceilDiv(count, TASK), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        long last = Math.min(count, end * TASK);
        for (long at = begin * TASK; at < last; at += CHUNK) {
          kernel.chunk(at, (int) Math.min(CHUNK, last - at), scratch);
        }
      }
    });
  }

  private void chunk(long first, int n, Scratch scratch) {
    float[] wide = scratch.floats(0, CHUNK);
    short[] halves = scratch.shorts(CHUNK);
    move(x, first, n, wide, halves, true);
    if (x.type != y.type) {
      if (x.type.isHalf()) {
        loops.casts().widen(x.type, halves, wide, padded(n));
      }
      if (y.type.isHalf()) {
        loops.casts().narrow(y.type, wide, halves, padded(n));
      }
    }
    move(y, first, n, wide, halves, false);
  }

  /** Copies elements first to first + n - 1 in row-major order between a tensor and the array of its type, run by run. */
  private void move(Operand operand, long first, int n, float[] wide, short[] halves, boolean in) {
    int inner = shape.length - 1;
    long width = inner < 0 ? 1 : shape[inner];
    long step = inner < 0 ? 1 : operand.stride[inner];
    for (int done = 0; done < n; ) {
      long linear = first + done;
      long column = linear % width;
      long at = operand.start + column * step;
      linear /= width;
      for (int d = inner - 1; d >= 0; d--) {
        at += linear % shape[d] * operand.stride[d];
        linear /= shape[d];
      }
      int run = (int) Math.min(n - done, width - column);
      if (operand.halves != null) {
        halves(operand.halves, at, step, halves, done, run, in);
      } else if (in) {
        operand.floats.read(at, step, wide, done, run);
      } else {
        operand.floats.write(wide, done, at, step, run);
      }
      done += run;
    }
  }

  private static void halves(MemorySegment memory, long at, long step, short[] array, int arrayAt, int n, boolean in) {
    if (step == 1 && in) {
      MemorySegment.copy(memory, SHORT, at * Short.BYTES, array, arrayAt, n);
    } else if (step == 1) {
      MemorySegment.copy(array, arrayAt, memory, SHORT, at * Short.BYTES, n);
    } else if (in) {
      for (int i = 0; i < n; i++) {
        array[arrayAt + i] = memory.getAtIndex(SHORT, at + i * step);
      }
    } else {
      for (int i = 0; i < n; i++) {
        memory.setAtIndex(SHORT, at + i * step, array[arrayAt + i]);
      }
    }
  }
}
