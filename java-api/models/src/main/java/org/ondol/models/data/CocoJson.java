package org.ondol.models.data;

import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Boxes in the JSON form of COCO (T.-Y. Lin et al. 2014): images, annotations with bbox [left, top, width, height], and
 * categories. Classes are the categories by rising id. Crowds become difficult boxes; segmentations are passed over.
 *
 * @param classes names
 * @param sources each picture, in the order of the file
 */
record CocoJson(List<String> classes, List<Source> sources) {
  private record Image(Path file, double width, double height, List<Source.Noted> objects) {}

  private record Annotation(long image, long category, double[] box, boolean crowd) {}

  /** @param folder with the pictures */
  static CocoJson read(Path file, Path folder) {
    Map<Long, Image> images = new LinkedHashMap<>();
    List<Annotation> annotations = new ArrayList<>();
    Map<Long, String> categories = new TreeMap<>();
    JsonFile.read(file, in -> {
      in.beginObject();
      while (in.hasNext()) {
        switch (in.nextName()) {
          case "images" -> each(in, () -> image(in, file, folder, images));
          case "annotations" -> each(in, () -> annotations.add(annotation(in, file, annotations.size())));
          case "categories" -> each(in, () -> category(in, file, categories));
          default -> in.skipValue();
        }
      }
      in.endObject();
      return null;
    });
    return joined(file, images, annotations, categories);
  }

  private interface Item {
    void read() throws IOException;
  }

  private static void each(JsonReader in, Item item) throws IOException {
    in.beginArray();
    while (in.hasNext()) item.read();
    in.endArray();
  }

  private static void image(JsonReader in, Path file, Path folder, Map<Long, Image> all) throws IOException {
    Long id = null;
    String name = null;
    double width = Double.NaN;
    double height = Double.NaN;
    in.beginObject();
    while (in.hasNext()) {
      switch (in.nextName()) {
        case "id" -> id = in.nextLong();
        case "file_name" -> name = in.nextString();
        case "width" -> width = in.nextDouble();
        case "height" -> height = in.nextDouble();
        default -> in.skipValue();
      }
    }
    in.endObject();
    if (id == null || name == null || !(width >= 1) || !(height >= 1)) {
      throw new DataException(file + ": image " + (all.size() + 1) + " has not an id, a file_name, and a width and a height "
          + "of at least 1");
    }
    Image image = new Image(Source.within(folder, name, file), width, height, new ArrayList<>());
    if (all.put(id, image) != null) throw new DataException(file + " has two images with the id " + id);
  }

  private static Annotation annotation(JsonReader in, Path file, int number) throws IOException {
    Long image = null;
    Long category = null;
    double[] box = null;
    boolean crowd = false;
    in.beginObject();
    while (in.hasNext()) {
      switch (in.nextName()) {
        case "image_id" -> image = in.nextLong();
        case "category_id" -> category = in.nextLong();
        case "iscrowd" -> crowd = in.nextInt() != 0;
        case "bbox" -> {
          in.beginArray();
          box = new double[] {in.nextDouble(), in.nextDouble(), in.nextDouble(), in.nextDouble()};
          in.endArray();
        }
        default -> in.skipValue();
      }
    }
    in.endObject();
    if (image == null || category == null || box == null) {
      throw new DataException(file + ": annotation " + (number + 1) + " has not an image_id, a category_id and a bbox");
    }
    return new Annotation(image, category, box, crowd);
  }

  private static void category(JsonReader in, Path file, Map<Long, String> all) throws IOException {
    Long id = null;
    String name = null;
    in.beginObject();
    while (in.hasNext()) {
      switch (in.nextName()) {
        case "id" -> id = in.nextLong();
        case "name" -> name = in.nextString();
        default -> in.skipValue();
      }
    }
    in.endObject();
    if (id == null || name == null) {
      throw new DataException(file + ": category " + (all.size() + 1) + " has not an id and a name");
    }
    if (all.put(id, name) != null) throw new DataException(file + " has two categories with the id " + id);
  }

  private static CocoJson joined(Path file, Map<Long, Image> images, List<Annotation> annotations,
      Map<Long, String> categories) {
    if (images.isEmpty() || categories.isEmpty()) {
      throw new DataException(file + " has " + images.size() + " images and " + categories.size()
          + " categories, expected some of each");
    }
    for (int i = 0; i < annotations.size(); i++) {
      Annotation a = annotations.get(i);
      Image image = images.get(a.image);
      String name = categories.get(a.category);
      if (image == null || name == null) {
        throw new DataException(file + ": annotation " + (i + 1) + " is of "
            + (image == null ? "an unknown image, " + a.image : "an unknown class, category " + a.category));
      }
      double[] b = a.box;
      image.objects.add(new Source.Noted(name, b[0], b[1], b[0] + b[2], b[1] + b[3], a.crowd));
    }
    List<Source> sources = new ArrayList<>();
    for (Image i : images.values()) sources.add(new Source(i.file, file, i.width, i.height, i.objects, null));
    return new CocoJson(List.copyOf(categories.values()), sources);
  }

  /**
   * Where the pictures of a file are: in the folder that is named as the part is (train2017 for
   * annotations/instances_train2017.json, train for train.json), in images, or beside the file.
   */
  static Path pictures(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    String part = file.getFileName().toString().replaceFirst("\\.json$", "").replaceFirst("^.*_", "");
    for (Path base : new Path[] {folder, folder.getParent()}) {
      if (base == null) continue;
      for (String name : new String[] {part, "images/" + part, "images"}) {
        Path place = base.resolve(name);
        if (Files.isDirectory(place)) return place;
      }
    }
    return folder;
  }
}
