package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorConvTiles.LANES;
import static org.ondol.vector.VectorConvTiles.SPECIES;

import jdk.incubator.vector.FloatVector;

/** Sums of {@link ConvTiles#positions}: so many channels by so many vectors of positions. */
final class VectorPositionTiles {
  private VectorPositionTiles() {}

  static void tile(int rows, int vectors, int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c,
      int cAt, int cRow) {
    switch (rows) {
      case 1 -> {
        if (vectors == 8) {
          rows1x8(from, to, offset, x, xAt, w, wAt, c, cAt, cRow);
        } else {
          rows1x4(from, to, offset, x, xAt, w, wAt, c, cAt, cRow);
        }
      }
      case 2 -> rows2x4(from, to, offset, x, xAt, w, wAt, c, cAt, cRow);
      case 3 -> rows3x4(from, to, offset, x, xAt, w, wAt, c, cAt, cRow);
      default -> rows4x4(from, to, offset, x, xAt, w, wAt, c, cAt, cRow);
    }
  }

  private static void rows1x4(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c, int c0,
      int cRow) {
    FloatVector p0 = fromArray(SPECIES, c, c0);
    FloatVector p1 = fromArray(SPECIES, c, c0 + LANES);
    FloatVector p2 = fromArray(SPECIES, c, c0 + 2 * LANES);
    FloatVector p3 = fromArray(SPECIES, c, c0 + 3 * LANES);
    int end = wAt + 16 * (to - from);
    int shift = from - (wAt >> 4);
    for (int i = wAt; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector w0 = broadcast(SPECIES, w[i]);
      FloatVector v = fromArray(SPECIES, x, at);
      p0 = v.fma(w0, p0);
      v = fromArray(SPECIES, x, at + LANES);
      p1 = v.fma(w0, p1);
      v = fromArray(SPECIES, x, at + 2 * LANES);
      p2 = v.fma(w0, p2);
      v = fromArray(SPECIES, x, at + 3 * LANES);
      p3 = v.fma(w0, p3);
    }
    p0.intoArray(c, c0);
    p1.intoArray(c, c0 + LANES);
    p2.intoArray(c, c0 + 2 * LANES);
    p3.intoArray(c, c0 + 3 * LANES);
  }

  private static void rows1x8(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c, int c0,
      int cRow) {
    FloatVector p0 = fromArray(SPECIES, c, c0);
    FloatVector p1 = fromArray(SPECIES, c, c0 + LANES);
    FloatVector p2 = fromArray(SPECIES, c, c0 + 2 * LANES);
    FloatVector p3 = fromArray(SPECIES, c, c0 + 3 * LANES);
    FloatVector p4 = fromArray(SPECIES, c, c0 + 4 * LANES);
    FloatVector p5 = fromArray(SPECIES, c, c0 + 5 * LANES);
    FloatVector p6 = fromArray(SPECIES, c, c0 + 6 * LANES);
    FloatVector p7 = fromArray(SPECIES, c, c0 + 7 * LANES);
    int end = wAt + 16 * (to - from);
    int shift = from - (wAt >> 4);
    for (int i = wAt; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector w0 = broadcast(SPECIES, w[i]);
      FloatVector v = fromArray(SPECIES, x, at);
      p0 = v.fma(w0, p0);
      v = fromArray(SPECIES, x, at + LANES);
      p1 = v.fma(w0, p1);
      v = fromArray(SPECIES, x, at + 2 * LANES);
      p2 = v.fma(w0, p2);
      v = fromArray(SPECIES, x, at + 3 * LANES);
      p3 = v.fma(w0, p3);
      v = fromArray(SPECIES, x, at + 4 * LANES);
      p4 = v.fma(w0, p4);
      v = fromArray(SPECIES, x, at + 5 * LANES);
      p5 = v.fma(w0, p5);
      v = fromArray(SPECIES, x, at + 6 * LANES);
      p6 = v.fma(w0, p6);
      v = fromArray(SPECIES, x, at + 7 * LANES);
      p7 = v.fma(w0, p7);
    }
    p0.intoArray(c, c0);
    p1.intoArray(c, c0 + LANES);
    p2.intoArray(c, c0 + 2 * LANES);
    p3.intoArray(c, c0 + 3 * LANES);
    p4.intoArray(c, c0 + 4 * LANES);
    p5.intoArray(c, c0 + 5 * LANES);
    p6.intoArray(c, c0 + 6 * LANES);
    p7.intoArray(c, c0 + 7 * LANES);
  }

