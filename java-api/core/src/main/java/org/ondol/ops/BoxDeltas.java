package org.ondol.ops;

import java.util.Arrays;
import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise.Op;

/**
 * Boxes as R-CNN and its successors regress them (Girshick et al. 2014, appendix C): the centre's move in units of a given box,
 * and the logarithm of the change of size. Composed of elementwise operations, so every device has it, with the same bits.
 * Formulas: docs/arithmetic.md, Detection.
 */
public final class BoxDeltas {
  /** The largest logarithm that Detectron and torchvision decode: a box grows by 1000/16 at most. */
  public static final double LIMIT = Math.log(1000.0 / 16);

  /**
   * The conventions. A delta is (value - mean) / deviation * weight.
   *
   * @param legacy with INCLUSIVE: decoded corners lie half an extent from the centre without the pixel taken off again, as in
   *     py-faster-rcnn
   * @param limit of the logarithms in decoding, positive; infinity for none
   */
  public record Coding(Pixels pixels, boolean legacy, List<Double> means, List<Double> deviations, List<Double> weights,
      double limit) {
    /** No normalisation, no limit, corners between pixels. */
    public static final Coding PLAIN = new Coding(Pixels.BETWEEN, false, all(0), all(1), all(1), Double.POSITIVE_INFINITY);
    /** py-faster-rcnn's box transforms (Ren et al. 2015). */
    public static final Coding FASTER_RCNN = PLAIN.pixels(Pixels.INCLUSIVE, true);
    /** torchvision's second stage: weights 10, 10, 5, 5 and a limit. */
    public static final Coding TORCHVISION = PLAIN.weights(10, 10, 5, 5).limit(LIMIT);

    public Coding {
      Check.present("pixels", pixels);
      means = four("means", means, false);
      deviations = four("deviations", deviations, true);
      weights = four("weights", weights, true);
      if (!(limit > 0)) throw new InvalidArgumentException("limit", limit, "a positive number, or infinity for none");
    }

    public Coding pixels(Pixels pixels, boolean legacy) {
      return new Coding(pixels, legacy, means, deviations, weights, limit);
    }

    public Coding normalised(List<Double> means, List<Double> deviations) {
      return new Coding(pixels, legacy, means, deviations, weights, limit);
    }

    public Coding weights(double x, double y, double width, double height) {
      return new Coding(pixels, legacy, means, deviations, List.of(x, y, width, height), limit);
    }

    public Coding limit(double limit) {
      return new Coding(pixels, legacy, means, deviations, weights, limit);
    }

    private static List<Double> all(double value) {
      return List.of(value, value, value, value);
    }

    private static List<Double> four(String name, List<Double> values, boolean positive) {
      Check.present(name, values);
      if (values.size() != 4) throw new InvalidArgumentException(name, values.size() + " numbers", "4");
      for (Double value : values) {
        Check.present(name, value);
        Check.finite(name, value);
        if (positive && !(value >= Float.MIN_NORMAL)) throw new InvalidArgumentException(name, value, "a positive number");
      }
      return List.copyOf(values);
    }

    /** The factors of encoding (divide false) or of decoding. */
    private Tensor factors(Tensor like, int rank, boolean divide) {
      double[] f = new double[4];
      for (int i = 0; i < 4; i++) f[i] = divide ? deviations.get(i) / weights.get(i) : weights.get(i) / deviations.get(i);
      return BoxPlanes.perPlane(like.device(), rank, f);
    }

    private Tensor mean(Tensor like, int rank) {
      return BoxPlanes.perPlane(like.device(), rank, means.stream().mapToDouble(m -> m).toArray());
    }

    /** Whether a factor is not 1. */
    private boolean scaled() {
      return !deviations.equals(weights);
    }

    /** Whether a mean is not 0. */
    private boolean moved() {
      return means.stream().anyMatch(m -> m != 0);
    }

    /** What decoding takes off the far corners. */
    private int corner() {
      return legacy ? 0 : pixels.offset();
    }
  }

  private BoxDeltas() {}

