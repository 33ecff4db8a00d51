package org.ondol.vector;

import static org.ondol.vector.AlignLoops.LANES;

import java.util.Arrays;

/**
 * Up to sixteen channels of planes in a tensor's memory.
 *
 * @param first where the first begins
 * @param stride from one to the next
 * @param count how many there are; the others are zeros
 */
record AlignPlanes(Turns turns, Floats memory, long first, long stride, int count) {
  /** Cells that are turned at once: 16 KB side by side. */
  private static final int PIECE = 256;
  /** From row to row of a piece: not a power of two, so that they do not meet in the cache. */
  private static final int ROW = PIECE + 16;

  /** n values of each channel from {@code from} on, side by side. */
  void gather(long from, int n, float[] to, int toAt, Scratch scratch) {
    float[] rows = scratch.floats(7, LANES * ROW);
    if (stride == n && n <= PIECE) {
      memory.read(first + from, rows, 0, count * n);
      Arrays.fill(rows, count * n, LANES * n, 0);
      turns.turn(rows, 0, n, LANES, n, to, toAt, LANES, scratch.floats(9, Turns.SQUARE));
      return;
    }
    for (int i = 0; i < n; i += PIECE) {
      int part = Math.min(PIECE, n - i);
      for (int c = 0; c < LANES; c++) {
        if (c < count) {
          memory.read(first + c * stride + from + i, rows, c * ROW, part);
        } else {
          Arrays.fill(rows, c * ROW, c * ROW + part, 0);
        }
      }
      turns.turn(rows, 0, ROW, LANES, part, to, toAt + i * LANES, LANES, scratch.floats(9, Turns.SQUARE));
    }
  }

  /** The way back. */
  void scatter(float[] from, int fromAt, long to, int n, Scratch scratch) {
    float[] rows = scratch.floats(7, LANES * ROW);
    for (int i = 0; i < n; i += PIECE) {
      int part = Math.min(PIECE, n - i);
      turns.turnBack(from, fromAt + i * LANES, LANES, LANES, part, rows, 0, ROW, scratch.floats(9, Turns.SQUARE));
      for (int c = 0; c < count; c++) {
        memory.write(rows, c * ROW, first + c * stride + to + i, part);
      }
    }
  }

  float get(int channel, long at) {
    return memory.get(first + channel * stride + at);
  }
}
