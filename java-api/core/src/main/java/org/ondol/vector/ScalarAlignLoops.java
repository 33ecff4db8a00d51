package org.ondol.vector;

import java.util.Arrays;
import org.ondol.ops.RoiAlign;

/** {@link AlignLoops} with scalar code. */
final class ScalarAlignLoops implements AlignLoops {
  @Override
  public void average(float[] cells, int pitch, AlignTable rows, int rowBins, AlignTable columns, int columnBins, float divisor,
      float[] lines, float[] y) {
    int width = columnBins * LANES;
    for (int i = 0; i < rowBins; i++) {
      int at = i * width;
      Arrays.fill(y, at, at + width, 0);
      for (int s = rows.begin[i]; s < rows.begin[i + 1]; s++) {
        line(cells, rows.low[s] * pitch, columns, columnBins, lines, 0);
        line(cells, rows.high[s] * pitch, columns, columnBins, lines, width);
        for (int k = 0; k < width; k++) {
          y[at + k] = Math.fma(rows.highWeight[s], lines[width + k], Math.fma(rows.lowWeight[s], lines[k], y[at + k]));
        }
      }
    }
    divide(y, 0, rowBins * width, divisor);
  }

  /** h(r, j) of a row. */
  private static void line(float[] cells, int row, AlignTable columns, int bins, float[] lines, int at) {
    for (int j = 0; j < bins; j++) {
      int to = at + j * LANES;
      Arrays.fill(lines, to, to + LANES, 0);
      for (int s = columns.begin[j]; s < columns.begin[j + 1]; s++) {
        int low = row + columns.low[s];
        int high = row + columns.high[s];
        for (int l = 0; l < LANES; l++) {
          float h = Math.fma(columns.lowWeight[s], cells[low + l], lines[to + l]);
          lines[to + l] = Math.fma(columns.highWeight[s], cells[high + l], h);
        }
      }
    }
  }

  @Override
  public void divide(float[] values, int at, int n, float divisor) {
    for (int k = at; k < at + n; k++) {
      values[k] = values[k] / divisor;
    }
  }

  /** The first NaN or else the first greatest of the values that it is shown. */
  static final class Best {
    float value;
    int index = -1;
    private boolean found;

    void see(float v, int number) {
      if (!found || v > value || v != v && value == value) {
        value = v;
        index = number;
      }
      found = true;
    }

    /** A sample: its interpolation, or its corners. */
    void see(RoiAlign.Op op, int number, float u0, float u1, float v0, float v1, float x00, float x01, float x10, float x11) {
      if (op == RoiAlign.Op.MAX) {
        see(Math.fma(u1, Math.fma(v1, x11, v0 * x10), u0 * Math.fma(v1, x01, v0 * x00)), number);
        return;
      }
      see(u0 * v0 * x00, 4 * number);
      see(u0 * v1 * x01, 4 * number + 1);
      see(u1 * v0 * x10, 4 * number + 2);
      see(u1 * v1 * x11, 4 * number + 3);
    }

    void finish(boolean outside) {
      if (outside && value < 0) {
        value = 0;
        index = -1;
      }
      value = value + 0f;
    }
  }

  @Override
  public void maximum(RoiAlign.Op op, float[] cells, int pitch, AlignTable rows, int rowBins, AlignTable columns, int columnBins,
      float[] lines, float[] y, float[] indices) {
    for (int i = 0; i < rowBins; i++) {
      for (int j = 0; j < columnBins; j++) {
        for (int l = 0; l < LANES; l++) {
          Best best = best(op, cells, pitch, l, rows, i, columns, j);
          best.finish(rows.outside(i) || columns.outside(j));
          int at = (i * columnBins + j) * LANES + l;
          y[at] = best.value;
          if (indices != null) {
            indices[at] = Float.intBitsToFloat(best.index);
          }
        }
      }
    }
  }

  private static Best best(RoiAlign.Op op, float[] cells, int pitch, int lane, AlignTable rows, int i, AlignTable columns, int j) {
    Best best = new Best();
    int number = 0;
    for (int s = rows.begin[i]; s < rows.begin[i + 1]; s++) {
      int low = rows.low[s] * pitch + lane;
      int high = rows.high[s] * pitch + lane;
      for (int t = columns.begin[j]; t < columns.begin[j + 1]; t++) {
        best.see(op, number++, rows.lowWeight[s], rows.highWeight[s], columns.lowWeight[t], columns.highWeight[t],
            cells[low + columns.low[t]], cells[low + columns.high[t]], cells[high + columns.low[t]], cells[high + columns.high[t]]);
      }
    }
    return best;
  }

  @Override
  public void spread(float[] d, int from, int to, AlignTable columns, int columnBins, int width, float[] lines) {
    int pitch = width * LANES;
    Arrays.fill(lines, 0, (to - from) * pitch, 0);
    for (int i = from; i < to; i++) {
      for (int j = 0; j < columnBins; j++) {
        int x = (i * columnBins + j) * LANES;
        for (int s = columns.begin[j]; s < columns.begin[j + 1]; s++) {
          add(lines, (i - from) * pitch + columns.low[s], columns.lowWeight[s], d, x, LANES);
          add(lines, (i - from) * pitch + columns.high[s], columns.highWeight[s], d, x, LANES);
        }
      }
    }
  }

  @Override
  public void add(float[] to, int toAt, float weight, float[] line, int lineAt, int n) {
    for (int k = 0; k < n; k++) {
      to[toAt + k] = Math.fma(weight, line[lineAt + k], to[toAt + k]);
    }
  }

  @Override
  public void add(float[] to, int toAt, int step, float low, float high, float[] line, int lineAt, int n) {
    add(to, toAt, low, line, lineAt, n);
    add(to, toAt + step, high, line, lineAt, n);
  }

  @Override
  public void positiveZeros(float[] values, int n) {
    for (int k = 0; k < n; k++) {
      values[k] = values[k] + 0f;
    }
  }
}
