package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.TopKArgs;
import org.ondol.spi.UnpoolArgs;

/**
 * The k greatest (or least) elements of each row with their positions, in order. Equal elements, +0 and -0 among them,
 * come in the order of their positions, and NaN after everything else, whichever end is asked for: the result is the
 * same on every device. docs/arithmetic.md, Selection, has the definition.
 */
public final class TopK {
  /**
   * Values and their positions along the dimension.
   *
   * @param values FLOAT32, the elements as they are
   * @param indices INT32, of the same shape
   */
  public record Result(Tensor values, Tensor indices) implements AutoCloseable {
    @Override
    public void close() {
      Outputs.closeAll(values, indices);
    }
  }

  private TopK() {}

  /** The k greatest of each row of the last dimension, greatest first. */
  public static Result apply(Tensor x, long k) {
    return apply(x, k, -1, true);
  }

  /**
   * The first k along a dimension.
   *
   * @param k 0 to the dimension's size
   * @param dim counted from the end where negative
   * @param largest the greatest, greatest first; else the least, least first
   */
  public static Result apply(Tensor x, long k, int dim, boolean largest) {
    Check.present("x", x);
    Check.floats("x", x, x.device());
    Check.rank("x", x, 1, 6);
    int axis = axis(dim, x.rank());
    long n = x.size(axis);
    if (n > Integer.MAX_VALUE) {
      throw new ShapeException("x", "of shape " + Arrays.toString(x.shape()),
          "less than 2^31 elements a row, as indices are INT32");
    }
    if (k < 0 || k > n) throw new InvalidArgumentException("k", k, "0 to " + n + ", the elements of a row");
    long[] shape = x.shape();
    shape[axis] = k;
    Tensor values = null;
    Tensor indices = null;
    boolean done = false;
    try {
      values = Tensor.empty(x.device(), shape);
      indices = Tensor.empty(x.device(), DType.INT32, shape);
      if (values.count() > 0) run(x, axis, largest, values, indices);
      done = true;
      return new Result(values, indices);
    } finally {
      if (!done) Outputs.closeAll(values, indices);
    }
  }

  /**
   * The gradient of x from that of the values: each goes to its position along the dimension, all else is zero.
   * Positions are within the row and all different, as {@link #apply} gives them.
   *
   * @param dvalues of the result's shape
   * @param indices INT32 or INT64
   * @param n the size of x's dimension
   */
  public static Tensor backward(Tensor dvalues, Tensor indices, long n, int dim) {
    Check.present("dvalues", dvalues);
    Device device = dvalues.device();
    Check.floats("dvalues", dvalues, device);
    Check.rank("dvalues", dvalues, 1, 6);
    int axis = axis(dim, dvalues.rank());
    long k = dvalues.size(axis);
    if (n < k || n > Integer.MAX_VALUE) {
      throw new InvalidArgumentException("n", n, "the elements of a row of x, at least " + k + " and below 2^31");
    }
    long[] shape = dvalues.shape();
    shape[axis] = n;
    try (Tensor checked = PoolCall.checkedIndices(indices, device, dvalues.shape(), n)) {
      if (k == 0) return Tensor.zeros(device, shape);
      Tensor dx = Tensor.empty(device, shape);
      return Outputs.finish(dx, () -> {
        if (dx.count() > 0) scatter(dvalues, checked, axis, dx);
      });
    }
  }

  private static int axis(int dim, int rank) {
    if (dim < -rank || dim >= rank) throw new InvalidArgumentException("dim", dim, -rank + " to " + (rank - 1));
    return dim < 0 ? dim + rank : dim;
  }

  private static void run(Tensor x, int axis, boolean largest, Tensor values, Tensor indices) {
    if (axis == x.rank() - 1) {
      try (Tensor in = unitRows(x); Tensor v = rows(values); Tensor i = rows(indices)) {
        launch(in, largest, v, i);
      }
      return;
    }
    try (Tensor turned = x.transpose(axis, -1); Tensor in = unitRows(turned)) {
      long[] shape = turned.shape();
      shape[shape.length - 1] = values.size(axis);
      try (Tensor v = Tensor.empty(x.device(), shape); Tensor i = Tensor.empty(x.device(), DType.INT32, shape);
          Tensor vRows = rows(v); Tensor iRows = rows(i);
          Tensor vBack = v.transpose(axis, -1); Tensor iBack = i.transpose(axis, -1)) {
        launch(in, largest, vRows, iRows);
        values.assign(vBack);
        indices.assign(iBack);
      }
    }
  }

  /** [rows, n] whose rows may lie apart. */
  private static Tensor unitRows(Tensor x) {
    if (x.rank() == 2 && x.stride(1) == 1) return x.view(x.offset(), x.shape(), x.strides());
    try (Tensor dense = x.contiguous()) {
      return rows(dense);
    }
  }

  private static Tensor rows(Tensor dense) {
    return dense.reshape(Softmax.product(dense, 0, dense.rank() - 1), dense.size(-1));
  }

  private static void launch(Tensor x, boolean largest, Tensor values, Tensor indices) {
    var args = new TopKArgs(x, largest, values, indices);
    Check.launch(x.device(), k -> k.topk(args), x, values, indices);
  }

  /** Unpooling of planes of one row. */
  private static void scatter(Tensor dvalues, Tensor indices, int axis, Tensor dx) {
    try (Tensor turned = dvalues.transpose(axis, -1); Tensor dense = turned.contiguous(); Tensor from = planes(dense);
        Tensor turnedIndices = indices.transpose(axis, -1); Tensor at = turnedIndices.contiguous();
        Tensor places = planes(at);
        Tensor target = dx.transpose(axis, -1)) {
      if (axis == dx.rank() - 1) {
        try (Tensor to = planes(dx)) {
          unpool(from, places, to);
        }
        return;
      }
      try (Tensor whole = Tensor.empty(dx.device(), target.shape()); Tensor to = planes(whole)) {
        unpool(from, places, to);
        target.assign(whole);
      }
    }
  }

  private static Tensor planes(Tensor dense) {
    return dense.reshape(Softmax.product(dense, 0, dense.rank() - 1), 1, 1, dense.size(-1));
  }

  private static void unpool(Tensor x, Tensor indices, Tensor y) {
    var args = new UnpoolArgs(x, indices, y);
    Check.launch(y.device(), k -> k.unpool(args), x, indices, y);
  }
}
