package org.ondol;

import java.util.Arrays;

/** Arithmetic on shapes and strides. */
public final class Shapes {
  /** The largest rank of a tensor. */
  public static final int MAX_RANK = 8;

  private Shapes() {}

  /** The number of elements; refuses negative sizes and counts above 2^48. */
  public static long count(String argument, long[] shape) {
    if (shape == null) throw new ShapeException(argument, "null", "sizes");
    if (shape.length > MAX_RANK) throw new ShapeException(argument, Arrays.toString(shape), "at most rank " + MAX_RANK);
    long n = 1;
    boolean empty = false;
    for (long size : shape) {
      if (size < 0) throw new ShapeException(argument, Arrays.toString(shape), "sizes of at least 0");
      if (size == 0) empty = true;
    }
    if (empty) return 0;
    for (long size : shape) {
      if (n > (1L << 48) / size) throw new ShapeException(argument, Arrays.toString(shape), "at most 2^48 elements");
      n *= size;
    }
    return n;
  }

  /** Row-major strides. */
  public static long[] contiguous(long[] shape) {
    long[] stride = new long[shape.length];
    long next = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      stride[i] = next;
      next *= Math.max(shape[i], 1);
    }
    return stride;
  }

  /**
   * Whether no two indices name one element: sorted by magnitude, each stride steps over all that the smaller ones reach.
   * A layout that interleaves without nesting is taken as overlapping.
   */
  public static boolean distinct(long[] shape, long[] stride) {
    Integer[] order = new Integer[shape.length];
    for (int i = 0; i < order.length; i++) order[i] = i;
    Arrays.sort(order, (a, b) -> Long.compare(Math.abs(stride[a]), Math.abs(stride[b])));
    long reach = 0;
    for (int d : order) {
      if (shape[d] <= 1) continue;
      if (Math.abs(stride[d]) <= reach) return false;
      reach += (shape[d] - 1) * Math.abs(stride[d]);
    }
    return true;
  }

  /** The shape two shapes broadcast to by the rules of NumPy: aligned at the last dimension, 1 stretches. */
  public static long[] broadcast(String argument, long[] a, long[] b) {
    int rank = Math.max(a.length, b.length);
    long[] out = new long[rank];
    for (int i = 0; i < rank; i++) {
      long x = i < rank - a.length ? 1 : a[i - (rank - a.length)];
      long y = i < rank - b.length ? 1 : b[i - (rank - b.length)];
      if (x != y && x != 1 && y != 1) {
        throw new ShapeException(argument, Arrays.toString(b), "a shape that broadcasts with " + Arrays.toString(a));
      }
      out[i] = x == 1 ? y : x;
    }
    return out;
  }

  /** A dimension counted from the end where negative, checked. */
  public static int dim(String argument, int dim, int rank) {
    int d = dim < 0 ? dim + rank : dim;
    if (d < 0 || d >= rank) throw new InvalidArgumentException(argument, dim, "a dimension of a tensor of rank " + rank);
    return d;
  }
}
