package org.ondol.vector;

/**
 * Loops over a panel of attention scores: keys by 16 query rows, the score of key j and row r at {@code 16 j + r}.
 * Lanes are rows, so a row's maximum and sums need no step across lanes. Key counts are multiples of 4.
 */
interface Scores {
  /** Rows of a panel. */
  int ROWS = 16;

  /**
   * One step of the online softmax: scores become weights, m and l (16 partials by 16 rows) are brought up to date.
   *
   * @param s has room for one more key, whose place is overwritten
   * @param a per row, the factor for what was accumulated before
   */
  void weights(float[] s, int keys, float[] m, int mAt, float[] l, int lAt, float[] a);

  /** s = tanh(s in) out. */
  void softcap(float[] s, int keys, float in, float out);

  /** s = fma(slope, |first + j - position|, s), slope and position per row. */
  void alibi(float[] s, int keys, int first, int[] position, float[] slope);

  /** s = exp2w(s - shift), shift per row and not infinite. */
  void probabilities(float[] s, int keys, float[] shift);

  /** dp = p (dp - delta), delta per row; +0 where p is +0. */
  void gradients(float[] p, float[] dp, int keys, float[] delta);

  /** Whether no element is infinite or NaN. */
  boolean finite(float[] x, int at, int n);
}
