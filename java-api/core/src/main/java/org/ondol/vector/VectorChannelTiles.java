package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorConvTiles.SPECIES;

import jdk.incubator.vector.FloatVector;

/**
 * Sums of {@link ConvTiles#channels}: so many positions by a pair of vectors, or by one. The sums of a position lie 16 apart, and
 * so do the weights of an entry; u and v are the halves of a panel, or two panels where a vector takes a whole one.
 */
final class VectorChannelTiles {
  private VectorChannelTiles() {}

  /** The tile for so many positions that remain: at most 12, and up to two more than are wanted. */
  static int next(int positions) {
    if (positions > 16) return 12;
    if (positions > 12) return 8;
    if (positions > 10) return 12;
    if (positions > 8) return 6;
    if (positions > 6) return 8;
    if (positions > 4) return 6;
    return positions > 1 ? 4 : 1;
  }

  static void pair(int positions, int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, int v, float[] c, int cu,
      int cv) {
    switch (positions) {
      case 12 -> pair12(from, to, offset, x, xAt, w, u, v, c, cu, cv);
      case 8 -> pair8(from, to, offset, x, xAt, w, u, v, c, cu, cv);
      case 6 -> pair6(from, to, offset, x, xAt, w, u, v, c, cu, cv);
      case 4 -> pair4(from, to, offset, x, xAt, w, u, v, c, cu, cv);
      default -> pair1(from, to, offset, x, xAt, w, u, v, c, cu, cv);
    }
  }

  static void single(int positions, int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, float[] c, int cu) {
    switch (positions) {
      case 12 -> single12(from, to, offset, x, xAt, w, u, c, cu);
      case 8 -> single8(from, to, offset, x, xAt, w, u, c, cu);
      case 6 -> single6(from, to, offset, x, xAt, w, u, c, cu);
      case 4 -> single4(from, to, offset, x, xAt, w, u, c, cu);
      default -> single1(from, to, offset, x, xAt, w, u, c, cu);
    }
  }

