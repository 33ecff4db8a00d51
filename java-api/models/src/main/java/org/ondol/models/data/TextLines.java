package org.ondol.models.data;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.ondol.models.images.Picture;

/** Text files of a line each, and what a folder holds. */
final class TextLines {
  private TextLines() {}

  /** The lines that are not blank, without the blanks around them. */
  static List<String> of(Path file) {
    try {
      return Files.readAllLines(file).stream().map(String::strip).filter(line -> !line.isEmpty()).toList();
    } catch (NoSuchFileException e) {
      throw new DataException("cannot read " + file + ": no such file", e);
    } catch (CharacterCodingException e) {
      throw new DataException(file + " is not UTF-8", e);
    } catch (IOException e) {
      throw new DataException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  /** The names of a folder's files whose names end so, by name. */
  static List<String> files(Path folder, String... ends) {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(Files::isRegularFile).map(f -> f.getFileName().toString()).filter(name -> {
        for (String end : ends) if (name.toLowerCase().endsWith(end)) return true;
        return false;
      }).sorted().toList();
    } catch (IOException e) {
      throw new DataException("cannot list " + folder + ": " + e.getMessage(), e);
    }
  }

  /** The names of a folder's pictures, by name. */
  static List<String> pictures(Path folder) {
    return files(folder, Picture.ENDINGS.toArray(String[]::new));
  }

  /** The first of some names that a folder has as a file or folder; null where it has none. */
  static Path find(Path folder, String... names) {
    for (String name : names) {
      Path file = folder.resolve(name);
      if (Files.exists(file)) return file;
    }
    return null;
  }

  /** A file's name without what follows its last dot. */
  static String stem(String name) {
    int dot = name.lastIndexOf('.');
    return dot <= 0 ? name : name.substring(0, dot);
  }

  /** The names of classes, a line each, in classes.txt, labels.txt or the only file ending in .names; else null. */
  static List<String> classes(Path folder) {
    Path file = find(folder, "classes.txt", "labels.txt");
    if (file == null) {
      List<String> names = files(folder, ".names");
      if (names.size() == 1) file = folder.resolve(names.getFirst());
    }
    if (file == null) return null;
    List<String> names = of(file);
    if (names.isEmpty()) throw new DataException(file + " names no class");
    return names;
  }
}
