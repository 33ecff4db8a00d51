package org.ondol.models.evaluation;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.InvalidArgumentException;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Examples;

/**
 * How well detectors find boxes: the average over recall of the precision of what is found, by falling score. Boxes found
 * with equal scores count in the order of pictures, and within a picture in the order given.
 *
 * <p>A class without true boxes (difficult ones apart) has no figure, NaN, whatever is found of it, and does not count in a
 * mean.
 */
public final class AveragePrecision {
  /** How Pascal VOC averages precision over recall. */
  public enum Rule {
    /** Of VOC 2007 to 2009: the mean, over recalls of 0, 0.1, ... 1, of the highest precision at that recall or above. */
    ELEVEN_POINT,
    /** Since VOC 2010: the area under the highest precision at each recall or above. */
    ALL_POINT
  }

  /**
   * A figure for each class.
   *
   * @param ofClass by label; NaN where there is nothing to find
   */
  public record Figures(double[] ofClass) {
    /** Over the classes that have a figure; NaN where none has. */
    public double mean() {
      return Precision.mean(ofClass);
    }
  }

  /**
   * COCO's figures.
   *
   * @param mean over classes and over overlaps of 0.50, 0.55, ... 0.95
   * @param at50 over classes, with an overlap of 0.50
   * @param at75 the same with 0.75
   * @param small as mean, of boxes of at most 32 x 32 pixels
   * @param medium of 32 x 32 to 96 x 96 pixels
   * @param large of at least 96 x 96 pixels
   * @param ofClass as mean, for each class
   */
  public record Coco(double mean, double at50, double at75, double small, double medium, double large,
      double[] ofClass) {}

  private AveragePrecision() {}

  /**
   * As Pascal VOC counts (M. Everingham et al. 2010, and the VOCevaldet and VOCap of its devkit). A found box belongs to the
   * true box of its class and picture that it overlaps most (the first of equals). It is right where the overlap, area of
   * intersection by area of union, reaches the threshold and no box of higher score was right with the same true box; it
   * does not count where that true box is difficult; else it is wrong.
   *
   * @param classes how many
   * @param truths of each picture
   * @param found in each picture
   * @param overlap above 0 to 1; Pascal VOC's is 0.5
   * @throws InvalidArgumentException if a label is no class, a score is NaN or a side not finite, or the lists differ in length
   */
  public static Figures voc(int classes, List<List<LabelledBox>> truths, List<List<Detection>> found, double overlap,
      Rule rule) {
    if (!(overlap > 0 && overlap <= 1)) throw new InvalidArgumentException("overlap", overlap, "above 0 to 1");
    if (rule == null) throw new InvalidArgumentException("rule", "null", "a value");
    Sorted sorted = Sorted.of(classes, truths, found);
    double[] figures = new double[classes];
    for (int c = 0; c < classes; c++) figures[c] = Voc.precision(sorted.of(c), overlap, rule);
    return new Figures(figures);
  }

  /**
   * As COCO counts (T.-Y. Lin et al. 2014, and the COCOeval of its API): at most 100 boxes of a class in a picture, precision
   * at recalls of 0, 0.01, ... 1. In the order of scores, a box belongs to the true box of its class and picture, not yet
   * taken, that it overlaps most (the last of equals), counting ones first. Difficult boxes are crowds: they can be taken
   * many times, overlap by the found box's area alone, and what belongs to them does not count. In the figures by area, true
   * boxes of other areas do not count, nor do found boxes of other areas that belong to none. Areas are of boxes: COCO's own
   * annotations have areas of masks, which move boxes between small, medium and large.
   *
   * @param classes how many
   * @param truths of each picture
   * @param found in each picture
   * @throws InvalidArgumentException if a label is no class, a score is NaN or a side not finite, or the lists differ in length
   */
  public static Coco coco(int classes, List<List<LabelledBox>> truths, List<List<Detection>> found) {
    return CocoFigures.of(Sorted.of(classes, truths, found));
  }

  /**
   * What a run that trains a detector reports: "error", 1 - mAP, by which it is judged; "mAP@0.5", the mean of the all-point
   * average precisions at an overlap of 0.5; and "AP name" of each class that has one.
   *
   * @param classes names
   */
  public static Map<String, Double> report(List<String> classes, List<List<LabelledBox>> truths,
      List<List<Detection>> found) {
    Figures figures = voc(classes.size(), truths, found, 0.5, Rule.ALL_POINT);
    double mean = figures.mean();
    if (Double.isNaN(mean)) throw new DataException("there is no box to find, so that precision means nothing");
    Map<String, Double> report = new LinkedHashMap<>();
    report.put("error", 1 - mean);
    report.put("mAP@0.5", mean);
    for (int c = 0; c < classes.size(); c++) {
      if (!Double.isNaN(figures.ofClass[c])) report.put("AP " + classes.get(c), figures.ofClass[c]);
    }
    return report;
  }

  /** The same of what a detector finds in examples with boxes, picture by picture. */
  public static Map<String, Double> report(Detector detector, Examples examples) {
    List<List<LabelledBox>> truths = new ArrayList<>();
    List<List<Detection>> found = new ArrayList<>();
    for (int i = 0; i < examples.count(); i++) {
      truths.add(examples.boxes(i));
      found.add(detector.detect(examples.picture(i)));
    }
    return report(detector.classes(), truths, found);
  }
}
