package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorConvTiles.SPECIES;

import jdk.incubator.vector.FloatVector;

/** Sums of {@link ConvTiles#entries}: so many filter entries by one or two vectors of output channels. */
final class VectorEntryTiles {
  private VectorEntryTiles() {}

  static void pair8(int n, int[] place, float[] x, int[] base, int first, float[] dy, int u, int v, float[] c, int cu, int cv) {
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
    int b0 = base[first];
    int b1 = base[first + 1];
    int b2 = base[first + 2];
    int b3 = base[first + 3];
    int b4 = base[first + 4];
    int b5 = base[first + 5];
    int b6 = base[first + 6];
    int b7 = base[first + 7];
    for (int k = 0; k < n; k++) {
      int at = place[k];
      FloatVector p = fromArray(SPECIES, dy, u + 16 * k);
      FloatVector q = fromArray(SPECIES, dy, v + 16 * k);
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

  static void single8(int n, int[] place, float[] x, int[] base, int first, float[] dy, int u, float[] c, int cu) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector u4 = fromArray(SPECIES, c, cu + 64);
    FloatVector u5 = fromArray(SPECIES, c, cu + 80);
    FloatVector u6 = fromArray(SPECIES, c, cu + 96);
    FloatVector u7 = fromArray(SPECIES, c, cu + 112);
    int b0 = base[first];
    int b1 = base[first + 1];
    int b2 = base[first + 2];
    int b3 = base[first + 3];
    int b4 = base[first + 4];
    int b5 = base[first + 5];
    int b6 = base[first + 6];
    int b7 = base[first + 7];
    for (int k = 0; k < n; k++) {
      int at = place[k];
      FloatVector p = fromArray(SPECIES, dy, u + 16 * k);
      u0 = broadcast(SPECIES, x[b0 + at]).fma(p, u0);
      u1 = broadcast(SPECIES, x[b1 + at]).fma(p, u1);
      u2 = broadcast(SPECIES, x[b2 + at]).fma(p, u2);
      u3 = broadcast(SPECIES, x[b3 + at]).fma(p, u3);
      u4 = broadcast(SPECIES, x[b4 + at]).fma(p, u4);
      u5 = broadcast(SPECIES, x[b5 + at]).fma(p, u5);
      u6 = broadcast(SPECIES, x[b6 + at]).fma(p, u6);
      u7 = broadcast(SPECIES, x[b7 + at]).fma(p, u7);
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

  static void pair4(int n, int[] place, float[] x, int[] base, int first, float[] dy, int u, int v, float[] c, int cu, int cv) {
    FloatVector u0 = fromArray(SPECIES, c, cu);
    FloatVector v0 = fromArray(SPECIES, c, cv);
    FloatVector u1 = fromArray(SPECIES, c, cu + 16);
    FloatVector v1 = fromArray(SPECIES, c, cv + 16);
    FloatVector u2 = fromArray(SPECIES, c, cu + 32);
    FloatVector v2 = fromArray(SPECIES, c, cv + 32);
    FloatVector u3 = fromArray(SPECIES, c, cu + 48);
    FloatVector v3 = fromArray(SPECIES, c, cv + 48);
    int b0 = base[first];
    int b1 = base[first + 1];
    int b2 = base[first + 2];
    int b3 = base[first + 3];
    for (int k = 0; k < n; k++) {
      int at = place[k];
      FloatVector p = fromArray(SPECIES, dy, u + 16 * k);
      FloatVector q = fromArray(SPECIES, dy, v + 16 * k);
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
    u0.intoArray(c, cu);
    v0.intoArray(c, cv);
    u1.intoArray(c, cu + 16);
    v1.intoArray(c, cv + 16);
    u2.intoArray(c, cu + 32);
    v2.intoArray(c, cv + 32);
    u3.intoArray(c, cu + 48);
    v3.intoArray(c, cv + 48);
  }
}
