package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;

/**
 * A linear support vector machine whose examples come little by little:
 *
 * <pre>
 * least over w, b of   (|w|^2 + (b / B)^2) / 2 + sum over examples of C_y max(0, 1 - y (w x + b)),   y = 1 or -1
 * </pre>
 *
 * It is solved in its dual, one example after the other in random order (C.-J. Hsieh, K.-W. Chang, C.-J. Lin, S. Keerthi
 * and S. Sundararajan, A Dual Coordinate Descent Method for Large-scale Linear SVM, ICML 2008, algorithm 1): with
 * 0 &lt;= a &lt;= C_y and w = sum of a y x,
 *
 * <pre>
 * a := clamp(a - (y (w x + b) - 1) / (|x|^2 + B^2), 0, C_y)
 * </pre>
 *
 * until no y (w x + b) is further from where it belongs than a tolerance. An a at a border that the gradient pushes against
 * it, by more than any gradient of the pass before, is left alone until the others are solved for (the same, section 3.2):
 * most negatives are far beyond the margin. What was found for the examples so far is where the next fit begins.
 * Sums are of float64 in a fixed order: the same bits on any machine.
 */
public final class LinearSvm {
  /**
   * What is wanted.
   *
   * @param cost C of negative examples
   * @param positive by how much more a positive one costs
   * @param bias B: the value of a feature that all examples share
   * @param tolerance of y (w x + b) - 1 where a fit ends
   * @param passes over the examples after which it ends anyway
   */
  public record Options(double cost, double positive, double bias, double tolerance, int passes) {
    /** R-CNN's (Girshick et al. 2014, its authors' code), for features of a mean length of 20. */
    public static final Options RCNN = new Options(1e-3, 2, 10, 0.01, 300);

    public Options {
      above("cost", cost);
      above("positive", positive);
      above("bias", bias);
      above("tolerance", tolerance);
      if (passes < 1) throw new InvalidArgumentException("passes", passes, "at least 1");
    }

    private static void above(String name, double value) {
      if (!(value > 0 && value <= Float.MAX_VALUE)) throw new InvalidArgumentException(name, value, "above 0");
    }
  }

  private static final class Example {
    private final long id;
    private final float[] x;
    private final int y;
    private final double curvature;
    private double a;

    private Example(long id, float[] x, int y, double bias) {
      this.id = id;
      this.x = x;
      this.y = y;
      curvature = dot(x, x) + bias * bias;
    }
  }

  private final int size;
  private final Options options;
  private final double[] w;
  /** b / B. */
  private double b;
  private List<Example> examples = new ArrayList<>();
  private final Set<Long> ids = new HashSet<>();
  private int positives;

  /** @param size of an example */
  public LinearSvm(int size, Options options) {
    if (size < 1) throw new InvalidArgumentException("size", size, "at least 1");
    if (options == null) throw new InvalidArgumentException("options", "null", "a value");
    this.size = size;
    this.options = options;
    w = new double[size];
  }

  /**
   * One more example.
   *
   * @param id by which it is known: what it has already is not taken twice
   * @param x not copied: it must stay as it is
   * @return whether it was taken
   */
  public boolean add(long id, float[] x, boolean positive) {
    check(x);
    if (!ids.add(id)) return false;
    examples.add(new Example(id, x, positive ? 1 : -1, options.bias));
    if (positive) positives++;
    return true;
  }

  /** How many examples it has. */
  public int count() {
    return examples.size();
  }

  /** How many of them are positive. */
  public int positives() {
    return positives;
  }

  /** w x + b. */
  public double score(float[] x) {
    check(x);
    return dot(w, x) + b * options.bias;
  }

  private void check(float[] x) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a value");
    if (x.length != size) throw new InvalidArgumentException("x", "of " + x.length, size + " values");
    for (float v : x) if (!Float.isFinite(v)) throw new InvalidArgumentException("x", "with " + v, "finite values");
  }

  public float[] weights() {
    float[] weights = new float[size];
    for (int i = 0; i < size; i++) weights[i] = (float) w[i];
    return weights;
  }

  public float bias() {
    return (float) (b * options.bias);
  }

  /**
   * Solves for all examples that it has.
   *
   * @return the value of what is minimised
   */
  public double fit(Generator random) {
    boolean[] idle = new boolean[examples.size()];
    double low = Double.NEGATIVE_INFINITY;
    double high = Double.POSITIVE_INFINITY;
    for (int pass = 0; pass < options.passes && idle.length > 0; pass++) {
      boolean all = true;
      double least = 0;
      double most = 0;
      for (int i : random.permutation(idle.length)) {
        Example e = examples.get(i);
        double gradient = idle[i] ? 0 : gradient(e);
        idle[i] |= e.a <= 0 && gradient > high || e.a >= limit(e) && gradient < low;
        all &= !idle[i];
        if (idle[i]) continue;
        double projected = descend(e, gradient);
        least = Math.min(least, projected);
        most = Math.max(most, projected);
      }
      boolean solved = Math.max(most, -least) <= options.tolerance;
      if (solved && all) break;
      if (solved) Arrays.fill(idle, false); // now that the others are
      low = solved || least == 0 ? Double.NEGATIVE_INFINITY : least;
      high = solved || most == 0 ? Double.POSITIVE_INFINITY : most;
    }
    return objective();
  }

  private double gradient(Example e) {
    return e.y * (dot(w, e.x) + b * options.bias) - 1;
  }

  /** One step in one coordinate of the dual; returns the gradient where it may still move, else 0. */
  private double descend(Example e, double gradient) {
    double limit = limit(e);
    double projected = e.a <= 0 ? Math.min(gradient, 0) : e.a >= limit ? Math.max(gradient, 0) : gradient;
    if (projected != 0) move(e, Math.clamp(e.a - gradient / e.curvature, 0, limit));
    return projected;
  }

  private double limit(Example e) {
    return e.y > 0 ? options.cost * options.positive : options.cost;
  }

  private void move(Example e, double a) {
    double step = (a - e.a) * e.y;
    e.a = a;
    if (step == 0) return;
    for (int i = 0; i < size; i++) w[i] = Math.fma(step, e.x[i], w[i]);
    b = Math.fma(step, options.bias, b);
  }

  /** The value of what is minimised, at the present w and b. */
  public double objective() {
    double sum = 0;
    for (Example e : examples) sum += limit(e) * Math.max(0, 1 - e.y * (dot(w, e.x) + b * options.bias));
    double length = b * b;
    for (double v : w) length = Math.fma(v, v, length);
    return length / 2 + sum;
  }

  /**
   * Forgets negative examples whose score is below a number: they would change nothing until w has moved a lot.
   *
   * @return how many
   */
  public int forget(double below) {
    List<Example> kept = new ArrayList<>();
    for (Example e : examples) {
      if (e.y > 0 || score(e.x) >= below) {
        kept.add(e);
        continue;
      }
      move(e, 0);
      ids.remove(e.id);
    }
    int gone = examples.size() - kept.size();
    examples = kept;
    return gone;
  }

  private static double dot(double[] w, float[] x) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 4 <= x.length; i += 4) {
      s0 = Math.fma(w[i], x[i], s0);
      s1 = Math.fma(w[i + 1], x[i + 1], s1);
      s2 = Math.fma(w[i + 2], x[i + 2], s2);
      s3 = Math.fma(w[i + 3], x[i + 3], s3);
    }
    for (; i < x.length; i++) s0 = Math.fma(w[i], x[i], s0);
    return (s0 + s1) + (s2 + s3);
  }

  private static double dot(float[] x, float[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) sum = Math.fma((double) x[i], y[i], sum);
    return sum;
  }
}
