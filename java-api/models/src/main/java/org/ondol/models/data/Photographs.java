package org.ondol.models.data;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.ondol.InvalidArgumentException;
import org.ondol.Threads;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.images.Picture;

/**
 * Reads the pictures that a data set names into examples of one size. Boxes and maps are checked against their pictures
 * and stretched with them.
 */
final class Photographs {
  /** Where pictures differ in size and none is asked for. */
  private static final Size DEFAULT = new Size(416, 416);
  /** Boxes may overhang by what rounding does, in pixels; they are cut to the picture. */
  private static final double OVERHANG = 1;

  /** What the label maps of a data set hold: names, the number of ignored pixels or -1, and how numbers become classes. */
  record Legend(List<String> classes, int ignored, MapReader reader) {}

  /** Gives the class of each pixel of a file. */
  interface MapReader {
    byte[] read(Path file);
  }

  private final Size size;

  private Photographs(Size size) {
    this.size = size;
  }

  /**
   * Pictures with boxes.
   *
   * @param classes in order, or null for those of the first part in alphabetical order
   * @param parts by name, the first one to train with
   */
  static DataSet boxes(Path path, List<String> classes, Map<String, List<Source>> parts, Size size) {
    List<String> names = classes != null ? classes : names(path, parts.values().iterator().next());
    try {
      Truth.Names.checked(names);
    } catch (InvalidArgumentException e) {
      throw new DataException(path + ": " + e.getMessage(), e);
    }
    Photographs reader = new Photographs(chosen(path, parts, size));
    Map<String, Examples> read = new LinkedHashMap<>();
    parts.forEach((name, sources) -> read.put(name, reader.withBoxes(name, path, sources, names)));
    return set(path, read);
  }

  /** Pictures with the class of each pixel. */
  static DataSet maps(Path path, Legend legend, Map<String, List<Source>> parts, Size size) {
    Photographs reader = new Photographs(chosen(path, parts, size));
    Map<String, Examples> read = new LinkedHashMap<>();
    parts.forEach((name, sources) -> read.put(name, reader.withMaps(name, path, sources, legend)));
    return set(path, read);
  }

  private static DataSet set(Path path, Map<String, Examples> parts) {
    Path name = path.toAbsolutePath().normalize().getFileName();
    return new DataSet(name == null ? "pictures" : name.toString(), parts.get("train"), parts.get("valid"),
        parts.get("test"));
  }

  private static List<String> names(Path path, List<Source> sources) {
    TreeSet<String> names = new TreeSet<>();
    for (Source s : sources) for (Source.Noted o : s.objects()) names.add(o.name());
    if (names.isEmpty()) throw new DataException(path + " has no object to train with, so no class is known");
    return List.copyOf(names);
  }

  private static Size chosen(Path path, Map<String, List<Source>> parts, Size size) {
    Size common = null;
    for (Map.Entry<String, List<Source>> part : parts.entrySet()) {
      if (part.getValue().isEmpty()) throw new DataException(path + " has no picture in its part " + part.getKey());
      if (size != null) continue;
      for (Source s : part.getValue()) {
        Size own = Picture.size(s.file());
        if (common != null && !own.equals(common)) return DEFAULT;
        common = own;
      }
    }
    return size != null ? size : common;
  }

  private Examples withBoxes(String name, Path path, List<Source> sources, List<String> classes) {
    Map<String, Integer> labels = new HashMap<>();
    for (String c : classes) labels.put(c, labels.size());
    LabelledBox[][] boxes = new LabelledBox[sources.size()][];
    byte[] values = pictures(path, sources, (i, picture) -> boxes[i] = boxes(sources.get(i), picture, labels));
    return examples(name, values, sources, new Truth.Boxes(classes, Arrays.stream(boxes).map(List::of).toList()));
  }

  private Examples withMaps(String name, Path path, List<Source> sources, Legend legend) {
    byte[][] maps = new byte[sources.size()][];
    byte[] values = pictures(path, sources, (i, picture) -> {
      byte[] map = legend.reader.read(sources.get(i).map());
      maps[i] = nearest(map, picture.width(), picture.height());
    });
    return examples(name, values, sources, new Truth.Maps(legend.classes, legend.ignored, maps));
  }

  private Examples examples(String name, byte[] values, List<Source> sources, Truth truth) {
    List<String> files = new ArrayList<>();
    for (Source s : sources) files.add(s.file().getFileName().toString());
    return new Examples(name, new long[] {3, size.height(), size.width()}, 256, values, truth, files);
  }

  private interface Use {
    void of(int i, Picture picture);
  }

