package org.ondol.models.autoregressive;

import org.ondol.InvalidArgumentException;

/**
 * The images that a {@link PixelModel} is of.
 *
 * @param colours 1 for grey, 3 for R, G, B
 * @param levels values of a colour, 2 to 256
 * @param low what the network reads where a colour is 0
 * @param high what it reads where a colour is levels - 1
 */
public record Canvas(int colours, int height, int width, int levels, double low, double high) {
  private static final int MOST = 1 << 14;

  public Canvas {
    if (colours < 1 || colours > 16) throw new InvalidArgumentException("colours", colours, "1 to 16");
    if (height < 1 || height > MOST) throw new InvalidArgumentException("height", height, "1 to " + MOST);
    if (width < 1 || width > MOST) throw new InvalidArgumentException("width", width, "1 to " + MOST);
    if (levels < 2 || levels > 256) throw new InvalidArgumentException("levels", levels, "2 to 256");
    if (!Double.isFinite(low)) throw new InvalidArgumentException("low", low, "a finite number");
    if (!Double.isFinite(high)) throw new InvalidArgumentException("high", high, "a finite number");
    if ((long) colours * height * width > 1 << 26) {
      throw new InvalidArgumentException("width", width, "an image of at most 2^26 variables");
    }
  }

  /**
   * Values are read as numbers of -1 to 1. So no value is what stands beside the image, 0, and the first layer sees
   * where the image ends.
   */
  public static Canvas of(int colours, int height, int width, int levels) {
    return new Canvas(colours, height, width, levels, -1, 1);
  }

  /** Colours of all pixels. */
  public int variables() {
    return colours * height * width;
  }

  /** What a network gives for each colour: the logit of a one, or a logit for each level. */
  public int outputs() {
    return levels == 2 ? 1 : levels;
  }

  /** Number of a colour of a pixel in an example [colours, height, width]. */
  int variable(int colour, int row, int column) {
    return (colour * height + row) * width + column;
  }

  /** What the network reads where a colour is a value: in floats, as torchvision's scaling of bytes is. */
  float read(float value) {
    return value / (levels - 1) * (float) (high - low) + (float) low;
  }
}
