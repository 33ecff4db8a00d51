package org.ondol.models.evaluation;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;

/**
 * How often pixels of one class were taken for another, over all pictures that are added, and the figures that follow
 * (J. Long, E. Shelhamer, T. Darrell 2015, section 5). A class that is neither true nor found anywhere has no figure, NaN,
 * and does not count in a mean.
 */
public final class Confusion {
  private final int classes;
  private final int ignored;
  private final long[] counts;

  /**
   * @param classes how many, 1 to 256
   * @param ignored the number of pixels whose truth does not count, at least that of the classes; -1 where there are none
   */
  public Confusion(int classes, int ignored) {
    if (classes < 1 || classes > 256) throw new InvalidArgumentException("classes", classes, "1 to 256");
    if (ignored != -1 && (ignored < classes || ignored > 255)) {
      throw new InvalidArgumentException("ignored", ignored, "-1, or " + classes + " to 255");
    }
    this.classes = classes;
    this.ignored = ignored;
    counts = new long[classes * classes];
  }

  /**
   * Adds a picture.
   *
   * @param truth of each pixel a class, or the ignored number
   * @param found of each pixel a class
   */
  public void add(byte[] truth, byte[] found) {
    if (truth == null) throw new InvalidArgumentException("truth", "null", "a value");
    if (found == null || found.length != truth.length) {
      throw new InvalidArgumentException("found", found == null ? "null" : "of " + found.length + " pixels",
          "of " + truth.length + " pixels");
    }
    for (int i = 0; i < truth.length; i++) { // all before any is counted
      if (!known(truth[i]) && (truth[i] & 0xFF) != ignored) refuse("truth", i, truth[i]);
      if (!known(found[i])) refuse("found", i, found[i]);
    }
    for (int i = 0; i < truth.length; i++) {
      if ((truth[i] & 0xFF) != ignored) counts[(truth[i] & 0xFF) * classes + (found[i] & 0xFF)]++;
    }
  }

  private boolean known(byte value) {
    return (value & 0xFF) < classes;
  }

  private void refuse(String argument, int at, byte value) {
    throw new InvalidArgumentException(argument, "with " + (value & 0xFF) + " at " + at, "a class of 0 to " + (classes - 1));
  }

  /** Pixels of a true class that were taken for another, or for the same. */
  public long count(int truth, int found) {
    checkClass("truth", truth);
    checkClass("found", found);
    return counts[truth * classes + found];
  }

  private void checkClass(String argument, int label) {
    if (label < 0 || label >= classes) throw new InvalidArgumentException(argument, label, "0 to " + (classes - 1));
  }

  private long truths(int label) {
    long n = 0;
    for (int f = 0; f < classes; f++) n += count(label, f);
    return n;
  }

  private long finds(int label) {
    long n = 0;
    for (int t = 0; t < classes; t++) n += count(t, label);
    return n;
  }

  private long right() {
    long n = 0;
    for (int c = 0; c < classes; c++) n += count(c, c);
    return n;
  }

  private long all() {
    long n = 0;
    for (long c : counts) n += c;
    return n;
  }

  private static double share(long part, long all) {
    return all == 0 ? Double.NaN : (double) part / all;
  }

  /** Pixels that are rightly of a class, by those that are of it in truth or were taken for it. */
  public double iou(int label) {
    return share(count(label, label), truths(label) + finds(label) - count(label, label));
  }

  /** The mean over classes of {@link #iou}. */
  public double meanIou() {
    double[] each = new double[classes];
    for (int c = 0; c < classes; c++) each[c] = iou(c);
    return Precision.mean(each);
  }

  /** The mean of {@link #iou}, each class counting by its true pixels. */
  public double weightedIou() {
    double sum = 0;
    for (int c = 0; c < classes; c++) if (truths(c) > 0) sum += truths(c) * iou(c);
    return all() == 0 ? Double.NaN : sum / all();
  }

  /** The share of all pixels that are right. */
  public double pixelAccuracy() {
    return share(right(), all());
  }

  /** The mean, over classes with true pixels, of the share of them that are right. */
  public double meanAccuracy() {
    double[] each = new double[classes];
    for (int c = 0; c < classes; c++) each[c] = share(count(c, c), truths(c));
    return Precision.mean(each);
  }

  /**
   * What a run that trains a segmenter reports: "error", 1 - mean IoU, by which it is judged; "mean IoU", "pixel accuracy",
   * "mean accuracy", and "IoU name" of each class that has one.
   *
   * @param names of the classes
   */
  public Map<String, Double> report(List<String> names) {
    if (names.size() != classes) throw new InvalidArgumentException("names", "of " + names.size(), classes + " names");
    if (all() == 0) throw new InvalidArgumentException("pixels", "none that count", "at least one");
    Map<String, Double> report = new LinkedHashMap<>();
    report.put("error", 1 - meanIou());
    report.put("mean IoU", meanIou());
    report.put("pixel accuracy", pixelAccuracy());
    report.put("mean accuracy", meanAccuracy());
    for (int c = 0; c < classes; c++) if (!Double.isNaN(iou(c))) report.put("IoU " + names.get(c), iou(c));
    return report;
  }
}
