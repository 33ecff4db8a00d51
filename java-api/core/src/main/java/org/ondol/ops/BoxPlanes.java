package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise.Op;

/**
 * Boxes [..., 4] as planes [4, ...] of the same memory: operations then run along many boxes instead of along four numbers.
 * Made for code in a {@link org.ondol.Scope}, which frees the views and intermediate results.
 */
final class BoxPlanes {
  /** Elementwise operations go to rank 6. */
  static final int MAX_RANK = 6;

  private BoxPlanes() {}

  /** Boxes [..., 4] of at most this rank. */
  static void check(String name, Tensor boxes, Device device, int maxRank) {
    Check.present(name, boxes);
    Check.floats(name, boxes, device == null ? boxes.device() : device);
    Check.rank(name, boxes, 1, maxRank);
    if (boxes.size(-1) != 4) throw new ShapeException(name, "of shape " + Arrays.toString(boxes.shape()), "[..., 4]");
  }

  /** The last dimension first. */
  static Tensor front(Tensor t) {
    int[] order = new int[t.rank()];
    for (int i = 0; i < order.length; i++) order[i] = i == 0 ? order.length - 1 : i - 1;
    return t.permute(order);
  }

  /** x1, y1, or the centre. */
  static Tensor first(Tensor planes) {
    return planes.slice(0, 0, 2);
  }

  /** x2, y2, or width and height. */
  static Tensor last(Tensor planes) {
    return planes.slice(0, 2, 4);
  }

  /** A value for each of the first planes, to be broadcast over {@code rank} dimensions in all. */
  static Tensor perPlane(Device device, int rank, double... values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) floats[i] = (float) values[i];
    long[] shape = new long[rank];
    Arrays.fill(shape, 1);
    shape[0] = values.length;
    return Tensor.of(device, floats, shape);
  }

  /** Widths and heights of planes of corners. */
  static Tensor extents(Tensor planes, int offset) {
    Tensor extents = Elementwise.sub(last(planes), first(planes));
    if (offset != 0) shift(extents, offset);
    return extents;
  }

  static void shift(Tensor t, double by) {
    Elementwise.run(Op.SHIFT, t, null, t, by);
  }

  static void scale(Tensor t, double by) {
    Elementwise.run(Op.SCALE, t, null, t, by);
  }

  /** t = op(t, y). */
  static void apply(Op op, Tensor t, Tensor y) {
    Elementwise.run(op, t, y, t, 0);
  }

  /** Writes the corners of boxes of these centres and extents. */
  static void corners(Tensor centre, Tensor extents, int offset, Tensor planes) {
    Tensor high = last(planes);
    Elementwise.run(Op.AXPY, extents, centre, first(planes), -0.5);
    Elementwise.run(Op.AXPY, extents, centre, high, 0.5);
    if (offset != 0) shift(high, -offset);
  }
}
