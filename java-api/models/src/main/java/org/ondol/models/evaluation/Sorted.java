package org.ondol.models.evaluation;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.LabelledBox;

/** True and found boxes, checked and parted by class and picture; found ones by falling score, equal ones as given. */
final class Sorted {
  /**
   * Of a class in a picture.
   *
   * @param found by falling score
   */
  record Picture(List<LabelledBox> truths, List<Detection> found) {}

  private final List<List<Picture>> classes = new ArrayList<>();

  private Sorted() {}

  static Sorted of(int classes, List<List<LabelledBox>> truths, List<List<Detection>> found) {
    if (classes < 1) throw new InvalidArgumentException("classes", classes, "at least 1");
    if (truths == null) throw new InvalidArgumentException("truths", "null", "a value");
    if (found == null || found.size() != truths.size()) {
      throw new InvalidArgumentException("found", found == null ? "null" : "of " + found.size() + " pictures",
          "a list for each of " + truths.size() + " pictures");
    }
    Sorted sorted = new Sorted();
    for (int c = 0; c < classes; c++) {
      sorted.classes.add(new ArrayList<>());
      for (int p = 0; p < truths.size(); p++) {
        sorted.classes.get(c).add(new Picture(new ArrayList<>(), new ArrayList<>()));
      }
    }
    for (int p = 0; p < truths.size(); p++) {
      for (LabelledBox b : truths.get(p)) {
        label("truths", p, b.label(), classes);
        sorted.classes.get(b.label()).get(p).truths.add(b);
      }
      for (Detection d : found.get(p)) {
        label("found", p, d.label(), classes);
        if (Float.isNaN(d.score()) || !finite(d)) {
          throw new InvalidArgumentException("found[" + p + "]", d, "a score that is not NaN, and finite sides");
        }
        sorted.classes.get(d.label()).get(p).found.add(d);
      }
    }
    for (List<Picture> pictures : sorted.classes) {
      for (Picture p : pictures) p.found.sort(Comparator.comparingDouble((Detection d) -> 0.0 - d.score()));
    }
    return sorted;
  }

  private static boolean finite(Detection d) {
    return Float.isFinite(d.x1()) && Float.isFinite(d.y1()) && Float.isFinite(d.x2()) && Float.isFinite(d.y2());
  }

  private static void label(String argument, int picture, int label, int classes) {
    if (label < 0 || label >= classes) {
      throw new InvalidArgumentException(argument + "[" + picture + "]", "with label " + label, "0 to " + (classes - 1));
    }
  }

  int count() {
    return classes.size();
  }

  /** Of a class, picture by picture. */
  List<Picture> of(int label) {
    return classes.get(label);
  }

  static double intersection(LabelledBox t, Detection d) {
    double w = Math.min((double) t.x2(), d.x2()) - Math.max((double) t.x1(), d.x1());
    double h = Math.min((double) t.y2(), d.y2()) - Math.max((double) t.y1(), d.y1());
    return w > 0 && h > 0 ? w * h : 0;
  }

  /** Of a found box; one without extent has none. */
  static double area(Detection d) {
    return Math.max(0, (double) d.x2() - d.x1()) * Math.max(0, (double) d.y2() - d.y1());
  }

  /** Area of intersection by area of union. */
  static double overlap(LabelledBox t, Detection d) {
    double common = intersection(t, d);
    return common == 0 ? 0 : common / (t.area() + area(d) - common);
  }
}
