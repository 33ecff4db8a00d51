package org.ondol.vector;

/** Loops over scores and boxes. Arrays of {@link BoxColumns} and scores have room for whole vectors. */
interface BoxLoops {
  /** Arrays have a multiple of this many elements. */
  int LANES = 16;

  static int roundUp(int n) {
    return n + LANES - 1 & -LANES;
  }

  /**
   * Adds the candidates among x[begin .. end) whose keys are above {@code floor}, with positions counted from {@code
   * base}, as long as the words have room for {@link #LANES} more.
   *
   * @return where it stopped
   */
  int collect(float[] x, int begin, int end, int base, int floor, int flip, Order.Words words);

  /** Puts the elements x[begin .. end) that belong there among the first k words, which are sorted. For a small k. */
  void best(float[] x, int begin, int end, int base, int flip, int k, Order.Words words);

  /** Whether one of the first n kept boxes suppresses the box (x1, y1, x2, y2, area). */
  boolean suppressed(BoxColumns kept, int n, float[] box, float offset, float threshold, boolean inclusive);

  /** Intersections and unions of the box with the first n of others. */
  void overlap(BoxColumns boxes, int n, float[] box, float offset, float[] inter, float[] union);

  /** Intersections become factors of scores: 1 - iou where one suppresses the other, else 1. */
  void linear(float[] inter, float[] union, int n, float threshold, boolean inclusive);

  /** Intersections become exp(iou^2 c). */
  void gaussian(float[] inter, float[] union, int n, float c);

  /**
   * Multiplies scores by factors; one that is not at least {@code floor} before and after becomes {@link SoftNms#GONE}.
   *
   * @return the position of the greatest, of several the first; -1 where all are gone
   */
  int decay(float[] scores, float[] factor, int n, float floor);
}
