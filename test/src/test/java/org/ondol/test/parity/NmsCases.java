package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;
import static org.ondol.test.parity.TopKCases.integers;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.ondol.ops.Nms;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.NmsOracle;
import org.ondol.test.page.PageNms;
import org.ondol.test.page.PageNms.Selected;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Suppression with every option, on boxes that overlap, tie, are empty or are no boxes at all. */
final class NmsCases implements ParityCase {
  private static final float INFINITY = Float.POSITIVE_INFINITY;
  private static final float[] NO_COORDINATES = {Float.NaN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-30f, 0f, -0f};
  private static final float[] ODD_SCORES = {Float.NaN, 0f, -0f, INFINITY, -INFINITY, 1e-40f, 0.5f};

  private final int batch;
  private final int classes;
  private final int count;
  private final boolean own;
  private final boolean ordinary;
  private final Nms.Options options;
  private final float[] boxes;
  private final float[] scores;

  NmsCases(Draw d) {
    this(d, d.oneIn(20) ? 0 : d.between(1, 2), d.oneIn(20) ? 0 : d.between(1, 4), d.sizeOrZero(d.oneIn(5) ? 160 : 40),
        d.of(Nms.Method.values()));
  }

  private NmsCases(Draw d, int batch, int classes, int count, Nms.Method method) {
    this.batch = batch;
    this.classes = classes;
    this.count = count;
    own = d.oneIn(3);
    boolean coarse = d.oneIn(2);
    boolean special = d.oneIn(2);
    ordinary = !coarse && !special;
    boxes = new float[batch * count * (own ? classes : 1) * 4];
    for (int i = 0; i < boxes.length; i += 4) {
      box(d, coarse, special, i);
    }
    scores = new float[batch * classes * count];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = coarse ? d.below(9) / 8f : d.random().nextFloat() * 1.2f - 0.2f;
      scores[i] = special && d.oneIn(10) ? ODD_SCORES[d.below(ODD_SCORES.length)] : scores[i];
    }
    options = options(d, method);
  }

  static NmsCases large(Draw d, Nms.Method method) {
    return new NmsCases(d, 1, 2, method == Nms.Method.HARD ? 2500 : 400, method);
  }

  private static float coordinate(Draw d, boolean coarse) {
    return coarse ? d.below(12) : d.random().nextFloat() * 40;
  }

  private void box(Draw d, boolean coarse, boolean special, int at) {
    boxes[at] = coordinate(d, coarse);
    boxes[at + 1] = coordinate(d, coarse);
    boxes[at + 2] = d.oneIn(8) ? coordinate(d, coarse) : boxes[at] + 1 + coordinate(d, coarse);
    boxes[at + 3] = d.oneIn(8) ? coordinate(d, coarse) : boxes[at + 1] + 1 + coordinate(d, coarse);
    for (int i = at; special && i < at + 4; i++) {
      boxes[i] = d.oneIn(12) ? NO_COORDINATES[d.below(NO_COORDINATES.length)] : boxes[i];
    }
  }

  private Nms.Options options(Draw d, Nms.Method method) {
    boolean soft = method != Nms.Method.HARD;
    double threshold = d.of(0.0, 0.3, 0.5, 1.0 / 3, 1.0, 7.0);
    Nms.Options o = Nms.Options.DEFAULT.format(d.of(Nms.Format.values())).offset(d.below(2));
    o = switch (method) {
      case HARD -> o;
      case LINEAR -> o.linear(d.of(0.0, 0.2));
      case GAUSSIAN -> o.gaussian(d.of(0.1, 0.5, 3.0), d.of(0.0, 0.2));
    };
    return (d.oneIn(2) ? o.iouAbove(threshold) : o.iouAtLeast(threshold))
        .scoreThreshold(soft ? d.of(0.0, 0.25) : d.of(Double.NEGATIVE_INFINITY, 0.25, -0.1))
        .maxPerClass(d.oneIn(2) ? -1 : d.below(20)).maxPerImage(d.oneIn(2) ? -1 : d.below(2 * count + 2))
        .agnostic(d.oneIn(3)).background(classes > 0 && d.oneIn(3) ? d.below(classes) : -1);
  }

  @Override
  public String describe() {
    return "nms of " + count + " boxes" + (own ? " for each" : "") + " of " + classes + " classes, batch " + batch
        + ", " + options;
  }

  private int groups() {
    return options.agnostic() ? Math.min(1, classes) : classes;
  }

  private long width() {
    long width = options.agnostic() ? (long) classes * count : count;
    width = options.maxPerClass() < 0 ? width : Math.min(width, options.maxPerClass());
    return options.maxPerImage() < 0 ? width : Math.min(width, options.maxPerImage());
  }

  private int candidates() {
    return options.agnostic() ? classes * count : count;
  }

  private int classOf(int group, int candidate) {
    return options.agnostic() ? candidate / count : group;
  }

  private float[] groupScores(int image, int group) {
    float[] s = new float[candidates()];
    for (int i = 0; i < s.length; i++) {
      int c = classOf(group, i);
      s[i] = c == options.background() ? Float.NaN : scores[(image * classes + c) * count + i % count];
    }
    return s;
  }

  private float[] groupBoxes(int image, int group) {
    float[] b = new float[4 * candidates()];
    for (int i = 0; i < b.length / 4; i++) {
      int row = image * count + i % count;
      System.arraycopy(boxes, 4 * (own ? row * classes + classOf(group, i) : row), b, 4 * i, 4);
    }
    return b;
  }

  private List<List<Selected>> selected() {
    var rules = new PageNms.Rules(options.format().ordinal(), options.method().ordinal(), options.offset(),
        (float) options.iouThreshold(), options.inclusive(), (float) options.scoreThreshold(), width(),
        options.maxPerImage(), options.sigma(), (float) options.softThreshold());
    List<List<Selected>> rows = new ArrayList<>();
    for (int image = 0; image < batch; image++) {
      List<List<Selected>> groups = new ArrayList<>();
      for (int g = 0; g < groups(); g++) {
        groups.add(PageNms.group(g, groupScores(image, g), groupBoxes(image, g), rules));
      }
      rows.addAll(PageNms.limit(groups, rules));
    }
    return rows;
  }

  @Override
  public Map<String, float[]> page() {
    List<List<Selected>> rows = selected();
    int width = (int) width();
    float[] padded = new float[rows.size() * width];
    float[] paddedScores = new float[padded.length];
    float[] counts = new float[rows.size()];
    int total = rows.stream().mapToInt(List::size).sum();
    float[] list = new float[3 * total];
    float[] listScores = new float[total];
    int at = 0;
    for (int r = 0; r < rows.size(); r++) {
      counts[r] = rows.get(r).size();
      for (int i = 0; i < width; i++) {
        Selected s = i < counts[r] ? rows.get(r).get(i) : null;
        padded[r * width + i] = s == null ? -1 : s.candidate();
        paddedScores[r * width + i] = s == null ? 0 : s.score();
        if (s != null) {
          list[3 * at] = r / groups();
          list[3 * at + 1] = classOf(s.group(), s.candidate());
          list[3 * at + 2] = s.candidate() % count;
          listScores[at++] = s.score();
        }
      }
    }
    return results("padded", padded, "padded scores", paddedScores, "counts", counts, "list", list, "list scores",
        listScores);
  }

  /** Of the rows of ordinary boxes without a limit for an image, if no decision in them is close. */
  @Override
  public Map<String, Bound.Values> oracle() {
    int width = (int) width();
    int rows = batch * groups();
    if (!ordinary || options.maxPerImage() >= 0 || options.format() == Nms.Format.CENTER) {
      return Map.of();
    }
    Bound.Values indices = new Bound.Values(rows * width);
    Bound.Values values = new Bound.Values(rows * width);
    for (int r = 0; r < rows; r++) {
      NmsOracle.Answer answer = NmsOracle.solve(problem(r / groups(), r % groups()));
      if (answer == null) {
        return Map.of();
      }
      for (int i = 0; i < width; i++) {
        boolean in = i < answer.candidates().size();
        indices.value()[r * width + i] = in ? answer.candidates().get(i) : -1;
        values.value()[r * width + i] = in ? answer.scores().get(i) : 0;
        values.bound()[r * width + i] = in ? answer.bounds().get(i) : 0;
      }
    }
    return Map.of("padded", indices, "padded scores", values);
  }

  private NmsOracle.Problem problem(int image, int group) {
    float[] s = groupScores(image, group);
    float[] b = groupBoxes(image, group);
    double[] score = new double[s.length];
    double[] corners = new double[b.length];
    for (int i = 0; i < score.length; i++) {
      boolean in = s[i] > (float) options.scoreThreshold()
          && (options.method() == Nms.Method.HARD || s[i] >= (float) options.softThreshold());
      score[i] = in ? s[i] : Double.NaN;
      boolean swap = options.format() == Nms.Format.ANY_CORNERS;
      for (int d = 0; d < 2; d++) {
        double p = b[4 * i + d];
        double q = b[4 * i + 2 + d];
        corners[4 * i + d] = swap ? Math.min(p, q) : p;
        corners[4 * i + 2 + d] = swap ? Math.max(p, q) : q;
      }
    }
    return new NmsOracle.Problem(score, corners, options.method().ordinal(), options.offset(), options.iouThreshold(),
        options.sigma(), (float) options.softThreshold(), width());
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    long[] shape = own ? new long[] {batch, count, classes, 4} : new long[] {batch, count, 4};
    var b = o.input("boxes", boxes, Freedom.ANY, shape);
    var s = o.input("scores", scores, Freedom.ANY, batch, classes, count);
    o.poison(batch, groups(), width());
    Nms.Padded padded = Nms.padded(b, s, options);
    o.poison(batch, groups(), width());
    Nms.Result list = Nms.apply(b, s, options);
    return results("padded", integers(o.adopt(padded.indices())), "padded scores", o.adopt(padded.scores()),
        "counts", integers(o.adopt(padded.counts())), "list", integers(o.adopt(list.indices())),
        "list scores", o.adopt(list.scores()));
  }
}
