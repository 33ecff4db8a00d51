package org.ondol.test.parity;

import java.util.Random;

/** Random sizes and contents: sizes crowd around lane counts and tiles, contents are tame, integer or extreme. */
public final class Draw {
  /** Sizes at which some kernel changes its path: lanes 4, 8, 16, tiles 6, 12, 48, 64, blocks 128, chunks 256. */
  private static final int[] EDGES = {4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128};

  private static final float[] EXTREMES = {
    0f, -0f, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MIN_VALUE, -Float.MIN_VALUE,
    Float.MIN_NORMAL, Float.MAX_VALUE, -Float.MAX_VALUE, 1f, -1f, 88.7f, -87.4f, -103.9f, 1e-30f, 1e30f
  };

  /** What an array is filled with. */
  public enum Fill {
    /** Normal with unit variance. */
    TAME(true),
    /** Small integers: sums are exact, so any order must give the same. */
    INTEGER(true),
    /** Magnitudes over many powers of two. */
    WIDE(true),
    /** Tame with a few infinities, NaNs, zeros and subnormals. */
    EXTREME(false);

    private final boolean finite;

    Fill(boolean finite) {
      this.finite = finite;
    }

    /** Whether the oracle's bounds hold: nothing overflows and nothing is a NaN. */
    public boolean finite() {
      return finite;
    }
  }

  private final Random random;

  public Draw(long seed) {
    random = new Random(seed);
  }

  public Random random() {
    return random;
  }

  public int below(int n) {
    return random.nextInt(n);
  }

  public int between(int low, int high) {
    return low + random.nextInt(high - low + 1);
  }

  public boolean oneIn(int n) {
    return random.nextInt(n) == 0;
  }

  @SafeVarargs
  public final <T> T of(T... choices) {
    return choices[random.nextInt(choices.length)];
  }

  /** A size from 1 to about {@code high}: small, or an edge and its neighbours. */
  public int size(int high) {
    int edge = EDGES[random.nextInt(EDGES.length)] + random.nextInt(3) - 1;
    return random.nextBoolean() && edge <= high ? edge : 1 + random.nextInt(Math.min(high, random.nextBoolean() ? 9 : high));
  }

  /** Like {@link #size}, now and then 0. */
  public int sizeOrZero(int high) {
    return oneIn(25) ? 0 : size(high);
  }

  public Fill fill() {
    int r = random.nextInt(10);
    return r < 5 ? Fill.TAME : r < 7 ? Fill.INTEGER : r < 8 ? Fill.WIDE : Fill.EXTREME;
  }

  public float[] floats(Fill fill, int count) {
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      x[i] = switch (fill) {
        case TAME -> (float) random.nextGaussian();
        case INTEGER -> random.nextInt(7) - 3;
        case WIDE -> (float) (random.nextGaussian() * Math.pow(2, random.nextInt(17) - 8));
        case EXTREME -> oneIn(12) ? extreme() : (float) random.nextGaussian();
      };
    }
    return x;
  }

  public float extreme() {
    return EXTREMES[random.nextInt(EXTREMES.length)];
  }

  /** Any bit pattern at all. */
  public float[] anyBits(int count) {
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      x[i] = oneIn(20) ? extreme() : Float.intBitsToFloat(random.nextInt());
    }
    return x;
  }
}
