package org.ondol.models.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A folder in the form of Darknet (J. Redmon): pictures with a text file each of the same name, a line "class x y width
 * height" an object, the class a number, (x, y) the centre, all four in fractions of the picture's sides; and the names of
 * the classes, a line each, in classes.txt, labels.txt or a file ending in .names. A picture without objects has an empty
 * text file.
 *
 * <p>Pictures lie in images/train, images/val and images/test with their text in labels/train and so on; or they are listed
 * in train.txt, val.txt and test.txt, named from the folder on; or they are all there are in images or in the folder itself.
 * Of a picture in a folder named images or JPEGImages, the text is in the folder named labels beside it, or beside the
 * picture.
 */
final class DarknetFolder {
  private static final String[][] PARTS = {{"train", "train"}, {"val", "valid"}, {"test", "test"}};

  private DarknetFolder() {}

  /** Whether there are names of classes, and pictures or lists of them. */
  static boolean is(Path folder) {
    return TextLines.classes(folder) != null && (Files.isDirectory(folder.resolve("images"))
        || Files.exists(folder.resolve("train.txt")) || !TextLines.pictures(folder).isEmpty());
  }

  static Map<String, List<Source>> read(Path folder, List<String> classes) {
    Map<String, List<Source>> parts = new LinkedHashMap<>();
    for (String[] part : PARTS) {
      Path list = folder.resolve(part[0] + ".txt");
      Path pictures = folder.resolve("images").resolve(part[0]);
      if (Files.isRegularFile(list)) parts.put(part[1], listed(folder, list, classes));
      else if (Files.isDirectory(pictures)) parts.put(part[1], all(folder, pictures, classes));
    }
    if (parts.isEmpty()) {
      Path images = folder.resolve("images");
      parts.put("train", all(folder, Files.isDirectory(images) ? images : folder, classes));
    }
    if (!parts.containsKey("train")) throw new DataException(folder + " has no pictures to train with");
    return parts;
  }

  private static List<Source> listed(Path folder, Path list, List<String> classes) {
    List<Source> sources = new ArrayList<>();
    for (String line : TextLines.of(list)) sources.add(picture(folder, Source.within(folder, line, list), classes));
    return sources;
  }

  private static List<Source> all(Path folder, Path pictures, List<String> classes) {
    List<Source> sources = new ArrayList<>();
    for (String name : TextLines.pictures(pictures)) sources.add(picture(folder, pictures.resolve(name), classes));
    return sources;
  }

  private static Source picture(Path folder, Path picture, List<String> classes) {
    Path text = text(folder, picture);
    List<Source.Noted> objects = new ArrayList<>();
    int number = 0;
    for (String line : TextLines.of(text)) objects.add(object(text, ++number, line, classes));
    return new Source(picture, text, 1, 1, objects, null);
  }

  private static Path text(Path folder, Path picture) {
    String name = TextLines.stem(picture.getFileName().toString()) + ".txt";
    Path beside = picture.resolveSibling(name);
    Path within = folder.relativize(beside);
    for (int i = within.getNameCount() - 2; i >= 0; i--) {
      String part = within.getName(i).toString();
      if (!part.equals("images") && !part.equals("JPEGImages")) continue;
      Path labels = i == 0 ? folder.resolve("labels") : folder.resolve(within.subpath(0, i)).resolve("labels");
      Path text = labels.resolve(within.subpath(i + 1, within.getNameCount()));
      if (Files.exists(text)) return text;
    }
    if (Files.exists(beside)) return beside;
    throw new DataException(picture + " has no text file of its objects, neither " + beside
        + " nor in a folder labels; without objects it is empty");
  }

  private static Source.Noted object(Path file, int number, String line, List<String> classes) {
    String[] words = line.split("\\s+");
    String where = file + ": line " + number + " is \"" + line + "\", ";
    if (words.length != 5) throw new DataException(where + "expected class, x, y, width and height");
    double[] v = new double[5];
    for (int i = 0; i < 5; i++) {
      try {
        v[i] = Double.parseDouble(words[i]);
      } catch (NumberFormatException e) {
        throw new DataException(where + "expected numbers", e);
      }
    }
    if (v[0] != Math.rint(v[0]) || !(v[0] >= 0 && v[0] < classes.size())) {
      throw new DataException(where + "expected a class of 0 to " + (classes.size() - 1));
    }
    return new Source.Noted(classes.get((int) v[0]), v[1] - v[3] / 2, v[2] - v[4] / 2, v[1] + v[3] / 2, v[2] + v[4] / 2,
        false);
  }
}
