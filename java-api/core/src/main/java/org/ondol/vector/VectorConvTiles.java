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
  public int rows() {
    return WIDE ? 8 : 4;
  }

  @Override
  public void channels(int positions, int panels, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt,
      int wPanel, float[] c, int cAt, int cPanel) {
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

  @Override
  public void positions(int positions, int rows, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt,
      float[] c, int cAt, int cRow) {
    for (int i = 0, vectors; i < positions; i += vectors * LANES) {
      vectors = rows == 1 && WIDE && positions - i > 4 * LANES ? 8 : 4;
      VectorPositionTiles.tile(rows, vectors, from, to, offset, x, xAt + i, w, wAt, c, cAt + i, cRow);
    }
  }

  @Override
  public void entries(int panels, int n, int[] place, float[] x, int[] base, int at, float[] dy, int dyAt, int dyPanel,
      float[] c, int cAt, int cPanel) {
    if (!WIDE) {
      for (int h = 0; h < 16; h += 2 * LANES) {
        VectorEntryTiles.pair4(n, place, x, base, at, dy, dyAt + h, dyAt + h + LANES, c, cAt + h, cAt + h + LANES);
      }
    } else if (panels == 2) {
      VectorEntryTiles.pair8(n, place, x, base, at, dy, dyAt, dyAt + dyPanel, c, cAt, cAt + cPanel);
    } else {
      VectorEntryTiles.single8(n, place, x, base, at, dy, dyAt, c, cAt);
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
