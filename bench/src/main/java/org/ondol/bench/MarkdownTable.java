package org.ondol.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The table of a document: a line per case with the fastest peer and Ondol's backends beside it. */
final class MarkdownTable {
  private MarkdownTable() {}

  static String of(Machine machine, List<Row> rows) {
    Map<String, List<Row>> cases = new LinkedHashMap<>();
    for (Row row : rows) {
      if (row.checked() && row.msMedian() != null) {
        cases.computeIfAbsent(row.stem() + " " + row.caseName(), key -> new ArrayList<>()).add(row);
      }
    }
    StringBuilder text = new StringBuilder();
    text.append("| case | fastest peer, ms | `cpu`, ms | `cpu` GFLOP/s | `cpu` ratio | `java`, ms | `java` ratio |\n")
        .append("|---|---|---|---|---|---|---|\n");
    cases.forEach((name, list) -> text.append(line(name, list)));
    text.append(String.format(Locale.ROOT, "%n%s, %d threads, %.0f GFLOP/s and %.0f GB/s peak measured in the run, %s, commit %s.%n",
        machine.cpu(), machine.cores(), machine.fmaGflops(), machine.readGbs(), machine.date(), machine.commit()));
    return text.toString();
  }

  private static String line(String name, List<Row> rows) {
    // As for the ratios: the backends' plain rows are not beside peers whose operand is packed beforehand.
    Row peer = rows.stream().filter(Row::peer).filter(row -> !"B packed".equals(row.variant())).min(Comparator.comparingDouble(Row::msMedian)).orElse(null);
    Row cpu = backend(rows, "cpu");
    Row java = backend(rows, "java");
    return String.format(Locale.ROOT, "| %s | %s | %s | %s | %s | %s | %s |%n", name,
        peer == null ? "" : String.format(Locale.ROOT, "%s (%s)", time(peer), (peer.contender() + " " + (peer.variant() == null ? "" : peer.variant())).strip()),
        time(cpu), speed(cpu), ratio(cpu), time(java), ratio(java));
  }

  private static Row backend(List<Row> rows, String name) {
    return rows.stream().filter(row -> row.contender().equals(name)).findFirst().orElse(null);
  }

  private static String time(Row row) {
    if (row == null) return "";
    return String.format(Locale.ROOT, row.msMedian() < 1 ? "%.3f" : row.msMedian() < 100 ? "%.2f" : "%.0f", row.msMedian());
  }

  private static String speed(Row row) {
    if (row == null || row.gflops() == null) return "";
    return String.format(Locale.ROOT, "%.0f", row.gflops());
  }

  private static String ratio(Row row) {
    return row == null || row.ratio() == null ? "" : String.format(Locale.ROOT, "%.2f", row.ratio());
  }
}
