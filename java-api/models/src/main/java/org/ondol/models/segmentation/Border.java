package org.ondol.models.segmentation;

import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/** Rows and columns of zeros around an image, which after a network's normalisation is the mean colour. */
record Border(long top, long left, long bottom, long right) {
  static final Border NONE = new Border(0, 0, 0, 0);

  Border {
    if (top < 0 || left < 0 || bottom < 0 || right < 0) {
      throw new InvalidArgumentException("border", top + ", " + left + ", " + bottom + ", " + right, "at least 0 each");
    }
  }

  /** A map [N, C, H, W] within the border; the map itself where there is none. */
  Tensor around(Tensor x) {
    if (equals(NONE)) return x;
    long height = x.size(2);
    long width = x.size(3);
    Tensor y = Tensor.zeros(x.device(), x.size(0), x.size(1), top + height + bottom, left + width + right);
    try (Tensor rows = y.slice(2, top, top + height); Tensor middle = rows.slice(3, left, left + width)) {
      middle.assign(x);
    }
    return y;
  }
}
