package org.ondol.vector;

/** Philox-4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (2011). */
public final class Philox {
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;

  private Philox() {}

  /** Writes the four words of a counter. */
  public static void words(long seed, int c0, int c1, int c2, int c3, int[] out) {
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long x = MULTIPLIER_0 * (c0 & 0xFFFFFFFFL);
      long y = MULTIPLIER_1 * (c2 & 0xFFFFFFFFL);
      c0 = (int) (y >>> 32) ^ c1 ^ k0;
      c1 = (int) y;
      c2 = (int) (x >>> 32) ^ c3 ^ k1;
      c3 = (int) x;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }
}
