package org.ondol.models.trunks;

import org.ondol.InvalidArgumentException;

/**
 * Sizes of {@link AlexNet} and {@link Vgg16}.
 *
 * @param width channels of the first convolution, of which all others are multiples
 * @param hidden channels of fc6 and fc7
 * @param classes that fc8 tells apart, or 0 for the maps alone
 */
public record ClassifierSizes(int width, int hidden, int classes) {
  public ClassifierSizes {
    if (width < 1 || width > 1 << 16) throw new InvalidArgumentException("width", width, "1 to 65536");
    if (hidden < 1) throw new InvalidArgumentException("hidden", hidden, "at least 1");
    if (classes < 0) throw new InvalidArgumentException("classes", classes, "at least 0");
  }

  /** Both papers': 64 and 4096. */
  public static ClassifierSizes paper(int classes) {
    return new ClassifierSizes(64, 4096, classes);
  }
}
