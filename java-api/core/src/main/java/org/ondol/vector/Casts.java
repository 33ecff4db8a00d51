package org.ondol.vector;

import org.ondol.DType;

/** Loops between 16-bit and 32-bit numbers in arrays, from their beginnings; lengths are multiples of 16. */
interface Casts {
  /** to = from, numbers of a 16-bit type. */
  void widen(DType type, short[] from, float[] to, int n);

  /** to = from, rounded to a 16-bit type. */
  void narrow(DType type, float[] from, short[] to, int n);
}
