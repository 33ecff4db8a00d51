package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Iou;

/**
 * Overlaps of boxes a [n, 4] and b [m, 4], all contiguous; no result is empty.
 *
 * @param pixel 1 where corners are the first and the last pixel, 0 where they lie between pixels
 * @param paired a[i] with b[i], out [n] and n = m; else out is [n, m]
 */
public record IouArgs(Iou.Kind kind, int pixel, boolean paired, Tensor a, Tensor b, Tensor out) {
  public long n() {
    return a.size(0);
  }

  public long m() {
    return b.size(0);
  }
}
