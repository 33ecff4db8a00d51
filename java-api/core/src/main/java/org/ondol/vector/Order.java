package org.ondol.vector;

import java.util.Arrays;

/**
 * The order of scores (docs/arithmetic.md, Selection) on integers. A candidate is a word that ascends, as an unsigned
 * number, as candidates are wanted: above, the key with its order turned round; below, the position. No two are equal.
 */
final class Order {
  /** Above it every key but NaN's; itself is NaN's. */
  static final int NAN_KEY = Integer.MIN_VALUE;

  private static final int FEW = 48;
  private static final int MANY = 2048;

  private Order() {}

  /** The key; flip -1 for the least elements first, else 0. */
  static int key(float x, int flip) {
    if (x != x) {
      return NAN_KEY;
    }
    int b = Float.floatToRawIntBits(x + 0f);
    return b ^ (b >> 31 & 0x7FFFFFFF) ^ flip;
  }

  /** Keys above it are candidates. */
  static int floor(float threshold) {
    return threshold == Float.NEGATIVE_INFINITY ? NAN_KEY : key(threshold, 0);
  }

  /** A number that has this key, which is not NaN's. */
  static float value(int key) {
    return Float.intBitsToFloat(key ^ (key >> 31 & 0x7FFFFFFF));
  }

  static long word(int key, int position) {
    return (long) (key ^ 0x7FFFFFFF) << 32 | position;
  }

  static int key(long word) {
    return (int) (word >>> 32) ^ 0x7FFFFFFF;
  }

  static int position(long word) {
    return (int) word;
  }

  /** Candidates in an array, and another of the same size that sorting needs. */
  static final class Words {
    long[] words;
    private long[] other;
    private final int[] counts = new int[4 << 11];
    /** Room for the keys of a vector. */
    final int[] keys = new int[BoxLoops.LANES];
    int count;

    /** Takes two arrays of a size. */
    Words begin(long[] first, long[] second) {
      words = first;
      other = second;
      count = 0;
      return this;
    }

    void add(int key, int position) {
      words[count++] = word(key, position);
    }

    /** Puts a candidate, later than all others, among the first k, which are sorted, where it is one of them. */
    void insert(int key, int position, int k) {
      long word = word(key, position);
      int at = k - 1;
      if (Long.compareUnsigned(words[at], word) < 0) {
        return;
      }
      for (; at > 0 && Long.compareUnsigned(words[at - 1], word) > 0; at--) {
        words[at] = words[at - 1];
      }
      words[at] = word;
    }

    /** Elements beyond it come before the last of the first k, which are sorted; times -1 with a flip. NaN where that is NaN. */
    float threshold(int k, int flip) {
      int key = Order.key(words[k - 1]);
      float least = key == NAN_KEY ? 0 : value(key ^ flip);
      return key == NAN_KEY ? Float.NaN : flip == 0 ? least : -least;
    }

    /** By keys; the words' positions ascend where keys are equal. */
    void sort() {
      if (count < FEW) {
        insertionSort(words, count);
      } else {
        radixSort(count < MANY ? 8 : 11);
      }
    }

    private static void insertionSort(long[] words, int n) {
      for (int i = 1; i < n; i++) {
        long word = words[i];
        int at = i;
        for (; at > 0 && Long.compareUnsigned(words[at - 1], word) > 0; at--) {
          words[at] = words[at - 1];
        }
        words[at] = word;
      }
    }

    /** By the upper halves, from the lowest digit on. */
    private void radixSort(int bits) {
      int size = 1 << bits;
      int digits = (32 + bits - 1) / bits;
      Arrays.fill(counts, 0, digits * size, 0);
      for (int i = 0; i < count; i++) {
        int key = (int) (words[i] >>> 32);
        for (int d = 0; d < digits; d++) {
          counts[d * size + (key >>> d * bits & size - 1)]++;
        }
      }
      for (int d = 0; d < digits; d++) {
        pass(32 + d * bits, size - 1, d * size);
      }
    }

    /** One digit, whose counts lie at {@code base}; nothing to do where all share it. */
    private void pass(int shift, int mask, int base) {
      int[] next = counts;
      if (next[base + ((int) (words[0] >>> shift) & mask)] == count) {
        return;
      }
      int sum = 0;
      for (int v = base; v <= base + mask; v++) {
        int here = next[v];
        next[v] = sum;
        sum += here;
      }
      long[] from = words;
      long[] to = other;
      for (int i = 0; i < count; i++) {
        long word = from[i];
        to[next[base + ((int) (word >>> shift) & mask)]++] = word;
      }
      words = to;
      other = from;
    }
  }
}
