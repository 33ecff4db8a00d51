package org.ondol.vector;

import java.util.Arrays;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.ondol.Workspace;

/**
 * Arrays that a task works in, lent for the time of the task. Not thread-locals: any thread may call an operation, and
 * only as many sets exist as tasks have ever run at once.
 */
final class Scratch implements AutoCloseable {
  private static final ConcurrentLinkedDeque<Scratch> FREE = new ConcurrentLinkedDeque<>();

  /** A set with more floats than this is left to the garbage collector. */
  private static final long KEEP = 1L << 24;

  private float[][] floats = new float[8][];

  private final int[][] ints = new int[4][];

  private final long[][] longs = new long[2][];

  private short[] shorts;

  private Order.Words words;

  /** Counts what is lent, where somebody measures; else null. */
  private Workspace workspace;
  /** By array, integers first: the most bytes asked for since this was borrowed; and all of them together. */
  private long[] asked = new long[10];
  private long lent;

  private Scratch() {}

  static Scratch borrow() {
    Scratch free = FREE.pollFirst();
    Scratch scratch = free != null ? free : new Scratch();
    scratch.workspace = Workspace.current();
    return scratch;
  }

  /** Counts memory that the borrower has elsewhere until it closes this. */
  void beside(long bytes) {
    if (workspace != null) {
      lent += bytes;
      workspace.take(bytes);
    }
  }

  private void count(int array, long bytes) {
    if (array >= asked.length) {
      asked = Arrays.copyOf(asked, array + 8);
    }
    if (bytes > asked[array]) {
      beside(bytes - asked[array]);
      asked[array] = bytes;
    }
  }

  /** At least n elements of undefined contents, the same array for the same number until closed. */
  float[] floats(int number, long n) {
    if (workspace != null) {
      count(ints.length + number, n * Float.BYTES);
    }
    if (number >= floats.length) {
      floats = Arrays.copyOf(floats, number + 8);
    }
    if (floats[number] == null || floats[number].length < n) {
      floats[number] = new float[Math.toIntExact(Math.max(64, n))];
    }
    return floats[number];
  }

  /** The same of integers; number is 0 to 3. */
  int[] ints(int number, int n) {
    if (workspace != null) {
      count(number, (long) n * Integer.BYTES);
    }
    if (ints[number] == null || ints[number].length < n) {
      ints[number] = new int[Math.max(64, n)];
    }
    return ints[number];
  }

  /** The same of long integers. */
  long[] longs(int number, int n) {
    if (longs[number] == null || longs[number].length < n) {
      longs[number] = new long[Math.max(64, n)];
    }
    return longs[number];
  }

  /** The same of 16-bit numbers; there is one array. */
  short[] shorts(int n) {
    if (shorts == null || shorts.length < n) {
      shorts = new short[Math.max(64, n)];
    }
    return shorts;
  }

  /** The one set of candidates. */
  Order.Words words() {
    return words == null ? words = new Order.Words() : words;
  }

  @Override
  public void close() {
    if (workspace != null) {
      workspace.give(lent);
      workspace = null;
      lent = 0;
      Arrays.fill(asked, 0);
    }
    long held = 0;
    held += shorts == null ? 0 : shorts.length / 2;
    for (long[] array : longs) {
      held += array == null ? 0 : 2L * array.length;
    }
    for (int[] array : ints) {
      held += array == null ? 0 : array.length;
    }
    for (float[] array : floats) {
      held += array == null ? 0 : array.length;
    }
    if (held <= KEEP) {
      FREE.addFirst(this);
    }
  }
}
