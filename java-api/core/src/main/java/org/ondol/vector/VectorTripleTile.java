package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorConvTiles.SPECIES;

import jdk.incubator.vector.FloatVector;

/**
 * {@link VectorChannelTiles} with three panels: 24 sums, the weights of three panels and one position fill 28 of 32
 * registers. Mask A 7 x 7 3-128, classes of three panels (Zen 5, two threads): 1.51 ms, 1.66 with a pair and one
 * alone, which waits for loads.
 */
final class VectorTripleTile {
  static final int POSITIONS = 8;

  private VectorTripleTile() {}

  /** Panels lie {@code apart} in the weights, their sums {@code cPanel}. */
  static void triple8(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, int apart, float[] c, int cu,
      int cPanel) {
    int cv = cu + cPanel;
    int ct = cv + cPanel;
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector v0 = fromArray(SPECIES, c, cv);
    FloatVector t0 = fromArray(SPECIES, c, ct);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector v1 = fromArray(SPECIES, c, cv + 16);
    FloatVector t1 = fromArray(SPECIES, c, ct + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector v2 = fromArray(SPECIES, c, cv + 32);
    FloatVector t2 = fromArray(SPECIES, c, ct + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector v3 = fromArray(SPECIES, c, cv + 48);
    FloatVector t3 = fromArray(SPECIES, c, ct + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector v4 = fromArray(SPECIES, c, cv + 64);
    FloatVector t4 = fromArray(SPECIES, c, ct + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    FloatVector v5 = fromArray(SPECIES, c, cv + 80);
    FloatVector t5 = fromArray(SPECIES, c, ct + 80);
    FloatVector u6 = fromArray(SPECIES, c, cu + 96);
    FloatVector v6 = fromArray(SPECIES, c, cv + 96);
    FloatVector t6 = fromArray(SPECIES, c, ct + 96);
    FloatVector u7 = fromArray(SPECIES, c, cu + 112);
    FloatVector v7 = fromArray(SPECIES, c, cv + 112);
    FloatVector t7 = fromArray(SPECIES, c, ct + 112);
    int end = wAt + 16 * (to - from);
    int shift = from - (wAt >> 4);
    for (int i = wAt; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      FloatVector q = fromArray(SPECIES, w, i + apart);
      FloatVector r = fromArray(SPECIES, w, i + 2 * apart);
      FloatVector s = broadcast(SPECIES, x[at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      t0 = s.fma(r, t0);
      s = broadcast(SPECIES, x[at + 1]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      t1 = s.fma(r, t1);
      s = broadcast(SPECIES, x[at + 2]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      t2 = s.fma(r, t2);
      s = broadcast(SPECIES, x[at + 3]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
      t3 = s.fma(r, t3);
      s = broadcast(SPECIES, x[at + 4]);
      u4 = s.fma(p, u4);
      v4 = s.fma(q, v4);
      t4 = s.fma(r, t4);
      s = broadcast(SPECIES, x[at + 5]);
      u5 = s.fma(p, u5);
      v5 = s.fma(q, v5);
      t5 = s.fma(r, t5);
      s = broadcast(SPECIES, x[at + 6]);
      u6 = s.fma(p, u6);
      v6 = s.fma(q, v6);
      t6 = s.fma(r, t6);
      s = broadcast(SPECIES, x[at + 7]);
      u7 = s.fma(p, u7);
      v7 = s.fma(q, v7);
      t7 = s.fma(r, t7);
    }
    u0.intoArray(c, cu);
    v0.intoArray(c, cv);
    t0.intoArray(c, ct);
    u1.intoArray(c, cu + 16);
    v1.intoArray(c, cv + 16);
    t1.intoArray(c, ct + 16);
    u2.intoArray(c, cu + 32);
    v2.intoArray(c, cv + 32);
    t2.intoArray(c, ct + 32);
    u3.intoArray(c, cu + 48);
    v3.intoArray(c, cv + 48);
    t3.intoArray(c, ct + 48);
    u4.intoArray(c, cu + 64);
    v4.intoArray(c, cv + 64);
    t4.intoArray(c, ct + 64);
    u5.intoArray(c, cu + 80);
    v5.intoArray(c, cv + 80);
    t5.intoArray(c, ct + 80);
    u6.intoArray(c, cu + 96);
    v6.intoArray(c, cv + 96);
    t6.intoArray(c, ct + 96);
    u7.intoArray(c, cu + 112);
    v7.intoArray(c, cv + 112);
    t7.intoArray(c, ct + 112);
  }
}
