package org.ondol.models.recipes;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;
import org.ondol.models.evaluation.Confusion;
import org.ondol.models.segmentation.Segmenter;

/** How good a segmenter is, and what it does, on examples with label maps. */
public final class SegmenterFigures {
  private static final int IGNORED = 255;

  private SegmenterFigures() {}

  /**
   * "error", 1 - "mean IoU"; "mean IoU", over the examples' classes that are anywhere seen or true; "pixel accuracy"; and
   * "IoU NAME" of each of these classes. Pixels that are ignored do not count; a class that the examples do not name is
   * wrong wherever the segmenter sees it.
   *
   * @throws DataException if the examples have no label maps, or classes that are not the segmenter's first ones
   */
  public static Map<String, Double> of(Segmenter segmenter, Examples examples) {
    if (!(examples.truth() instanceof Truth.Maps truth)) throw new DataException(examples.name() + " has no label maps");
    List<String> classes = truth.classes();
    List<String> known = segmenter.classes();
    if (known.size() < classes.size() || !known.subList(0, classes.size()).equals(classes)) {
      throw new DataException(examples.name() + " has the classes " + classes + "; the model knows " + known);
    }
    Confusion confusion = new Confusion(known.size(), known.size() < 256 ? IGNORED : -1);
    for (int i = 0; i < examples.count(); i++) {
      confusion.add(counted(truth.maps()[i], truth.ignored()), segmenter.segment(examples.picture(i)));
    }
    Map<String, Double> figures = new LinkedHashMap<>();
    double sum = 0;
    int there = 0;
    for (int c = 0; c < classes.size(); c++) {
      if (Double.isNaN(confusion.iou(c))) continue;
      sum += confusion.iou(c);
      there++;
    }
    if (there == 0) throw new DataException(examples.name() + " has no pixel that counts");
    double mean = sum / there;
    figures.put("error", 1 - mean);
    figures.put("mean IoU", mean);
    figures.put("pixel accuracy", confusion.pixelAccuracy());
    for (int c = 0; c < classes.size(); c++) {
      if (!Double.isNaN(confusion.iou(c))) figures.put("IoU " + classes.get(c), confusion.iou(c));
    }
    return figures;
  }

  /** The map with {@link #IGNORED} for pixels that do not count: their own number may be that of a class that is known. */
  private static byte[] counted(byte[] map, int ignored) {
    if (ignored < 0) return map;
    byte[] out = map.clone();
    for (int i = 0; i < out.length; i++) if ((out[i] & 0xFF) == ignored) out[i] = (byte) IGNORED;
    return out;
  }

  /** So many examples, each followed by the classes that are seen in it and those that it has, as colours of 0 to 1. */
  static Tensor show(Segmenter segmenter, Examples examples, int count) {
    int n = Math.min(count, examples.count());
    int plane = (int) (examples.shape()[1] * examples.shape()[2]);
    float[] pictures = new float[n * 9 * plane];
    int[] colours = segmenter.colours();
    for (int i = 0; i < n; i++) {
      byte[] rgb = examples.picture(i).planes();
      for (int k = 0; k < 3 * plane; k++) pictures[9 * i * plane + k] = (rgb[k] & 0xFF) / 255f;
      paint(segmenter.segment(examples.picture(i)), colours, pictures, (9 * i + 3) * plane);
      paint(examples.map(i), colours, pictures, (9 * i + 6) * plane);
    }
    return Tensor.of(segmenter.device(), pictures, 3L * n, 3, examples.shape()[1], examples.shape()[2]);
  }

  private static void paint(byte[] classes, int[] colours, float[] pictures, int at) {
    for (int c = 0; c < 3; c++) {
      for (int k = 0; k < classes.length; k++) {
        int colour = (classes[k] & 0xFF) < colours.length ? colours[classes[k] & 0xFF] : 0;
        pictures[at + c * classes.length + k] = (colour >> 16 - 8 * c & 0xFF) / 255f;
      }
    }
  }
}
