package org.ondol.vector;

import java.util.Arrays;

/** The samples of one axis of a region that are not outside, bin after bin. */
final class AlignTable {
  /** Entries at most; regions with more go another way. */
  static final int LIMIT = 8192;

  /** Entries of a bin: [begin[i], begin[i + 1]). */
  int[] begin = new int[64];
  /** Cells, counted from the origin. */
  int[] low = new int[256];
  int[] high = new int[256];
  float[] lowWeight = new float[256];
  float[] highWeight = new float[256];
  /** The least and the greatest cell. */
  int firstCell;
  int lastCell;

  private float[] offsets = new float[64];
  private int count;
  private int samples;

  /** The samples of bins [from, to); false where they are too many. */
  boolean fill(AlignAxis axis, int from, int to) {
    int bins = to - from;
    if (bins >= LIMIT) {
      return false;
    }
    if (begin.length <= bins) {
      begin = new int[LIMIT];
    }
    samples = axis.samples();
    count = 0;
    boolean fits = (long) samples * bins <= LIMIT ? all(axis, from, to) : searched(axis, from, to);
    begin[bins] = count;
    if (fits) {
      reach(bins);
    }
    return fits;
  }

  /** Within a bin positions only rise, or only fall: not from bin to bin, where roundings of both ends meet. */
  private void reach(int bins) {
    firstCell = Integer.MAX_VALUE;
    lastCell = -1;
    for (int i = 0; i < bins; i++) {
      int last = begin[i + 1] - 1;
      if (last >= begin[i]) {
        firstCell = Math.min(firstCell, Math.min(low[begin[i]], low[last]));
        lastCell = Math.max(lastCell, Math.max(high[begin[i]], high[last]));
      }
    }
  }

  int entries() {
    return count;
  }

  int entries(int bin) {
    return begin[bin + 1] - begin[bin];
  }

  /** Whether a sample of the bin is outside. */
  boolean outside(int bin) {
    return entries(bin) < samples;
  }

  /** Counts cells from another one, and each {@code times} times. */
  void origin(int cell, int times) {
    for (int s = 0; s < count; s++) {
      low[s] = (low[s] - cell) * times;
      high[s] = (high[s] - cell) * times;
    }
  }

  private boolean all(AlignAxis axis, int from, int to) {
    room(samples * (to - from));
    if (offsets.length < samples) {
      offsets = new float[LIMIT];
    }
    for (int k = 0; k < samples; k++) {
      offsets[k] = axis.offset(k);
    }
    int last = axis.size() - 1;
    int n = 0;
    for (int i = from; i < to; i++) {
      float base = axis.base(i);
      begin[i - from] = n;
      for (int k = 0; k < samples; k++) {
        float p = base + offsets[k];
        if (p < -1 || p > axis.size()) {
          continue;
        }
        float inside = p > 0 ? p : 0;
        int cell = (int) inside;
        boolean between = cell < last;
        float weight = between ? inside - cell : 0;
        low[n] = between ? cell : last;
        high[n] = between ? cell + 1 : last;
        lowWeight[n] = 1 - weight;
        highWeight[n++] = weight;
      }
    }
    count = n;
    return true;
  }

  private boolean searched(AlignAxis axis, int from, int to) {
    for (int i = from; i < to; i++) {
      AlignAxis.Run run = axis.run(i);
      if (run.count() > LIMIT - count) {
        return false;
      }
      room(count + run.count());
      begin[i - from] = count;
      for (int k = run.first(); k < run.limit(); k++) {
        put(axis, axis.position(i, k));
      }
    }
    return true;
  }

  private void put(AlignAxis axis, float p) {
    int cell = axis.cell(p);
    int next = axis.next(cell);
    float weight = axis.weight(p, cell);
    low[count] = cell;
    high[count] = next;
    lowWeight[count] = 1 - weight;
    highWeight[count] = weight;
    count++;
  }

  private void room(int entries) {
    if (low.length < entries) {
      int length = Math.max(entries, 2 * low.length);
      low = Arrays.copyOf(low, length);
      high = Arrays.copyOf(high, length);
      lowWeight = Arrays.copyOf(lowWeight, length);
      highWeight = Arrays.copyOf(highWeight, length);
    }
  }
}
