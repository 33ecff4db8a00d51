package org.ondol.models.proposals;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/**
 * Boxes around what may be objects, the most promising first and none twice.
 *
 * <p>A box is [x1, y1, x2, y2] in pixels, x to the right and y downwards from the image's upper left corner. It holds
 * the pixels {@code x1 <= x < x2, y1 <= y < y2}: the end is exclusive, x2 - x1 is the width, and [0, 0, columns, rows]
 * is the whole image.
 */
public final class Proposals {
  private final int[] boxes;

  Proposals(int[] boxes) {
    this.boxes = boxes;
  }

  /** How many boxes there are. */
  public int count() {
    return boxes.length / 4;
  }

  /** The box at a place in the order, [x1, y1, x2, y2]. */
  public int[] box(int i) {
    if (i < 0 || i >= count()) throw new InvalidArgumentException("i", i, "0 to " + (count() - 1));
    return Arrays.copyOfRange(boxes, 4 * i, 4 * i + 4);
  }

  /** The first boxes, all where there are no more than n. */
  public Proposals first(int n) {
    if (n < 0) throw new InvalidArgumentException("n", n, "0 or more");
    return n >= count() ? this : new Proposals(Arrays.copyOf(boxes, 4 * n));
  }

  /** All boxes as a new FLOAT32 tensor [count, 4]. */
  public Tensor toTensor(Device device) {
    float[] values = new float[boxes.length];
    for (int i = 0; i < values.length; i++) values[i] = boxes[i];
    return Tensor.of(device, values, count(), 4);
  }
}
