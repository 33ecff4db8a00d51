package org.ondol.vector;

import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.ops.RoiWarp.Mode;
import org.ondol.spi.RoiWarpArgs;

/**
 * Where the cells of a warped box lie along one axis of its image. The outputs [begin, end) are not outside; entry k of
 * the tables is of output begin + k, and behind the last one there is no weight. Cells never decrease. Positions are float64,
 * operation by operation as docs/arithmetic.md has them.
 */
final class WarpTable {
  final int[] first;
  final int[] second;
  final float[] firstWeight;
  final float[] secondWeight;
  int begin;
  int end;

  private final long in;
  private final int out;
  private double middle;
  private double extent;
  private double scale;
  private double low;
  private double high;

  WarpTable(long in, long out) {
    this.in = in;
    this.out = (int) out;
    int room = padded(this.out);
    first = new int[room];
    second = new int[room];
    firstWeight = new float[room];
    secondWeight = new float[room];
  }

  int count() {
    return end - begin;
  }

  /** Both axes of a box x1, y1, x2, y2. */
  static void place(RoiWarpArgs a, float[] box, WarpTable rows, WarpTable columns) {
    columns.axis(a, box[0], box[2]);
    rows.axis(a, box[1], box[3]);
    if (a.mode() != Mode.WARP) {
      double larger = columns.scale > rows.scale ? columns.scale : rows.scale;
      columns.scale = larger;
      rows.scale = larger;
    }
  }

  private void axis(RoiWarpArgs a, double from, double to) {
    double span = (to - from) + a.pixel();
    extent = span < 0 ? 0 : span;
    middle = from + 0.5 * extent;
    scale = extent / (out - 2.0 * a.context());
    low = 0;
    high = in;
    if (a.mode() == Mode.SQUARE_ALONE) {
      double last = from + extent;
      low = 0 > from ? 0 : from;
      high = high < last ? high : last;
    }
  }

  private double position(int j) {
    return middle + ((j + 0.5) - 0.5 * out) * scale;
  }

  /** False where the position is NaN. */
  private boolean inside(double t) {
    return t >= low && t <= high;
  }

  /** No output is inside. */
  void empty() {
    begin = 0;
    end = 0;
  }

  /** Fills the table. */
  void fill() {
    begin = 0;
    while (begin < out && !inside(position(begin))) begin++;
    end = begin;
    while (end < out && inside(position(end))) {
      put(end - begin, position(end) - 0.5);
      end++;
    }
    int n = count();
    if (n > 0) {
      Arrays.fill(first, n, first.length, second[n - 1]);
      Arrays.fill(second, n, second.length, second[n - 1]);
      Arrays.fill(firstWeight, n, firstWeight.length, 0);
      Arrays.fill(secondWeight, n, secondWeight.length, 0);
    }
  }

  private void put(int k, double p) {
    int f = (int) p; // p is at least -0.5, and below 0 the cell is 0
    boolean edge = p < 0 || f >= in - 1;
    first[k] = p < 0 ? 0 : f >= in - 1 ? (int) in - 1 : f;
    second[k] = edge ? first[k] : f + 1;
    firstWeight[k] = edge ? 1 : (float) (1 - (p - f));
    secondWeight[k] = edge ? 0 : (float) (p - f);
  }
}