  /** Decodes all pictures on all threads, lets them be used in the size that they have, and gives them in the one wanted. */
  private byte[] pictures(Path path, List<Source> sources, Use use) {
    long each = 3L * size.width() * size.height();
    String what = path + " has " + sources.size() + " pictures, which at " + size + " take " + (each * sources.size() >> 20)
        + " MiB: ";
    if (each * sources.size() > Integer.MAX_VALUE - 16) {
      throw new DataException(what + "too much for one part, choose a smaller size");
    }
    byte[] values;
    try {
      values = new byte[(int) each * sources.size()];
    } catch (OutOfMemoryError e) {
      throw new DataException(what + "too much for the JVM's heap; choose a smaller size or a larger heap (-Xmx)", e);
    }
    Threads.pool().run(sources.size(), (begin, end, thread) -> {
      for (int i = (int) begin; i < end; i++) {
        Picture picture = picture(sources.get(i));
        use.of(i, picture);
        byte[] planes = picture.reduced(size.width(), size.height()).planes();
        System.arraycopy(planes, 0, values, i * (int) each, (int) each);
      }
    });
    return values;
  }

  /** The picture as its notes mean it: as it is stored, or upright where only then it has the size that they give. */
  private static Picture picture(Source s) {
    Picture stored = Picture.readStored(s.file());
    if (s.map() != null) {
      Size map = Picture.size(s.map());
      return fits(stored, map.width(), map.height()) ? stored
          : expect(Picture.read(s.file()), map.width(), map.height(), s);
    }
    if (s.width() == 0 || s.relative() || fits(stored, s.width(), s.height())) return stored;
    return expect(Picture.read(s.file()), s.width(), s.height(), s);
  }

  private static boolean fits(Picture picture, double width, double height) {
    return picture.width() == width && picture.height() == height;
  }

  private static Picture expect(Picture picture, double width, double height, Source s) {
    if (fits(picture, width, height)) return picture;
    throw new DataException(s.file() + " has " + picture.width() + " x " + picture.height() + " pixels, but "
        + (s.map() != null ? s.map() + " has " : s.notes() + " says ") + number(width) + " x " + number(height));
  }

  private LabelledBox[] boxes(Source s, Picture picture, Map<String, Integer> labels) {
    double x = s.relative() ? picture.width() : 1;
    double y = s.relative() ? picture.height() : 1;
    LabelledBox[] boxes = new LabelledBox[s.objects().size()];
    for (int i = 0; i < boxes.length; i++) {
      Source.Noted o = s.objects().get(i);
      String where = s.notes() + ": object " + (i + 1) + " (" + o.name() + ") of " + s.file().getFileName();
      Integer label = labels.get(o.name());
      if (label == null) throw new DataException(where + " is of an unknown class, expected one of " + labels.keySet());
      boxes[i] = box(label, o, x, y, picture, where);
    }
    return boxes;
  }

  private LabelledBox box(int label, Source.Noted o, double x, double y, Picture picture, String where) {
    double[] b = {o.x1() * x, o.y1() * y, o.x2() * x, o.y2() * y};
    String is = where + " has the box " + number(b[0]) + ", " + number(b[1]) + ", " + number(b[2]) + ", " + number(b[3]);
    for (double side : b) if (!Double.isFinite(side)) throw new DataException(is + ", expected finite numbers");
    if (!(b[2] > b[0] && b[3] > b[1])) throw new DataException(is + ", which has no extent");
    int w = picture.width();
    int h = picture.height();
    if (b[0] < -OVERHANG || b[1] < -OVERHANG || b[2] > w + OVERHANG || b[3] > h + OVERHANG || b[0] >= w || b[1] >= h
        || b[2] <= 0 || b[3] <= 0) {
      throw new DataException(is + ", outside the picture of " + w + " x " + h + " pixels");
    }
    try {
      return new LabelledBox(label, (float) (Math.max(b[0], 0) * size.width() / w),
          (float) (Math.max(b[1], 0) * size.height() / h), (float) (Math.min(b[2], w) * size.width() / w),
          (float) (Math.min(b[3], h) * size.height() / h), o.difficult());
    } catch (InvalidArgumentException e) { // so thin that its sides are the same number
      throw new DataException(is + ", which has no extent", e);
    }
  }

  private static String number(double v) {
    return v == Math.rint(v) && Math.abs(v) < 1e9 ? Long.toString((long) v) : Double.toString(v);
  }

  /** Each new pixel is the old one in which its centre lies. */
  private byte[] nearest(byte[] map, int width, int height) {
    if (width == size.width() && height == size.height()) return map;
    byte[] out = new byte[size.width() * size.height()];
    for (int y = 0; y < size.height(); y++) {
      int row = (int) ((2L * y + 1) * height / (2L * size.height())) * width;
      for (int x = 0; x < size.width(); x++) {
        out[y * size.width() + x] = map[row + (int) ((2L * x + 1) * width / (2L * size.width()))];
      }
    }
    return out;
  }
}
