package org.ondol.vector;

import java.util.Arrays;

/**
 * Inner loops of convolutions, over a list of entries: the k-th of {@code [from, to)} reads x at {@code offset[k]} from a
 * position's place and a row of 16 weights of a panel. Every sum is one chain of fused multiply-adds over ascending k and
 * continues what the array holds.
 *
 * @see Tiles
 */
interface ConvTiles {
  /** Panels that {@link #channels} takes side by side: 1, or 2 and also 3. */
  int sideBySide();

  /** Sums that {@link #channels} writes for so many positions: some more, whose values mean nothing. */
  int padded(int positions);

  /** Output channels that {@link #positions} takes together. */
  int together();

  /** Panels that {@link #entries} takes side by side at most, a power of two; it takes any smaller one too. */
  int entryPanels();

  /** Filter entries that {@link #entries} takes together with so many panels, at most {@link #MOST_ENTRIES}. */
  int entries(int panels);

  int MOST_ENTRIES = 8;

  /**
   * Sums of consecutive positions for panels of 16 output channels: position i and channel j of panel p at {@code c[cAt + p *
   * cPanel + 16 i + j]}.
   *
   * @param w the row of entry {@code from} of panel p at {@code wAt + p * wPanel}
   */
  void channels(int positions, int panels, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, int wPanel,
      float[] c, int cAt, int cPanel);

  /**
   * The same for a few channels of a panel, {@code wAt} being the first one's: position i of channel r at {@code c[cAt + r *
   * cRow + i]}; up to {@link ConvPatch#SLACK} - 16 positions more are read and written.
   */
  void positions(int positions, int rows, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c,
      int cAt, int cRow);

  /**
   * Sums of {@link #entries(int)} filter entries over positions [from, to): entry i reads position k at {@code x[base[first + i] +
   * place[k]]} and the panels' channels of dy at {@code dy[dyAt + k * 16 * panels]}; its sums lie at {@code c[cAt + i * cRow]}.
   */
  void entries(int panels, int from, int to, int[] place, float[] x, int[] base, int first, float[] dy, int dyAt, float[] c,
      int cAt, int cRow);

  /** Floats behind a row and behind a plane of {@link #plane} that are read and written too. */
  int PLANE_SLACK = 32;

  /**
   * Rows of a depthwise filter's sums, one after the other from {@code y[0]} on. Row r of x begins at {@code r * stride * part}; at
   * stride 2 its odd columns follow the even ones {@code part} later.
   */
  default void plane(int kernel, int stride, int rows, int width, float[] x, int part, float[] w, float[] y) {
    for (int r = 0; r < rows; r++) {
      int out = r * width;
      for (int j = out; j < out + width; j++) {
        y[j] = 0;
      }
      for (int k = 0; k < kernel * kernel; k++) {
        int column = k % kernel;
        int at = (r * stride + k / kernel) * stride * part + column / stride + column % stride * part;
        float tap = w[k];
        for (int j = 0; j < width; j++) {
          y[out + j] = Math.fma(x[at + j], tap, y[out + j]);
        }
      }
    }
  }

  /**
   * Lines of n floats one after the other: those of [begin, end) come from lines {@code fromStep} apart, the others are
   * zero. Up to {@link #LINE_SLACK} more are read behind a line, and written before the next one is.
   */
  default void lines(float[] from, int fromAt, int fromStep, int count, int begin, int end, int n, float[] to, int at) {
    for (int r = 0; r < count; r++) {
      int line = at + r * n;
      Arrays.fill(to, line, line + begin, 0);
      System.arraycopy(from, fromAt + r * fromStep, to, line + begin, end - begin);
      Arrays.fill(to, line + end, line + n, 0);
    }
  }

  int LINE_SLACK = 15;

  /** Rows that are transposed together: they stay in a first-level cache, and loops over them are worth unrolling. */
  int TRANSPOSED = 256;

  /** Planes to rows of 16, which lie {@code row} apart: the inverse, for all 16 channels. */
  default void interleave(float[] from, int pitch, int n, float[] to, int at, int row) {
    for (int i = 0; i < n; i += TRANSPOSED) {
      int rows = Math.min(TRANSPOSED, n - i);
      for (int j = 0; j < 16; j++) {
        int source = j * pitch + i;
        int target = at + row * i + j;
        for (int k = 0; k < rows; k++) {
          to[target + row * k] = from[source + k];
        }
      }
    }
  }

  /** x = x < 0 ? x * slope : x. */
  default void leaky(float slope, float[] x, int at, int n) {
    for (int i = at; i < at + n; i++) {
      x[i] = x[i] < 0 ? x[i] * slope : x[i];
    }
  }
}