  /**
   * Deltas from boxes to targets.
   *
   * @param boxes [..., 4], anchors or proposals
   * @param targets of the same shape
   */
  public static Tensor encode(Coding coding, Tensor boxes, Tensor targets) {
    Check.present("coding", coding);
    BoxPlanes.check("boxes", boxes, null, BoxPlanes.MAX_RANK);
    BoxPlanes.check("targets", targets, boxes.device(), BoxPlanes.MAX_RANK);
    Check.shape("targets", targets, boxes.shape());
    Tensor out = Tensor.empty(boxes.device(), boxes.shape());
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        int offset = coding.pixels.offset();
        Tensor a = BoxPlanes.front(boxes);
        Tensor b = BoxPlanes.front(targets);
        Tensor t = BoxPlanes.front(out);
        Tensor extents = BoxPlanes.extents(a, offset);
        Tensor target = BoxPlanes.extents(b, offset);
        Tensor centre = Elementwise.apply(Op.AXPY, extents, BoxPlanes.first(a), 0.5);
        Tensor move = Elementwise.apply(Op.AXPY, target, BoxPlanes.first(b), 0.5);
        BoxPlanes.apply(Op.SUB, move, centre);
        Elementwise.run(Op.DIV, move, extents, BoxPlanes.first(t), 0);
        BoxPlanes.apply(Op.DIV, target, extents);
        Elementwise.run(Op.LOG, target, null, BoxPlanes.last(t), 0);
        if (coding.moved()) BoxPlanes.apply(Op.SUB, t, coding.mean(out, t.rank()));
        if (coding.scaled()) BoxPlanes.apply(Op.MUL, t, coding.factors(out, t.rank(), false));
      }
    });
  }

  /**
   * Boxes from deltas.
   *
   * @param boxes [..., 4], anchors or proposals
   * @param deltas [..., 4 K]: of one class, or of K
   * @return of the deltas' shape
   */
  public static Tensor decode(Coding coding, Tensor boxes, Tensor deltas) {
    check(coding, boxes, "deltas", deltas);
    Tensor out = Tensor.empty(boxes.device(), deltas.shape());
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        Tensor a = BoxPlanes.front(boxes.unsqueeze(-2));
        Tensor t = values(coding, deltas);
        Tensor extents = BoxPlanes.extents(a, coding.pixels.offset());
        Tensor centre = Elementwise.apply(Op.AXPY, extents, BoxPlanes.first(a), 0.5);
        Tensor c = BoxPlanes.first(t);
        BoxPlanes.apply(Op.MUL, c, extents);
        BoxPlanes.apply(Op.ADD, c, centre);
        Tensor w = BoxPlanes.last(t);
        grow(coding, w, extents);
        BoxPlanes.corners(c, w, coding.corner(), BoxPlanes.front(split(out)));
      }
    });
  }

  /**
   * The gradient of the deltas from that of the decoded boxes; the boxes that they refer to count as constant.
   *
   * @param dout of the deltas' shape
   */
  public static Tensor backward(Coding coding, Tensor boxes, Tensor deltas, Tensor dout) {
    check(coding, boxes, "deltas", deltas);
    check(coding, boxes, "dout", dout);
    Check.shape("dout", dout, deltas.shape());
    Tensor out = Tensor.empty(boxes.device(), deltas.shape());
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Scope scope = Scope.open()) {
        Tensor a = BoxPlanes.front(boxes.unsqueeze(-2));
        Tensor t = BoxPlanes.last(values(coding, deltas));
        Tensor d = BoxPlanes.front(split(dout));
        Tensor to = BoxPlanes.front(split(out));
        Tensor extents = BoxPlanes.extents(a, coding.pixels.offset());
        Tensor moved = Elementwise.add(BoxPlanes.first(d), BoxPlanes.last(d));
        Elementwise.run(Op.MUL, moved, extents, BoxPlanes.first(to), 0);
        Tensor grown = Elementwise.sub(BoxPlanes.last(d), BoxPlanes.first(d));
        BoxPlanes.scale(grown, 0.5);
        Tensor w = t.copy();
        grow(coding, w, extents);
        BoxPlanes.apply(Op.MUL, grown, w);
        if (coding.limit <= Float.MAX_VALUE) {
          BoxPlanes.scale(t, -1);
          BoxPlanes.shift(t, coding.limit);
          grown = Elementwise.apply(Op.RELU_GRAD, t, grown);
        }
        BoxPlanes.last(to).assign(grown);
        if (coding.scaled()) BoxPlanes.apply(Op.MUL, to, coding.factors(out, to.rank(), true));
      }
    });
  }

  private static void check(Coding coding, Tensor boxes, String name, Tensor deltas) {
    Check.present("coding", coding);
    BoxPlanes.check("boxes", boxes, null, BoxPlanes.MAX_RANK - 1);
    Check.present(name, deltas);
    Check.floats(name, deltas, boxes.device());
    long[] shape = deltas.shape();
    long[] expected = boxes.shape();
    boolean fits = shape.length == expected.length && shape[shape.length - 1] % 4 == 0;
    for (int i = 0; fits && i < shape.length - 1; i++) fits = shape[i] == expected[i];
    if (!fits) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape),
          "[..., 4 K] with the leading sizes of the boxes, " + Arrays.toString(expected));
    }
  }

  /** [..., 4 K] as [..., K, 4]. */
  private static Tensor split(Tensor t) {
    long[] shape = Arrays.copyOf(t.shape(), t.rank() + 1);
    shape[t.rank() - 1] = t.size(-1) / 4;
    shape[t.rank()] = 4;
    return t.reshape(shape);
  }

  /** New planes of the values that the deltas stand for. */
  private static Tensor values(Coding coding, Tensor deltas) {
    Tensor planes = BoxPlanes.front(split(deltas));
    Tensor t = coding.scaled() ? Elementwise.mul(planes, coding.factors(deltas, planes.rank(), true)) : planes.copy();
    if (coding.moved()) BoxPlanes.apply(Op.ADD, t, coding.mean(deltas, planes.rank()));
    return t;
  }

  /** The logarithms w become extents. */
  private static void grow(Coding coding, Tensor w, Tensor extents) {
    if (coding.limit <= Float.MAX_VALUE) BoxPlanes.apply(Op.MIN, w, BoxPlanes.perPlane(w.device(), w.rank(), coding.limit));
    Elementwise.run(Op.EXP, w, null, w, 0);
    BoxPlanes.apply(Op.MUL, w, extents);
  }
}
