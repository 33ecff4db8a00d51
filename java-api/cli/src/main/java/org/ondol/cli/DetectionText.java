package org.ondol.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.models.detection.Detection;
import org.ondol.models.images.Picture;

/** What a detector found, as a table for people and as JSON for programs. */
final class DetectionText {
  private static final int FILE = 25;
  private static final int CLASS = 16;
  private static final String LEFT = "%-" + FILE + "s  %-" + CLASS + "s  ";

  /** The first line of a table. */
  static final String HEAD = (LEFT + "%5s%7s%7s%7s%7s").formatted("file", "class", "score", "left", "top", "right", "bottom");

  private DetectionText() {}

  /** A line for each, in whole pixels; the file is named once. */
  static String rows(Path file, List<Detection> found, List<String> classes) {
    String name = file.toString();
    if (name.length() > FILE) name = Text.tail(file.getFileName().toString(), FILE);
    if (found.isEmpty()) return LEFT.formatted(name, "nothing found").stripTrailing() + "\n";
    StringBuilder rows = new StringBuilder();
    for (Detection d : found) {
      rows.append((LEFT + "%5.2f%7d%7d%7d%7d%n").formatted(name, Text.cut(classes.get(d.label()), CLASS), d.score(),
          Math.round(d.x1()), Math.round(d.y1()), Math.round(d.x2()), Math.round(d.y2())));
      name = "";
    }
    return rows.toString();
  }

  static Map<String, Object> json(Path file, Picture photo, String model, List<Detection> found, List<String> classes) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("file", file.toString());
    all.put("width", photo.width());
    all.put("height", photo.height());
    all.put("model", model);
    List<Map<String, Object>> boxes = new ArrayList<>();
    for (Detection d : found) {
      Map<String, Object> box = new LinkedHashMap<>();
      box.put("class", classes.get(d.label()));
      box.put("label", d.label());
      box.put("score", d.score());
      box.put("box", new float[] {d.x1(), d.y1(), d.x2(), d.y2()});
      boxes.add(box);
    }
    all.put("detections", boxes);
    return all;
  }
}
