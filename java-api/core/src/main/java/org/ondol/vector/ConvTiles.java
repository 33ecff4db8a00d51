package org.ondol.vector;

/**
 * Inner loops of convolutions, over a list of entries: the k-th of {@code [from, to)} reads x at {@code offset[k]} from a
 * position's place and a row of 16 weights of a panel. Every sum is one chain of fused multiply-adds over ascending k and
 * continues what the array holds.
 *
 * @see Tiles
 */
interface ConvTiles {
  /** Panels that {@link #channels} takes side by side. */
  int sideBySide();

  /** Sums that {@link #channels} writes for so many positions: some more, whose values mean nothing. */
  int padded(int positions);

  /** Output channels that {@link #positions} takes together. */
  int together();

  /** Filter entries that {@link #entries} takes together. */
  int rows();

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
   * Sums of {@link #rows} filter entries over n positions: entry i reads position p at {@code x[base[at + i] + place[p]]} and
   * row p of a panel of dy; its 16 sums lie at {@code c[cAt + p * cPanel + 16 i]}.
   */
  void entries(int panels, int n, int[] place, float[] x, int[] base, int at, float[] dy, int dyAt, int dyPanel, float[] c,
      int cAt, int cPanel);

  /** Rows that are transposed together: they stay in a first-level cache, and the loops over them are worth unrolling. */
  int TRANSPOSED = 256;

  /** Rows to planes: channel j of row i of 16, at {@code from[fromAt + 16 i + j]}, goes to {@code to[at + j * pitch + i]}. */
  default void transpose(float[] from, int fromAt, int n, int channels, float[] to, int at, int pitch) {
    for (int i = 0; i < n; i += TRANSPOSED) {
      int rows = Math.min(TRANSPOSED, n - i);
      for (int j = 0; j < channels; j++) {
        int source = fromAt + 16 * i + j;
        int target = at + j * pitch + i;
        for (int k = 0; k < rows; k++) {
          to[target + k] = from[source + 16 * k];
        }
      }
    }
  }

  /** Planes to rows of 16: the inverse, for all 16 channels. */
  default void interleave(float[] from, int pitch, int n, float[] to, int at) {
    for (int i = 0; i < n; i += TRANSPOSED) {
      int rows = Math.min(TRANSPOSED, n - i);
      for (int j = 0; j < 16; j++) {
        int source = j * pitch + i;
        int target = at + 16 * i + j;
        for (int k = 0; k < rows; k++) {
          to[target + 16 * k] = from[source + k];
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
