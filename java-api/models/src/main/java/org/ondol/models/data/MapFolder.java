package org.ondol.models.data;

import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.ondol.models.images.LabelImage;

/**
 * A folder of pictures with label maps: images whose value, palette index, or colour is the class of each pixel.
 *
 * <p>Parts are folders train, val and test with their maps, of the same names, in train-labels (or trainannot) and so on;
 * or folders of pairs x.png, x_label.png; or the folder itself is of such pairs. The classes are in classes.json, in the
 * folder or the one above it: {classes: [{index, name, rgb}], ignore_index}, rgb needed for maps of colours; or in
 * classes.txt, a line each. Without either, classes are named by their numbers, and 255 is ignored.
 */
final class MapFolder {
  private static final String[][] PARTS = {{"train", "train"}, {"val", "valid"}, {"test", "test"}};
  private static final String[] MAPS = {"-labels", "annot"};
  private static final String PAIRED = "_label.png";
  private static final int VOID = 255;

  private MapFolder() {}

  static boolean is(Path folder) {
    return maps(folder, "train") != null || paired(folder) || paired(folder.resolve("train"));
  }

  private static Path maps(Path folder, String part) {
    for (String end : MAPS) {
      Path maps = folder.resolve(part + end);
      if (Files.isDirectory(maps) && Files.isDirectory(folder.resolve(part))) return maps;
    }
    return null;
  }

  private static boolean paired(Path folder) {
    return Files.isDirectory(folder) && !TextLines.files(folder, PAIRED).isEmpty();
  }

  static DataSet open(Path folder, Size size) {
    Map<String, List<Source>> parts = new LinkedHashMap<>();
    if (paired(folder)) {
      parts.put("train", pairs(folder));
    } else {
      for (String[] part : PARTS) {
        Path pictures = folder.resolve(part[0]);
        Path maps = maps(folder, part[0]);
        if (maps != null) parts.put(part[1], beside(pictures, maps));
        else if (paired(pictures)) parts.put(part[1], pairs(pictures));
      }
    }
    return Photographs.maps(folder, legend(folder, parts), parts, size);
  }

  private static List<Source> beside(Path pictures, Path maps) {
    List<Source> sources = new ArrayList<>();
    for (String name : TextLines.pictures(pictures)) {
      sources.add(source(pictures.resolve(name), maps.resolve(TextLines.stem(name) + ".png")));
    }
    return sources;
  }

  private static List<Source> pairs(Path folder) {
    List<Source> sources = new ArrayList<>();
    for (String name : TextLines.pictures(folder)) {
      if (name.endsWith(PAIRED)) continue;
      sources.add(source(folder.resolve(name), folder.resolve(TextLines.stem(name) + PAIRED)));
    }
    return sources;
  }

  private static Source source(Path picture, Path map) {
    if (!Files.exists(map)) throw new DataException(picture + " has no label map " + map);
    return new Source(picture, map, 0, 0, null, map);
  }

  private static Photographs.Legend legend(Path folder, Map<String, List<Source>> parts) {
    for (Path place : new Path[] {folder, folder.toAbsolutePath().normalize().getParent()}) {
      if (place == null) continue;
      Path json = place.resolve("classes.json");
      if (Files.exists(json)) return Classes.read(json).legend();
      Path text = place.resolve("classes.txt");
      if (Files.exists(text)) return named(text, TextLines.of(text));
    }
    return unnamed(folder, parts);
  }

  private static Photographs.Legend named(Path file, List<String> names) {
    Classes classes = new Classes(file);
    for (String name : names) classes.add(classes.names.size(), name, null);
    if (names.size() <= VOID) classes.ignored = VOID;
    return classes.legend();
  }

  private static Photographs.Legend unnamed(Path folder, Map<String, List<Source>> parts) {
    int most = 0;
    for (List<Source> sources : parts.values()) {
      for (Source s : sources) {
        LabelImage map = LabelImage.read(s.map());
        if (map.colours()) {
          throw new DataException(s.map() + " is of colours; " + folder + " has no classes.json that says what they mean");
        }
        for (int v : map.values()) if (v != VOID) most = Math.max(most, v);
      }
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i <= most; i++) names.add(Integer.toString(i));
    return named(folder, names);
  }

