package org.ondol.cli;

import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
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
    if (!quiet && step < steps) bar = Bars.open(name, " steps", step, steps);
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
    Bars.clear(bar);
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
