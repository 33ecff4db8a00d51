package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.NE;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/** {@link RoiLoops} on vectors: a block is two of them. */
final class VectorRoiLoops implements RoiLoops {
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() >= 16 ? FloatVector.SPECIES_512 : VectorMath.SPECIES;
  private static final VectorSpecies<Integer> INTS = SPECIES.withLanes(int.class);
  private static final int LANES = SPECIES.length();
  private static final int BLOCK = 2 * LANES;

  @Override
  public int block() {
    return BLOCK;
  }

  /** Columns of the widest bin. */
  private static int widest(int[] spans, int at, int p, int q) {
    int widest = 0;
    for (int j = 0; j < q; j++) {
      widest = Math.max(widest, spans[at + 2 * p + q + j] - spans[at + 2 * p + j]);
    }
    return widest;
  }

  private static boolean empty(int[] spans, int at, int p, int q, int i, int j) {
    return spans[at + p + i] <= spans[at + i] || spans[at + 2 * p + q + j] <= spans[at + 2 * p + j];
  }

  /**
   * All bins meet as many columns as the widest, the last of their own again and again: a loop that ends at another place each
   * time costs more, and a maximum may meet a cell twice.
   */
  @Override
  public void max(float[] cells, int width, int[] spans, int at, int p, int q, boolean careful, float[] y) {
    int widest = widest(spans, at, p, q);
    for (int i = 0; i < p; i++) {
      for (int j = 0; j < q; j++) {
        int result = (i * q + j) * BLOCK;
        if (empty(spans, at, p, q, i, j)) {
          Arrays.fill(y, result, result + BLOCK, 0);
        } else if (careful) {
          careful(cells, width, spans[at + i], spans[at + p + i], spans[at + 2 * p + j], spans[at + 2 * p + q + j], y, result, null);
        } else {
          max(cells, width, spans[at + i], spans[at + p + i], spans[at + 2 * p + j], spans[at + 2 * p + q + j], widest, y, result);
        }
      }
    }
  }

  private static void max(float[] cells, int width, int top, int bottom, int left, int right, int widest, float[] y, int result) {
    FloatVector m0 = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    FloatVector m1 = m0;
    int last = right - left - 1;
    for (int row = top; row < bottom; row++) {
      int begin = (row * width + left) * BLOCK;
      for (int k = 0; k < widest; k++) {
        int cell = begin + Math.min(k, last) * BLOCK;
        FloatVector v0 = fromArray(SPECIES, cells, cell);
        FloatVector v1 = fromArray(SPECIES, cells, cell + LANES);
        m0 = m0.blend(v0, v0.compare(GT, m0));
        m1 = m1.blend(v1, v1.compare(GT, m1));
      }
    }
    m0.add(0f).intoArray(y, result);
    m1.add(0f).intoArray(y, result + LANES);
  }

  @Override
  public void index(float[] cells, int width, int[] spans, int at, int p, int q, boolean careful, float[] y, float[] indices) {
    int widest = widest(spans, at, p, q);
    for (int i = 0; i < p; i++) {
      for (int j = 0; j < q; j++) {
        int result = (i * q + j) * BLOCK;
        if (empty(spans, at, p, q, i, j)) {
          Arrays.fill(y, result, result + BLOCK, 0);
          Arrays.fill(indices, result, result + BLOCK, Float.intBitsToFloat(-1));
        } else if (careful) {
          careful(cells, width, spans[at + i], spans[at + p + i], spans[at + 2 * p + j], spans[at + 2 * p + q + j], y, result, indices);
        } else {
          index(cells, width, spans[at + i], spans[at + p + i], spans[at + 2 * p + j], spans[at + 2 * p + q + j], widest, y, result,
              indices);
        }
      }
    }
  }

