package org.ondol.models.proposals;

import java.util.Arrays;

/** Disjoint sets: trees whose paths are halved whenever they are walked, the smaller one hung under the larger. */
final class Forest {
  /** The vertex above, or of a root minus the size of its set: one array stays in the cache where two would not. */
  private final int[] up;

  Forest(int vertices) {
    up = new int[vertices];
    Arrays.fill(up, -1);
  }

  int root(int v) {
    int[] up = this.up;
    int above = up[v];
    while (above >= 0) {
      int next = up[above];
      if (next < 0) return above;
      up[v] = next;
      v = next;
      above = up[v];
    }
    return v;
  }

  int size(int root) {
    return -up[root];
  }

  /** Joins the sets of two different roots and returns the root of the union. */
  int join(int a, int b) {
    int top = up[a] > up[b] ? b : a;
    int under = top == a ? b : a;
    up[top] += up[under];
    up[under] = top;
    return top;
  }
}
