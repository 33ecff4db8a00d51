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
    int[] kept = new int[LINES];
    Arrays.fill(kept, -1);
    for (int i = 0; i < rowBins; i++) {
      int at = i * width;
      int first = rows.begin[i];
      int limit = rows.begin[i + 1];
      // By far the most frequent number of samples. Their four lines are kept at once, and no sum passes the memory.
      boolean pair = limit - first == 2 && Math.abs(rows.low[first + 1] - rows.low[first]) < LINES - 1;
      for (int s = first; s < limit; s++) {
        keep(cells, pitch, rows.low[s], columns, columnBins, lines, kept);
        keep(cells, pitch, rows.high[s], columns, columnBins, lines, kept);
        if (!pair) {
          blend(y, at, s == first, rows.lowWeight[s], lines, slot(rows.low[s]) * width, rows.highWeight[s], slot(rows.high[s]) * width, width);
        }
      }
      if (pair) {
        both(y, at, rows, first, lines, width);
      } else if (first == limit) {
        Arrays.fill(y, at, at + width, 0);
      }
      divide(y, at, width, divisor);
    }
  }

  /** Rows of neighbouring samples are often the same: each is kept until its place is wanted. */
  private static void keep(float[] cells, int pitch, int row, AlignTable columns, int bins, float[] lines, int[] kept) {
    int slot = slot(row);
    if (kept[slot] != row) {
      kept[slot] = row;
      line(cells, row * pitch, columns, bins, lines, slot * bins * LANES);
    }
  }

  private static int slot(int row) {
    return row & LINES - 1;
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

  /** The first sample of a bin begins its sums: zeros stored for it would be read before they are there, which takes long. */
  private static void blend(float[] y, int at, boolean begins, float u0, float[] lines, int low, float u1, int high, int n) {
    FloatVector first = broadcast(SPECIES, u0);
    FloatVector second = broadcast(SPECIES, u1);
    if (begins) {
      for (int j = 0; j < n; j += PART) {
        FloatVector sum = fromArray(SPECIES, lines, low + j).fma(first, ZERO);
        fromArray(SPECIES, lines, high + j).fma(second, sum).intoArray(y, at + j);
      }
      return;
    }
    for (int j = 0; j < n; j += PART) {
      FloatVector sum = fromArray(SPECIES, lines, low + j).fma(first, fromArray(SPECIES, y, at + j));
      fromArray(SPECIES, lines, high + j).fma(second, sum).intoArray(y, at + j);
    }
  }

  /** Two samples. */
  private static void both(float[] y, int at, AlignTable rows, int s, float[] lines, int n) {
    int l0 = slot(rows.low[s]) * n;
    int h0 = slot(rows.high[s]) * n;
    int l1 = slot(rows.low[s + 1]) * n;
    int h1 = slot(rows.high[s + 1]) * n;
    FloatVector u0 = broadcast(SPECIES, rows.lowWeight[s]);
    FloatVector u1 = broadcast(SPECIES, rows.highWeight[s]);
    FloatVector u2 = broadcast(SPECIES, rows.lowWeight[s + 1]);
    FloatVector u3 = broadcast(SPECIES, rows.highWeight[s + 1]);
    for (int j = 0; j < n; j += PART) {
      fromArray(SPECIES, lines, h1 + j).fma(u3, fromArray(SPECIES, lines, l1 + j).fma(u2, fromArray(SPECIES, lines, h0 + j).fma(u1,
          fromArray(SPECIES, lines, l0 + j).fma(u0, ZERO)))).intoArray(y, at + j);
    }
  }

  @Override
  public void divide(float[] values, int at, int n, float divisor) {
    // A quotient by a power of two is the product with its inverse.
    if ((Float.floatToRawIntBits(divisor) & 0x7FFFFF) == 0) {
      float inverse = 1 / divisor;
      for (int j = at; j < at + n; j += PART) {
        fromArray(SPECIES, values, j).mul(inverse).intoArray(values, j);
      }
      return;
    }
    for (int j = at; j < at + n; j += PART) {
      fromArray(SPECIES, values, j).div(divisor).intoArray(values, j);
    }
  }

  @Override
  public void maximum(RoiAlign.Op op, float[] cells, int pitch, AlignTable rows, int rowBins, AlignTable columns, int columnBins,
      float[] lines, float[] y, float[] indices) {
    int width = columnBins * LANES;
    int[] kept = new int[LINES];
    Arrays.fill(kept, -1);
    for (int i = 0; i < rowBins; i++) {
      int at = i * width;
      begin(y, indices, at, width);
      for (int s = rows.begin[i]; s < rows.begin[i + 1]; s++) {
        int number = s - rows.begin[i];
        if (op == RoiAlign.Op.MAX) {
          int low = keepSamples(cells, pitch, rows.low[s], columns, lines, kept);
          int high = keepSamples(cells, pitch, rows.high[s], columns, lines, kept);
          if (indices == null) {
            interpolated(lines, low, rows.lowWeight[s], high, rows.highWeight[s], columns, columnBins, y, at);
          } else {
            interpolated(lines, low, rows.lowWeight[s], high, rows.highWeight[s], columns, columnBins, number, y, indices, at);
          }
        } else if (indices == null) {
          corners(cells, pitch, rows, s, columns, columnBins, y, at);
        } else {
          corners(cells, pitch, rows, s, columns, columnBins, number, y, indices, at);
        }
      }
      for (int j = 0; j < columnBins; j++) {
        finish(rows.outside(i) || columns.outside(j), y, indices, at + j * LANES);
      }
    }
  }

  /** Before the first value the greatest is -inf, with the first index: the same as if that had been met. */
  private static void begin(float[] y, float[] indices, int at, int n) {
    FloatVector least = broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    for (int k = at; k < at + n; k += PART) {
      least.intoArray(y, k);
      if (indices != null) {
        ZERO.intoArray(indices, k);
      }
    }
  }

  /** t(row) for all samples of the columns, whichever bin they are of; returns where it is. */
  private static int keepSamples(float[] cells, int pitch, int row, AlignTable columns, float[] lines, int[] kept) {
    int slot = slot(row);
    int n = columns.entries();
    int at = slot * n * LANES;
    if (kept[slot] != row) {
      kept[slot] = row;
      for (int part = 0; part < LANES; part += PART) {
        int cell = row * pitch + part;
        for (int t = 0; t < n; t++) {
          fromArray(SPECIES, cells, cell + columns.high[t]).fma(broadcast(SPECIES, columns.highWeight[t]),
              fromArray(SPECIES, cells, cell + columns.low[t]).mul(columns.lowWeight[t])).intoArray(lines, at + t * LANES + part);
        }
      }
    }
    return at;
  }

  private static void interpolated(float[] lines, int low, float u0, int high, float u1, AlignTable columns, int bins, float[] y, int at) {
    FloatVector first = broadcast(SPECIES, u0);
    FloatVector second = broadcast(SPECIES, u1);
    for (int part = 0; part < LANES; part += PART) {
      for (int j = 0; j < bins; j++) {
        FloatVector best = fromArray(SPECIES, y, at + j * LANES + part);
        for (int t = columns.begin[j]; t < columns.begin[j + 1]; t++) {
          FloatVector value = fromArray(SPECIES, lines, high + t * LANES + part).fma(second,
              fromArray(SPECIES, lines, low + t * LANES + part).mul(first));
          best = value.blend(best, best.compare(GE, value).or(best.compare(NE, best)));
        }
        best.intoArray(y, at + j * LANES + part);
      }
    }
  }

  private static void interpolated(float[] lines, int low, float u0, int high, float u1, AlignTable columns, int bins, int rowNumber,
      float[] y, float[] indices, int at) {
    FloatVector first = broadcast(SPECIES, u0);
    FloatVector second = broadcast(SPECIES, u1);
    for (int part = 0; part < LANES; part += PART) {
      for (int j = 0; j < bins; j++) {
        int result = at + j * LANES + part;
        FloatVector best = fromArray(SPECIES, y, result);
        IntVector index = fromArray(SPECIES, indices, result).reinterpretAsInts();
        int number = rowNumber * columns.entries(j);
        for (int t = columns.begin[j]; t < columns.begin[j + 1]; t++) {
          FloatVector value = fromArray(SPECIES, lines, high + t * LANES + part).fma(second,
              fromArray(SPECIES, lines, low + t * LANES + part).mul(first));
          VectorMask<Float> stays = best.compare(GE, value).or(best.compare(NE, best));
          best = value.blend(best, stays);
          index = IntVector.broadcast(INTS, number++).blend(index, stays.cast(INTS));
        }
        best.intoArray(y, result);
        index.reinterpretAsFloats().intoArray(indices, result);
      }
    }
  }

  private static void corners(float[] cells, int pitch, AlignTable rows, int s, AlignTable columns, int bins, float[] y, int at) {
    float u0 = rows.lowWeight[s];
    float u1 = rows.highWeight[s];
    for (int part = 0; part < LANES; part += PART) {
      int low = rows.low[s] * pitch + part;
      int high = rows.high[s] * pitch + part;
      for (int j = 0; j < bins; j++) {
        FloatVector best = fromArray(SPECIES, y, at + j * LANES + part);
        for (int t = columns.begin[j]; t < columns.begin[j + 1]; t++) {
          FloatVector a = fromArray(SPECIES, cells, low + columns.low[t]).mul(u0 * columns.lowWeight[t]);
          FloatVector b = fromArray(SPECIES, cells, low + columns.high[t]).mul(u0 * columns.highWeight[t]);
          FloatVector c = fromArray(SPECIES, cells, high + columns.low[t]).mul(u1 * columns.lowWeight[t]);
          FloatVector d = fromArray(SPECIES, cells, high + columns.high[t]).mul(u1 * columns.highWeight[t]);
          best = a.blend(best, best.compare(GE, a).or(best.compare(NE, best)));
          best = b.blend(best, best.compare(GE, b).or(best.compare(NE, best)));
          best = c.blend(best, best.compare(GE, c).or(best.compare(NE, best)));
          best = d.blend(best, best.compare(GE, d).or(best.compare(NE, best)));
        }
        best.intoArray(y, at + j * LANES + part);
      }
    }
  }

  private static void corners(float[] cells, int pitch, AlignTable rows, int s, AlignTable columns, int bins, int rowNumber, float[] y,
      float[] indices, int at) {
    for (int part = 0; part < LANES; part += PART) {
      for (int j = 0; j < bins; j++) {
        int result = at + j * LANES + part;
        FloatVector best = fromArray(SPECIES, y, result);
        IntVector index = fromArray(SPECIES, indices, result).reinterpretAsInts();
        int number = 4 * rowNumber * columns.entries(j);
        for (int t = columns.begin[j]; t < columns.begin[j + 1]; t++) {
          for (int corner = 0; corner < 4; corner++) {
            int cell = (corner < 2 ? rows.low[s] : rows.high[s]) * pitch + ((corner & 1) == 0 ? columns.low[t] : columns.high[t]);
            float weight = (corner < 2 ? rows.lowWeight[s] : rows.highWeight[s])
                * ((corner & 1) == 0 ? columns.lowWeight[t] : columns.highWeight[t]);
            FloatVector value = fromArray(SPECIES, cells, cell + part).mul(weight);
            VectorMask<Float> stays = best.compare(GE, value).or(best.compare(NE, best));
            best = value.blend(best, stays);
            index = IntVector.broadcast(INTS, number++).blend(index, stays.cast(INTS));
          }
        }
        best.intoArray(y, result);
        index.reinterpretAsFloats().intoArray(indices, result);
      }
    }
  }

  /** Where samples are outside, +0 is one of the values; also where there are none, as -inf is less. */
  private static void finish(boolean outside, float[] y, float[] indices, int at) {
    for (int k = at; k < at + LANES; k += PART) {
      FloatVector best = fromArray(SPECIES, y, k);
      VectorMask<Float> less = best.compare(LT, ZERO);
      if (outside && indices != null) {
        fromArray(SPECIES, indices, k).reinterpretAsInts().blend(-1, less.cast(INTS)).reinterpretAsFloats().intoArray(indices, k);
      }
      if (outside) {
        best.blend(ZERO, less).add(ZERO).intoArray(y, k);
      } else {
        best.add(ZERO).intoArray(y, k);
      }
    }
  }

  @Override
  public void spread(float[] d, int from, int to, AlignTable columns, int columnBins, int width, float[] lines) {
    int pitch = width * LANES;
    for (int k = 0; k < (to - from) * pitch; k += PART) { // not filled: stores narrower than the loads that follow delay them
      ZERO.intoArray(lines, k);
    }
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