  private static void rows2x4(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c, int c0,
      int cRow) {
    int c1 = c0 + cRow;
    FloatVector p0 = fromArray(SPECIES, c, c0);
    FloatVector p1 = fromArray(SPECIES, c, c0 + LANES);
    FloatVector p2 = fromArray(SPECIES, c, c0 + 2 * LANES);
    FloatVector p3 = fromArray(SPECIES, c, c0 + 3 * LANES);
    FloatVector q0 = fromArray(SPECIES, c, c1);
    FloatVector q1 = fromArray(SPECIES, c, c1 + LANES);
    FloatVector q2 = fromArray(SPECIES, c, c1 + 2 * LANES);
    FloatVector q3 = fromArray(SPECIES, c, c1 + 3 * LANES);
    int end = wAt + 16 * (to - from);
    int shift = from - (wAt >> 4);
    for (int i = wAt; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector w0 = broadcast(SPECIES, w[i]);
      FloatVector w1 = broadcast(SPECIES, w[i + 1]);
      FloatVector v = fromArray(SPECIES, x, at);
      p0 = v.fma(w0, p0);
      q0 = v.fma(w1, q0);
      v = fromArray(SPECIES, x, at + LANES);
      p1 = v.fma(w0, p1);
      q1 = v.fma(w1, q1);
      v = fromArray(SPECIES, x, at + 2 * LANES);
      p2 = v.fma(w0, p2);
      q2 = v.fma(w1, q2);
      v = fromArray(SPECIES, x, at + 3 * LANES);
      p3 = v.fma(w0, p3);
      q3 = v.fma(w1, q3);
    }
    p0.intoArray(c, c0);
    p1.intoArray(c, c0 + LANES);
    p2.intoArray(c, c0 + 2 * LANES);
    p3.intoArray(c, c0 + 3 * LANES);
    q0.intoArray(c, c1);
    q1.intoArray(c, c1 + LANES);
    q2.intoArray(c, c1 + 2 * LANES);
    q3.intoArray(c, c1 + 3 * LANES);
  }

  private static void rows3x4(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c, int c0,
      int cRow) {
    int c1 = c0 + cRow;
    int c2 = c1 + cRow;
    FloatVector p0 = fromArray(SPECIES, c, c0);
    FloatVector p1 = fromArray(SPECIES, c, c0 + LANES);
    FloatVector p2 = fromArray(SPECIES, c, c0 + 2 * LANES);
    FloatVector p3 = fromArray(SPECIES, c, c0 + 3 * LANES);
    FloatVector q0 = fromArray(SPECIES, c, c1);
    FloatVector q1 = fromArray(SPECIES, c, c1 + LANES);
    FloatVector q2 = fromArray(SPECIES, c, c1 + 2 * LANES);
    FloatVector q3 = fromArray(SPECIES, c, c1 + 3 * LANES);
    FloatVector r0 = fromArray(SPECIES, c, c2);
    FloatVector r1 = fromArray(SPECIES, c, c2 + LANES);
    FloatVector r2 = fromArray(SPECIES, c, c2 + 2 * LANES);
    FloatVector r3 = fromArray(SPECIES, c, c2 + 3 * LANES);
    int end = wAt + 16 * (to - from);
    int shift = from - (wAt >> 4);
    for (int i = wAt; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector w0 = broadcast(SPECIES, w[i]);
      FloatVector w1 = broadcast(SPECIES, w[i + 1]);
      FloatVector w2 = broadcast(SPECIES, w[i + 2]);
      FloatVector v = fromArray(SPECIES, x, at);
      p0 = v.fma(w0, p0);
      q0 = v.fma(w1, q0);
      r0 = v.fma(w2, r0);
      v = fromArray(SPECIES, x, at + LANES);
      p1 = v.fma(w0, p1);
      q1 = v.fma(w1, q1);
      r1 = v.fma(w2, r1);
      v = fromArray(SPECIES, x, at + 2 * LANES);
      p2 = v.fma(w0, p2);
      q2 = v.fma(w1, q2);
      r2 = v.fma(w2, r2);
      v = fromArray(SPECIES, x, at + 3 * LANES);
      p3 = v.fma(w0, p3);
      q3 = v.fma(w1, q3);
      r3 = v.fma(w2, r3);
    }
    p0.intoArray(c, c0);
    p1.intoArray(c, c0 + LANES);
    p2.intoArray(c, c0 + 2 * LANES);
    p3.intoArray(c, c0 + 3 * LANES);
    q0.intoArray(c, c1);
    q1.intoArray(c, c1 + LANES);
    q2.intoArray(c, c1 + 2 * LANES);
    q3.intoArray(c, c1 + 3 * LANES);
    r0.intoArray(c, c2);
    r1.intoArray(c, c2 + LANES);
    r2.intoArray(c, c2 + 2 * LANES);
    r3.intoArray(c, c2 + 3 * LANES);
  }

