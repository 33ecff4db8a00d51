package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.SPECIES;

import jdk.incubator.vector.FloatVector;

/** {@link Tiles} on vectors. */
final class VectorTiles implements Tiles {
  private static final int PAIR = 2 * LANES;

  @Override
  public void quads(float[] a, int aAt, int quads, float[] b, int bAt, int k, float[] c, int cAt, int stride,
      boolean fresh) {
    for (int h = 0; h < PANEL; h += PAIR) {
      for (int q = 0; q < quads; q++) {
        int at = cAt + q * QUAD * stride + h;
        if (fresh) {
          first(a, aAt + q * QUAD * k, b, bAt + h, k, c, at, stride);
        } else {
          add(a, aAt + q * QUAD * k, b, bAt + h, k, c, at, stride);
        }
      }
    }
  }

  @Override
  public void half(float[] a, int aAt, int quads, float[] b, int bAt, int k, float[] c, int cAt, int stride) {
    for (int h = 0; h < PANEL / 2; h += LANES) {
      int q = 0;
      for (; q + 2 <= quads; q += 2) {
        int at = aAt + q * QUAD * k;
        pair(a, at, at + QUAD * k, b, bAt + h, k, c, cAt + q * QUAD * stride + h, stride);
      }
      if (q < quads && h % PAIR == 0) {
        first(a, aAt + q * QUAD * k, b, bAt + h, k, c, cAt + q * QUAD * stride + h, stride);
      }
    }
  }

  @Override
  public void panel(float[] a, int aAt, float[] b, int bAt, int bStep, int k, float[] c, int cAt, int stride, int rows,
      float[] scale) {
    for (int h = 0; h < PANEL; h += PAIR) {
      for (int r = 0; r < rows; r += QUAD) {
        rescaled(a, aAt + r, b, bAt + h, bStep, k, c, cAt + r * stride + h, stride, scale, r);
      }
    }
  }

  /** Eight rows by one vector, in two quads of A. */
  private static void pair(float[] a, int a0, int a1, float[] b, int bAt, int k, float[] c, int c0, int stride) {
    FloatVector x0 = FloatVector.zero(SPECIES);
    FloatVector x1 = x0;
    FloatVector x2 = x0;
    FloatVector x3 = x0;
    FloatVector x4 = x0;
    FloatVector x5 = x0;
    FloatVector x6 = x0;
    FloatVector x7 = x0;
    for (int i = 0; i < k; i++) {
      FloatVector u = fromArray(SPECIES, b, bAt + PANEL * i);
      x0 = broadcast(SPECIES, a[a0 + QUAD * i]).fma(u, x0);
      x1 = broadcast(SPECIES, a[a0 + QUAD * i + 1]).fma(u, x1);
      x2 = broadcast(SPECIES, a[a0 + QUAD * i + 2]).fma(u, x2);
      x3 = broadcast(SPECIES, a[a0 + QUAD * i + 3]).fma(u, x3);
      x4 = broadcast(SPECIES, a[a1 + QUAD * i]).fma(u, x4);
      x5 = broadcast(SPECIES, a[a1 + QUAD * i + 1]).fma(u, x5);
      x6 = broadcast(SPECIES, a[a1 + QUAD * i + 2]).fma(u, x6);
      x7 = broadcast(SPECIES, a[a1 + QUAD * i + 3]).fma(u, x7);
    }
    x0.intoArray(c, c0);
    x1.intoArray(c, c0 + stride);
    x2.intoArray(c, c0 + 2 * stride);
    x3.intoArray(c, c0 + 3 * stride);
    x4.intoArray(c, c0 + 4 * stride);
    x5.intoArray(c, c0 + 5 * stride);
    x6.intoArray(c, c0 + 6 * stride);
    x7.intoArray(c, c0 + 7 * stride);
  }

  private static void first(float[] a, int aAt, float[] b, int bAt, int k, float[] c, int c0, int stride) {
    FloatVector x0 = FloatVector.zero(SPECIES);
    FloatVector y0 = x0;
    FloatVector x1 = x0;
    FloatVector y1 = x0;
    FloatVector x2 = x0;
    FloatVector y2 = x0;
    FloatVector x3 = x0;
    FloatVector y3 = x0;
    for (int i = 0; i < k; i++) {
      FloatVector u = fromArray(SPECIES, b, bAt + PANEL * i);
      FloatVector v = fromArray(SPECIES, b, bAt + PANEL * i + LANES);
      FloatVector s = broadcast(SPECIES, a[aAt + QUAD * i]);
      x0 = s.fma(u, x0);
      y0 = s.fma(v, y0);
      s = broadcast(SPECIES, a[aAt + QUAD * i + 1]);
      x1 = s.fma(u, x1);
      y1 = s.fma(v, y1);
      s = broadcast(SPECIES, a[aAt + QUAD * i + 2]);
      x2 = s.fma(u, x2);
      y2 = s.fma(v, y2);
      s = broadcast(SPECIES, a[aAt + QUAD * i + 3]);
      x3 = s.fma(u, x3);
      y3 = s.fma(v, y3);
    }
    x0.intoArray(c, c0);
    y0.intoArray(c, c0 + LANES);
    x1.intoArray(c, c0 + stride);
    y1.intoArray(c, c0 + stride + LANES);
    x2.intoArray(c, c0 + 2 * stride);
    y2.intoArray(c, c0 + 2 * stride + LANES);
    x3.intoArray(c, c0 + 3 * stride);
    y3.intoArray(c, c0 + 3 * stride + LANES);
  }

