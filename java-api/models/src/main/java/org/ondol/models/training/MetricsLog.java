package org.ondol.models.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.models.weights.WeightsException;

/** What a run measures, as JSON objects, one a line, each with the step after which it was so. */
public final class MetricsLog {
  private static final Gson GSON = new GsonBuilder().serializeSpecialFloatingPointValues().create();

  private final Path file;

  private MetricsLog(Path file) {
    this.file = file;
  }

  /**
   * Goes on with a file from a step on: later lines, of a run that had gone on after its last checkpoint, are dropped.
   *
   * @param step 0 for a new file
   */
  static MetricsLog from(Path file, long step) {
    List<Map<String, Object>> kept = new ArrayList<>();
    if (step > 0 && Files.exists(file)) {
      for (Map<String, Object> line : read(file)) {
        if (line.get("step") instanceof Number n && n.longValue() <= step) kept.add(line);
      }
    }
    StringBuilder text = new StringBuilder();
    for (Map<String, Object> line : kept) text.append(GSON.toJson(line)).append('\n');
    try {
      Path part = file.resolveSibling(file.getFileName() + ".part");
      Files.writeString(part, text);
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new WeightsException("cannot write " + file + ": " + e.getMessage(), e);
    }
    return new MetricsLog(file);
  }

  void add(long step, double epoch, Map<String, ?> values) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("step", step);
    line.put("epoch", epoch);
    line.putAll(values);
    try {
      Files.writeString(file, GSON.toJson(line) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new WeightsException("cannot write " + file + ": " + e.getMessage(), e);
    }
  }

  /** All lines of a file; one that was cut off in the middle of writing is left out. */
  public static List<Map<String, Object>> read(Path file) {
    List<Map<String, Object>> lines = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(file)) {
        try {
          @SuppressWarnings("unchecked")
          Map<String, Object> values = GSON.fromJson(line, LinkedHashMap.class);
          if (values != null) lines.add(values);
        } catch (JsonParseException e) {
          continue;
        }
      }
    } catch (IOException e) {
      throw new WeightsException("cannot read " + file + ": " + e.getMessage(), e);
    }
    return lines;
  }
}
