package org.ondol.test.parity;

import org.ondol.ops.PoolGeometry;
import org.ondol.test.oracle.PoolOracle;
import org.ondol.test.page.PagePool.Axis;

/** Sizes and windows of a pooling, drawn so that no window is empty. */
record PoolProblem(int batch, int channels, Axis rows, Axis columns, boolean countPadding, boolean flat) {
  static PoolProblem draw(Draw d) {
    boolean flat = d.oneIn(6);
    boolean adaptive = d.oneIn(3);
    boolean ceil = d.oneIn(3);
    boolean common = d.oneIn(2);
    int in = flat ? 1 : d.size(40);
    Axis rows = flat ? new Axis(1, adaptive ? 0 : 1, 1, 1, 0, 0, ceil, adaptive ? 1 : 0) : axis(d, in, adaptive, ceil, common);
    Axis columns = axis(d, d.size(100), adaptive, ceil, common);
    if (adaptive && d.oneIn(4)) {
      rows = sized(rows.in(), 1);
      columns = sized(columns.in(), 1);
    }
    return new PoolProblem(d.sizeOrZero(3), d.sizeOrZero(4), rows, columns, d.oneIn(2), flat);
  }

  static Axis sized(int in, int adaptive) {
    return new Axis(in, 0, 1, 1, 0, 0, false, adaptive);
  }

  private static Axis axis(Draw d, int in, boolean adaptive, boolean ceil, boolean common) {
    if (adaptive) {
      return sized(in, d.size(20));
    }
    while (true) {
      int kernel = common ? d.between(2, 3) : d.between(1, 7);
      int stride = common ? d.between(1, 2) : d.of(1, 1, 2, 2, 3, 4, 5, 9, 11);
      int dilation = common || d.oneIn(2) ? 1 : d.between(1, 4);
      Axis axis = new Axis(in, kernel, stride, dilation, d.below(4), d.below(4), ceil, 0);
      boolean full = axis.outputs() > 0;
      for (int o = 0; full && o < axis.outputs(); o++) {
        full = !axis.taps(o).isEmpty();
      }
      if (full) {
        return axis;
      }
    }
  }

  boolean adaptive() {
    return columns.adaptive() > 0;
  }

  PoolGeometry geometry() {
    return new PoolGeometry(rows.kernel(), columns.kernel(), rows.stride(), columns.stride(), rows.before(), columns.before(),
        rows.behind(), columns.behind(), rows.dilation(), columns.dilation(), columns.ceil(), countPadding);
  }

  PoolOracle.Windows windows() {
    int[] kernel = adaptive() ? null : new int[] {rows.kernel(), columns.kernel()};
    return new PoolOracle.Windows(rows.in(), columns.in(), rows.outputs(), columns.outputs(), kernel,
        new int[] {rows.stride(), columns.stride()}, new int[] {rows.dilation(), columns.dilation()},
        new int[] {rows.before(), columns.before()}, new int[] {rows.behind(), columns.behind()}, countPadding);
  }

  int planes() {
    return batch * channels;
  }

  int size() {
    return rows.in() * columns.in();
  }

  int outputs() {
    return rows.outputs() * columns.outputs();
  }

  /** With more channels than the problem has, to take a slice of. */
  long[] xShape(int extra) {
    return flat ? new long[] {batch, channels + extra, columns.in()}
        : new long[] {batch, channels + extra, rows.in(), columns.in()};
  }

  long[] yShape(int extra) {
    return flat ? new long[] {batch, channels + extra, columns.outputs()}
        : new long[] {batch, channels + extra, rows.outputs(), columns.outputs()};
  }
}
