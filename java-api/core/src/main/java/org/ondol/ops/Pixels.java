package org.ondol.ops;

/** What the corners of a box stand for. */
public enum Pixels {
  /** Points between pixels: a box from x1 to x2 is x2 - x1 wide. */
  BETWEEN,
  /** The first and the last pixel: it is x2 - x1 + 1 wide, as in R-CNN's, Fast R-CNN's and Faster R-CNN's first code. */
  INCLUSIVE;

  /** What is added to x2 - x1. */
  public int offset() {
    return ordinal();
  }
}
