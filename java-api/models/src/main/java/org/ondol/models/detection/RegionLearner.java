package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Generator;
import org.ondol.models.images.Picture;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Iou;

/**
 * How {@link Rcnn} and {@link SppNet} learn, picture by picture (Girshick et al. 2014, section 2.3, appendices B
 * and C, and its authors' code):
 *
 * <ul>
 *   <li>a class's machine learns the class's true boxes as positive, and as negative regions that overlap all of those by
 *       less than 0.3; what lies between is left out. There are too many negatives: of each picture those are kept that the
 *       machine, as it is then, does not put beyond its margin (hard ones). Every so often it is trained anew, and those that
 *       have become easy are dropped;
 *   <li>a class's regression learns to move the proposals that overlap one of its boxes by at least 0.6 to that box:
 *       t_x = (G_x - P_x) / P_w, t_y likewise, t_w = log(G_w / P_w), t_h likewise (equations 6 to 9).
 * </ul>
 */
public final class RegionLearner {
  /**
   * What is learnt how.
   *
   * @param svm of the machines
   * @param lambda of the regressions, 1000 in the paper
   * @param background overlaps below are negative, 0.3 in the paper
   * @param near overlaps from here on are moved, 0.6 in the paper
   * @param fresh new examples of all classes after which the machines are trained anew; while they have few, a quarter of
   *     those is enough
   */
  public record Options(LinearSvm.Options svm, double lambda, double background, double near, int fresh) {
    public static final Options RCNN = new Options(LinearSvm.Options.RCNN, 1000, 0.3, 0.6, 2000);

    public Options {
      if (svm == null) throw new InvalidArgumentException("svm", "null", "a value");
      if (!(background > 0 && background < 1)) throw new InvalidArgumentException("background", background, "between 0 and 1");
      if (!(near > 0 && near <= 1)) throw new InvalidArgumentException("near", near, "above 0, at most 1");
      if (fresh < 1) throw new InvalidArgumentException("fresh", fresh, "at least 1");
    }

    /** The same with other costs: C of negative examples. */
    public Options cost(double cost) {
      return new Options(new LinearSvm.Options(cost, svm.positive(), svm.bias(), svm.tolerance(), svm.passes()), lambda,
          background, near, fresh);
    }
  }

  /** Margins above which a negative is hard, and below which it is dropped. */
  private static final double HARD = -1.0001;
  private static final double EASY = -1.2;
  /** The mean length that features are scaled to. */
  private static final double LENGTH = 20;

  private final RegionFeatures model;
  private final RegionClassifier classifier;
  private final Options options;
  private final List<LinearSvm> machines = new ArrayList<>();
  private final List<Moves> moves = new ArrayList<>();
  /** Of the pictures that were learnt from, by their contents. */
  private final Map<Long, Integer> numbers = new HashMap<>();
  private int pending;
  private boolean begun;
  private double loss;

  public RegionLearner(RegionFeatures model, Options options) {
    if (model == null) throw new InvalidArgumentException("model", "null", "a value");
    if (options == null) throw new InvalidArgumentException("options", "null", "a value");
    this.model = model;
    this.classifier = model.classifier();
    this.options = options;
    for (int c = 0; c < classifier.classes(); c++) {
      machines.add(new LinearSvm(model.size(), options.svm));
      moves.add(new Moves());
    }
  }

  /** Whether it has seen a picture. */
  public boolean begun() {
    return begun;
  }

  /** Negative examples that are kept, of all classes. */
  public int negatives() {
    return machines.stream().mapToInt(m -> m.count() - m.positives()).sum();
  }

  /**
   * Learns from one more picture.
   *
   * @param picture of the size at which pictures are looked at
   * @return the value that the machines minimise, by the number of their examples, at the last training
   */
  public double learn(Picture picture, List<LabelledBox> objects, Generator random) {
    float[] proposed = model.propose(picture);
    float[] boxes = Arrays.copyOf(corners(objects), 4 * objects.size() + proposed.length);
    System.arraycopy(proposed, 0, boxes, 4 * objects.size(), proposed.length);
    if (boxes.length == 0) return loss;
    boolean first = numbers.putIfAbsent(contents(picture), numbers.size()) == null;
    long id = (long) numbers.get(contents(picture)) << 32;
    try (Scope scope = Scope.open()) {
      Tensor found = model.features(picture, boxes);
      if (!begun) classifier.scale(LENGTH / meanLength(found.toFloats()));
      begun = true;
      Tensor features = Elementwise.scale(found, classifier.scale());
      Tensor all = Tensor.of(model.device(), boxes, boxes.length / 4, 4);
      Tensor truths = all.slice(0, 0, objects.size());
      float[] overlaps = objects.isEmpty() ? new float[0] : Iou.pairwise(all, truths).toFloats();
      float[][] rows = rows(features.toFloats());
      for (int c = 0; c < machines.size(); c++) {
        int[] nearest = nearest(c, objects, overlaps, rows.length);
        examples(c, objects, rows, nearest, overlaps, id);
        if (first) near(c, objects.size(), nearest, overlaps, features, all);
      }
    }
    int all = machines.stream().mapToInt(LinearSvm::count).sum();
    if (pending >= Math.min(options.fresh, all / 4)) train(random);
    return loss;
  }

  private static long contents(Picture picture) {
    CRC32C sum = new CRC32C();
    sum.update(picture.planes());
    return sum.getValue() << 32 | Arrays.hashCode(picture.planes()) & 0xFFFFFFFFL;
  }