  private static void rows4x4(int from, int to, int[] offset, float[] x, int xAt, float[] w, int wAt, float[] c, int c0,
      int cRow) {
    int c1 = c0 + cRow;
    int c2 = c1 + cRow;
    int c3 = c2 + cRow;
    FloatVector p0 = fromArray(SPECIES, c, c0);
    FloatVector p1 = fromArray(SPECIES, c, c0 + LANES);
    FloatVector p2 = fromArray(SPECIES, c, c0 + 2 * LANES);
    FloatVector p3 = fromArray(SPECIES, c, c0 + 3 * LANES);
    FloatVector q0 = fromArray(SPECIES, c, c1);
    FloatVector q1 = fromArray(SPECIES, c, c1 + LANES);
    FloatVector q2 = fromArray(SPECIES, c, c1 + 2 * LANES);
    FloatVector q3 = fromArray(SPECIES, c, c1 + 3 * LANES);
    FloatVector r0 = fromArray(SPECIES, c, c2);
    FloatVector r1 = fromArray(SPECIES, c, c2 + LANES);
    FloatVector r2 = fromArray(SPECIES, c, c2 + 2 * LANES);
    FloatVector r3 = fromArray(SPECIES, c, c2 + 3 * LANES);
    FloatVector s0 = fromArray(SPECIES, c, c3);
    FloatVector s1 = fromArray(SPECIES, c, c3 + LANES);
    FloatVector s2 = fromArray(SPECIES, c, c3 + 2 * LANES);
    FloatVector s3 = fromArray(SPECIES, c, c3 + 3 * LANES);
    int end = wAt + 16 * (to - from);
    int shift = from - (wAt >> 4);
    for (int i = wAt; i < end; i += 16) {
      int at = xAt + offset[shift + (i >> 4)];
      FloatVector w0 = broadcast(SPECIES, w[i]);
      FloatVector w1 = broadcast(SPECIES, w[i + 1]);
      FloatVector w2 = broadcast(SPECIES, w[i + 2]);
      FloatVector w3 = broadcast(SPECIES, w[i + 3]);
      FloatVector v = fromArray(SPECIES, x, at);
      p0 = v.fma(w0, p0);
      q0 = v.fma(w1, q0);
      r0 = v.fma(w2, r0);
      s0 = v.fma(w3, s0);
      v = fromArray(SPECIES, x, at + LANES);
      p1 = v.fma(w0, p1);
      q1 = v.fma(w1, q1);
      r1 = v.fma(w2, r1);
      s1 = v.fma(w3, s1);
      v = fromArray(SPECIES, x, at + 2 * LANES);
      p2 = v.fma(w0, p2);
      q2 = v.fma(w1, q2);
      r2 = v.fma(w2, r2);
      s2 = v.fma(w3, s2);
      v = fromArray(SPECIES, x, at + 3 * LANES);
      p3 = v.fma(w0, p3);
      q3 = v.fma(w1, q3);
      r3 = v.fma(w2, r3);
      s3 = v.fma(w3, s3);
    }
    p0.intoArray(c, c0);
    p1.intoArray(c, c0 + LANES);
    p2.intoArray(c, c0 + 2 * LANES);
    p3.intoArray(c, c0 + 3 * LANES);
    q0.intoArray(c, c1);
    q1.intoArray(c, c1 + LANES);
    q2.intoArray(c, c1 + 2 * LANES);
    q3.intoArray(c, c1 + 3 * LANES);
    r0.intoArray(c, c2);
    r1.intoArray(c, c2 + LANES);
    r2.intoArray(c, c2 + 2 * LANES);
    r3.intoArray(c, c2 + 3 * LANES);
    s0.intoArray(c, c3);
    s1.intoArray(c, c3 + LANES);
    s2.intoArray(c, c3 + 2 * LANES);
    s3.intoArray(c, c3 + 3 * LANES);
  }
}
