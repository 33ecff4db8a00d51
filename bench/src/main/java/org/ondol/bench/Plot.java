package org.ondol.bench;

import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.HorizontalBarChart;
import org.knowm.xchart.HorizontalBarChartBuilder;
import org.knowm.xchart.style.Styler;

/**
 * One bar chart of a whole run: for every case the speed of Ondol's backends and of each peer library (its fastest
 * variant), relative to the fastest peer. A longer bar is faster; 1 is the fastest peer.
 */
final class Plot {
  private static final int WIDTH = 860;
  private static final int HEIGHT_OF_FRAME = 110;
  private static final int HEIGHT_OF_BAR = 11;
  private static final int HEIGHT_BETWEEN_CASES = 14;
  private static final int DPI = 144; // twice the pixels of the sizes above

  /** One colour a library, whichever of them a run has: Ondol warm, peers cool. */
  private static final Map<String, Color> COLOURS = new LinkedHashMap<>();

  static {
    COLOURS.put("cpu", new Color(0xC8, 0x4B, 0x1E));
    COLOURS.put("java", new Color(0xEE, 0xA2, 0x47));
    COLOURS.put("libtorch", new Color(0x35, 0x5C, 0x7D));
    COLOURS.put("onnxruntime", new Color(0x6C, 0x9A, 0xB8));
    COLOURS.put("openblas", new Color(0xA9, 0xB4, 0xBC));
  }

  private Plot() {}

  static void write(Path file, Machine machine, List<Row> rows) throws IOException {
    Map<String, Map<String, Double>> speeds = speeds(rows);
    if (speeds.isEmpty()) {
      throw new IOException("no case of these rows has a peer to be drawn beside");
    }
    List<String> cases = new ArrayList<>(speeds.keySet());
    List<String> contenders = contenders(speeds);
    int height = HEIGHT_OF_FRAME + cases.size() * (contenders.size() * HEIGHT_OF_BAR + HEIGHT_BETWEEN_CASES);
    HorizontalBarChart chart = chart(machine, height);
    for (String contender : contenders) {
      List<Double> bars = new ArrayList<>();
      for (String name : cases) {
        bars.add(speeds.get(name).get(contender));
      }
      chart.addSeries(label(contender), bars, cases).setFillColor(COLOURS.getOrDefault(contender, Color.GRAY));
    }
    BitmapEncoder.saveBitmapWithDPI(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG, DPI);
  }

  private static String label(String contender) {
    return COLOURS.containsKey(contender) && !contender.equals("cpu") && !contender.equals("java")
        ? contender
        : "Ondol " + contender;
  }

  /** Contenders in the order of the colours, then any others. */
  private static List<String> contenders(Map<String, Map<String, Double>> speeds) {
    Set<String> present = new LinkedHashSet<>();
    speeds.values().forEach(bars -> present.addAll(bars.keySet()));
    Set<String> ordered = new LinkedHashSet<>(COLOURS.keySet());
    ordered.retainAll(present);
    ordered.addAll(present);
    return List.copyOf(ordered);
  }

  /** Case to contender to speed relative to the fastest peer, by median times. */
  private static Map<String, Map<String, Double>> speeds(List<Row> rows) {
    Map<String, Map<String, Double>> fastest = new LinkedHashMap<>();
    Map<String, Double> fastestPeer = new LinkedHashMap<>();
    for (Row row : rows) {
      if (row.checked()) {
        String name = label(row);
        fastest.computeIfAbsent(name, key -> new LinkedHashMap<>()).merge(row.contender(), row.msMedian(), Math::min);
        if (row.peer()) {
          fastestPeer.merge(name, row.msMedian(), Math::min);
        }
      }
    }
    fastest.keySet().retainAll(fastestPeer.keySet());
    fastest.forEach((name, bars) -> bars.replaceAll((contender, ms) -> fastestPeer.get(name) / ms));
    return fastest;
  }

  /** The stem and the case, without the words that only the table needs. */
  private static String label(Row row) {
    return row.stem() + " " + row.caseName();
  }

  private static HorizontalBarChart chart(Machine machine, int height) {
    String title = String.format(Locale.ROOT, "Speed relative to the fastest peer (%s, %d threads, %.0f GFLOP/s)",
        machine.cpu(), machine.threads(), machine.fmaGflops());
    HorizontalBarChart chart = new HorizontalBarChartBuilder().width(WIDTH).height(height).title(title).build();
    var styler = chart.getStyler();
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotBorderVisible(false);
    styler.setPlotGridHorizontalLinesVisible(false);
    styler.setLegendPosition(Styler.LegendPosition.OutsideS);
    styler.setLegendLayout(Styler.LegendLayout.Horizontal);
    styler.setLegendBorderColor(Color.WHITE);
    styler.setAvailableSpaceFill(0.8);
    // XChart spaces the labels of a category axis by the hint of the x axis, also where they stand on the y axis.
    styler.setXAxisTickMarkSpacingHint(HEIGHT_OF_BAR + HEIGHT_BETWEEN_CASES);
    styler.setXAxisMin(0.0);
    styler.setXAxisDecimalPattern("0.0");
    styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 13));
    styler.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
    return chart;
  }
}
