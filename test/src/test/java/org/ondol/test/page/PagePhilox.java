package org.ondol.test.page;

/** Philox-4x32-10 (Salmon, Moraes, Dror, Shaw 2011), the counter-based generator of attention's dropout. */
public final class PagePhilox {
  private static final int M0 = 0xD2511F53;
  private static final int M1 = 0xCD9E8D57;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private PagePhilox() {}

  /** Ten rounds on the counter (c0, c1, c2, c3) with the key (k0, k1). */
  public static int[] generate(int c0, int c1, int c2, int c3, int k0, int k1) {
    for (int round = 0; round < 10; round++) {
      long p0 = Integer.toUnsignedLong(M0) * Integer.toUnsignedLong(c0);
      long p1 = Integer.toUnsignedLong(M1) * Integer.toUnsignedLong(c2);
      int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c1 = (int) p1;
      c3 = (int) p0;
      c0 = n0;
      c2 = n2;
      k0 += W0;
      k1 += W1;
    }
    return new int[] {c0, c1, c2, c3};
  }

  /** Whether the weight of key j for row i of query head h of item b is kept. */
  public static boolean keep(long seed, double dropout, int b, int h, int i, int j) {
    int[] words = generate(j / 4, i, h, b, (int) seed, (int) (seed >>> 32));
    long threshold = (long) (dropout * 4294967296.0);
    return Integer.toUnsignedLong(words[j % 4]) >= threshold;
  }
}