  private static void add(float[] a, int aAt, float[] b, int bAt, int k, float[] c, int c0, int stride) {
    int c1 = c0 + stride;
    int c2 = c1 + stride;
    int c3 = c2 + stride;
    FloatVector x0 = fromArray(SPECIES, c, c0);
    FloatVector y0 = fromArray(SPECIES, c, c0 + LANES);
    FloatVector x1 = fromArray(SPECIES, c, c1);
    FloatVector y1 = fromArray(SPECIES, c, c1 + LANES);
    FloatVector x2 = fromArray(SPECIES, c, c2);
    FloatVector y2 = fromArray(SPECIES, c, c2 + LANES);
    FloatVector x3 = fromArray(SPECIES, c, c3);
    FloatVector y3 = fromArray(SPECIES, c, c3 + LANES);
    for (int i = 0; i < k; i++) {
      FloatVector u = fromArray(SPECIES, b, bAt + PANEL * i);
      FloatVector v = fromArray(SPECIES, b, bAt + PANEL * i + LANES);
      FloatVector s = broadcast(SPECIES, a[aAt + QUAD * i]);
      x0 = s.fma(u, x0);
      y0 = s.fma(v, y0);
      s = broadcast(SPECIES, a[aAt + QUAD * i + 1]);
      x1 = s.fma(u, x1);
      y1 = s.fma(v, y1);
      s = broadcast(SPECIES, a[aAt + QUAD * i + 2]);
      x2 = s.fma(u, x2);
      y2 = s.fma(v, y2);
      s = broadcast(SPECIES, a[aAt + QUAD * i + 3]);
      x3 = s.fma(u, x3);
      y3 = s.fma(v, y3);
    }
    x0.intoArray(c, c0);
    y0.intoArray(c, c0 + LANES);
    x1.intoArray(c, c1);
    y1.intoArray(c, c1 + LANES);
    x2.intoArray(c, c2);
    y2.intoArray(c, c2 + LANES);
    x3.intoArray(c, c3);
    y3.intoArray(c, c3 + LANES);
  }

  private static void rescaled(float[] a, int aAt, float[] b, int bAt, int bStep, int k, float[] c, int c0,
      int stride, float[] scale, int row) {
    int c1 = c0 + stride;
    int c2 = c1 + stride;
    int c3 = c2 + stride;
    FloatVector s = broadcast(SPECIES, scale[row]);
    FloatVector x0 = fromArray(SPECIES, c, c0).mul(s);
    FloatVector y0 = fromArray(SPECIES, c, c0 + LANES).mul(s);
    s = broadcast(SPECIES, scale[row + 1]);
    FloatVector x1 = fromArray(SPECIES, c, c1).mul(s);
    FloatVector y1 = fromArray(SPECIES, c, c1 + LANES).mul(s);
    s = broadcast(SPECIES, scale[row + 2]);
    FloatVector x2 = fromArray(SPECIES, c, c2).mul(s);
    FloatVector y2 = fromArray(SPECIES, c, c2 + LANES).mul(s);
    s = broadcast(SPECIES, scale[row + 3]);
    FloatVector x3 = fromArray(SPECIES, c, c3).mul(s);
    FloatVector y3 = fromArray(SPECIES, c, c3 + LANES).mul(s);
    for (int i = 0; i < k; i++) {
      FloatVector u = fromArray(SPECIES, b, bAt + bStep * i);
      FloatVector v = fromArray(SPECIES, b, bAt + bStep * i + LANES);
      s = broadcast(SPECIES, a[aAt + PANEL * i]);
      x0 = s.fma(u, x0);
      y0 = s.fma(v, y0);
      s = broadcast(SPECIES, a[aAt + PANEL * i + 1]);
      x1 = s.fma(u, x1);
      y1 = s.fma(v, y1);
      s = broadcast(SPECIES, a[aAt + PANEL * i + 2]);
      x2 = s.fma(u, x2);
      y2 = s.fma(v, y2);
      s = broadcast(SPECIES, a[aAt + PANEL * i + 3]);
      x3 = s.fma(u, x3);
      y3 = s.fma(v, y3);
    }
    x0.intoArray(c, c0);
    y0.intoArray(c, c0 + LANES);
    x1.intoArray(c, c1);
    y1.intoArray(c, c1 + LANES);
    x2.intoArray(c, c2);
    y2.intoArray(c, c2 + LANES);
    x3.intoArray(c, c3);
    y3.intoArray(c, c3 + LANES);
  }
}
