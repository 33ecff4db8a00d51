package org.ondol.vector;

import org.ondol.ops.RoiAlign;

/** What roialign does with sixteen channels side by side: cells as [cell][16], bins as [bin][16]. */
interface AlignLoops {
  int LANES = 16;
  int LINES = 8;

  /**
   * Averages of bins to y. Rows of cells are {@code pitch} floats; the columns' cells are counted in floats; lines has room for
   * {@link #LINES} rows of bins.
   */
  void average(float[] cells, int pitch, AlignTable rows, int rowBins, AlignTable columns, int columnBins, float divisor, float[] lines,
      float[] y);

  /** Maxima of bins to y, and their indices, as the bits of floats, unless null; lines has room for {@link #LINES} rows of samples. */
  void maximum(RoiAlign.Op op, float[] cells, int pitch, AlignTable rows, int rowBins, AlignTable columns, int columnBins,
      float[] lines, float[] y, float[] indices);

  /** n values, each divided. */
  void divide(float[] values, int at, int n, float divisor);

  /** L of row bins [from, to), each of {@code width} cells, from d of all bins, [row bin][column bin][16]. */
  void spread(float[] d, int from, int to, AlignTable columns, int columnBins, int width, float[] lines);

  /** to = fma(weight, line, to) for n values. */
  void add(float[] to, int toAt, float weight, float[] line, int lineAt, int n);

  /** The same of two rows, {@code step} apart. */
  void add(float[] to, int toAt, int step, float low, float high, float[] line, int lineAt, int n);

  /** The first n values, each + 0. */
  void positiveZeros(float[] values, int n);
}
