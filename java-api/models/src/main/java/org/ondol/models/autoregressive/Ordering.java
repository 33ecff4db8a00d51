package org.ondol.models.autoregressive;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.ops.Embedding;

/** An order of variables: position i is that of variable {@code of(i)}. */
public final class Ordering {
  private final int[] order;

  private Ordering(int[] order) {
    this.order = order;
  }

  /** Any order: a permutation of 0 to n - 1. */
  public static Ordering of(int... order) {
    boolean[] seen = new boolean[order.length];
    for (int v : order) {
      if (v < 0 || v >= order.length || seen[v]) {
        throw new InvalidArgumentException("order", Arrays.toString(order), "each of 0 to " + (order.length - 1) + " once");
      }
      seen[v] = true;
    }
    return new Ordering(order.clone());
  }

  /** 0, 1, 2 and so on: of a picture, row by row. */
  public static Ordering raster(int n) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) order[i] = i;
    return new Ordering(order);
  }

  /** The last one first. */
  public static Ordering reversed(int n) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) order[i] = n - 1 - i;
    return new Ordering(order);
  }

  /** Any, the same for the same seed. */
  public static Ordering random(int n, long seed) {
    return new Ordering(new Generator(seed).permutation(n));
  }

  public int size() {
    return order.length;
  }

  /** The variable at a position. */
  public int of(int position) {
    return order[position];
  }

  /** Columns of x [N, n] in this order. */
  public Tensor apply(Tensor x) {
    return columns(x, order);
  }

  /** Columns that are in this order, back in their own. */
  public Tensor undo(Tensor y) {
    int[] back = new int[order.length];
    for (int i = 0; i < order.length; i++) back[order[i]] = i;
    return columns(y, back);
  }

  private static Tensor columns(Tensor x, int[] from) {
    try (Scope scope = Scope.open()) {
      Tensor rows = x.transpose(0, 1).contiguous();
      return scope.keep(Embedding.lookup(rows, Tensor.of(x.device(), from, from.length)).transpose(0, 1).copy());
    }
  }

  boolean[] apply(boolean[] known) {
    boolean[] ordered = new boolean[known.length];
    for (int i = 0; i < known.length; i++) ordered[i] = known[order[i]];
    return ordered;
  }
}
