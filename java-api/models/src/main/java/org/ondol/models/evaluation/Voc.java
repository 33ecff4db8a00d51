package org.ondol.models.evaluation;

import java.util.ArrayList;
import java.util.List;

/** Average precision of a class as Pascal VOC's devkit counts. */
final class Voc {
  private static final int POINTS = 11;

  private Voc() {}

  /** NaN where there is nothing to find. */
  static double precision(List<Sorted.Picture> pictures, double overlap, AveragePrecision.Rule rule) {
    int truths = 0;
    List<Precision.Found> found = new ArrayList<>();
    for (Sorted.Picture p : pictures) {
      for (var t : p.truths()) if (!t.difficult()) truths++;
      match(p, overlap, found);
    }
    if (truths == 0) return Double.NaN;
    Precision precision = new Precision(found);
    return rule == AveragePrecision.Rule.ELEVEN_POINT ? elevenPoint(precision, truths) : allPoint(precision, truths);
  }

  /** Boxes of other pictures with scores between do not matter: a true box is taken by boxes of its own picture. */
  private static void match(Sorted.Picture p, double overlap, List<Precision.Found> found) {
    boolean[] taken = new boolean[p.truths().size()];
    for (var d : p.found()) {
      int best = -1;
      double most = 0;
      for (int t = 0; t < taken.length; t++) {
        double o = Sorted.overlap(p.truths().get(t), d);
        if (o > most) {
          most = o;
          best = t;
        }
      }
      boolean meets = best >= 0 && most >= overlap;
      boolean counts = !(meets && p.truths().get(best).difficult());
      found.add(new Precision.Found(d.score(), meets && !taken[best], counts));
      if (meets) taken[best] = true;
    }
  }

  private static double elevenPoint(Precision precision, int truths) {
    double sum = 0;
    for (int k = 0; k < POINTS; k++) sum += precision.at(k, POINTS - 1, truths);
    return sum / POINTS;
  }

  private static double allPoint(Precision precision, int truths) {
    double sum = 0;
    int before = 0;
    for (int i = 0; i < precision.right.length; i++) {
      sum += (precision.right[i] - before) * precision.highest[i];
      before = precision.right[i];
    }
    return sum / truths;
  }
}
