package org.ondol.vector;

/**
 * Inner loops of matrix products. Right operands are panels of 16 columns: element (i, c) of a panel at {@code 16 i +
 * c}. Left operands are either quads, four rows interleaved: (i, r) at {@code 4 i + r}; or panels whose columns are
 * the rows of the product: (i, r) at {@code 16 i + r}. Every element of the product is one chain of fused
 * multiply-adds over ascending i.
 *
 * <p>The tile is 4 rows by 16 columns: eight accumulators, two vectors of the right operand and a broadcast fit sixteen
 * registers with room for C2's scheduling. Measured on one core of 98 GFLOP/s: 4x16 93, 5x16 97 (awkward: 16 is not a
 * multiple of 5), 6x16 and 4x24 44 (they spill), 4x16 with four strided rows instead of quads 45 to 65.
 */
interface Tiles {
  /** Columns of a panel. */
  int PANEL = 16;

  /** Rows of a quad. */
  int QUAD = 4;

  /**
   * C += A B, or C = A B where {@code fresh}, for one panel of B.
   *
   * @param quads quads of A, each 4 k floats, one after the other
   * @param c row r of the product at {@code c[at + r * stride]}
   */
  void quads(float[] a, int aAt, int quads, float[] b, int bAt, int k, float[] c, int cAt, int stride, boolean fresh);

  /** C = A B for the first half of the columns of one panel of B; the other half of C is left as it is or computed. */
  void half(float[] a, int aAt, int quads, float[] b, int bAt, int k, float[] c, int cAt, int stride);

  /**
   * C = scale C + A B for rows in a panel of A and 16 columns of B.
   *
   * @param bStep floats from one row of B to the next: 16 in a panel
   * @param rows how many of the 16 rows are wanted; others may be computed or not
   * @param scale one factor per row
   */
  void panel(float[] a, int aAt, float[] b, int bAt, int bStep, int k, float[] c, int cAt, int stride, int rows,
      float[] scale);
}
