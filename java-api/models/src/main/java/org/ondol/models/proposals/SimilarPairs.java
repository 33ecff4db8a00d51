package org.ondol.models.proposals;

import java.util.Arrays;

/** Pairs of regions, the most similar first, and of equals the one that was added first: a binary heap. */
final class SimilarPairs {
  /** The pair that {@link #next} took. */
  int a;
  int b;

  private double[] similarities;
  private long[] regions;
  /** Numbers of pairs: each is as similar as its two followers or more. */
  private int[] heap;
  private int added;
  private int size;

  SimilarPairs(int expected) {
    int capacity = Math.max(16, expected);
    similarities = new double[capacity];
    regions = new long[capacity];
    heap = new int[capacity];
  }

  void add(double similarity, int a, int b) {
    if (added == regions.length) {
      similarities = Arrays.copyOf(similarities, 2 * added);
      regions = Arrays.copyOf(regions, 2 * added);
      heap = Arrays.copyOf(heap, 2 * added);
    }
    similarities[added] = similarity;
    regions[added] = (long) a << 32 | b;
    int at = size++;
    int pair = added++;
    while (at > 0 && before(pair, heap[(at - 1) / 2])) {
      heap[at] = heap[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    heap[at] = pair;
  }

  /** Takes the first pair out; false where there is none. */
  boolean next() {
    if (size == 0) return false;
    a = (int) (regions[heap[0]] >>> 32);
    b = (int) regions[heap[0]];
    sink(heap[--size]);
    return true;
  }

  /** Puts a pair at the top and lets it down to its place. */
  private void sink(int pair) {
    int at = 0;
    while (2 * at + 1 < size) {
      int child = 2 * at + 1;
      if (child + 1 < size && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], pair)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = pair;
  }

  private boolean before(int x, int y) {
    return similarities[x] > similarities[y] || similarities[x] == similarities[y] && x < y;
  }
}
