package org.ondol.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Prints rows as they come, and keeps them for the JSON. */
final class Report {
  private static final Gson GSON = new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  /** What a JSON file holds. */
  record Document(Machine machine, List<Row> rows, List<Missing> missing, List<String> wrong) {}

  record Missing(String stem, String contender, String reason) {}

  private final PrintStream out;
  private final List<Row> rows = new ArrayList<>();
  private final Set<Missing> missing = new LinkedHashSet<>();
  private final List<String> wrong = new ArrayList<>();

  Report(PrintStream out) {
    this.out = out;
  }

  void missing(String stem, String contender, String reason) {
    if (missing.add(new Missing(stem, contender, reason))) {
      out.println("missing: " + stem + ": " + contender + ": " + reason);
    }
  }

  void wrong(String message) {
    wrong.add(message);
    out.println("WRONG: " + message);
  }

  boolean anyWrong() {
    return !wrong.isEmpty();
  }

  List<Row> rows() {
    return rows;
  }

  void add(List<Row> caseRows) {
    rows.addAll(caseRows);
    Row first = caseRows.isEmpty() ? null : caseRows.getFirst();
    if (first == null) {
      return;
    }
    out.printf(Locale.ROOT, "%n%s: %s%n", first.stem(), first.caseName());
    String share = "read".equals(first.peak()) ? "read%" : "peak%";
    out.printf(Locale.ROOT, "  %-36s %9s %9s %7s %5s %6s%n", "contender", "median ms", "best ms", "GFLOP/s", share,
        "ratio");
    for (Row row : caseRows) {
      out.println(line(row));
    }
    out.flush();
  }

  private static String line(Row row) {
    String who = row.contender() + (row.variant().isEmpty() ? "" : " " + row.variant());
    if (!row.checked()) {
      return "  %-36s wrong answer, not timed".formatted(who);
    }
    return String.format(Locale.ROOT, "  %-36s %9s %9s %7s %5s %6s", who,
        milliseconds(row.msMedian()),
        milliseconds(row.msBest()),
        row.gflops() == null ? "-" : String.format(Locale.ROOT, "%.1f", row.gflops()),
        row.peakShare() == null ? "-" : String.format(Locale.ROOT, "%.0f", 100 * row.peakShare()),
        row.ratio() == null ? "-" : String.format(Locale.ROOT, "%.2f", row.ratio()));
  }

  private static String milliseconds(double ms) {
    return String.format(Locale.ROOT, ms < 1 ? "%.4f" : ms < 100 ? "%.3f" : "%.1f", ms);
  }

  void writeJson(Path file, Machine machine) throws IOException {
    if (file.toAbsolutePath().getParent() != null) {
      Files.createDirectories(file.toAbsolutePath().getParent());
    }
    Files.writeString(file, GSON.toJson(new Document(machine, rows, List.copyOf(missing), wrong)) + "\n");
  }

  static Document readJson(Path file) throws IOException {
    return GSON.fromJson(Files.readString(file), Document.class);
  }
}