  /** The classes by their numbers in maps. */
  private static final class Classes {
    final Path file;
    final TreeMap<Integer, String> names = new TreeMap<>();
    final Map<Integer, Integer> colours = new LinkedHashMap<>();
    int ignored = -1;

    Classes(Path file) {
      this.file = file;
    }

    void add(int index, String name, Integer colour) {
      if (index < 0 || index > 255) throw new DataException(file + " has the class " + index + ", expected 0 to 255");
      if (name == null || name.isBlank() || name.contains("\n")) throw new DataException(file + ": class " + index
          + " has no name");
      if (names.put(index, name) != null) throw new DataException(file + " has two classes " + index);
      if (colour != null && colours.put(colour, index) != null) {
        throw new DataException(file + " has two classes of the colour #%06x".formatted(colour));
      }
    }

    static Classes read(Path file) {
      return JsonFile.read(file, in -> {
        Classes all = new Classes(file);
        in.beginObject();
        while (in.hasNext()) {
          switch (in.nextName()) {
            case "ignore_index" -> all.ignored = in.nextInt();
            case "classes" -> {
              in.beginArray();
              while (in.hasNext()) all.one(in);
              in.endArray();
            }
            default -> in.skipValue();
          }
        }
        in.endObject();
        if (all.ignored < -1 || all.ignored > 255) {
          throw new DataException(file + " has ignore_index " + all.ignored + ", expected 0 to 255");
        }
        return all;
      });
    }

    private void one(JsonReader in) throws IOException {
      int index = -1;
      String name = null;
      Integer colour = null;
      in.beginObject();
      while (in.hasNext()) {
        switch (in.nextName()) {
          case "index" -> index = in.nextInt();
          case "name" -> name = in.nextString();
          case "rgb" -> {
            in.beginArray();
            colour = 0;
            while (in.hasNext()) colour = colour << 8 | in.nextInt() & 0xFF;
            in.endArray();
          }
          default -> in.skipValue();
        }
      }
      in.endObject();
      add(index, name, colour);
    }

    /** Classes that are not ignored, from 0 on; ignored pixels keep their number where it comes after all, else get 255. */
    Photographs.Legend legend() {
      List<String> kept = new ArrayList<>();
      int[] becomes = new int[256];
      Arrays.fill(becomes, -1);
      names.forEach((index, name) -> {
        if (index == ignored) return;
        becomes[index] = kept.size();
        kept.add(name);
      });
      if (kept.isEmpty()) throw new DataException(file + " has no class that is not ignored");
      if (kept.stream().distinct().count() < kept.size()) {
        throw new DataException(file + " has two classes of the same name");
      }
      int other = ignored == -1 ? -1 : ignored >= kept.size() ? ignored : VOID;
      if (ignored != -1) becomes[ignored] = other;
      return new Photographs.Legend(List.copyOf(kept), other, map -> read(map, becomes));
    }

    private byte[] read(Path map, int[] becomes) {
      LabelImage image = LabelImage.read(map);
      if (image.colours() && colours.isEmpty()) {
        throw new DataException(map + " is of colours, but " + file + " does not say what they mean");
      }
      byte[] classes = new byte[image.values().length];
      for (int i = 0; i < classes.length; i++) {
        int v = image.values()[i];
        Integer index = image.colours() ? colours.get(v) : Integer.valueOf(v);
        if (index == null || becomes[index] < 0) {
          throw new DataException(map + " has " + (image.colours() ? "the colour #%06x".formatted(v) : "the class " + v)
              + " in column " + i % image.width() + " of row " + i / image.width() + ", which " + file + " does not know");
        }
        classes[i] = (byte) becomes[index];
      }
      return classes;
    }
  }
}
