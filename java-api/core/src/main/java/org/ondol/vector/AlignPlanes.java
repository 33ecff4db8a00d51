package org.ondol.vector;

import static org.ondol.vector.AlignLoops.LANES;

/**
 * Up to sixteen channels of planes in a tensor's memory.
 *
 * @param first where the first begins
 * @param stride from one to the next
 * @param count how many there are; the others are zeros
 */
record AlignPlanes(Floats memory, long first, long stride, int count) {
  /** Cells that are turned at once: 16 KB side by side. */
  private static final int PIECE = 256;

  /** n values of each channel from {@code from} on, side by side. */
  void gather(long from, int n, float[] to, int toAt, Scratch scratch) {
    float[] row = scratch.floats(7, PIECE);
    for (int i = 0; i < n; i += PIECE) {
      int part = Math.min(PIECE, n - i);
      for (int c = 0; c < LANES; c++) {
        int target = toAt + i * LANES + c;
        if (c < count) {
          memory.read(first + c * stride + from + i, row, 0, part);
          Packing.column(row, 0, part, to, target, LANES);
        } else {
          for (int k = 0; k < part; k++) {
            to[target + k * LANES] = 0;
          }
        }
      }
    }
  }

  /** The way back. */
  void scatter(float[] from, int fromAt, long to, int n, Scratch scratch) {
    float[] row = scratch.floats(7, PIECE);
    for (int i = 0; i < n; i += PIECE) {
      int part = Math.min(PIECE, n - i);
      for (int c = 0; c < count; c++) {
        column(from, fromAt + i * LANES + c, row, 0, part);
        memory.write(row, 0, first + c * stride + to + i, part);
      }
    }
  }

  /** n bins of each channel side by side into rows of n, one after the other. */
  static void rows(float[] bins, int n, float[] to) {
    for (int c = 0; c < LANES; c++) {
      column(bins, c, to, c * n, n);
    }
  }

  private static void column(float[] from, int fromAt, float[] to, int toAt, int n) {
    for (int k = 0; k < n; k++) {
      to[toAt + k] = from[fromAt + k * LANES];
    }
  }

  float get(int channel, long at) {
    return memory.get(first + channel * stride + at);
  }
}
