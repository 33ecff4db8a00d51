package org.ondol.models.evaluation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.LabelledBox;

/** Average precision as COCO's API counts. */
final class CocoFigures {
  private static final int MOST = 100;
  private static final int RECALLS = 100;
  private static final int OVERLAPS = 10;
  private static final double SMALL = 32 * 32;
  private static final double MEDIUM = 96 * 96;

  private CocoFigures() {}

  static AveragePrecision.Coco of(Sorted sorted) {
    double[][] all = new double[sorted.count()][];
    double[] small = new double[all.length];
    double[] medium = new double[all.length];
    double[] large = new double[all.length];
    for (int c = 0; c < all.length; c++) {
      List<Sorted.Picture> pictures = sorted.of(c);
      all[c] = byOverlap(pictures, 0, Double.POSITIVE_INFINITY);
      small[c] = Precision.mean(byOverlap(pictures, 0, SMALL));
      medium[c] = Precision.mean(byOverlap(pictures, SMALL, MEDIUM));
      large[c] = Precision.mean(byOverlap(pictures, MEDIUM, Double.POSITIVE_INFINITY));
    }
    double[] ofClass = Arrays.stream(all).mapToDouble(Precision::mean).toArray();
    return new AveragePrecision.Coco(Precision.mean(ofClass),
        Precision.mean(Arrays.stream(all).mapToDouble(a -> a[0]).toArray()),
        Precision.mean(Arrays.stream(all).mapToDouble(a -> a[5]).toArray()),
        Precision.mean(small), Precision.mean(medium), Precision.mean(large), ofClass);
  }

  /** For each overlap, the average precision of a class; NaN where there is nothing to find. */
  private static double[] byOverlap(List<Sorted.Picture> pictures, double least, double most) {
    double[] figures = new double[OVERLAPS];
    for (int k = 0; k < OVERLAPS; k++) {
      double overlap = (10 + k) / 20.0;
      int truths = 0;
      List<Precision.Found> found = new ArrayList<>();
      for (Sorted.Picture p : pictures) {
        for (LabelledBox t : p.truths()) if (!ignored(t, least, most)) truths++;
        match(p, overlap, least, most, found);
      }
      figures[k] = truths == 0 ? Double.NaN : average(new Precision(found), truths);
    }
    return figures;
  }

  private static boolean ignored(LabelledBox t, double least, double most) {
    return t.difficult() || t.area() < least || t.area() > most;
  }

  private static double average(Precision precision, int truths) {
    double sum = 0;
    for (int r = 0; r <= RECALLS; r++) sum += precision.at(r, RECALLS, truths);
    return sum / (RECALLS + 1);
  }

  private static void match(Sorted.Picture p, double overlap, double least, double most, List<Precision.Found> found) {
    boolean[] taken = new boolean[p.truths().size()];
    for (Detection d : p.found().subList(0, Math.min(MOST, p.found().size()))) {
      int t = best(p, d, taken, overlap, least, most, false);
      if (t < 0) t = best(p, d, taken, overlap, least, most, true);
      if (t >= 0) taken[t] = true;
      double area = Sorted.area(d);
      boolean counts = t < 0 ? area >= least && area <= most : !ignored(p.truths().get(t), least, most);
      found.add(new Precision.Found(d.score(), t >= 0, counts));
    }
  }

  /** Among true boxes that count, or among those that do not, the one that is overlapped most; -1 if none is enough. */
  private static int best(Sorted.Picture p, Detection d, boolean[] taken, double overlap, double least, double most,
      boolean ignored) {
    int best = -1;
    double highest = overlap;
    for (int t = 0; t < taken.length; t++) {
      LabelledBox truth = p.truths().get(t);
      if (ignored(truth, least, most) != ignored || taken[t] && !truth.difficult()) continue;
      double o = overlap(truth, d);
      if (o >= highest) {
        highest = o;
        best = t;
      }
    }
    return best;
  }

  private static double overlap(LabelledBox t, Detection d) {
    if (!t.difficult()) return Sorted.overlap(t, d);
    double common = Sorted.intersection(t, d);
    return common == 0 ? 0 : common / Sorted.area(d);
  }
}
