package org.ondol.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.OutOfMemoryException;
import org.ondol.Tensor;

/**
 * Keys and values of many sequences of different lengths in pages of one pool (Kwon et al. 2023): a sequence takes a page
 * when it needs one and gives its pages back when it ends, so memory is never reserved for lengths that are not reached.
 * Not for use by several threads at once.
 */
public final class PagedKvCache implements AutoCloseable {
  private final Device device;
  private final Tensor keys;
  private final Tensor values;
  private final long pageSize;
  private final int[] free;
  private int freeCount;
  private final List<Sequence> sequences = new ArrayList<>();

  private static final class Sequence {
    final List<Integer> pages = new ArrayList<>();
    long length;
    boolean open = true;
  }

  /**
   * An empty pool.
   *
   * @param pages number of pages
   * @param pageSize positions of a page
   */
  public PagedKvCache(Device device, int pages, long pageSize, long kvHeads, long headDim, long valueDim) {
    Check.present("device", device);
    if (pages < 1) throw new InvalidArgumentException("pages", pages, "at least 1");
    if (pageSize < 1) throw new InvalidArgumentException("pageSize", pageSize, "at least 1");
    if (kvHeads < 1) throw new InvalidArgumentException("kvHeads", kvHeads, "at least 1");
    if (headDim < 1) throw new InvalidArgumentException("headDim", headDim, "at least 1");
    if (valueDim < 1) throw new InvalidArgumentException("valueDim", valueDim, "at least 1");
    this.device = device;
    this.pageSize = pageSize;
    Tensor[] stores = Outputs.pair(device, new long[] {pages, kvHeads, pageSize, headDim},
        new long[] {pages, kvHeads, pageSize, valueDim});
    this.keys = stores[0];
    this.values = stores[1];
    this.free = new int[pages];
    this.freeCount = pages;
    for (int i = 0; i < pages; i++) free[i] = pages - 1 - i;
  }

  /** Begins a sequence and returns its number. */
  public int open() {
    sequences.add(new Sequence());
    return sequences.size() - 1;
  }

  /** Ends a sequence and frees its pages. */
  public void release(int sequence) {
    Sequence s = sequence(sequence);
    for (int page : s.pages) free[freeCount++] = page;
    s.pages.clear();
    s.length = 0;
    s.open = false;
  }

  public long length(int sequence) {
    return sequence(sequence).length;
  }

  public int freePages() {
    return freeCount;
  }

  /**
   * Appends n positions to a sequence.
   *
   * @param k [Hkv,n,D]
   * @param v [Hkv,n,Dv]
   * @throws OutOfMemoryException if the pool has too few free pages; the sequence is then unchanged
   */
  public void append(int sequence, Tensor k, Tensor v) {
    Sequence s = sequence(sequence);
    Check.floats("k", k, device);
    Check.floats("v", v, device);
    Check.rank("k", k, 3, 3);
    long n = k.size(1);
    Check.shape("k", k, keys.size(1), n, keys.size(3));
    Check.shape("v", v, values.size(1), n, values.size(3));
    long needed = (s.length + n + pageSize - 1) / pageSize - s.pages.size();
    if (needed > freeCount) {
      throw new OutOfMemoryException(device.name(), needed * pageSize * keys.size(1) * (keys.size(3) + values.size(3)) * 4,
          needed + " pages of the cache are needed and " + freeCount + " of " + free.length + " are free");
    }
    for (long i = 0; i < needed; i++) s.pages.add(free[--freeCount]);
    for (long done = 0; done < n; ) {
      long at = s.length % pageSize;
      long run = Math.min(pageSize - at, n - done);
      int page = s.pages.get((int) (s.length / pageSize));
      write(keys, page, at, k, done, run);
      write(values, page, at, v, done, run);
      s.length += run;
      done += run;
    }
  }

  private static void write(Tensor store, int page, long at, Tensor added, long from, long run) {
    try (Tensor whole = store.select(0, page); Tensor place = whole.slice(1, at, at + run);
        Tensor source = added.slice(1, from, from + run)) {
      place.assign(source);
    }
  }

  /**
   * Attention of each item's queries over its sequence.
   *
   * @param q [B,H,Lq,D]
   * @param order the sequence of each item, length B
   */
  public Tensor attend(Tensor q, int[] order, Attention.Options options) {
    Check.present("order", order);
    int width = 0;
    for (int s : order) width = Math.max(width, sequence(s).pages.size());
    long[] table = new long[order.length * width];
    Arrays.fill(table, -1);
    long[] lengths = new long[order.length];
    for (int i = 0; i < order.length; i++) {
      Sequence s = sequence(order[i]);
      for (int p = 0; p < s.pages.size(); p++) table[i * width + p] = s.pages.get(p);
      lengths[i] = s.length;
    }
    return Attention.apply(q, keys, values, options.paged(table, width, lengths));
  }

  private Sequence sequence(int number) {
    if (number < 0 || number >= sequences.size() || !sequences.get(number).open) {
      throw new InvalidArgumentException("sequence", number, "an open sequence");
    }
    return sequences.get(number);
  }

  @Override
  public void close() {
    keys.close();
    values.close();
  }
}
