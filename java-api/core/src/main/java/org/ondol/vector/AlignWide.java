package org.ondol.vector;

import org.ondol.ops.RoiAlign;

/** Regions that no table holds, or whose cells do not fit side by side: one value at a time, straight from the planes. */
record AlignWide(AlignPlanes planes, AlignAxis rows, AlignAxis columns) {
  float average(int i, int j, int channel) {
    AlignAxis.Run down = rows.run(i);
    AlignAxis.Run across = columns.run(j);
    float sum = 0;
    for (int k = down.first(); k < down.limit(); k++) {
      float p = rows.position(i, k);
      int cell = rows.cell(p);
      float weight = rows.weight(p, cell);
      sum = Math.fma(1 - weight, line(cell, j, across, channel), sum);
      sum = Math.fma(weight, line(rows.next(cell), j, across, channel), sum);
    }
    return sum / AlignAxis.divisor(rows, columns);
  }

  /** h(row, j) */
  private float line(int row, int j, AlignAxis.Run across, int channel) {
    float h = 0;
    for (int k = across.first(); k < across.limit(); k++) {
      float p = columns.position(j, k);
      int cell = columns.cell(p);
      float weight = columns.weight(p, cell);
      h = Math.fma(1 - weight, get(channel, row, cell), h);
      h = Math.fma(weight, get(channel, row, columns.next(cell)), h);
    }
    return h;
  }

  ScalarAlignLoops.Best maximum(RoiAlign.Op op, int i, int j, int channel) {
    AlignAxis.Run down = rows.run(i);
    AlignAxis.Run across = columns.run(j);
    ScalarAlignLoops.Best best = new ScalarAlignLoops.Best();
    int number = 0;
    for (int k = down.first(); k < down.limit(); k++) {
      float py = rows.position(i, k);
      int top = rows.cell(py);
      int bottom = rows.next(top);
      float u1 = rows.weight(py, top);
      for (int l = across.first(); l < across.limit(); l++) {
        float px = columns.position(j, l);
        int left = columns.cell(px);
        int right = columns.next(left);
        float v1 = columns.weight(px, left);
        best.see(op, number++, 1 - u1, u1, 1 - v1, v1, get(channel, top, left), get(channel, top, right), get(channel, bottom, left),
            get(channel, bottom, right));
      }
    }
    best.finish(down.count() < rows.samples() || across.count() < columns.samples());
    return best;
  }

  private float get(int channel, long row, int column) {
    return planes.get(channel, row * columns.size() + column);
  }
}
