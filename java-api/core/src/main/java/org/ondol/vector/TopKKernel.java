package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Threads;
import org.ondol.spi.TopKArgs;

/**
 * The first k of each row, which is read once, in chunks. Few are kept sorted, and what exceeds the last of them is put in its place.
 * Of many a sample of the row tells about which key the last has: where more than k elements, and not too many, exceed it, these are
 * collected at the speed of a comparison and sorted once. Else a buffer of twice k candidates is sorted and cut to k whenever it is
 * full, and from then on only greater elements than the least of these enter.
 */
final class TopKKernel {
  private static final int CHUNK = 2048;

  /** So many are kept sorted. */
  private static final int FEW = 16;

  /** Beyond k: enough that small k are not sorted after every few elements. */
  private static final int SLACK = 64;

  /** A sample is as large that about so many of it are among the first k. */
  private static final int SAMPLED = 64;
  /** For less the sample would not pay. */
  private static final int GUESS_FROM = 16 * SAMPLED;

  private final BoxLoops loops;
  private final TopKArgs args;
  private final Scratch scratch;
  private final Floats x;
  private final int n;
  private final int k;
  private final int flip;
  private final int full;
  private final float[] chunk;
  private final Order.Words words;
  private long start;

  private TopKKernel(BoxLoops loops, TopKArgs args, Scratch scratch) {
    this.loops = loops;
    this.args = args;
    this.scratch = scratch;
    x = Floats.of(args.x());
    n = (int) args.x().size(1);
    k = (int) args.values().size(1);
    flip = args.largest() ? 0 : -1;
    full = (int) Math.min(n, 2L * k + SLACK);
    chunk = scratch.floats(0, CHUNK);
    words = scratch.words();
  }

  static void run(Loops loops, TopKArgs args) {
    Threads.pool().run(args.x().size(0), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        TopKKernel kernel = new TopKKernel(loops.boxes(), args, scratch);
        for (long row = begin; row < end; row++) {
          kernel.row(row);
        }
      }
    });
  }

  private void row(long row) {
    start = x.start + row * x.stride(0);
    clear();
    if (k <= FEW) {
      few();
    } else if (!guessed()) {
      clear();
      buffered();
    }
    write(row * k);
  }

  private void clear() {
    int room = full + BoxLoops.LANES;
    words.begin(scratch.longs(0, room), scratch.longs(1, room));
  }

  private void few() {
    for (int from = 0; from < n; from += CHUNK) {
      int size = Math.min(CHUNK, n - from);
      x.read(start + from, chunk, 0, size);
      int i = from == 0 ? Math.min(size, FEW) : 0;
      for (int j = 0; j < i; j++) {
        words.add(Order.key(chunk[j], flip), j);
      }
      if (from == 0) {
        words.sort();
      }
      loops.best(chunk, i, size, from, flip, k, words);
    }
  }

  /** Whether the sample told a good key; that decides about the time alone. */
  private boolean guessed() {
    int step = k / SAMPLED;
    int samples = step == 0 ? 0 : n / step;
    if (k < GUESS_FROM || n / 4 < k || samples > full) {
      return false;
    }
    for (int i = 0; i < samples; i++) {
      words.add(Order.key(x.get(start + (long) i * step), flip), i);
    }
    words.sort();
    int floor = Order.key(words.words[SAMPLED + SAMPLED / 2]);
    words.count = 0;
    for (int from = 0; from < n; from += CHUNK) {
      int size = Math.min(CHUNK, n - from);
      x.read(start + from, chunk, 0, size);
      if (loops.collect(chunk, 0, size, from, floor, flip, words) < size) {
        return false;
      }
    }
    if (words.count < k) {
      return false;
    }
    words.sort();
    return true;
  }

  private void buffered() {
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
  }

  private void write(long to) {
    Floats values = Floats.of(args.values());
    MemorySegment indices = args.indices().segment();
    for (int i = 0; i < k; i++) {
      int at = Order.position(words.words[i]);
      indices.setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, args.indices().offset() + to + i, at);
      values.set(values.start + to + i, x.get(start + at));
    }
  }
}
