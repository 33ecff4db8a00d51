package org.ondol.cli;

import java.time.Duration;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.ondol.models.training.Trainer;

/** Shows how a run goes: a bar with rate, loss and time left on a terminal, and a line for each epoch. */
final class TrainProgress implements Trainer.Listener, AutoCloseable {
  /** Weight of the newest loss in the one that is shown. */
  private static final double NEW = 0.05;

  private final boolean quiet;
  private final String name;
  private final IntConsumer unmeasured;
  private ProgressBar bar;
  private double loss = Double.NaN;

  /** @param unmeasured called with the number of each epoch after which nothing was measured */
  TrainProgress(boolean quiet, String name, IntConsumer unmeasured) {
    this.quiet = quiet;
    this.name = name;
    this.unmeasured = unmeasured;
  }

  @Override
  public void begin(long step, long steps) {
    int columns = Integer.getInteger("ondol.terminal.err", 0);
    if (quiet || columns < 40 || step >= steps) return;
    bar = new ProgressBarBuilder().setTaskName(name).setInitialMax(steps).setStyle(ProgressBarStyle.ASCII)
        .setUnit(" steps", 1).showSpeed().setUpdateIntervalMillis(250).startsFrom(step, Duration.ZERO)
        .setConsumer(new ConsoleProgressBarConsumer(System.err, Math.min(columns, Text.WIDTH))).build();
  }

  @Override
  public void step(long step, Map<String, Double> metrics) {
    double now = metrics.getOrDefault("loss", Double.NaN);
    loss = Double.isNaN(loss) ? now : loss + NEW * (now - loss);
    if (bar != null) bar.stepTo(step).setExtraMessage(Double.isNaN(loss) ? "" : "loss %.4g".formatted(loss));
  }

  @Override
  public void epoch(int epoch, Map<String, Double> means, Map<String, Double> heldOut, boolean best) {
    if (heldOut.isEmpty()) unmeasured.accept(epoch);
    if (quiet) return;
    String figures = text(heldOut);
    String line = text(means) + (figures.isEmpty() ? "" : "; held out " + figures + (best ? " *" : ""));
    if (bar != null) System.err.print("\r\033[K");
    System.out.print(Text.entry("epoch " + epoch, 14, line));
  }

  private static String text(Map<String, Double> means) {
    return means.entrySet().stream().map(e -> "%s %.4f".formatted(e.getKey(), e.getValue()))
        .collect(Collectors.joining(", "));
  }

  @Override
  public void close() {
    if (bar != null) bar.close();
    bar = null;
  }
}
