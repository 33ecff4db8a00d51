package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Turns} on vectors, a square at a time: in log2(lanes) steps each vector swaps half of its lanes with another one.
 * Sixteen rows of 256 on a Zen 5 with JDK 25: 1780 ns with scalar code, 384 here; 470 without a square of its own between the
 * steps, 416 where lanes are zipped by rearrange and 817 by selectFrom; 632 with 8 lanes.
 */
final class VectorTurns implements Turns {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED.length() >= 16 ? FloatVector.SPECIES_512
      : FloatVector.SPECIES_PREFERRED.length() >= 8 ? FloatVector.SPECIES_256 : FloatVector.SPECIES_128;
  private static final int LANES = SPECIES.length();

  // Two steps: of vectors that lie FAR apart and half of that, then of 2 and 1. Eight lanes have one step less.
  private static final int FAR = LANES / 2;
  private static final int NEAR = FAR / 2;
  private static final VectorShuffle<Float> FAR_UP = rotation(FAR);
  private static final VectorShuffle<Float> FAR_DOWN = rotation(LANES - FAR);
  private static final VectorShuffle<Float> NEAR_UP = rotation(NEAR);
  private static final VectorShuffle<Float> NEAR_DOWN = rotation(LANES - NEAR);
  private static final VectorShuffle<Float> TWO_UP = rotation(2);
  private static final VectorShuffle<Float> TWO_DOWN = rotation(LANES - 2);
  private static final VectorShuffle<Float> ONE_UP = rotation(1);
  private static final VectorShuffle<Float> ONE_DOWN = rotation(LANES - 1);
  private static final VectorMask<Float> FAR_ODD = odd(FAR);
  private static final VectorMask<Float> FAR_EVEN = odd(FAR).not();
  private static final VectorMask<Float> NEAR_ODD = odd(NEAR);
  private static final VectorMask<Float> NEAR_EVEN = odd(NEAR).not();
  private static final VectorMask<Float> TWO_ODD = odd(2);
  private static final VectorMask<Float> TWO_EVEN = odd(2).not();
  private static final VectorMask<Float> ONE_ODD = odd(1);
  private static final VectorMask<Float> ONE_EVEN = odd(1).not();

  private static VectorShuffle<Float> rotation(int by) {
    return VectorShuffle.fromOp(SPECIES, lane -> (lane + by) % LANES);
  }

  /** The lanes whose number has a bit. */
  private static VectorMask<Float> odd(int bit) {
    long lanes = 0;
    for (int lane = 0; lane < LANES; lane++) {
      lanes |= (lane & bit) != 0 ? 1L << lane : 0;
    }
    return VectorMask.fromLong(SPECIES, lanes);
  }

  /** Whole squares; the last ones lie over others where the sides are no multiples. */
  @Override
  public void turn(float[] from, int fromAt, int step, int count, int n, float[] to, int toAt, int toStep, float[] square) {
    if (n < LANES || count < LANES && !spills(from, fromAt, step, count, n, to, toAt, toStep)) {
      for (int c = 0; c < count; c++) {
        ScalarTurns.row(from, fromAt + c * step, n, to, toAt + c, toStep);
      }
      return;
    }
    for (int i = 0; i < n; i += LANES) {
      int row = Math.min(i, n - LANES);
      for (int j = 0; j < count; j += LANES) {
        int column = Math.max(0, Math.min(j, count - LANES));
        int source = fromAt + column * step + row;
        int target = toAt + row * toStep + column;
        if (LANES == 4) {
          far(from, source, step, to, target, toStep);
          continue;
        }
        far(from, source, step, square, 0, LANES);
        if (LANES == 16) {
          near(square, to, target, toStep);
        } else {
          ones(square, to, target, toStep);
        }
      }
    }
  }

  /**
   * Whether a square of fewer rows may be turned as a whole: what lies behind the rows is read, and results spill over the next
   * ones, which are written later.
   */
  private static boolean spills(float[] from, int fromAt, int step, int count, int n, float[] to, int toAt, int toStep) {
    return LANES > 4 && toStep == count && fromAt + (LANES - 1) * step + n <= from.length && toAt + (n - 1) * toStep + LANES <= to.length;
  }

