package org.ondol.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import org.ondol.models.images.Picture;

/**
 * The photographs that a command line names.
 *
 * @param many whether there could have been more than one, by the way they are named
 */
record Photos(List<Path> files, boolean many) {
  private static final String SPECIAL = "*?[{";

  /**
   * Of files, which need not exist; of folders, in which images are told by their names; and of globs that the shell left
   * as they are.
   */
  static Photos of(List<String> names) {
    Set<Path> files = new LinkedHashSet<>();
    boolean many = names.size() > 1;
    for (String name : names) {
      Path path = path(name);
      boolean folder = Files.isDirectory(path);
      if (folder || !Files.exists(path) && special(name)) {
        many = true;
        files.addAll(folder ? in(path) : matches(name));
      } else {
        files.add(path);
      }
    }
    return new Photos(List.copyOf(files), many);
  }

  private static Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new CommandException("cannot read " + name + ": " + e.getReason(), e);
    }
  }

  private static boolean special(String name) {
    return name.chars().anyMatch(c -> SPECIAL.indexOf(c) >= 0);
  }

  private static List<Path> in(Path folder) {
    List<Path> found = sorted(folder, 1, Photos::isImage);
    if (found.isEmpty()) {
      throw new CommandException(folder + " has no photographs, no file *" + String.join(", *", Picture.ENDINGS));
    }
    return found;
  }

  private static boolean isImage(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return !name.startsWith(".") && Picture.ENDINGS.stream().anyMatch(name::endsWith);
  }

  private static List<Path> matches(String glob) {
    PathMatcher matcher;
    try {
      matcher = FileSystems.getDefault().getPathMatcher("glob:" + glob);
    } catch (PatternSyntaxException e) {
      throw new CommandException("cannot read " + glob + ": no such file, and no pattern: " + e.getDescription(), e);
    }
    Path path = Path.of(glob);
    int plain = 0;
    while (!special(path.getName(plain).toString())) plain++;
    Path base = plain == 0 ? Path.of("") : path.subpath(0, plain);
    if (path.isAbsolute()) base = path.getRoot().resolve(base);
    int depth = glob.contains("**") ? Integer.MAX_VALUE : path.getNameCount() - plain;
    List<Path> found = Files.isDirectory(base) ? sorted(base, depth, matcher) : List.of();
    if (found.isEmpty()) throw new CommandException("no file matches " + glob);
    return found;
  }

  private static List<Path> sorted(Path base, int depth, PathMatcher matcher) {
    try (Stream<Path> all = Files.walk(base, depth)) {
      return new ArrayList<>(all.filter(f -> matcher.matches(f) && Files.isRegularFile(f)).sorted().toList());
    } catch (IOException e) {
      throw new CommandException("cannot read " + base + ": " + Text.reason(e), e);
    } catch (UncheckedIOException e) {
      throw new CommandException("cannot read " + base + ": " + Text.reason(e.getCause()), e);
    }
  }
}
