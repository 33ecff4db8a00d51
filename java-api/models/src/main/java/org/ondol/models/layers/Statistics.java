package org.ondol.models.layers;

/** Which means and variances batch norm uses. */
public enum Statistics {
  /** The batch's, towards which the running ones move: training. */
  MOVING,
  /** The batch's, and nothing moves. An example's result then depends on those beside it. */
  BATCH,
  /** The running ones: an example's result is its own. */
  RUNNING
}
