package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.DType;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.EmbeddingArgs;
import org.ondol.spi.EmbeddingBackwardArgs;

/** Rows of a table by number, and the gradient of the table. */
final class EmbeddingKernel {
  private static final long TASK = 1 << 14;

  private EmbeddingKernel() {}

  /** Row numbers of either integer type. */
  private record Ids(MemorySegment memory, long start, boolean wide) {
    static Ids of(Tensor t) {
      return new Ids(t.segment(), t.offset(), t.dtype() == DType.INT64);
    }

    long get(long i) {
      return wide ? memory.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, start + i)
          : memory.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, start + i);
    }
  }

  static void run(EmbeddingArgs args) {
    Floats table = Floats.of(args.table());
    Floats out = Floats.of(args.out());
    Ids ids = Ids.of(args.ids());
    int width = Math.toIntExact(args.width());
    if (width == 0) {
      return;
    }
    long perTask = Math.max(1, TASK / width);
    Threads.pool().run(ceilDiv(args.count(), perTask), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        float[] row = scratch.floats(0, width);
        long last = Math.min(args.count(), end * perTask);
        for (long i = begin * perTask; i < last; i++) {
          long id = ids.get(i);
          if (id >= 0 && id < args.vocabulary()) {
            table.read(table.start + id * width, row, 0, width);
          } else {
            Arrays.fill(row, 0, width, 0);
          }
          out.write(row, 0, out.start + i * width, width);
        }
      }
    });
  }

  /** A task owns a range of the table's rows and looks for their numbers in all of ids, in order. */
  static void backward(Loops loops, EmbeddingBackwardArgs args) {
    Floats dout = Floats.of(args.dout());
    Floats dtable = Floats.of(args.dtable());
    Ids ids = Ids.of(args.ids());
    int width = Math.toIntExact(args.width());
    long ranges = Math.min(args.vocabulary(), Threads.count());
    long perRange = ranges == 0 ? 0 : ceilDiv(args.vocabulary(), ranges);
    Threads.pool().run(ranges, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        float[] sum = scratch.floats(0, padded(width));
        float[] row = scratch.floats(1, padded(width));
        long low = begin * perRange;
        long high = Math.min(args.vocabulary(), end * perRange);
        Arrays.fill(sum, 0, width, 0);
        for (long id = low; id < high; id++) {
          dtable.write(sum, 0, dtable.start + id * width, width);
        }
        for (long i = 0; i < args.count(); i++) {
          long id = ids.get(i);
          if (id < low || id >= high) {
            continue;
          }
          dtable.read(dtable.start + id * width, sum, 0, width);
          dout.read(dout.start + i * width, row, 0, width);
          loops.elements().binary(Op.ADD, 0, sum, 0, row, 0, padded(width));
          dtable.write(sum, 0, dtable.start + id * width, width);
        }
      }
    });
  }
}
