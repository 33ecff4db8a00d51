package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static org.ondol.vector.VectorConvTiles.LANES;
import static org.ondol.vector.VectorConvTiles.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * {@link WinogradLoops} on vectors, whose lanes are tiles of the input and channels of the output. Rows and columns are
 * transformed in two loops with memory between them: all 36 vectors of a tile at once would not stay in registers.
 */
final class VectorWinograd implements WinogradLoops {
  /** Of four lanes for each part: lane l is element 4 l + j. */
  private static final VectorShuffle<Float> FIRST = every(0);
  private static final VectorShuffle<Float> SECOND = every(1);
  private static final VectorShuffle<Float> THIRD = every(2);
  private static final VectorShuffle<Float> FOURTH = every(3);

  private static VectorShuffle<Float> every(int j) {
    return VectorShuffle.fromOp(SPECIES, lane -> (TILE * lane + j) % LANES);
  }

  /** Four lanes are stored, of which eight have two and four have one; the others are written over by the next ones. */
  @Override
  public void deal(float[] from, int fromAt, int n, float[] to, int at, int part) {
    for (int i = 0; i < n; i += LANES / TILE) {
      FloatVector v = fromArray(SPECIES, from, fromAt + TILE * i);
      four(v.rearrange(FIRST), to, at + i);
      four(v.rearrange(SECOND), to, at + part + i);
      four(v.rearrange(THIRD), to, at + 2 * part + i);
      four(v.rearrange(FOURTH), to, at + 3 * part + i);
    }
  }

  private static void four(FloatVector v, float[] to, int at) {
    ((FloatVector) v.reinterpretShape(FloatVector.SPECIES_128, 0)).intoArray(to, at);
  }

  @Override
  public void input(float[] x, int at, int part, int pitch, int n, float[] to, int toAt, int point, float[] half) {
    for (int t = 0; t < n; t += LANES) {
      inputColumns(x, at + t, part, pitch, half);
      inputRows(half, to, toAt + t, point);
    }
  }

  private static void inputColumns(float[] x, int from, int part, int pitch, float[] half) {
    FloatVector four = broadcast(SPECIES, 4f);
    FloatVector minusFour = broadcast(SPECIES, -4f);
    FloatVector minusFive = broadcast(SPECIES, -5f);
    for (int j = 0; j < SIDE; j++) {
      int at = from + (j & 3) * part + (j >> 2);
      FloatVector d0 = fromArray(SPECIES, x, at);
      FloatVector d1 = fromArray(SPECIES, x, at + TILE * part);
      FloatVector d2 = fromArray(SPECIES, x, at + 2 * TILE * part);
      FloatVector d3 = fromArray(SPECIES, x, at + 3 * TILE * part);
      FloatVector d4 = fromArray(SPECIES, x, at + pitch);
      FloatVector d5 = fromArray(SPECIES, x, at + TILE * part + pitch);
      FloatVector p = d2.fma(minusFour, d4);
      FloatVector q = d1.fma(minusFour, d3);
      FloatVector r = d4.sub(d2);
      FloatVector s = d3.sub(d1).mul(2f);
      int out = j * LANES;
      d0.fma(four, d2.fma(minusFive, d4)).intoArray(half, out);
      p.add(q).intoArray(half, out + SIDE * LANES);
      p.sub(q).intoArray(half, out + 2 * SIDE * LANES);
      r.add(s).intoArray(half, out + 3 * SIDE * LANES);
      r.sub(s).intoArray(half, out + 4 * SIDE * LANES);
      d1.fma(four, d3.fma(minusFive, d5)).intoArray(half, out + 5 * SIDE * LANES);
    }
  }

