package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.spi.UnpoolArgs;
import org.ondol.spi.UnpoolBackwardArgs;

/** Values to the places that indices name, and back. A plane is one task: the last of equal indices must win. */
final class UnpoolKernel {
  private static final int ZEROS = 2048;

  private UnpoolKernel() {}

  private static long plane(Floats t, long channels, long plane) {
    return t.start + plane / channels * t.stride(0) + plane % channels * t.stride(1);
  }

  private static int index(MemorySegment indices, long at) {
    return indices.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, at);
  }

  private static long count(Tensor t) {
    return t.size(2) * t.size(3);
  }

  static void run(UnpoolArgs args) {
    Floats x = Floats.of(args.x());
    Floats y = Floats.of(args.y());
    MemorySegment indices = args.indices().segment();
    long channels = args.x().size(1);
    long n = count(args.x());
    long size = count(args.y());
    Threads.pool().run(args.x().size(0) * channels, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        float[] zeros = scratch.floats(0, ZEROS);
        Arrays.fill(zeros, 0, ZEROS, 0);
        for (long p = begin; p < end; p++) {
          long in = plane(x, channels, p);
          long out = plane(y, channels, p);
          for (long i = 0; i < size; i += ZEROS) {
            y.write(zeros, 0, out + i, (int) Math.min(ZEROS, size - i));
          }
          for (long i = 0; i < n; i++) {
            int index = index(indices, args.indices().offset() + p * n + i);
            if (index >= 0 && index < size) {
              y.set(out + index, x.get(in + i));
            }
          }
        }
      }
    });
  }

  /** Downwards, so that the first who names a place is the one who counts. */
  static void backward(UnpoolBackwardArgs args) {
    Floats dy = Floats.of(args.dy());
    Floats dx = Floats.of(args.dx());
    MemorySegment indices = args.indices().segment();
    long channels = args.dx().size(1);
    long n = count(args.dx());
    long size = count(args.dy());
    Threads.pool().run(args.dx().size(0) * channels, (begin, end, thread) -> {
      BitSet taken = new BitSet(Math.toIntExact(size));
      for (long p = begin; p < end; p++) {
        taken.clear();
        long in = plane(dy, channels, p);
        long out = plane(dx, channels, p);
        for (long i = n - 1; i >= 0; i--) {
          int index = index(indices, args.indices().offset() + p * n + i);
          boolean counts = index >= 0 && index < size && !taken.get(index);
          dx.set(out + i, counts ? dy.get(in + index) : 0);
          if (counts) {
            taken.set(index);
          }
        }
      }
    });
  }
}
