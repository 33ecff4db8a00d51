package org.ondol.vector;

import org.ondol.ops.Elementwise.Op;

/** Loops over elements in arrays, in place; lengths are multiples of 16. */
interface Elements {
  /** x = op(x). */
  void unary(Op op, float param, float[] x, int at, int n);

  /** x = op(x, y). */
  void binary(Op op, float param, float[] x, int xAt, float[] y, int yAt, int n);
}
