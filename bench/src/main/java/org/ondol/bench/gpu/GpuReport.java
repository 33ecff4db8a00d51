package org.ondol.bench.gpu;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The end of the GPU check: joins what its steps wrote into figures.json, in the form of bench/results, and prints a table of
 * at most 80 columns.
 *
 * <p>Usage: GpuReport FOLDER, which holds machine.tsv (key, value), steps.tsv (name, outcome, seconds, remark) and the rows of
 * each program in *.jsonl.
 */
public final class GpuReport {
  private static final Gson GSON = new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();
  private static final int COLUMNS = 80;

  /** The least ratio to the best peer that is wanted, by stem and variant. */
  private static final Map<String, Double> GOALS = Map.ofEntries(
      Map.entry("attention bfloat16", 1.0), Map.entry("attention exact", 1.5), Map.entry("attention_backward bfloat16", 0.9),
      Map.entry("gemm exact", 0.85), Map.entry("gemm bfloat16", 0.85), Map.entry("conv bfloat16", 0.9),
      Map.entry("maskedconv bfloat16", 1.6), Map.entry("deconv bfloat16", 1.2), Map.entry("deconv exact", 1.2),
      Map.entry("roipool exact", 2.0), Map.entry("roipool_backward exact", 2.0), Map.entry("roialign exact", 2.0),
      Map.entry("roialign_backward exact", 2.0), Map.entry("sampling exact", 200.0));

  private final StringBuilder table = new StringBuilder();

  GpuReport() {}

  public static void main(String[] args) throws IOException {
    if (args.length != 1) {
      System.err.println("usage: GpuReport FOLDER");
      System.exit(2);
    }
    System.out.print(new GpuReport().write(Path.of(args[0])));
  }

  /** Writes figures.json; returns the table. */
  String write(Path folder) throws IOException {
    List<JsonObject> lines = new ArrayList<>();
    for (String name : new String[] {"times.jsonl", "java.jsonl", "peers.jsonl"}) {
      Path file = folder.resolve(name);
      if (!Files.exists(file)) continue;
      for (String line : Files.readAllLines(file)) lines.add(JsonParser.parseString(line).getAsJsonObject());
    }
    Map<String, String> machine = new LinkedHashMap<>();
    for (String[] words : table(folder.resolve("machine.tsv"))) machine.put(words[0], words[1]);
    List<String[]> steps = table(folder.resolve("steps.tsv"));
    compare(lines);
    Files.writeString(folder.resolve("figures.json"), GSON.toJson(document(machine, steps, lines)) + "\n");
    machine.forEach((key, value) -> print(key + ": " + value));
    print("");
    for (String[] step : steps) print(String.format(Locale.ROOT, "%-12s %-8s %4s s  %s", step[0], step[1], step[2], step[3]));
    rows(lines);
    return table.toString();
  }

  private static List<String[]> table(Path file) throws IOException {
    List<String[]> rows = new ArrayList<>();
    if (!Files.exists(file)) return rows;
    for (String line : Files.readAllLines(file)) rows.add(line.split("\t", -1));
    return rows;
  }

  private static String text(JsonObject row, String key) {
    return row.has(key) && !row.get(key).isJsonNull() ? row.get(key).getAsString() : "";
  }

  private static boolean timed(JsonObject row) {
    return row.has("ms_median");
  }

  private static boolean peer(JsonObject row) {
    return row.get("peer").getAsBoolean();
  }

  /** What of a peer's is the same task: float32 for everything that takes and gives float32 in about its precision. */
  private static String task(JsonObject row) {
    String variant = text(row, "variant");
    if (variant.equals("exact") || variant.equals("bfloat16x3")) variant = "float32";
    return text(row, "stem") + "\t" + text(row, "case") + "\t" + variant;
  }

  private static JsonObject best(List<JsonObject> rows, JsonObject row) {
    return rows.stream().filter(r -> timed(r) && peer(r) && task(r).equals(task(row)))
        .min(Comparator.comparingDouble(r -> r.get("ms_median").getAsDouble())).orElse(null);
  }

  private static void compare(List<JsonObject> rows) {
    for (JsonObject row : rows) {
      if (!timed(row) || peer(row)) continue;
      JsonObject best = best(rows, row);
      Double ratio = best == null ? null : best.get("ms_median").getAsDouble() / row.get("ms_median").getAsDouble();
      row.addProperty("ratio", ratio);
    }
  }