  private static void inputRows(float[] half, float[] to, int toAt, int point) {
    FloatVector four = broadcast(SPECIES, 4f);
    FloatVector minusFour = broadcast(SPECIES, -4f);
    FloatVector minusFive = broadcast(SPECIES, -5f);
    for (int i = 0; i < SIDE; i++) {
      int at = i * SIDE * LANES;
      FloatVector d0 = fromArray(SPECIES, half, at);
      FloatVector d1 = fromArray(SPECIES, half, at + LANES);
      FloatVector d2 = fromArray(SPECIES, half, at + 2 * LANES);
      FloatVector d3 = fromArray(SPECIES, half, at + 3 * LANES);
      FloatVector d4 = fromArray(SPECIES, half, at + 4 * LANES);
      FloatVector d5 = fromArray(SPECIES, half, at + 5 * LANES);
      FloatVector p = d2.fma(minusFour, d4);
      FloatVector q = d1.fma(minusFour, d3);
      FloatVector r = d4.sub(d2);
      FloatVector s = d3.sub(d1).mul(2f);
      int out = toAt + i * SIDE * point;
      d0.fma(four, d2.fma(minusFive, d4)).intoArray(to, out);
      p.add(q).intoArray(to, out + point);
      p.sub(q).intoArray(to, out + 2 * point);
      r.add(s).intoArray(to, out + 3 * point);
      r.sub(s).intoArray(to, out + 4 * point);
      d1.fma(four, d3.fma(minusFive, d5)).intoArray(to, out + 5 * point);
    }
  }

  @Override
  public void output(float[] products, int at, int point, int n, float[] y, int yAt, int width, float[] half) {
    for (int t = n - 1; t >= 0; t--) {
      for (int l = 0; l < 16; l += LANES) {
        outputColumns(products, at + 16 * t + l, point, half);
        outputRows(half, y, yAt + 16 * TILE * t + l, 16 * width);
      }
    }
  }

  private static void outputColumns(float[] products, int from, int point, float[] half) {
    for (int j = 0; j < SIDE; j++) {
      int at = from + j * point;
      int row = SIDE * point;
      FloatVector m1 = fromArray(SPECIES, products, at + row);
      FloatVector m2 = fromArray(SPECIES, products, at + 2 * row);
      FloatVector m3 = fromArray(SPECIES, products, at + 3 * row);
      FloatVector m4 = fromArray(SPECIES, products, at + 4 * row);
      FloatVector s1 = m1.add(m2);
      FloatVector d1 = m1.sub(m2);
      FloatVector s2 = m3.add(m4);
      FloatVector d2 = m3.sub(m4);
      int out = j * LANES;
      fromArray(SPECIES, products, at).add(s1).add(s2).intoArray(half, out);
      d2.fma(broadcast(SPECIES, 2f), d1).intoArray(half, out + SIDE * LANES);
      s2.fma(broadcast(SPECIES, 4f), s1).intoArray(half, out + 2 * SIDE * LANES);
      FloatVector y3 = d2.fma(broadcast(SPECIES, 8f), d1).add(fromArray(SPECIES, products, at + 5 * row));
      y3.intoArray(half, out + 3 * SIDE * LANES);
    }
  }

  private static void outputRows(float[] half, float[] y, int yAt, int line) {
    for (int i = 0; i < TILE; i++) {
      int at = i * SIDE * LANES;
      FloatVector m1 = fromArray(SPECIES, half, at + LANES);
      FloatVector m2 = fromArray(SPECIES, half, at + 2 * LANES);
      FloatVector m3 = fromArray(SPECIES, half, at + 3 * LANES);
      FloatVector m4 = fromArray(SPECIES, half, at + 4 * LANES);
      FloatVector s1 = m1.add(m2);
      FloatVector d1 = m1.sub(m2);
      FloatVector s2 = m3.add(m4);
      FloatVector d2 = m3.sub(m4);
      int out = yAt + i * line;
      fromArray(SPECIES, half, at).add(s1).add(s2).intoArray(y, out);
      d2.fma(broadcast(SPECIES, 2f), d1).intoArray(y, out + 16);
      s2.fma(broadcast(SPECIES, 4f), s1).intoArray(y, out + 32);
      d2.fma(broadcast(SPECIES, 8f), d1).add(fromArray(SPECIES, half, at + 5 * LANES)).intoArray(y, out + 48);
    }
  }
}