  private static void index(float[] cells, int width, int top, int bottom, int left, int right, int widest, float[] y, int result,
      float[] indices) {
    FloatVector m0 = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    FloatVector m1 = m0;
    IntVector p0 = IntVector.broadcast(INTS, top * width + left);
    IntVector p1 = p0;
    int last = right - left - 1;
    for (int row = top; row < bottom; row++) {
      int begin = row * width + left;
      for (int k = 0; k < widest; k++) {
        int cell = begin + Math.min(k, last);
        FloatVector v0 = fromArray(SPECIES, cells, cell * BLOCK);
        FloatVector v1 = fromArray(SPECIES, cells, cell * BLOCK + LANES);
        IntVector position = IntVector.broadcast(INTS, cell);
        VectorMask<Float> t0 = v0.compare(GT, m0);
        VectorMask<Float> t1 = v1.compare(GT, m1);
        m0 = m0.blend(v0, t0);
        m1 = m1.blend(v1, t1);
        p0 = p0.blend(position, t0.cast(INTS));
        p1 = p1.blend(position, t1.cast(INTS));
      }
    }
    m0.add(0f).intoArray(y, result);
    m1.add(0f).intoArray(y, result + LANES);
    p0.reinterpretAsFloats().intoArray(indices, result);
    p1.reinterpretAsFloats().intoArray(indices, result + LANES);
  }

  /** Where a NaN may be met: the first one stays. Rare, so one loop does for values with and without indices. */
  private static void careful(float[] cells, int width, int top, int bottom, int left, int right, float[] y, int result, float[] indices) {
    for (int c = 0; c < BLOCK; c += LANES) {
      FloatVector m = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
      IntVector p = IntVector.broadcast(INTS, top * width + left);
      for (int row = top; row < bottom; row++) {
        for (int cell = row * width + left; cell < row * width + right; cell++) {
          FloatVector v = fromArray(SPECIES, cells, cell * BLOCK + c);
          VectorMask<Float> takes = v.compare(GT, m).or(v.compare(NE, v).and(m.compare(EQ, m)));
          m = m.blend(v, takes);
          p = p.blend(IntVector.broadcast(INTS, cell), takes.cast(INTS));
        }
      }
      m.add(0f).intoArray(y, result + c);
      if (indices != null) {
        p.reinterpretAsFloats().intoArray(indices, result + c);
      }
    }
  }

  @Override
  public void average(float[] cells, int width, int[] spans, int at, int p, int q, float[] y) {
    for (int i = 0; i < p; i++) {
      for (int j = 0; j < q; j++) {
        int result = (i * q + j) * BLOCK;
        if (empty(spans, at, p, q, i, j)) {
          Arrays.fill(y, result, result + BLOCK, 0);
        } else {
          average(cells, width, spans[at + i], spans[at + p + i], spans[at + 2 * p + j], spans[at + 2 * p + q + j], y, result);
        }
      }
    }
  }

  private static void average(float[] cells, int width, int top, int bottom, int left, int right, float[] y, int result) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    for (int row = top; row < bottom; row++) {
      int end = (row * width + right) * BLOCK;
      for (int cell = (row * width + left) * BLOCK; cell < end; cell += BLOCK) {
        s0 = s0.add(fromArray(SPECIES, cells, cell));
        s1 = s1.add(fromArray(SPECIES, cells, cell + LANES));
      }
    }
    float count = (bottom - top) * (right - left);
    s0.div(count).intoArray(y, result);
    s1.div(count).intoArray(y, result + LANES);
  }

  @Override
  public void spread(float[] g, int gAt, float[] cells, int width, int top, int bottom, int left, int right) {
    FloatVector g0 = fromArray(SPECIES, g, gAt);
    FloatVector g1 = fromArray(SPECIES, g, gAt + LANES);
    for (int row = top; row < bottom; row++) {
      int end = (row * width + right) * BLOCK;
      for (int cell = (row * width + left) * BLOCK; cell < end; cell += BLOCK) {
        fromArray(SPECIES, cells, cell).add(g0).intoArray(cells, cell);
        fromArray(SPECIES, cells, cell + LANES).add(g1).intoArray(cells, cell + LANES);
      }
    }
  }
}