  private static float[] corners(List<LabelledBox> objects) {
    float[] corners = new float[4 * objects.size()];
    for (int i = 0; i < objects.size(); i++) {
      LabelledBox b = objects.get(i);
      corners[4 * i] = b.x1();
      corners[4 * i + 1] = b.y1();
      corners[4 * i + 2] = b.x2();
      corners[4 * i + 3] = b.y2();
    }
    return corners;
  }

  private double meanLength(float[] features) {
    int size = model.size();
    double sum = 0;
    for (int from = 0; from < features.length; from += size) {
      double square = 0;
      for (int i = from; i < from + size; i++) square = Math.fma((double) features[i], features[i], square);
      sum += Math.sqrt(square);
    }
    return Math.max(sum / (features.length / size), 1e-6);
  }

  private float[][] rows(float[] features) {
    int size = model.size();
    float[][] rows = new float[features.length / size][];
    for (int i = 0; i < rows.length; i++) rows[i] = Arrays.copyOfRange(features, i * size, (i + 1) * size);
    return rows;
  }

  /** Of each region the object of a class that it overlaps most, -1 where there is none of the class. */
  private static int[] nearest(int c, List<LabelledBox> objects, float[] overlaps, int regions) {
    int[] nearest = new int[regions];
    int m = objects.size();
    for (int r = 0; r < regions; r++) {
      nearest[r] = -1;
      for (int o = 0; o < m; o++) {
        if (objects.get(o).label() == c && (nearest[r] < 0 || overlaps[r * m + o] > overlaps[r * m + nearest[r]])) nearest[r] = o;
      }
    }
    return nearest;
  }

  private static double overlap(int r, int[] nearest, float[] overlaps, int objects) {
    return nearest[r] < 0 ? 0 : overlaps[r * objects + nearest[r]];
  }

  /**
   * The first rows are the objects' own.
   *
   * @param id of the first row; the others follow
   */
  private void examples(int c, List<LabelledBox> objects, float[][] rows, int[] nearest, float[] overlaps, long id) {
    LinearSvm machine = machines.get(c);
    boolean first = machine.count() == 0;
    double[] scores = new double[rows.length];
    for (int r = 0; r < rows.length; r++) scores[r] = machine.score(rows[r]);
    for (int r = 0; r < rows.length; r++) {
      boolean own = r < objects.size() && objects.get(r).label() == c;
      if (own && !objects.get(r).difficult() && machine.add(id + r, rows[r], true)) pending++;
      if (own || overlap(r, nearest, overlaps, objects.size()) >= options.background) continue;
      if (!first && scores[r] < HARD) continue;
      if (machine.add(id + r, rows[r], false)) pending++;
    }
  }

  private void near(int c, int objects, int[] nearest, float[] overlaps, Tensor features, Tensor boxes) {
    int[] chosen = new int[nearest.length];
    int[] targets = new int[nearest.length];
    int n = 0;
    for (int r = objects; r < nearest.length; r++) {
      if (overlap(r, nearest, overlaps, objects) < options.near) continue;
      chosen[n] = r;
      targets[n++] = nearest[r];
    }
    if (n == 0) return;
    Tensor from = Boxes.take(boxes, Arrays.copyOf(chosen, n));
    Tensor to = Boxes.take(boxes, Arrays.copyOf(targets, n));
    moves.get(c).add(Boxes.take(features, Arrays.copyOf(chosen, n)).toFloats(),
        BoxDeltas.encode(BoxDeltas.Coding.PLAIN, from, to).toFloats());
  }

  /** Rows for a regression, handed over many at once: each time costs a pass over the square of a row's length. */
  private final class Moves {
    private static final int MANY = 1024;

    private final RidgeRegression regression = new RidgeRegression(model.size(), 4);
    private final List<float[]> features = new ArrayList<>();
    private final List<float[]> deltas = new ArrayList<>();
    private int rows;

    void add(float[] f, float[] d) {
      features.add(f);
      deltas.add(d);
      rows += d.length / 4;
      if (rows >= MANY) flush();
    }

    void flush() {
      if (rows == 0) return;
      try (Scope scope = Scope.open()) {
        regression.add(Tensor.of(model.device(), RegionTargets.concat(features), rows, model.size()),
            Tensor.of(model.device(), RegionTargets.concat(deltas), rows, 4));
      }
      features.clear();
      deltas.clear();
      rows = 0;
    }
  }

  /** Trains the machines for what they have; the regressions wait for {@link #finish}. */
  private void train(Generator random) {
    pending = 0;
    List<Generator> own = new ArrayList<>();
    for (int c = 0; c < machines.size(); c++) own.add(new Generator(random.nextLong()));
    double[] values = new double[machines.size()];
    Threads.pool().run(machines.size(), (begin, end, thread) -> {
      for (int c = (int) begin; c < end; c++) {
        LinearSvm m = machines.get(c);
        values[c] = m.fit(own.get(c)) / Math.max(1, m.count());
        m.forget(EASY);
      }
    });
    loss = Arrays.stream(values).sum() / machines.size();
  }

  /**
   * Trains everything for all pictures that were learnt from, and hands it to the model.
   *
   * @return as {@link #learn}
   */
  public double finish(Generator random) {
    train(random);
    moves.forEach(Moves::flush);
    float[][] solved = new float[moves.size()][];
    Threads.pool().run(solved.length, (begin, end, thread) -> {
      for (int c = (int) begin; c < end; c++) solved[c] = moves.get(c).regression.solve(options.lambda);
    });
    classifier.learnt(machines, List.of(solved), moves.stream().map(m -> m.regression.mean()).toList());
    return loss;
  }
}
