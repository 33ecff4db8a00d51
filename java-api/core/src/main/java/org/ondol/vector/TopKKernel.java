package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Threads;
import org.ondol.spi.TopKArgs;

/**
 * The first k of each row. A row is read once, in chunks, into a buffer of twice k candidates; whenever that is full it
 * is sorted and cut to k, and from then on only greater elements than the least of these enter.
 */
final class TopKKernel {
  private static final int CHUNK = 2048;

  /** Beyond k: enough that small k are not sorted after every few elements. */
  private static final int SLACK = 64;

  private TopKKernel() {}

  static void run(Loops loops, TopKArgs args) {
    Threads.pool().run(args.x().size(0), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long row = begin; row < end; row++) {
          row(loops.boxes(), args, row, scratch);
        }
      }
    });
  }

  private static void row(BoxLoops loops, TopKArgs args, long row, Scratch scratch) {
    Floats x = Floats.of(args.x());
    long start = x.start + row * x.stride(0);
    int n = (int) args.x().size(1);
    int k = (int) args.values().size(1);
    int flip = args.largest() ? 0 : -1;
    int full = (int) Math.min(n, 2L * k + SLACK);
    float[] chunk = scratch.floats(0, CHUNK);
    int room = full + BoxLoops.LANES;
    Order.Words words = scratch.words().begin(scratch.longs(0, room), scratch.longs(1, room));
    boolean cut = false;
    for (int from = 0; from < n; from += CHUNK) {
      int size = Math.min(CHUNK, n - from);
      x.read(start + from, chunk, 0, size);
      int i = 0;
      for (; i < size && !cut && words.count < full; i++) {
        words.add(Order.key(chunk[i], flip), from + i);
      }
      while (i < size) {
        if (!cut || words.count + BoxLoops.LANES > full) {
          words.sort();
          words.count = k;
          cut = true;
        }
        // A later element of the same key comes after all k: only greater ones enter.
        i = loops.collect(chunk, i, size, from, Order.key(words.words[k - 1]), flip, words);
      }
    }
    words.sort();
    write(args, x, start, row * k, k, words.words);
  }

  private static void write(TopKArgs args, Floats x, long start, long to, int k, long[] words) {
    Floats values = Floats.of(args.values());
    MemorySegment indices = args.indices().segment();
    for (int i = 0; i < k; i++) {
      int at = Order.position(words[i]);
      indices.setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, args.indices().offset() + to + i, at);
      values.set(values.start + to + i, x.get(start + at));
    }
  }
}
