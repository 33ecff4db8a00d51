package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorConvTiles.LANES;
import static org.ondol.vector.VectorConvTiles.SPECIES;

import jdk.incubator.vector.FloatVector;

/**
 * Sums of {@link ConvTiles#entries}: so many filter entries by so many vectors of output channels.
 *
 * <p>Measured on one core of a Zen 5, these loops alone, best of two runs in GFLOP/s, 16 lanes, where pairs of vectors by 12
 * positions reach 209 in a conv: 4 vectors by 5 entries 200, by 6 201; 2 by 8 180; 1 by 8 111. With the indices derived from the
 * position, without {@code place}: 4 by 4 and 2 by 6 175. An entry costs a bounds check and an index that has to stay in a
 * register, a vector only a load. Nested loops over lines of positions were as fast alone, but with 4 by 6 entries they ran at a
 * quarter of {@code cpu}'s speed in the whole kernel, where compilation may not have been done.
 */
final class VectorEntryTiles {
  private VectorEntryTiles() {}

  static void quad5(int from, int to, int[] place, float[] x, int[] base, int first, float[] dy, int dyAt, float[] c,
      int cAt, int cRow) {
    int c0 = cAt;
    FloatVector u0 = fromArray(SPECIES, c, c0);
    FloatVector v0 = fromArray(SPECIES, c, c0 + 16);
    FloatVector w0 = fromArray(SPECIES, c, c0 + 32);
    FloatVector z0 = fromArray(SPECIES, c, c0 + 48);
    int c1 = cAt + cRow;
    FloatVector u1 = fromArray(SPECIES, c, c1);
    FloatVector v1 = fromArray(SPECIES, c, c1 + 16);
    FloatVector w1 = fromArray(SPECIES, c, c1 + 32);
    FloatVector z1 = fromArray(SPECIES, c, c1 + 48);
    int c2 = cAt + 2 * cRow;
    FloatVector u2 = fromArray(SPECIES, c, c2);
    FloatVector v2 = fromArray(SPECIES, c, c2 + 16);
    FloatVector w2 = fromArray(SPECIES, c, c2 + 32);
    FloatVector z2 = fromArray(SPECIES, c, c2 + 48);
    int c3 = cAt + 3 * cRow;
    FloatVector u3 = fromArray(SPECIES, c, c3);
    FloatVector v3 = fromArray(SPECIES, c, c3 + 16);
    FloatVector w3 = fromArray(SPECIES, c, c3 + 32);
    FloatVector z3 = fromArray(SPECIES, c, c3 + 48);
    int c4 = cAt + 4 * cRow;
    FloatVector u4 = fromArray(SPECIES, c, c4);
    FloatVector v4 = fromArray(SPECIES, c, c4 + 16);
    FloatVector w4 = fromArray(SPECIES, c, c4 + 32);
    FloatVector z4 = fromArray(SPECIES, c, c4 + 48);
    int b0 = base[first];
    int b1 = base[first + 1];
    int b2 = base[first + 2];
    int b3 = base[first + 3];
    int b4 = base[first + 4];
    for (int k = from; k < to; k++) {
      int at = place[k];
      int d = dyAt + 64 * k;
      FloatVector p = fromArray(SPECIES, dy, d);
      FloatVector q = fromArray(SPECIES, dy, d + 16);
      FloatVector r = fromArray(SPECIES, dy, d + 32);
      FloatVector t = fromArray(SPECIES, dy, d + 48);
      FloatVector s = broadcast(SPECIES, x[b0 + at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      w0 = s.fma(r, w0);
      z0 = s.fma(t, z0);
      s = broadcast(SPECIES, x[b1 + at]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      w1 = s.fma(r, w1);
      z1 = s.fma(t, z1);
      s = broadcast(SPECIES, x[b2 + at]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      w2 = s.fma(r, w2);
      z2 = s.fma(t, z2);
      s = broadcast(SPECIES, x[b3 + at]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
      w3 = s.fma(r, w3);
      z3 = s.fma(t, z3);
      s = broadcast(SPECIES, x[b4 + at]);
      u4 = s.fma(p, u4);
      v4 = s.fma(q, v4);
      w4 = s.fma(r, w4);
      z4 = s.fma(t, z4);
    }
    u0.intoArray(c, c0);
    v0.intoArray(c, c0 + 16);
    w0.intoArray(c, c0 + 32);
    z0.intoArray(c, c0 + 48);
    u1.intoArray(c, c1);
    v1.intoArray(c, c1 + 16);
    w1.intoArray(c, c1 + 32);
    z1.intoArray(c, c1 + 48);
    u2.intoArray(c, c2);
    v2.intoArray(c, c2 + 16);
    w2.intoArray(c, c2 + 32);
    z2.intoArray(c, c2 + 48);
    u3.intoArray(c, c3);
    v3.intoArray(c, c3 + 16);
    w3.intoArray(c, c3 + 32);
    z3.intoArray(c, c3 + 48);
    u4.intoArray(c, c4);
    v4.intoArray(c, c4 + 16);
    w4.intoArray(c, c4 + 32);
    z4.intoArray(c, c4 + 48);
  }

  static void pair8(int from, int to, int[] place, float[] x, int[] base, int first, float[] dy, int dyAt, float[] c,
      int cAt, int cRow) {
    int c0 = cAt;
    FloatVector u0 = fromArray(SPECIES, c, c0);
    FloatVector v0 = fromArray(SPECIES, c, c0 + 16);
    int c1 = cAt + cRow;
    FloatVector u1 = fromArray(SPECIES, c, c1);
    FloatVector v1 = fromArray(SPECIES, c, c1 + 16);
    int c2 = cAt + 2 * cRow;
    FloatVector u2 = fromArray(SPECIES, c, c2);
    FloatVector v2 = fromArray(SPECIES, c, c2 + 16);
    int c3 = cAt + 3 * cRow;
    FloatVector u3 = fromArray(SPECIES, c, c3);
    FloatVector v3 = fromArray(SPECIES, c, c3 + 16);
    int c4 = cAt + 4 * cRow;
    FloatVector u4 = fromArray(SPECIES, c, c4);
    FloatVector v4 = fromArray(SPECIES, c, c4 + 16);
    int c5 = cAt + 5 * cRow;
    FloatVector u5 = fromArray(SPECIES, c, c5);
    FloatVector v5 = fromArray(SPECIES, c, c5 + 16);
    int c6 = cAt + 6 * cRow;
    FloatVector u6 = fromArray(SPECIES, c, c6);
    FloatVector v6 = fromArray(SPECIES, c, c6 + 16);
    int c7 = cAt + 7 * cRow;
    FloatVector u7 = fromArray(SPECIES, c, c7);
    FloatVector v7 = fromArray(SPECIES, c, c7 + 16);
    int b0 = base[first];
    int b1 = base[first + 1];
    int b2 = base[first + 2];
    int b3 = base[first + 3];
    int b4 = base[first + 4];
    int b5 = base[first + 5];
    int b6 = base[first + 6];
    int b7 = base[first + 7];
    for (int k = from; k < to; k++) {
      int at = place[k];
      int d = dyAt + 32 * k;
      FloatVector p = fromArray(SPECIES, dy, d);
      FloatVector q = fromArray(SPECIES, dy, d + 16);
      FloatVector s = broadcast(SPECIES, x[b0 + at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      s = broadcast(SPECIES, x[b1 + at]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      s = broadcast(SPECIES, x[b2 + at]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      s = broadcast(SPECIES, x[b3 + at]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
      s = broadcast(SPECIES, x[b4 + at]);
      u4 = s.fma(p, u4);
      v4 = s.fma(q, v4);
      s = broadcast(SPECIES, x[b5 + at]);
      u5 = s.fma(p, u5);
      v5 = s.fma(q, v5);
      s = broadcast(SPECIES, x[b6 + at]);
      u6 = s.fma(p, u6);
      v6 = s.fma(q, v6);
      s = broadcast(SPECIES, x[b7 + at]);
      u7 = s.fma(p, u7);
      v7 = s.fma(q, v7);
    }
    u0.intoArray(c, c0);
    v0.intoArray(c, c0 + 16);
    u1.intoArray(c, c1);
    v1.intoArray(c, c1 + 16);
    u2.intoArray(c, c2);
    v2.intoArray(c, c2 + 16);
    u3.intoArray(c, c3);
    v3.intoArray(c, c3 + 16);
    u4.intoArray(c, c4);
    v4.intoArray(c, c4 + 16);
    u5.intoArray(c, c5);
    v5.intoArray(c, c5 + 16);
    u6.intoArray(c, c6);
    v6.intoArray(c, c6 + 16);
    u7.intoArray(c, c7);
    v7.intoArray(c, c7 + 16);
  }

  static void single8(int from, int to, int[] place, float[] x, int[] base, int first, float[] dy, int dyAt, float[] c,
      int cAt, int cRow) {
    int c0 = cAt;
    FloatVector u0 = fromArray(SPECIES, c, c0);
    int c1 = cAt + cRow;
    FloatVector u1 = fromArray(SPECIES, c, c1);
    int c2 = cAt + 2 * cRow;
    FloatVector u2 = fromArray(SPECIES, c, c2);
    int c3 = cAt + 3 * cRow;
    FloatVector u3 = fromArray(SPECIES, c, c3);
    int c4 = cAt + 4 * cRow;
    FloatVector u4 = fromArray(SPECIES, c, c4);
    int c5 = cAt + 5 * cRow;
    FloatVector u5 = fromArray(SPECIES, c, c5);
    int c6 = cAt + 6 * cRow;
    FloatVector u6 = fromArray(SPECIES, c, c6);
    int c7 = cAt + 7 * cRow;
    FloatVector u7 = fromArray(SPECIES, c, c7);
    int b0 = base[first];
    int b1 = base[first + 1];
    int b2 = base[first + 2];
    int b3 = base[first + 3];
    int b4 = base[first + 4];
    int b5 = base[first + 5];
    int b6 = base[first + 6];
    int b7 = base[first + 7];
    for (int k = from; k < to; k++) {
      int at = place[k];
      int d = dyAt + 16 * k;
      FloatVector p = fromArray(SPECIES, dy, d);
      FloatVector s = broadcast(SPECIES, x[b0 + at]);
      u0 = s.fma(p, u0);
      s = broadcast(SPECIES, x[b1 + at]);
      u1 = s.fma(p, u1);
      s = broadcast(SPECIES, x[b2 + at]);
      u2 = s.fma(p, u2);
      s = broadcast(SPECIES, x[b3 + at]);
      u3 = s.fma(p, u3);
      s = broadcast(SPECIES, x[b4 + at]);
      u4 = s.fma(p, u4);
      s = broadcast(SPECIES, x[b5 + at]);
      u5 = s.fma(p, u5);
      s = broadcast(SPECIES, x[b6 + at]);
      u6 = s.fma(p, u6);
      s = broadcast(SPECIES, x[b7 + at]);
      u7 = s.fma(p, u7);
    }
    u0.intoArray(c, c0);
    u1.intoArray(c, c1);
    u2.intoArray(c, c2);
    u3.intoArray(c, c3);
    u4.intoArray(c, c4);
    u5.intoArray(c, c5);
    u6.intoArray(c, c6);
    u7.intoArray(c, c7);
  }

  static void pair4(int from, int to, int[] place, float[] x, int[] base, int first, float[] dy, int dyAt, float[] c,
      int cAt, int cRow) {
    int c0 = cAt;
    FloatVector u0 = fromArray(SPECIES, c, c0);
    FloatVector v0 = fromArray(SPECIES, c, c0 + LANES);
    int c1 = cAt + cRow;
    FloatVector u1 = fromArray(SPECIES, c, c1);
    FloatVector v1 = fromArray(SPECIES, c, c1 + LANES);
    int c2 = cAt + 2 * cRow;
    FloatVector u2 = fromArray(SPECIES, c, c2);
    FloatVector v2 = fromArray(SPECIES, c, c2 + LANES);
    int c3 = cAt + 3 * cRow;
    FloatVector u3 = fromArray(SPECIES, c, c3);
    FloatVector v3 = fromArray(SPECIES, c, c3 + LANES);
    int b0 = base[first];
    int b1 = base[first + 1];
    int b2 = base[first + 2];
    int b3 = base[first + 3];
    for (int k = from; k < to; k++) {
      int at = place[k];
      int d = dyAt + 16 * k;
      FloatVector p = fromArray(SPECIES, dy, d);
      FloatVector q = fromArray(SPECIES, dy, d + LANES);
      FloatVector s = broadcast(SPECIES, x[b0 + at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      s = broadcast(SPECIES, x[b1 + at]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      s = broadcast(SPECIES, x[b2 + at]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      s = broadcast(SPECIES, x[b3 + at]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
    }
    u0.intoArray(c, c0);
    v0.intoArray(c, c0 + LANES);
    u1.intoArray(c, c1);
    v1.intoArray(c, c1 + LANES);
    u2.intoArray(c, c2);
    v2.intoArray(c, c2 + LANES);
    u3.intoArray(c, c3);
    v3.intoArray(c, c3 + LANES);
  }
}
