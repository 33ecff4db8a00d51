package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Tiles.PANEL;

import org.ondol.Threads;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;

/**
 * How a conv or deconv is cut into tasks.
 *
 * @param byPosition whether lanes are positions, else they are output channels
 * @param phases of y's rows in a task: all read the same patch
 * @param rows of a phase in a band
 * @param panels of output channels in a group
 * @param channels of x in a block
 * @param mostColumns of the widest phase
 * @param mostChannels of a panel
 */
record ConvPlan(boolean byPosition, int phases, int rows, int bands, int panels, int groups, int channels, int mostColumns, int mostChannels) {
  /** Entries of a block of panels side by side: 24 KB of filters stay in a first-level cache while the positions pass. */
  private static final int DEPTH = 384;
  private static final int SUM_FLOATS = 48 << 10;
  private static final int PATCH_FLOATS = 32 << 10;
  private static final double TASK_FLOPS = 500_000;
  /**
   * Row phases of a task, where images alone are tasks enough: one patch for both of 16 deconvs 4 x 4 of 128 to 3 channels, 32 x
   * 32, takes 1.6 ms on a Zen 5 instead of 2.3; but cutting one image of 34 x 34 into lower bands for it 0.2 instead of 0.15.
   */
  private static final int MOST_PHASES = 4;

  static ConvPlan of(ConvKernel k) {
    ConvArgs a = k.args;
    ConvShape s = k.shape;
    int stepH = k.rowPhases.length;
    int stepW = k.columnPhases.length;
    long mostRows = ceilDiv(a.endH() - a.beginH(), k.rowPhases[0].step());
    int mostColumns = Math.toIntExact(ceilDiv(a.endW() - a.beginW(), k.columnPhases[0].step()));
    int entries = k.filters.most();
    double flops = 2.0 * s.batch() * (a.endH() - a.beginH()) * (a.endW() - a.beginW()) * s.yChannels() * entries / stepH / stepW;
    double wanted = Threads.count() == 1 ? 1 : Math.min(4.0 * Threads.count(), flops / TASK_FLOPS);
    int phases = stepH <= MOST_PHASES && s.batch() >= wanted ? stepH : 1;
    int mostChannels = 0;
    for (int n : k.filters.panelChannels) {
      mostChannels = Math.max(mostChannels, n);
    }
    ConvAxis x = k.columnPhases[0];
    boolean byPosition = byPosition(k, mostColumns);
    long rowSums = (long) phases * stepW * (byPosition ? mostChannels * (mostColumns + (x.span() - 1) / x.stride())
        : PANEL * (mostColumns + 3));
    int all = k.filters.panels;
    int panels = Math.min(all, 16);
    long few = Math.min(8, mostRows);
    while (panels > 1 && panels * few * rowSums > SUM_FLOATS) {
      panels = (int) ceilDiv(panels, 2);
    }
    // Many column phases: the filters are read once a band, so bands may fill more of the cache.
    long budget = phases * stepW > 4 ? 4 * SUM_FLOATS : SUM_FLOATS;
    long rows = Math.max(1, Math.min(mostRows, budget / (panels * rowSums)));
    while ((double) s.batch() * stepH / phases * ceilDiv(mostRows, rows) * ceilDiv(all, panels) < wanted) {
      if (rows > 4 || panels == 1 && rows > 1) {
        rows = ceilDiv(rows, 2);
      } else if (panels > 1) {
        panels = (int) ceilDiv(panels, 2);
      } else {
        break;
      }
    }
    long bands = ceilDiv(mostRows, rows);
    rows = ceilDiv(mostRows, bands);
    int groups = (int) ceilDiv(all, panels);
    panels = (int) ceilDiv(all, groups);
    ConvPlan plan = new ConvPlan(byPosition, phases, (int) rows, (int) bands, panels, groups, 1, mostColumns, mostChannels);
    int typical = Math.max(1, (int) ceilDiv(entries, s.xGroup() * k.filters.buckets()));
    long block = Math.max(1, Math.min(DEPTH / k.tiles.sideBySide() / typical, PATCH_FLOATS / plan.patch(k, (int) rows).plane));
    block = Math.min(block, s.xGroup());
    int channels = (int) ceilDiv(s.xGroup(), ceilDiv(s.xGroup(), block));
    return new ConvPlan(byPosition, phases, (int) rows, (int) bands, panels, groups, channels, mostColumns, mostChannels);
  }

  ConvPatch patch(ConvKernel k, int rows) {
    ConvShape s = k.shape;
    return new ConvPatch(k.rowPhases[0], k.columnPhases[0], rows, mostColumns, s.kernelH(), s.kernelW(), s.dilationH(),
        s.dilationW());
  }

  /** Compares the shares of the multiply-adds that either kind of lanes spends on sums that are wanted. */
  private static boolean byPosition(ConvKernel k, int columns) {
    double channels = (double) k.shape.yChannels() / k.filters.classes;
    if (channels >= PANEL && channels % PANEL == 0) return false;
    ConvAxis x = k.columnPhases[0];
    double lanes = (double) k.shape.yChannels() / ((double) PANEL * k.filters.panels);
    double fill = Math.min(1, columns * Math.min(ceilDiv((long) channels, PANEL), 2) / 4.0);
    double useful = (double) columns / (columns + (x.span() - 1) / x.stride());
    return useful * (channels < 2 ? 0.5 : 1) > lanes * fill;
  }
}
