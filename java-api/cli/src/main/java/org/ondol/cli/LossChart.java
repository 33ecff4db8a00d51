package org.ondol.cli;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** How a run went, as a picture. */
final class LossChart {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 520;
  private static final String HELD_OUT = "heldout ";

  private LossChart() {}

  /**
   * Draws the loss and the first held-out figure over epochs.
   *
   * @param lines of a {@link org.ondol.models.training.MetricsLog}
   * @return whether there was anything to draw
   */
  static boolean write(String title, List<Map<String, Object>> lines, Path file) {
    System.setProperty("java.awt.headless", "true");
    Map<String, List<double[]>> series = series(lines);
    series.values().removeIf(points -> points.size() < 2);
    if (series.isEmpty()) return false;
    XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle("epoch").build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE).setChartBackgroundColor(Color.WHITE);
    series.forEach((name, points) -> chart
        .addSeries(name, points.stream().mapToDouble(p -> p[0]).toArray(), points.stream().mapToDouble(p -> p[1]).toArray())
        .setMarker(SeriesMarkers.NONE));
    try {
      BitmapEncoder.saveBitmap(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG);
    } catch (IOException e) {
      throw new CommandException("cannot write " + file + ": " + Text.reason(e), e);
    }
    return true;
  }

  private static Map<String, List<double[]>> series(List<Map<String, Object>> lines) {
    Map<String, List<double[]>> series = new LinkedHashMap<>();
    for (Map<String, Object> line : lines) {
      if (!(line.get("epoch") instanceof Number epoch)) continue;
      boolean first = true;
      for (Map.Entry<String, Object> e : line.entrySet()) {
        boolean heldOut = e.getKey().startsWith(HELD_OUT);
        if (!(e.getValue() instanceof Number v) || !Double.isFinite(v.doubleValue())) continue;
        if (!e.getKey().contains("loss") && !(heldOut && first)) continue;
        if (heldOut) first = false;
        String name = heldOut ? e.getKey().substring(HELD_OUT.length()) + ", held out" : e.getKey();
        series.computeIfAbsent(name, k -> new ArrayList<>()).add(new double[] {epoch.doubleValue(), v.doubleValue()});
      }
    }
    return series;
  }
}
