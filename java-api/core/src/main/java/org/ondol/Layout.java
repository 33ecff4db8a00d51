package org.ondol;

import java.util.Arrays;

/**
 * Where the elements of a tensor lie in its memory: index i at {@code offset + sum of i[d] * stride[d]}, counted in elements.
 * The arrays are never changed.
 */
record Layout(long offset, long[] shape, long[] stride) {
  /** Row-major without gaps from the memory's beginning. */
  static Layout contiguous(long[] shape) {
    return new Layout(0, shape.clone(), Shapes.contiguous(shape));
  }

  int rank() {
    return shape.length;
  }

  long count() {
    long n = 1;
    for (long size : shape) n *= size;
    return n;
  }

  boolean isContiguous() {
    long next = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      if (shape[i] != 1 && stride[i] != next) return count() == 0;
      next *= shape[i];
    }
    return true;
  }

  /** Whether all elements lie in [0, limit), whatever overflows. */
  boolean inside(long limit) {
    try {
      long low = offset;
      long high = offset;
      for (int i = 0; i < shape.length; i++) {
        long reach = Math.multiplyExact(shape[i] - 1, stride[i]);
        if (reach > 0) high = Math.addExact(high, reach); else low = Math.addExact(low, reach);
      }
      return low >= 0 && high < limit;
    } catch (ArithmeticException e) {
      return false;
    }
  }

  /** The sizes of a reshape, one of which may be -1, checked. */
  long[] reshaped(long[] sizes) {
    long[] target = sizes.clone();
    int unknown = -1;
    long known = 1;
    for (int i = 0; i < target.length; i++) {
      if (target[i] == -1 && unknown < 0) unknown = i;
      else known *= target[i];
    }
    if (unknown >= 0) target[unknown] = known == 0 || count() % known != 0 ? -1 : count() / known;
    if (unknown >= 0 && target[unknown] < 0 || Shapes.count("shape", target) != count()) {
      throw new ShapeException("shape", Arrays.toString(sizes), "a shape of " + count() + " elements like " + Arrays.toString(shape));
    }
    return target;
  }

  Layout transpose(int a, int b) {
    int[] order = new int[rank()];
    for (int i = 0; i < order.length; i++) order[i] = i;
    int x = Shapes.dim("a", a, rank());
    int y = Shapes.dim("b", b, rank());
    order[x] = y;
    order[y] = x;
    return permute(order);
  }

  Layout permute(int[] order) {
    boolean[] seen = new boolean[rank()];
    if (order.length != rank()) throw new ShapeException("order", Arrays.toString(order), rank() + " dimensions");
    long[] s = new long[rank()];
    long[] t = new long[rank()];
    for (int i = 0; i < order.length; i++) {
      int d = Shapes.dim("order", order[i], rank());
      if (seen[d]) throw new ShapeException("order", Arrays.toString(order), "each dimension once");
      seen[d] = true;
      s[i] = shape[d];
      t[i] = stride[d];
    }
    return new Layout(offset, s, t);
  }

  Layout slice(int dim, long from, long to) {
    int d = Shapes.dim("dim", dim, rank());
    if (from < 0 || to < from || to > shape[d]) {
      throw new InvalidArgumentException("range", from + ".." + to, "a range inside 0.." + shape[d]);
    }
    long[] s = shape.clone();
    s[d] = to - from;
    return new Layout(offset + from * stride[d], s, stride);
  }

  Layout select(int dim, long index) {
    int d = Shapes.dim("dim", dim, rank());
    if (index < 0 || index >= shape[d]) throw new InvalidArgumentException("index", index, "0 to " + (shape[d] - 1));
    return new Layout(offset + index * stride[d], without(shape, d), without(stride, d));
  }

  Layout squeeze(int dim) {
    int d = Shapes.dim("dim", dim, rank());
    if (shape[d] != 1) throw new ShapeException("dim", dim, "a dimension of size 1 in " + Arrays.toString(shape));
    return new Layout(offset, without(shape, d), without(stride, d));
  }

  Layout unsqueeze(int dim) {
    int d = Shapes.dim("dim", dim, rank() + 1);
    if (rank() == Shapes.MAX_RANK) throw new ShapeException("rank", rank(), "less than " + Shapes.MAX_RANK);
    return new Layout(offset, with(shape, d, 1), with(stride, d, d < rank() ? shape[d] * stride[d] : 1));
  }

  Layout expand(long[] to) {
    Shapes.count("shape", to);
    int lead = to.length - rank();
    boolean fits = lead >= 0;
    long[] t = new long[to.length];
    for (int i = 0; i < to.length && fits; i++) {
      long have = i < lead ? 1 : shape[i - lead];
      fits = have == to[i] || have == 1;
      t[i] = i < lead || have != to[i] || have == 1 ? 0 : stride[i - lead];
    }
    if (!fits) {
      throw new ShapeException("shape", Arrays.toString(to), "a shape that " + Arrays.toString(shape) + " broadcasts to");
    }
    return new Layout(offset, to.clone(), t);
  }

  /** Whether both have the same elements in the same order; the stride of a size of 1 does not matter. */
  boolean sameElements(Layout other) {
    if (offset != other.offset || !Arrays.equals(shape, other.shape)) return false;
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] > 1 && stride[i] != other.stride[i]) return false;
    }
    return true;
  }

  /**
   * Whether elements of a, which begins at byte {@code aBase} and has elements of {@code aBytes}, may share a byte with those
   * of b. Exact for slices of one larger tensor, along any dimension; else overlapping ranges count as shared.
   */
  static boolean overlap(Layout a, long aBase, int aBytes, Layout b, long bBase, int bBytes) {
    if (a.count() == 0 || b.count() == 0) return false;
    // Nearly all pairs are this far apart; found without making anything.
    if (a.end(aBase, aBytes) <= b.begin(bBase, bBytes) || b.end(bBase, bBytes) <= a.begin(aBase, aBytes)) return false;
    Bytes x = a.bytes(aBase, aBytes);
    Bytes y = b.bytes(bBase, bBytes);
    for (long period : x.strides) if (apart(x, y, period)) return false;
    return true;
  }

  /**
   * Whether both repeat with the period (every longer step is a multiple of it) and stay apart within it: so do the channels
   * of a batch, whose images are a period apart, and the columns of a matrix.
   */
  private static boolean apart(Bytes x, Bytes y, long period) {
    if (!x.repeats(period) || !y.repeats(period)) return false;
    long width = x.high(period) - x.low;
    long gap = Math.floorMod(y.low - x.low, period);
    return gap >= width && gap + (y.high(period) - y.low) <= period;
  }

  /** Bytes that a layout covers: its first one, its strides and the last indices along them, without sizes of 1. */
  private record Bytes(long low, long[] strides, long[] steps, int size) {
    /** Behind the last byte that steps shorter than a limit reach. */
    long high(long limit) {
      long high = low + size;
      for (int i = 0; i < strides.length; i++) if (strides[i] < limit) high += strides[i] * steps[i];
      return high;
    }

    boolean repeats(long period) {
      for (long stride : strides) if (stride > period && stride % period != 0) return false;
      return true;
    }
  }

  /** The first byte of any element. */
  private long begin(long base, int size) {
    long first = offset;
    for (int i = 0; i < rank(); i++) if (stride[i] < 0) first += (shape[i] - 1) * stride[i];
    return base + first * size;
  }

  /** Behind the last byte of any element. */
  private long end(long base, int size) {
    long last = offset;
    for (int i = 0; i < rank(); i++) if (stride[i] > 0) last += (shape[i] - 1) * stride[i];
    return base + (last + 1) * size;
  }

  private Bytes bytes(long base, int size) {
    long low = base + offset * size;
    int n = 0;
    long[] strides = new long[rank()];
    long[] steps = new long[rank()];
    for (int i = 0; i < rank(); i++) {
      if (shape[i] == 1 || stride[i] == 0) continue;
      strides[n] = Math.abs(stride[i]) * size;
      steps[n++] = shape[i] - 1;
      if (stride[i] < 0) low += (shape[i] - 1) * stride[i] * size;
    }
    return new Bytes(low, Arrays.copyOf(strides, n), Arrays.copyOf(steps, n), size);
  }

  private static long[] without(long[] a, int d) {
    long[] r = new long[a.length - 1];
    System.arraycopy(a, 0, r, 0, d);
    System.arraycopy(a, d + 1, r, d, r.length - d);
    return r;
  }

  private static long[] with(long[] a, int d, long value) {
    long[] r = new long[a.length + 1];
    System.arraycopy(a, 0, r, 0, d);
    r[d] = value;
    System.arraycopy(a, d, r, d + 1, a.length - d);
    return r;
  }
}
