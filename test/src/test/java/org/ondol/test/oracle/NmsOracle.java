package org.ondol.test.oracle;

import java.util.ArrayList;
import java.util.List;

/**
 * Suppression in float64 with the IoU as the quotient that it is. Where a decision is so close that float32 may take
 * the other one, there is no answer.
 */
public final class NmsOracle {
  /** Nearer than this to a threshold, or to another score, a decision may fall either way. */
  private static final double CLOSE = 1e-4;

  /**
   * Candidate i has score and the corners x1, y1, x2, y2 at 4 i; both are changed.
   *
   * @param method 0 hard, 1 linear, 2 Gaussian
   * @param offset added to differences of coordinates
   */
  public record Problem(double[] scores, double[] corners, int method, double offset, double threshold, double sigma,
      double softThreshold, long width) {}

  /** Candidates in the order of selection and their scores, with bounds. */
  public record Answer(List<Integer> candidates, List<Double> scores, List<Double> bounds) {}

  private NmsOracle() {}

  private static double length(double low, double high, double offset) {
    return Math.max(0, high - low + offset);
  }

  private static double iou(Problem p, int a, int b) {
    double[] c = p.corners;
    int i = 4 * a;
    int j = 4 * b;
    double inter = length(Math.max(c[i], c[j]), Math.min(c[i + 2], c[j + 2]), p.offset)
        * length(Math.max(c[i + 1], c[j + 1]), Math.min(c[i + 3], c[j + 3]), p.offset);
    double areas = area(p, a) + area(p, b);
    boolean empty = area(p, a) == 0 || area(p, b) == 0;
    return empty ? 0 : inter / (areas - inter);
  }

  private static double area(Problem p, int a) {
    double[] c = p.corners;
    return length(c[4 * a], c[4 * a + 2], p.offset) * length(c[4 * a + 1], c[4 * a + 3], p.offset);
  }

  /** Null where a decision is close. */
  public static Answer solve(Problem p) {
    Answer answer = new Answer(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    while (answer.candidates.size() < p.width) {
      int best = -1;
      for (int i = 0; i < p.scores.length; i++) {
        best = !Double.isNaN(p.scores[i]) && (best < 0 || p.scores[i] > p.scores[best]) ? i : best;
      }
      if (best < 0) {
        break;
      }
      double score = p.scores[best];
      p.scores[best] = Double.NaN;
      for (double other : p.scores) {
        if (p.method != 0 && Math.abs(score - other) < CLOSE) {
          return null;
        }
      }
      answer.candidates.add(best);
      answer.scores.add(score);
      // An IoU carries some ten roundings, and each decay two more and the exponential's argument.
      double decays = answer.candidates.size() - 1;
      answer.bounds.add(p.method == 0 ? 0 : score * Bound.gamma(decays * (16 + 24 / Math.min(1, p.sigma))));
      for (int i = 0; i < p.scores.length; i++) {
        if (!Double.isNaN(p.scores[i]) && !decay(p, best, i)) {
          return null;
        }
      }
    }
    return answer;
  }

  /** Whether the decision was clear. */
  private static boolean decay(Problem p, int selected, int i) {
    double iou = iou(p, selected, i);
    boolean above = iou > p.threshold;
    if (p.method != 2 && Math.abs(iou - p.threshold) < CLOSE) {
      return false;
    }
    double left = switch (p.method) {
      case 0 -> above ? Double.NaN : p.scores[i];
      case 1 -> above ? p.scores[i] * (1 - iou) : p.scores[i];
      default -> p.scores[i] * Math.exp(-iou * iou / p.sigma);
    };
    p.scores[i] = p.method != 0 && left < p.softThreshold ? Double.NaN : left;
    return p.method == 0 || Math.abs(left - p.softThreshold) >= CLOSE || left == p.softThreshold;
  }
}
