package org.ondol.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;

/** Text as it is printed: 80 columns wide. */
final class Text {
  static final int WIDTH = 80;

  private Text() {}

  /** A term with its explanation beside it, wrapped and indented to a column. */
  static String entry(String term, int column, String explanation) {
    StringBuilder out = new StringBuilder();
    String lead = "  " + term;
    if (lead.length() >= column) { // a line of its own
      out.append(lead).append('\n');
      lead = "";
    }
    for (String line : wrap(explanation, WIDTH - column)) {
      out.append(lead).repeat(" ", Math.max(1, column - lead.length())).append(line).append('\n');
      lead = "";
    }
    return out.toString();
  }

  /** Lines of at most so many characters, broken at spaces where there are any. */
  static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    String rest = oneLine(text);
    while (rest.length() > width) {
      int at = rest.lastIndexOf(' ', width);
      if (at <= 0) at = width;
      lines.add(rest.substring(0, at).stripTrailing());
      rest = rest.substring(at).stripLeading();
    }
    lines.add(rest);
    return lines;
  }

  static String oneLine(String text) {
    return text == null || text.isBlank() ? "no reason given" : text.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  /** At most so many characters, the end replaced by an ellipsis. */
  static String cut(String text, int width) {
    return text.length() <= width ? text : text.substring(0, width - 3) + "...";
  }

  /** At most so many characters, the beginning replaced by an ellipsis: of a path, the file's name stays. */
  static String tail(String text, int width) {
    return text.length() <= width ? text : "..." + text.substring(text.length() - width + 3);
  }

  /** Shows on a terminal what is being done, in place of the last such line; the empty text removes it. */
  static void status(String text) {
    if (System.getProperty("ondol.terminal.err") == null) return;
    System.err.print("\r\033[K" + text);
    System.err.flush();
  }

  static String count(long n, String noun) {
    return n + " " + noun + (n == 1 ? "" : "s");
  }

  /** A time with three figures: "0.82 ms", "12.3 ms", "1.30 s". */
  static String time(double seconds) {
    double ms = seconds * 1e3;
    if (ms >= 999.5) return "%.2f s ".formatted(seconds);
    return (ms < 10 ? "%.2f ms" : ms < 100 ? "%.1f ms" : "%.0f ms").formatted(ms);
  }

  /** Why a file operation failed, in words; the platform's messages are often just the file's name. */
  static String reason(IOException e) {
    if (e instanceof NoSuchFileException) return "no such file or directory";
    if (e instanceof AccessDeniedException) return "permission denied";
    if (e instanceof FileSystemException f && f.getReason() != null) return f.getReason().toLowerCase();
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }
}
