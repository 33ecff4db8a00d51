package org.ondol.models.proposals;

import org.ondol.InvalidArgumentException;

/**
 * How alike two regions are: the sum of the chosen ones of four measures, each in [0, 1].
 *
 * @param colour intersection of the histograms of 25 bins a channel
 * @param texture intersection of the histograms of 10 bins an orientation and channel
 * @param size 1 - (share of the image that both cover): small regions are joined early
 * @param fill 1 - (share of the image that the box around both covers beyond them): regions that fit are joined early
 */
public record Similarity(boolean colour, boolean texture, boolean size, boolean fill) {
  /** The paper's C+T+S+F. */
  public static final Similarity COLOUR_TEXTURE_SIZE_FILL = new Similarity(true, true, true, true);
  /** The paper's T+S+F. */
  public static final Similarity TEXTURE_SIZE_FILL = new Similarity(false, true, true, true);
  /** The paper's F. */
  public static final Similarity FILL = new Similarity(false, false, false, true);
  /** The paper's S. */
  public static final Similarity SIZE = new Similarity(false, false, true, false);

  public Similarity {
    if (!colour && !texture && !size && !fill) {
      throw new InvalidArgumentException("similarity", "of no measure",
          "at least one of colour, texture, size and fill");
    }
  }
}
