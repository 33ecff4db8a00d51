package org.ondol.models.proposals;

import java.util.Arrays;

/** A set of longs that are not negative, by open addressing. */
final class LongSet {
  private static final long FREE = -1;

  private long[] slots = new long[1024];
  private int count;

  LongSet() {
    Arrays.fill(slots, FREE);
  }

  /** Whether the value was not there yet. */
  boolean add(long value) {
    if (2 * count >= slots.length) grow();
    int i = slot(slots, value);
    if (slots[i] == value) return false;
    slots[i] = value;
    count++;
    return true;
  }

  private static int slot(long[] slots, long value) {
    int mask = slots.length - 1;
    int i = (int) (value * 0x9E3779B97F4A7C15L >>> 32) & mask;
    while (slots[i] != FREE && slots[i] != value) i = i + 1 & mask;
    return i;
  }

  private void grow() {
    long[] larger = new long[2 * slots.length];
    Arrays.fill(larger, FREE);
    for (long value : slots) if (value != FREE) larger[slot(larger, value)] = value;
    slots = larger;
  }

  /** All values, ascending. */
  long[] sorted() {
    long[] values = new long[count];
    int n = 0;
    for (long value : slots) if (value != FREE) values[n++] = value;
    Arrays.sort(values);
    return values;
  }
}
