package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link ConvTiles} on vectors: of 16 lanes where the machine has them (and with them 32 registers), else as everywhere.
 *
 * <p>Measured on one core of a Zen 4 in GFLOP/s, 16 lanes: pairs of vectors by 12 positions 115, by 10 91, by 8 90, by 6 87;
 * one vector by 12 or 16 positions 73. What the smaller ones lack goes to integers that C2 keeps in vector registers for want of
 * others (with -XX:-UseFPUForSpilling 8 positions reach 115), so the loops carry as few of them as they can: the index of the
 * offset is derived from that of the weights.
 */
final class VectorConvTiles implements ConvTiles {
  static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() >= 16 ? FloatVector.SPECIES_512 : VectorMath.SPECIES;
  static final int LANES = SPECIES.length();

  private static final boolean WIDE = LANES == 16;

  @Override
  public int sideBySide() {
    return WIDE ? 2 : 1;
  }

  @Override
  public int padded(int positions) {
    int n = 0;
    while (n < positions) {
      n += next(positions - n);
    }
    return n;
  }

  /** Sixteen registers hold the sums of four positions and a pair of vectors. */
  private static int next(int positions) {
    return WIDE ? VectorChannelTiles.next(positions) : positions > 1 ? 4 : 1;
  }

  @Override
  public int together() {
    return WIDE ? 4 : 2;
  }

  @Override
  public int entryPanels() {
    return WIDE ? 4 : 1;
  }

  @Override
  public int entries(int panels) {
    return !WIDE ? 4 : panels == 4 ? 5 : 8;
  }

  @Override
  public void channels(int positions, int panels, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt,
      int wPanel, float[] c, int cAt, int cPanel) {
    if (panels == 3) {
      three(positions, from, to, offset, x, xAt, w, wAt, wPanel, c, cAt, cPanel);
      return;
    }
    for (int i = 0, n; i < positions; i += n) {
      n = next(positions - i);
      int at = cAt + 16 * i;
      if (!WIDE) {
        for (int h = 0; h < 16; h += 2 * LANES) {
          VectorChannelTiles.pair(n, from, to, offset, x, xAt + i, w, wAt + h, wAt + h + LANES, c, at + h, at + h + LANES);
        }
      } else if (panels == 2) {
        VectorChannelTiles.pair(n, from, to, offset, x, xAt + i, w, wAt, wAt + wPanel, c, at, at + cPanel);
      } else {
        VectorChannelTiles.single(n, from, to, offset, x, xAt + i, w, wAt, c, at);
      }
    }
  }

  private void three(int positions, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, int wPanel,
      float[] c, int cAt, int cPanel) {
    if (positions % VectorTripleTile.POSITIONS != 0) {
      channels(positions, 2, from, to, offset, x, xAt, w, wAt, wPanel, c, cAt, cPanel);
      channels(positions, 1, from, to, offset, x, xAt, w, wAt + 2 * wPanel, wPanel, c, cAt + 2 * cPanel, cPanel);
      return;
    }
    for (int i = 0; i < positions; i += VectorTripleTile.POSITIONS) {
      VectorTripleTile.triple8(from, to, offset, x, xAt + i, w, wAt, wPanel, c, cAt + 16 * i, cPanel);
    }
  }

  @Override
  public void positions(int positions, int rows, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt,
      float[] c, int cAt, int cRow) {
    for (int i = 0, vectors; i < positions; i += vectors * LANES) {
      vectors = rows == 1 && WIDE && positions - i > 4 * LANES ? 8 : 4;
      VectorPositionTiles.tile(rows, vectors, from, to, offset, x, xAt + i, w, wAt, c, cAt + i, cRow);
    }
  }

  @Override
  public void entries(int panels, int from, int to, int[] place, float[] x, int[] base, int first, float[] dy, int dyAt,
      float[] c, int cAt, int cRow) {
    if (!WIDE) {
      for (int h = 0; h < 16; h += 2 * LANES) {
        VectorEntryTiles.pair4(from, to, place, x, base, first, dy, dyAt + h, c, cAt + h, cRow);
      }
      return;
    }
    switch (panels) {
      case 4 -> VectorEntryTiles.quad5(from, to, place, x, base, first, dy, dyAt, c, cAt, cRow);
      case 2 -> VectorEntryTiles.pair8(from, to, place, x, base, first, dy, dyAt, c, cAt, cRow);
      default -> VectorEntryTiles.single8(from, to, place, x, base, first, dy, dyAt, c, cAt, cRow);
    }
  }

  @Override
  public void plane(int kernel, int stride, int rows, int width, float[] x, int part, float[] w, float[] y) {
    if (kernel == 3) {
      if (stride == 1) {
        VectorPlaneTiles.kernel3stride1(rows, width, x, part, w, y);
      } else {
        VectorPlaneTiles.kernel3stride2(rows, width, x, part, w, y);
      }
    } else if (stride == 1) {
      VectorPlaneTiles.kernel5stride1(rows, width, x, part, w, y);
    } else {
      VectorPlaneTiles.kernel5stride2(rows, width, x, part, w, y);
    }
  }

  /**
   * Not by arraycopy and fill, whose calls take longer than what they do for short lines: they and the loop around them
   * were two thirds of a deconv 4 x 4 of 128 to 3 channels (Zen 5: 2.14 ms, 1.56 with this).
   */
  @Override
  public void lines(float[] from, int fromAt, int fromStep, int count, int begin, int end, int n, float[] to, int at) {
    for (int r = 0; r < count; r++) {
      int line = at + r * n;
      int source = fromAt + r * fromStep - begin;
      for (int i = 0; i < begin; i++) {
        to[line + i] = 0;
      }
      for (int i = begin; i < end; i += LANES) {
        fromArray(SPECIES, from, source + i).intoArray(to, line + i);
      }
      for (int i = end; i < n; i++) {
        to[line + i] = 0;
      }
    }
  }

  @Override
  public void leaky(float slope, float[] x, int at, int n) {
    for (int i = at; i < at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, x, i);
      v.blend(v.mul(slope), v.lt(0)).intoArray(x, i);
    }
  }
}
