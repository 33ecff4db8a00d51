package org.ondol.models.evaluation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Size;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.RegionBased;
import org.ondol.models.images.Picture;

/**
 * Detectors side by side: what they find in the same pictures, and how long they take. They take turns picture by
 * picture, another one first each time, so that what else the machine does concerns all of them alike. Those of
 * proposed regions that look at pictures of the same size get the same regions, which the first of them proposes.
 */
public final class Comparison {
  /**
   * Of one detector.
   *
   * @param figures as {@link AveragePrecision#report(List, List, List)}
   * @param regions of a picture, the mean; 0 where it needs none
   * @param proposing milliseconds to propose them, the median over pictures
   * @param looking milliseconds for all else, the median over pictures
   */
  public record Row(Map<String, Double> figures, double regions, double proposing, double looking) {
    /** Milliseconds from a picture to its objects. */
    public double whole() {
      return proposing + looking;
    }
  }

  /** Is told of each picture that was looked at by all. */
  @FunctionalInterface
  public interface Listener {
    void done(int pictures, int of);
  }

  private static final class Turn {
    private final Detector detector;
    private final List<List<Detection>> found = new ArrayList<>();
    private final double[] proposing;
    private final double[] looking;
    private long regions;

    private Turn(Detector detector, int pictures) {
      this.detector = detector;
      proposing = new double[pictures];
      looking = new double[pictures];
    }
  }

  /** Regions of a picture at one size. */
  private record Proposed(Size size, float[] regions, double millis) {}

  private final List<Turn> turns;
  private final List<Proposed> proposed = new ArrayList<>();

  private Comparison(List<Detector> detectors, int pictures) {
    turns = detectors.stream().map(d -> new Turn(d, pictures)).toList();
  }

  /**
   * Compares detectors of the same classes. The first picture is looked at once more before, untimed.
   *
   * @return a row for each detector
   */
  public static List<Row> of(List<? extends Detector> detectors, Examples examples, Listener listener) {
    if (detectors == null || detectors.isEmpty()) {
      throw new InvalidArgumentException("detectors", detectors, "one or more");
    }
    for (Detector d : detectors) {
      if (!d.classes().equals(examples.classes())) {
        throw new InvalidArgumentException("detectors", "one of " + d.classes(), "all of " + examples.classes());
      }
    }
    int count = examples.count();
    Comparison all = new Comparison(List.copyOf(detectors), count);
    all.look(examples.picture(0), 0);
    all.turns.forEach(t -> {
      t.found.clear();
      t.regions = 0;
    });
    List<List<LabelledBox>> truths = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      truths.add(examples.boxes(i));
      all.look(examples.picture(i), i);
      listener.done(i + 1, count);
    }
    return all.turns.stream().map(t -> new Row(AveragePrecision.report(examples.classes(), truths, t.found),
        (double) t.regions / count, median(t.proposing), median(t.looking))).toList();
  }

  private void look(Picture picture, int i) {
    proposed.clear();
    for (int k = 0; k < turns.size(); k++) {
      Turn turn = turns.get((k + i) % turns.size());
      if (turn.detector instanceof RegionBased detector) {
        byRegions(turn, detector, picture, i);
      } else {
        plain(turn, picture, i);
      }
    }
  }

  private static void plain(Turn turn, Picture picture, int i) {
    long start = System.nanoTime();
    turn.found.add(turn.detector.detect(picture));
    turn.looking[i] = millis(start);
  }

  private void byRegions(Turn turn, RegionBased detector, Picture picture, int i) {
    long start = System.nanoTime();
    Picture seen = detector.resized(picture);
    double resizing = millis(start);
    Size size = detector.input();
    Proposed given =
        proposed.stream().filter(p -> p.size.equals(size)).findFirst().orElseGet(() -> propose(seen, size));
    start = System.nanoTime();
    double x = (double) picture.width() / seen.width();
    double y = (double) picture.height() / seen.height();
    turn.found.add(detector.detect(seen, given.regions).stream().map(d -> d.scaled(x, y)).toList());
    turn.looking[i] = resizing + millis(start);
    turn.proposing[i] = given.millis;
    turn.regions += given.regions.length / 4;
  }

  /** By the first detector that looks at pictures of this size, whoever's turn it is. */
  private Proposed propose(Picture seen, Size size) {
    RegionBased first = turns.stream().map(t -> t.detector).filter(RegionBased.class::isInstance)
        .map(RegionBased.class::cast).filter(d -> d.input().equals(size)).findFirst().orElseThrow();
    long start = System.nanoTime();
    float[] regions = first.propose(seen);
    proposed.add(new Proposed(size, regions, millis(start)));
    return proposed.getLast();
  }

  private static double millis(long start) {
    return (System.nanoTime() - start) * 1e-6;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  }
}
