package org.ondol.vector;

/** A variable's part of the gradient for a block of rows and a slice of the hidden units, of {@code width}. */
final class NadeStep {
  int rows;
  int width;
  int outputs;
  boolean sigmoid;
  /** What the activations were multiplied with; 1 without a scale. */
  float s;
  /** [rows, outputs]. */
  float[] dy;
  /** By row, where its hidden units begin in h. */
  int[] slot;
  int slotAt;
  float[] h;
  /** [outputs, width]. */
  float[] v;
  /** [outputs, width], added to; null where not wanted. */
  float[] dv;
  /** [rows, width]: the gradient of the activations, changed. */
  float[] g;
  /** [rows, width]: receives e, then e q where {@code products}. */
  float[] e;
  boolean products;
}