  private static JsonObject document(Map<String, String> machine, List<String[]> steps, List<JsonObject> lines) {
    JsonObject document = new JsonObject();
    document.add("machine", GSON.toJsonTree(machine));
    JsonArray stepArray = new JsonArray();
    for (String[] step : steps) {
      JsonObject object = new JsonObject();
      object.addProperty("step", step[0]);
      object.addProperty("outcome", step[1]);
      object.addProperty("seconds", step[2]);
      object.addProperty("remark", step[3]);
      stepArray.add(object);
    }
    document.add("steps", stepArray);
    JsonArray rows = new JsonArray();
    JsonArray missing = new JsonArray();
    JsonArray wrong = new JsonArray();
    for (JsonObject line : lines) (timed(line) ? rows : line.has("wrong") ? wrong : missing).add(line);
    document.add("rows", rows);
    document.add("missing", missing);
    document.add("wrong", wrong);
    return document;
  }

  /** A line a case and under it a line for each of Ondol's variants; then what was not timed, by its reason. */
  private void rows(List<JsonObject> lines) {
    Map<String, List<JsonObject>> cases = new LinkedHashMap<>();
    Map<String, Set<String>> missing = new LinkedHashMap<>();
    for (JsonObject row : lines) {
      boolean shown = !peer(row) && !row.has("missing");
      if (shown) cases.computeIfAbsent(text(row, "stem") + ": " + text(row, "case"), c -> new ArrayList<>()).add(row);
      if (peer(row) || shown) continue;
      missing.computeIfAbsent(text(row, "missing"), r -> new LinkedHashSet<>()).add(text(row, "variant"));
    }
    print("");
    cases.forEach((title, rows) -> {
      print(title);
      for (JsonObject row : rows) {
        print(String.format(Locale.ROOT, "  %-10s %s", text(row, "contender").equals("cuda") ? text(row, "variant") : "from Java",
            row.has("wrong") ? "WRONG: " + text(row, "wrong") : figures(lines, row)));
      }
    });
    missing.forEach((reason, variants) -> print("not timed: " + String.join(", ", variants) + ": " + reason));
    Set<String> peers = new LinkedHashSet<>();
    lines.stream().filter(r -> peer(r) && r.has("missing") && text(r, "stem").equals("all"))
        .forEach(r -> peers.add("missing peer: " + text(r, "contender") + ": " + text(r, "missing")));
    peers.forEach(this::print);
  }

  private static String figures(List<JsonObject> lines, JsonObject row) {
    String own = milliseconds(row);
    if (row.has("gflops") && !row.get("gflops").isJsonNull()) {
      own += String.format(Locale.ROOT, " %7.2f TFLOP/s", row.get("gflops").getAsDouble() / 1000);
    }
    JsonObject best = best(lines, row);
    if (best == null) return own + added(lines, row);
    Double goal = GOALS.get(text(row, "stem") + " " + text(row, "variant"));
    return own + String.format(Locale.ROOT, "  x%.2f of %s%s", row.get("ratio").getAsDouble(), text(best, "contender"),
        goal == null ? "" : ", goal " + (goal % 1 == 0 ? String.valueOf(goal.intValue()) : String.valueOf(goal)));
  }

  /** What the way through Java adds to the same call of the native program. */
  private static String added(List<JsonObject> lines, JsonObject row) {
    if (!text(row, "stem").equals("call") || text(row, "contender").equals("cuda")) return "";
    return lines.stream().filter(r -> timed(r) && text(r, "stem").equals("call") && text(r, "contender").equals("cuda")).findFirst()
        .map(r -> String.format(Locale.ROOT, "  %.2f us more than from C++ (goal 3)",
            1000 * (row.get("ms_median").getAsDouble() - r.get("ms_median").getAsDouble()))).orElse("");
  }

  private static String milliseconds(JsonObject row) {
    double ms = row.get("ms_median").getAsDouble();
    return String.format(Locale.ROOT, ms < 0.1 ? " %8.5f ms" : ms < 100 ? " %8.3f ms" : " %8.1f ms", ms);
  }

  private void print(String line) {
    table.append(line.length() <= COLUMNS ? line : line.substring(0, COLUMNS - 3) + "...").append('\n');
  }
}
