package org.ondol.models.data;

import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Boxes in a JSON list [{file, width, height, boxes: [[class, x1, y1, x2, y2], ...]}, ...] by first and last pixels,
 * counted from 1 as in Pascal VOC. Other fields are passed over.
 */
final class BoxLists {
  private BoxLists() {}

  /** @param folder from which files are named */
  static List<Source> read(Path file, Path folder) {
    return JsonFile.read(file, in -> {
      List<Source> all = new ArrayList<>();
      in.beginArray();
      while (in.hasNext()) all.add(picture(in, file, folder, all.size()));
      in.endArray();
      return all;
    });
  }

  private static Source picture(JsonReader in, Path file, Path folder, int number) throws IOException {
    String name = null;
    double width = Double.NaN;
    double height = Double.NaN;
    List<Source.Noted> boxes = null;
    in.beginObject();
    while (in.hasNext()) {
      switch (in.nextName()) {
        case "file" -> name = in.nextString();
        case "width" -> width = in.nextDouble();
        case "height" -> height = in.nextDouble();
        case "boxes" -> boxes = boxes(in);
        default -> in.skipValue();
      }
    }
    in.endObject();
    if (name == null || boxes == null || !(width >= 1) || !(height >= 1)) {
      throw new DataException(file + ": entry " + (number + 1) + " has not a file, a width and a height of at least 1, "
          + "and boxes");
    }
    return new Source(Source.within(folder, name, file), file, width, height, boxes, null);
  }

  private static List<Source.Noted> boxes(JsonReader in) throws IOException {
    List<Source.Noted> boxes = new ArrayList<>();
    in.beginArray();
    while (in.hasNext()) {
      in.beginArray();
      boxes.add(Source.Noted.ofPascal(in.nextString(), in.nextDouble(), in.nextDouble(), in.nextDouble(),
          in.nextDouble(), false));
      in.endArray();
    }
    in.endArray();
    return boxes;
  }
}
