package org.ondol.vector;

import java.util.Arrays;

/** Planes of channels as [cell][block]: {@code count} of them, the others zeros. */
record RoiPlanes(Turns turns, Floats x, int count, int block) {
  /** Cells that are turned at once. */
  static final int PIECE = 256;
  /** From row to row of a piece: not a power of two, so that they do not meet in the cache. */
  private static final int ROW = PIECE + 16;

  /**
   * n elements, {@link #PIECE} at most, of planes that lie {@code step} apart from {@code at} on.
   *
   * @return whether there may be a NaN among them
   */
  boolean turn(long at, long step, int n, float[] to, int toAt, Scratch scratch) {
    float[] rows = scratch.floats(6, (long) block * ROW);
    boolean nan = false;
    if (step == n) {
      x.read(at, rows, 0, count * n);
      nan = turns.nan(rows, 0, count * n);
      Arrays.fill(rows, count * n, block * n, 0);
      turns.turn(rows, 0, n, block, n, to, toAt, block, scratch.floats(7, Turns.SQUARE));
      return nan;
    }
    for (int c = 0; c < count; c++) {
      x.read(at + c * step, rows, c * ROW, n);
      nan |= turns.nan(rows, c * ROW, n);
    }
    for (int c = count; c < block; c++) {
      Arrays.fill(rows, c * ROW, c * ROW + n, 0);
    }
    turns.turn(rows, 0, ROW, block, n, to, toAt, block, scratch.floats(7, Turns.SQUARE));
    return nan;
  }

  /** [n][block] to {@code count} rows of n, without gaps in {@code to}, which has room for 16 more. */
  static void turnBack(Turns turns, float[] from, int fromAt, int block, int n, int count, float[] to, Scratch scratch) {
    turns.turnBack(from, fromAt, block, count, n, to, 0, n, scratch.floats(7, Turns.SQUARE));
  }
}
