package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Planes of channels as [cell][block] and back. Plain loops: each element is touched once for many bins. */
final class RoiPlanes {
  /** Cells that are turned at once. */
  static final int PIECE = 64;

  private RoiPlanes() {}

  /**
   * Cells [at, at + n) of {@code count} planes that lie {@code step} apart to {@code to}; lanes beyond the count are left alone.
   *
   * @return whether there is a NaN among them
   */
  static boolean turn(Floats x, long plane, long step, int count, long at, int n, float[] to, int toAt, int block, float[] row) {
    boolean nan = false;
    for (int c = 0; c < count; c++) {
      x.read(plane + c * step + at, row, 0, n);
      nan |= spread(row, n, to, toAt + c, block);
    }
    return nan;
  }

  private static boolean spread(float[] row, int n, float[] to, int at, int block) {
    boolean nan = false;
    for (int i = 0; i < n; i++) {
      float v = row[i];
      nan |= v != v;
      to[at + i * block] = v;
    }
    return nan;
  }

  /** [n][block] to {@code count} rows of n, without gaps in {@code to}: few rows at a time, so that cells stay near. */
  static void turnBack(float[] from, int block, int n, int count, float[] to) {
    for (int c = 0; c < count; c++) {
      for (int i = 0, j = c; i < n; i++, j += block) {
        to[c * n + i] = from[j];
      }
    }
  }

  static void turnBack(int[] from, int block, int n, int count, int[] to) {
    for (int c = 0; c < count; c++) {
      for (int i = 0, j = c; i < n; i++, j += block) {
        to[c * n + i] = from[j];
      }
    }
  }

  static void write(int[] from, int fromAt, MemorySegment to, long at, int n) {
    MemorySegment.copy(from, fromAt, to, ValueLayout.JAVA_INT_UNALIGNED, at * Integer.BYTES, n);
  }
}
