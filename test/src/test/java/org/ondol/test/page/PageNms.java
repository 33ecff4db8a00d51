package org.ondol.test.page;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** topk and nms as docs/arithmetic.md has them: a sort, and repeated maximum over all pairs. */
public final class PageNms {
  private PageNms() {}

  /** The order of scores. */
  public static int key(float x) {
    if (Float.isNaN(x)) {
      return Integer.MIN_VALUE;
    }
    int b = Float.floatToRawIntBits(x + 0f);
    return b ^ ((b >> 31) & 0x7FFFFFFF);
  }

  /** Positions of the first k of a row. */
  public static int[] topk(float[] row, int k, boolean largest) {
    Integer[] order = new Integer[row.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparing(i -> {
      int key = key(row[i]);
      return -(long) (largest || Float.isNaN(row[i]) ? key : ~key);
    }));
    return Arrays.stream(order).limit(k).mapToInt(i -> i).toArray();
  }

  /** What a selection may depend on; -1 where there is no limit. */
  public record Rules(int format, int method, float offset, float threshold, boolean inclusive, float scoreThreshold,
      long width, long imageLimit, double sigma, float softThreshold) {}

  /** A selected candidate of a group. */
  public record Selected(int group, int candidate, float score) {}

  /** Corners and area. */
  static float[] prepare(float[] b, int at, Rules r) {
    float[] c = Arrays.copyOfRange(b, at, at + 4);
    if (r.format == 1) {
      c = new float[] {b[at + 2] < b[at] ? b[at + 2] : b[at], b[at + 3] < b[at + 1] ? b[at + 3] : b[at + 1],
        b[at + 2] < b[at] ? b[at] : b[at + 2], b[at + 3] < b[at + 1] ? b[at + 1] : b[at + 3]};
    } else if (r.format == 2) {
      c = new float[] {b[at] - 0.5f * b[at + 2], b[at + 1] - 0.5f * b[at + 3], b[at] + 0.5f * b[at + 2],
        b[at + 1] + 0.5f * b[at + 3]};
    }
    float w = (c[2] - c[0]) + r.offset;
    float h = (c[3] - c[1]) + r.offset;
    float area = w * h;
    boolean finite = Float.isFinite(area);
    for (float corner : c) {
      finite &= Float.isFinite(corner);
    }
    return new float[] {c[0], c[1], c[2], c[3], finite && w > 0 && h > 0 && area > 0 ? area : 0f};
  }

  /** Intersection and union. */
  static float[] overlap(float[] p, float[] q, float e) {
    float inter = 0f;
    if (p[4] > 0 && q[4] > 0) {
      float w = ((p[2] < q[2] ? p[2] : q[2]) - (p[0] > q[0] ? p[0] : q[0])) + e;
      float h = ((p[3] < q[3] ? p[3] : q[3]) - (p[1] > q[1] ? p[1] : q[1])) + e;
      inter = (w > 0 ? w : 0f) * (h > 0 ? h : 0f);
    }
    return new float[] {inter, (p[4] + q[4]) - inter};
  }

  /** The score that the selected box p leaves of s, NaN where none. */
  private static float left(float[] p, float[] q, float s, Rules r) {
    float[] o = overlap(p, q, r.offset);
    float limit = r.threshold * o[1];
    boolean suppressed = r.inclusive ? o[0] >= limit && o[1] > 0 : o[0] > limit;
    float iou = o[1] > 0 ? o[0] / o[1] : 0f;
    float t = switch (r.method) {
      case 0 -> suppressed ? Float.NaN : s;
      case 1 -> suppressed ? s * (1f - iou) : s;
      default -> s * PageMath.exp((iou * iou) * (float) (-1 / r.sigma));
    };
    return r.method == 0 || t >= r.softThreshold ? t : Float.NaN;
  }

  /** One group, from the scores of its candidates (NaN: none) and their boxes, four numbers each. */
  public static List<Selected> group(int group, float[] candidates, float[] boxes, Rules r) {
    float[] s = candidates.clone();
    float[][] prepared = new float[s.length][];
    for (int i = 0; i < s.length; i++) {
      prepared[i] = prepare(boxes, 4 * i, r);
      int floor = r.scoreThreshold == Float.NEGATIVE_INFINITY ? Integer.MIN_VALUE : key(r.scoreThreshold);
      boolean above = key(s[i]) > floor;
      s[i] = above && (r.method == 0 || s[i] >= r.softThreshold) ? s[i] : Float.NaN;
    }
    List<Selected> selected = new ArrayList<>();
    while (selected.size() < r.width) {
      int best = -1;
      for (int i = 0; i < s.length; i++) {
        best = !Float.isNaN(s[i]) && (best < 0 || key(s[i]) > key(s[best])) ? i : best;
      }
      if (best < 0) {
        break;
      }
      selected.add(new Selected(group, best, s[best]));
      s[best] = Float.NaN;
      for (int i = 0; i < s.length; i++) {
        s[i] = Float.isNaN(s[i]) ? s[i] : left(prepared[best], prepared[i], s[i], r);
      }
    }
    return selected;
  }

  /** The groups of an image, with its limit. */
  public static List<List<Selected>> limit(List<List<Selected>> groups, Rules r) {
    if (r.imageLimit < 0) {
      return groups;
    }
    List<Selected> best = groups.stream().flatMap(List::stream)
        .sorted(Comparator.comparingLong((Selected s) -> -(long) key(s.score))).limit(r.imageLimit).toList();
    return groups.stream().map(g -> g.stream().filter(best::contains).toList()).toList();
  }
}