  /** The first two steps, or the only ones of four lanes. */
  private static void far(float[] from, int source, int step, float[] to, int target, int toStep) {
    for (int i = 0; i < NEAR; i++) {
      int at = source + i * step;
      FloatVector a = fromArray(SPECIES, from, at);
      FloatVector b = fromArray(SPECIES, from, at + NEAR * step);
      FloatVector c = fromArray(SPECIES, from, at + FAR * step);
      FloatVector d = fromArray(SPECIES, from, at + (FAR + NEAR) * step);
      FloatVector e = a.blend(c.rearrange(FAR_DOWN), FAR_ODD);
      FloatVector f = b.blend(d.rearrange(FAR_DOWN), FAR_ODD);
      FloatVector g = c.blend(a.rearrange(FAR_UP), FAR_EVEN);
      FloatVector h = d.blend(b.rearrange(FAR_UP), FAR_EVEN);
      int out = target + i * toStep;
      e.blend(f.rearrange(NEAR_DOWN), NEAR_ODD).intoArray(to, out);
      f.blend(e.rearrange(NEAR_UP), NEAR_EVEN).intoArray(to, out + NEAR * toStep);
      g.blend(h.rearrange(NEAR_DOWN), NEAR_ODD).intoArray(to, out + FAR * toStep);
      h.blend(g.rearrange(NEAR_UP), NEAR_EVEN).intoArray(to, out + (FAR + NEAR) * toStep);
    }
  }

  private static void near(float[] square, float[] to, int target, int step) {
    for (int i = 0; i < LANES; i += 4) {
      FloatVector a = fromArray(SPECIES, square, i * LANES);
      FloatVector b = fromArray(SPECIES, square, i * LANES + LANES);
      FloatVector c = fromArray(SPECIES, square, i * LANES + 2 * LANES);
      FloatVector d = fromArray(SPECIES, square, i * LANES + 3 * LANES);
      FloatVector e = a.blend(c.rearrange(TWO_DOWN), TWO_ODD);
      FloatVector f = b.blend(d.rearrange(TWO_DOWN), TWO_ODD);
      FloatVector g = c.blend(a.rearrange(TWO_UP), TWO_EVEN);
      FloatVector h = d.blend(b.rearrange(TWO_UP), TWO_EVEN);
      int out = target + i * step;
      e.blend(f.rearrange(ONE_DOWN), ONE_ODD).intoArray(to, out);
      f.blend(e.rearrange(ONE_UP), ONE_EVEN).intoArray(to, out + step);
      g.blend(h.rearrange(ONE_DOWN), ONE_ODD).intoArray(to, out + 2 * step);
      h.blend(g.rearrange(ONE_UP), ONE_EVEN).intoArray(to, out + 3 * step);
    }
  }

  private static void ones(float[] square, float[] to, int target, int step) {
    for (int i = 0; i < LANES; i += 2) {
      FloatVector a = fromArray(SPECIES, square, i * LANES);
      FloatVector b = fromArray(SPECIES, square, i * LANES + LANES);
      a.blend(b.rearrange(ONE_DOWN), ONE_ODD).intoArray(to, target + i * step);
      b.blend(a.rearrange(ONE_UP), ONE_EVEN).intoArray(to, target + (i + 1) * step);
    }
  }

  @Override
  public boolean nan(float[] values, int at, int n) {
    FloatVector bad = FloatVector.zero(SPECIES);
    int i = at;
    for (; i + LANES <= at + n; i += LANES) {
      FloatVector v = fromArray(SPECIES, values, i);
      bad = bad.blend(v, v.compare(NE, v));
    }
    boolean nan = bad.compare(NE, bad).anyTrue();
    for (; i < at + n; i++) {
      nan |= values[i] != values[i];
    }
    return nan;
  }
}