  private static void pair12(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, int v, float[] c, int cu,
      int cv) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector v0 = fromArray(SPECIES, c, cv);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector v1 = fromArray(SPECIES, c, cv + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector v2 = fromArray(SPECIES, c, cv + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector v3 = fromArray(SPECIES, c, cv + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector v4 = fromArray(SPECIES, c, cv + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    FloatVector v5 = fromArray(SPECIES, c, cv + 80);
    FloatVector u6 = fromArray(SPECIES, c, cu + 96);
    FloatVector v6 = fromArray(SPECIES, c, cv + 96);
    FloatVector u7 = fromArray(SPECIES, c, cu + 112);
    FloatVector v7 = fromArray(SPECIES, c, cv + 112);
    FloatVector u8 = fromArray(SPECIES, c, cu + 128);
    FloatVector v8 = fromArray(SPECIES, c, cv + 128);
    FloatVector u9 = fromArray(SPECIES, c, cu + 144);
    FloatVector v9 = fromArray(SPECIES, c, cv + 144);
    FloatVector u10 = fromArray(SPECIES, c, cu + 160);
    FloatVector v10 = fromArray(SPECIES, c, cv + 160);
    FloatVector u11 = fromArray(SPECIES, c, cu + 176);
    FloatVector v11 = fromArray(SPECIES, c, cv + 176);
    int apart = v - u;
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      FloatVector q = fromArray(SPECIES, w, i + apart);
      FloatVector s = broadcast(SPECIES, x[at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      s = broadcast(SPECIES, x[at + 1]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      s = broadcast(SPECIES, x[at + 2]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      s = broadcast(SPECIES, x[at + 3]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
      s = broadcast(SPECIES, x[at + 4]);
      u4 = s.fma(p, u4);
      v4 = s.fma(q, v4);
      s = broadcast(SPECIES, x[at + 5]);
      u5 = s.fma(p, u5);
      v5 = s.fma(q, v5);
      s = broadcast(SPECIES, x[at + 6]);
      u6 = s.fma(p, u6);
      v6 = s.fma(q, v6);
      s = broadcast(SPECIES, x[at + 7]);
      u7 = s.fma(p, u7);
      v7 = s.fma(q, v7);
      s = broadcast(SPECIES, x[at + 8]);
      u8 = s.fma(p, u8);
      v8 = s.fma(q, v8);
      s = broadcast(SPECIES, x[at + 9]);
      u9 = s.fma(p, u9);
      v9 = s.fma(q, v9);
      s = broadcast(SPECIES, x[at + 10]);
      u10 = s.fma(p, u10);
      v10 = s.fma(q, v10);
      s = broadcast(SPECIES, x[at + 11]);
      u11 = s.fma(p, u11);
      v11 = s.fma(q, v11);
    }
    u0.intoArray(c, cu);
    v0.intoArray(c, cv);
    u1.intoArray(c, cu + 16);
    v1.intoArray(c, cv + 16);
    u2.intoArray(c, cu + 32);
    v2.intoArray(c, cv + 32);
    u3.intoArray(c, cu + 48);
    v3.intoArray(c, cv + 48);
    u4.intoArray(c, cu + 64);
    v4.intoArray(c, cv + 64);
    u5.intoArray(c, cu + 80);
    v5.intoArray(c, cv + 80);
    u6.intoArray(c, cu + 96);
    v6.intoArray(c, cv + 96);
    u7.intoArray(c, cu + 112);
    v7.intoArray(c, cv + 112);
    u8.intoArray(c, cu + 128);
    v8.intoArray(c, cv + 128);
    u9.intoArray(c, cu + 144);
    v9.intoArray(c, cv + 144);
    u10.intoArray(c, cu + 160);
    v10.intoArray(c, cv + 160);
    u11.intoArray(c, cu + 176);
    v11.intoArray(c, cv + 176);
  }

  private static void pair8(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, int v, float[] c, int cu,
      int cv) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector v0 = fromArray(SPECIES, c, cv);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector v1 = fromArray(SPECIES, c, cv + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector v2 = fromArray(SPECIES, c, cv + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector v3 = fromArray(SPECIES, c, cv + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector v4 = fromArray(SPECIES, c, cv + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    FloatVector v5 = fromArray(SPECIES, c, cv + 80);
    FloatVector u6 = fromArray(SPECIES, c, cu + 96);
    FloatVector v6 = fromArray(SPECIES, c, cv + 96);
    FloatVector u7 = fromArray(SPECIES, c, cu + 112);
    FloatVector v7 = fromArray(SPECIES, c, cv + 112);
    int apart = v - u;
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      FloatVector q = fromArray(SPECIES, w, i + apart);
      FloatVector s = broadcast(SPECIES, x[at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      s = broadcast(SPECIES, x[at + 1]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      s = broadcast(SPECIES, x[at + 2]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      s = broadcast(SPECIES, x[at + 3]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
      s = broadcast(SPECIES, x[at + 4]);
      u4 = s.fma(p, u4);
      v4 = s.fma(q, v4);
      s = broadcast(SPECIES, x[at + 5]);
      u5 = s.fma(p, u5);
      v5 = s.fma(q, v5);
      s = broadcast(SPECIES, x[at + 6]);
      u6 = s.fma(p, u6);
      v6 = s.fma(q, v6);
      s = broadcast(SPECIES, x[at + 7]);
      u7 = s.fma(p, u7);
      v7 = s.fma(q, v7);
    }
    u0.intoArray(c, cu);
    v0.intoArray(c, cv);
    u1.intoArray(c, cu + 16);
    v1.intoArray(c, cv + 16);
    u2.intoArray(c, cu + 32);
    v2.intoArray(c, cv + 32);
    u3.intoArray(c, cu + 48);
    v3.intoArray(c, cv + 48);
    u4.intoArray(c, cu + 64);
    v4.intoArray(c, cv + 64);
    u5.intoArray(c, cu + 80);
    v5.intoArray(c, cv + 80);
    u6.intoArray(c, cu + 96);
    v6.intoArray(c, cv + 96);
    u7.intoArray(c, cu + 112);
    v7.intoArray(c, cv + 112);
  }

  private static void pair6(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, int v, float[] c, int cu,
      int cv) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector v0 = fromArray(SPECIES, c, cv);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector v1 = fromArray(SPECIES, c, cv + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector v2 = fromArray(SPECIES, c, cv + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector v3 = fromArray(SPECIES, c, cv + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector v4 = fromArray(SPECIES, c, cv + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    FloatVector v5 = fromArray(SPECIES, c, cv + 80);
    int apart = v - u;
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      FloatVector q = fromArray(SPECIES, w, i + apart);
      FloatVector s = broadcast(SPECIES, x[at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      s = broadcast(SPECIES, x[at + 1]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      s = broadcast(SPECIES, x[at + 2]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      s = broadcast(SPECIES, x[at + 3]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
      s = broadcast(SPECIES, x[at + 4]);
      u4 = s.fma(p, u4);
      v4 = s.fma(q, v4);
      s = broadcast(SPECIES, x[at + 5]);
      u5 = s.fma(p, u5);
      v5 = s.fma(q, v5);
    }
    u0.intoArray(c, cu);
    v0.intoArray(c, cv);
    u1.intoArray(c, cu + 16);
    v1.intoArray(c, cv + 16);
    u2.intoArray(c, cu + 32);
    v2.intoArray(c, cv + 32);
    u3.intoArray(c, cu + 48);
    v3.intoArray(c, cv + 48);
    u4.intoArray(c, cu + 64);
    v4.intoArray(c, cv + 64);
    u5.intoArray(c, cu + 80);
    v5.intoArray(c, cv + 80);
  }

  private static void pair4(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, int v, float[] c, int cu,
      int cv) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector v0 = fromArray(SPECIES, c, cv);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector v1 = fromArray(SPECIES, c, cv + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector v2 = fromArray(SPECIES, c, cv + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector v3 = fromArray(SPECIES, c, cv + 48);
    int apart = v - u;
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      FloatVector q = fromArray(SPECIES, w, i + apart);
      FloatVector s = broadcast(SPECIES, x[at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
      s = broadcast(SPECIES, x[at + 1]);
      u1 = s.fma(p, u1);
      v1 = s.fma(q, v1);
      s = broadcast(SPECIES, x[at + 2]);
      u2 = s.fma(p, u2);
      v2 = s.fma(q, v2);
      s = broadcast(SPECIES, x[at + 3]);
      u3 = s.fma(p, u3);
      v3 = s.fma(q, v3);
    }
    u0.intoArray(c, cu);
    v0.intoArray(c, cv);
    u1.intoArray(c, cu + 16);
    v1.intoArray(c, cv + 16);
    u2.intoArray(c, cu + 32);
    v2.intoArray(c, cv + 32);
    u3.intoArray(c, cu + 48);
    v3.intoArray(c, cv + 48);
  }

  private static void pair1(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, int v, float[] c, int cu,
      int cv) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector v0 = fromArray(SPECIES, c, cv);
    int apart = v - u;
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      FloatVector q = fromArray(SPECIES, w, i + apart);
      FloatVector s = broadcast(SPECIES, x[at]);
      u0 = s.fma(p, u0);
      v0 = s.fma(q, v0);
    }
    u0.intoArray(c, cu);
    v0.intoArray(c, cv);
  }

  private static void single12(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, float[] c, int cu) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    FloatVector u6 = fromArray(SPECIES, c, cu + 96);
    FloatVector u7 = fromArray(SPECIES, c, cu + 112);
    FloatVector u8 = fromArray(SPECIES, c, cu + 128);
    FloatVector u9 = fromArray(SPECIES, c, cu + 144);
    FloatVector u10 = fromArray(SPECIES, c, cu + 160);
    FloatVector u11 = fromArray(SPECIES, c, cu + 176);
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      u0 = broadcast(SPECIES, x[at]).fma(p, u0);
      u1 = broadcast(SPECIES, x[at + 1]).fma(p, u1);
      u2 = broadcast(SPECIES, x[at + 2]).fma(p, u2);
      u3 = broadcast(SPECIES, x[at + 3]).fma(p, u3);
      u4 = broadcast(SPECIES, x[at + 4]).fma(p, u4);
      u5 = broadcast(SPECIES, x[at + 5]).fma(p, u5);
      u6 = broadcast(SPECIES, x[at + 6]).fma(p, u6);
      u7 = broadcast(SPECIES, x[at + 7]).fma(p, u7);
      u8 = broadcast(SPECIES, x[at + 8]).fma(p, u8);
      u9 = broadcast(SPECIES, x[at + 9]).fma(p, u9);
      u10 = broadcast(SPECIES, x[at + 10]).fma(p, u10);
      u11 = broadcast(SPECIES, x[at + 11]).fma(p, u11);
    }
    u0.intoArray(c, cu);
    u1.intoArray(c, cu + 16);
    u2.intoArray(c, cu + 32);
    u3.intoArray(c, cu + 48);
    u4.intoArray(c, cu + 64);
    u5.intoArray(c, cu + 80);
    u6.intoArray(c, cu + 96);
    u7.intoArray(c, cu + 112);
    u8.intoArray(c, cu + 128);
    u9.intoArray(c, cu + 144);
    u10.intoArray(c, cu + 160);
    u11.intoArray(c, cu + 176);
  }

  private static void single8(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, float[] c, int cu) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    FloatVector u6 = fromArray(SPECIES, c, cu + 96);
    FloatVector u7 = fromArray(SPECIES, c, cu + 112);
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      u0 = broadcast(SPECIES, x[at]).fma(p, u0);
      u1 = broadcast(SPECIES, x[at + 1]).fma(p, u1);
      u2 = broadcast(SPECIES, x[at + 2]).fma(p, u2);
      u3 = broadcast(SPECIES, x[at + 3]).fma(p, u3);
      u4 = broadcast(SPECIES, x[at + 4]).fma(p, u4);
      u5 = broadcast(SPECIES, x[at + 5]).fma(p, u5);
      u6 = broadcast(SPECIES, x[at + 6]).fma(p, u6);
      u7 = broadcast(SPECIES, x[at + 7]).fma(p, u7);
    }
    u0.intoArray(c, cu);
    u1.intoArray(c, cu + 16);
    u2.intoArray(c, cu + 32);
    u3.intoArray(c, cu + 48);
    u4.intoArray(c, cu + 64);
    u5.intoArray(c, cu + 80);
    u6.intoArray(c, cu + 96);
    u7.intoArray(c, cu + 112);
  }

  private static void single6(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, float[] c, int cu) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      u0 = broadcast(SPECIES, x[at]).fma(p, u0);
      u1 = broadcast(SPECIES, x[at + 1]).fma(p, u1);
      u2 = broadcast(SPECIES, x[at + 2]).fma(p, u2);
      u3 = broadcast(SPECIES, x[at + 3]).fma(p, u3);
      u4 = broadcast(SPECIES, x[at + 4]).fma(p, u4);
      u5 = broadcast(SPECIES, x[at + 5]).fma(p, u5);
    }
    u0.intoArray(c, cu);
    u1.intoArray(c, cu + 16);
    u2.intoArray(c, cu + 32);
    u3.intoArray(c, cu + 48);
    u4.intoArray(c, cu + 64);
    u5.intoArray(c, cu + 80);
  }

  private static void single4(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, float[] c, int cu) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      u0 = broadcast(SPECIES, x[at]).fma(p, u0);
      u1 = broadcast(SPECIES, x[at + 1]).fma(p, u1);
      u2 = broadcast(SPECIES, x[at + 2]).fma(p, u2);
      u3 = broadcast(SPECIES, x[at + 3]).fma(p, u3);
    }
    u0.intoArray(c, cu);
    u1.intoArray(c, cu + 16);
    u2.intoArray(c, cu + 32);
    u3.intoArray(c, cu + 48);
  }

  private static void single1(int from, int to, int[] offset, float[] x, int xAt, float[] w, int u, float[] c, int cu) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    int end = u + 16 * (to - from);
    int shift = from - (u >> 4);
    for (int i = u; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector p = fromArray(SPECIES, w, i);
      u0 = broadcast(SPECIES, x[at]).fma(p, u0);
    }
    u0.intoArray(c, cu);
  }
}
