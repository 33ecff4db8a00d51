package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.ondol.ops.RoiAlign;

/** {@link AlignLoops} on vectors. */
final class VectorAlignLoops implements AlignLoops {
  /** Sixteen lanes where the machine has them: nothing here works on pairs of vectors. */
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() >= LANES ? FloatVector.SPECIES_512 : VectorMath.SPECIES;
  private static final int PART = SPECIES.length();
  private static final FloatVector ZERO = broadcast(SPECIES, 0);
  private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SPECIES.vectorShape());

  @Override
  public void average(float[] cells, int pitch, AlignTable rows, int rowBins, AlignTable columns, int columnBins, float divisor,
      float[] lines, float[] y) {
    int width = columnBins * LANES;
    int even = -1;
    int odd = -1;
    for (int i = 0; i < rowBins; i++) {
      int at = i * width;
      Arrays.fill(y, at, at + width, 0);
      for (int s = rows.begin[i]; s < rows.begin[i + 1]; s++) {
        // The two rows are neighbours, or one: each is kept until another of its parity is wanted.
        for (int row = rows.low[s]; row <= rows.high[s]; row++) {
          if ((row & 1) == 0 ? even == row : odd == row) {
            continue;
          }
          line(cells, row * pitch, columns, columnBins, lines, (row & 1) * width);
          if ((row & 1) == 0) {
            even = row;
          } else {
            odd = row;
          }
        }
        blend(y, at, rows.lowWeight[s], lines, (rows.low[s] & 1) * width, rows.highWeight[s], (rows.high[s] & 1) * width, width);
      }
    }
    divide(y, rowBins * width, divisor);
  }

  /** h(r, j) of a row. */
  private static void line(float[] cells, int row, AlignTable columns, int bins, float[] line, int lineAt) {
    for (int part = 0; part < LANES; part += PART) {
      int at = row + part;
      for (int j = 0; j < bins; j++) {
        int s = columns.begin[j];
        int limit = columns.begin[j + 1];
        if (limit - s == 2) {
          // By far the most frequent number: a loop of two turns takes longer to enter and leave than to run.
          fromArray(SPECIES, cells, at + columns.high[s + 1]).fma(broadcast(SPECIES, columns.highWeight[s + 1]),
              fromArray(SPECIES, cells, at + columns.low[s + 1]).fma(broadcast(SPECIES, columns.lowWeight[s + 1]),
                  fromArray(SPECIES, cells, at + columns.high[s]).fma(broadcast(SPECIES, columns.highWeight[s]),
                      fromArray(SPECIES, cells, at + columns.low[s]).fma(broadcast(SPECIES, columns.lowWeight[s]), ZERO))))
              .intoArray(line, lineAt + j * LANES + part);
          continue;
        }
        FloatVector h = FloatVector.zero(SPECIES);
        for (; s < limit; s++) {
          h = fromArray(SPECIES, cells, at + columns.low[s]).fma(broadcast(SPECIES, columns.lowWeight[s]), h);
          h = fromArray(SPECIES, cells, at + columns.high[s]).fma(broadcast(SPECIES, columns.highWeight[s]), h);
        }
        h.intoArray(line, lineAt + j * LANES + part);
      }
    }
  }

  private static void blend(float[] y, int at, float u0, float[] lines, int low, float u1, int high, int n) {
    FloatVector first = broadcast(SPECIES, u0);
    FloatVector second = broadcast(SPECIES, u1);
    for (int j = 0; j < n; j += PART) {
      FloatVector sum = fromArray(SPECIES, lines, low + j).fma(first, fromArray(SPECIES, y, at + j));
      fromArray(SPECIES, lines, high + j).fma(second, sum).intoArray(y, at + j);
    }
  }

  @Override
  public void divide(float[] values, int n, float divisor) {
    // A quotient by a power of two is the product with its inverse.
    if ((Float.floatToRawIntBits(divisor) & 0x7FFFFF) == 0) {
      for (int j = 0; j < n; j += PART) {
        fromArray(SPECIES, values, j).mul(1 / divisor).intoArray(values, j);
      }
      return;
    }
    for (int j = 0; j < n; j += PART) {
      fromArray(SPECIES, values, j).div(divisor).intoArray(values, j);
    }
  }

  @Override
  public void maximum(RoiAlign.Op op, float[] cells, int pitch, AlignTable rows, int rowBins, AlignTable columns, int columnBins,
      float[] y, float[] indices) {
    for (int i = 0; i < rowBins; i++) {
      for (int j = 0; j < columnBins; j++) {
        for (int part = 0; part < LANES; part += PART) {
          int at = (i * columnBins + j) * LANES + part;
          if (op == RoiAlign.Op.MAX) {
            interpolated(cells, pitch, part, rows, i, columns, j, y, indices, at);
          } else {
            corners(cells, pitch, part, rows, i, columns, j, y, indices, at);
          }
        }
      }
    }
  }

  private static void interpolated(float[] cells, int pitch, int part, AlignTable rows, int i, AlignTable columns, int j, float[] y,
      float[] indices, int at) {
    FloatVector best = broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    IntVector index = IntVector.zero(INTS);
    int number = 0;
    for (int s = rows.begin[i]; s < rows.begin[i + 1]; s++) {
      int low = rows.low[s] * pitch + part;
      int high = rows.high[s] * pitch + part;
      for (int t = columns.begin[j]; t < columns.begin[j + 1]; t++) {
        FloatVector v0 = broadcast(SPECIES, columns.lowWeight[t]);
        FloatVector v1 = broadcast(SPECIES, columns.highWeight[t]);
        FloatVector first = fromArray(SPECIES, cells, low + columns.low[t]).mul(v0);
        FloatVector second = fromArray(SPECIES, cells, high + columns.low[t]).mul(v0);
        first = fromArray(SPECIES, cells, low + columns.high[t]).fma(v1, first).mul(rows.lowWeight[s]);
        second = fromArray(SPECIES, cells, high + columns.high[t]).fma(v1, second);
        FloatVector value = second.fma(broadcast(SPECIES, rows.highWeight[s]), first);
        VectorMask<Float> stays = stays(best, value);
        best = value.blend(best, stays);
        index = IntVector.broadcast(INTS, number).blend(index, stays.cast(INTS));
        number++;
      }
    }
    finish(best, index, rows.outside(i) || columns.outside(j), y, indices, at);
  }

  private static void corners(float[] cells, int pitch, int part, AlignTable rows, int i, AlignTable columns, int j, float[] y,
      float[] indices, int at) {
    FloatVector best = broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    IntVector index = IntVector.zero(INTS);
    int number = 0;
    for (int s = rows.begin[i]; s < rows.begin[i + 1]; s++) {
      for (int t = columns.begin[j]; t < columns.begin[j + 1]; t++) {
        for (int corner = 0; corner < 4; corner++) {
          int cell = (corner < 2 ? rows.low[s] : rows.high[s]) * pitch + ((corner & 1) == 0 ? columns.low[t] : columns.high[t]);
          float weight = (corner < 2 ? rows.lowWeight[s] : rows.highWeight[s])
              * ((corner & 1) == 0 ? columns.lowWeight[t] : columns.highWeight[t]);
          FloatVector value = fromArray(SPECIES, cells, cell + part).mul(weight);
          VectorMask<Float> stays = stays(best, value);
          best = value.blend(best, stays);
          index = IntVector.broadcast(INTS, number).blend(index, stays.cast(INTS));
          number++;
        }
      }
    }
    finish(best, index, rows.outside(i) || columns.outside(j), y, indices, at);
  }

  /** Where the best so far is not less than a value, or is a NaN. Before the first value it is -inf, with the first index. */
  private static VectorMask<Float> stays(FloatVector best, FloatVector value) {
    return best.compare(GE, value).or(best.compare(NE, best));
  }

  private static void finish(FloatVector best, IntVector index, boolean outside, float[] y, float[] indices, int at) {
    if (outside) {
      VectorMask<Float> less = best.compare(LT, ZERO);
      best = best.blend(ZERO, less);
      index = index.blend(-1, less.cast(INTS));
    }
    best.add(ZERO).intoArray(y, at);
    if (indices != null) {
      index.reinterpretAsFloats().intoArray(indices, at);
    }
  }

  @Override
  public void spread(float[] d, int from, int to, AlignTable columns, int columnBins, int width, float[] lines) {
    int pitch = width * LANES;
    Arrays.fill(lines, 0, (to - from) * pitch, 0);
    for (int j = 0; j < columnBins; j++) {
      for (int s = columns.begin[j]; s < columns.begin[j + 1]; s++) {
        FloatVector v0 = broadcast(SPECIES, columns.lowWeight[s]);
        FloatVector v1 = broadcast(SPECIES, columns.highWeight[s]);
        for (int part = 0; part < LANES; part += PART) {
          int low = columns.low[s] + part;
          int high = columns.high[s] + part;
          for (int i = from; i < to; i++) {
            FloatVector x = fromArray(SPECIES, d, (i * columnBins + j) * LANES + part);
            x.fma(v0, fromArray(SPECIES, lines, low)).intoArray(lines, low);
            x.fma(v1, fromArray(SPECIES, lines, high)).intoArray(lines, high);
            low += pitch;
            high += pitch;
          }
        }
      }
    }
  }

  @Override
  public void add(float[] to, int toAt, float weight, float[] line, int lineAt, int n) {
    FloatVector w = broadcast(SPECIES, weight);
    for (int k = 0; k < n; k += PART) {
      fromArray(SPECIES, line, lineAt + k).fma(w, fromArray(SPECIES, to, toAt + k)).intoArray(to, toAt + k);
    }
  }

  @Override
  public void add(float[] to, int toAt, int step, float low, float high, float[] line, int lineAt, int n) {
    FloatVector u0 = broadcast(SPECIES, low);
    FloatVector u1 = broadcast(SPECIES, high);
    for (int k = 0; k < n; k += PART) {
      FloatVector x = fromArray(SPECIES, line, lineAt + k);
      x.fma(u0, fromArray(SPECIES, to, toAt + k)).intoArray(to, toAt + k);
      x.fma(u1, fromArray(SPECIES, to, toAt + step + k)).intoArray(to, toAt + step + k);
    }
  }

  @Override
  public void positiveZeros(float[] values, int n) {
    for (int k = 0; k < n; k += PART) {
      fromArray(SPECIES, values, k).add(ZERO).intoArray(values, k);
    }
  }
}
