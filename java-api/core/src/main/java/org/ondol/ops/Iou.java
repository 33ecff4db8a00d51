package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.IouArgs;
import org.ondol.spi.IouBackwardArgs;

/**
 * How much boxes x1, y1, x2, y2 overlap. Reversed corners have no extent, boxes without a union an overlap of 0, and a NaN
 * corner gives NaN. Formulas: docs/arithmetic.md, Detection.
 */
public final class Iou {
  /** The measures; the order is the C ABI's. */
  public enum Kind {
    /** Intersection over union. */
    IOU,
    /** Less the part of the smallest enclosing box that neither covers (Rezatofighi et al. 2019): -1 to 1. */
    GIOU,
    /** The part of the first box that lies in the second, for regions to be ignored. */
    IOA
  }

  /** Gradients of both boxes, [n, 4]. */
  public record Gradients(Tensor da, Tensor db) implements AutoCloseable {
    @Override
    public void close() {
      Outputs.closeAll(da, db);
    }
  }

  private Iou() {}

  /** All pairs of a [N, 4] and b [M, 4], with corners between pixels: [N, M]. */
  public static Tensor pairwise(Tensor a, Tensor b) {
    return pairwise(Kind.IOU, a, b, Pixels.BETWEEN);
  }

  /** All pairs of a [N, 4] and b [M, 4]: [N, M]. */
  public static Tensor pairwise(Kind kind, Tensor a, Tensor b, Pixels pixels) {
    check(kind, a, b, pixels);
    return run(kind, a, b, pixels, false, a.size(0), b.size(0));
  }

  /** a[i] with b[i], both [N, 4]: [N]. */
  public static Tensor paired(Kind kind, Tensor a, Tensor b, Pixels pixels) {
    check(kind, a, b, pixels);
    Check.shape("b", b, a.shape());
    return run(kind, a, b, pixels, true, a.size(0));
  }

  /**
   * The gradients of {@link #paired}: of a loss by a and b from that by the overlaps.
   *
   * @param kind IOU or GIOU
   * @param dout [N]
   */
  public static Gradients backward(Kind kind, Tensor a, Tensor b, Tensor dout, Pixels pixels) {
    check(kind, a, b, pixels);
    if (kind == Kind.IOA) throw new InvalidArgumentException("kind", kind, "IOU or GIOU");
    Check.shape("b", b, a.shape());
    Check.floats("dout", dout, a.device());
    Check.shape("dout", dout, a.size(0));
    Device device = a.device();
    Tensor[] d = {Tensor.empty(device, a.shape()), null};
    Outputs.finish(d[0], () -> {
      d[1] = Tensor.empty(device, b.shape());
      Outputs.finish(d[1], () -> {
        if (a.size(0) == 0) return;
        try (Tensor da = a.contiguous(); Tensor db = b.contiguous(); Tensor dense = dout.contiguous()) {
          var args = new IouBackwardArgs(kind, pixels.offset(), da, db, dense, d[0], d[1]);
          Check.launch(device, k -> k.iouBackward(args), da, db, dense, d[0], d[1]);
        }
      });
    });
    return new Gradients(d[0], d[1]);
  }

  private static Tensor run(Kind kind, Tensor a, Tensor b, Pixels pixels, boolean paired, long... shape) {
    Tensor out = Tensor.empty(a.device(), shape);
    return Outputs.finish(out, () -> {
      if (out.count() == 0) return;
      try (Tensor da = a.contiguous(); Tensor db = b.contiguous()) {
        var args = new IouArgs(kind, pixels.offset(), paired, da, db, out);
        Check.launch(a.device(), k -> k.iou(args), da, db, out);
      }
    });
  }

  private static void check(Kind kind, Tensor a, Tensor b, Pixels pixels) {
    Check.present("kind", kind);
    Check.present("pixels", pixels);
    list("a", a, null);
    list("b", b, a.device());
  }

  /** Boxes [N, 4] on a device, or on any where null. */
  static void list(String name, Tensor boxes, Device device) {
    Check.present(name, boxes);
    Check.floats(name, boxes, device == null ? boxes.device() : device);
    Check.rank(name, boxes, 2, 2);
    if (boxes.size(1) != 4) throw new ShapeException(name, "of shape " + Arrays.toString(boxes.shape()), "[N, 4]");
  }
}
