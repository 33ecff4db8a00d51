package org.ondol.vector;

/** Loops over the hidden units of nade. Lengths n are multiples of 16; the padding is the caller's matter. */
interface NadeLoops {
  /** h = act(s a), or act(a) where not scaled. */
  void activate(boolean sigmoid, boolean scaled, float s, float[] a, int aAt, float[] h, int hAt, int n);

  /** a = fma(x, w, a). */
  void advance(float x, float[] w, int wAt, float[] a, int aAt, int n);

  /** p[16 r + j] = sums of v with four rows of h that lie {@code stride} apart, element i in partial j = i mod 16. */
  void dots(float[] v, int vAt, float[] h, int hAt, int stride, int n, float[] p);

  /** The step back over one variable. */
  void back(NadeStep step);
}
