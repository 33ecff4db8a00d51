package org.ondol.vector;

/**
 * The element-wise half of a recurrence, on one row in arrays. A row of gates is i, f, g, o one after the other, n
 * floats each; n is a multiple of 16.
 */
interface LstmLoops {
  /**
   * The gates' activations, in place.
   *
   * @param t room for n floats
   */
  void activate(float[] z, int at, int n, float[] t);

  /**
   * c = fma(f, c, i g);  h = o tanh(c), which takes the place of i.
   *
   * @param t room for n floats
   */
  void cell(float[] z, int at, float[] c, int cAt, int n, float[] t);

  /**
   * The gradient of the gates before their activations takes the place of the gates, and dc becomes that of the step
   * before.
   *
   * @param u tanh of the cells of this step
   * @param d the gradient of h
   * @param before the cells of the step before
   */
  void gradient(float[] z, int at, float[] u, float[] d, int dAt, float[] before, float[] dc, int dcAt, int n);
}
