package org.ondol.vector;

/**
 * Loops over the bins of a region. Channels lie side by side, {@link #block} of them: cells are [cell][block], results
 * [bin][block]. Spans are those of {@link RoiSpans} for one grid of p x q bins, from {@code at} on.
 */
interface RoiLoops {
  /** Channels side by side. */
  int block();

  /** Greatest elements, +0 for empty bins. careful: there may be a NaN among the cells. */
  void max(float[] cells, int width, int[] spans, int at, int p, int q, boolean careful, float[] y);

  /** The same and their positions, as the bits of floats, -1 for empty bins. */
  void index(float[] cells, int width, int[] spans, int at, int p, int q, boolean careful, float[] y, float[] indices);

  /** Averages, +0 for empty bins. */
  void average(float[] cells, int width, int[] spans, int at, int p, int q, float[] y);

  /** Adds g to rows [top, bottom) and columns [left, right) of cells. */
  void spread(float[] g, int gAt, float[] cells, int width, int top, int bottom, int left, int right);
}
