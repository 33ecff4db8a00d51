package org.ondol.cli;

import java.time.Duration;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress bars on a terminal's stderr. */
final class Bars {
  private static final int LEAST_COLUMNS = 40;

  private Bars() {}

  /**
   * A bar with rate and time left; null where there is no terminal that has room for it.
   *
   * @param unit with a blank before it
   */
  static ProgressBar open(String name, String unit, long done, long all) {
    int columns = Integer.getInteger("ondol.terminal.err", 0);
    if (columns < LEAST_COLUMNS) return null;
    return new ProgressBarBuilder().setTaskName(name).setInitialMax(all).setStyle(ProgressBarStyle.ASCII)
        .setUnit(unit, 1).showSpeed().setUpdateIntervalMillis(250).startsFrom(done, Duration.ZERO)
        .setConsumer(new ConsoleProgressBarConsumer(System.err, Math.min(columns, Text.WIDTH))).build();
  }

  /** Makes room for a line of output; the bar comes back below it. */
  static void clear(ProgressBar bar) {
    if (bar != null) System.err.print("\r\033[K");
  }
}
