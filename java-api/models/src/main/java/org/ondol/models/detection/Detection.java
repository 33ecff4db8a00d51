package org.ondol.models.detection;

/**
 * A box that a detector found, in pixels of the picture that it was given, with ends exclusive.
 *
 * @param label its class, at least 0
 * @param score how sure the detector is; only the order of scores has a meaning that all detectors share
 * @param x1 left
 * @param y1 top
 * @param x2 right
 * @param y2 bottom
 */
public record Detection(int label, float score, float x1, float y1, float x2, float y2) {
  /** The same where the picture is stretched by these factors. */
  public Detection scaled(double x, double y) {
    return new Detection(label, score, (float) (x1 * x), (float) (y1 * y), (float) (x2 * x), (float) (y2 * y));
  }
}
