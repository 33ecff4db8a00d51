package org.ondol.models.autoregressive;

import org.ondol.Tensor;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * The skewed map of the Diagonal BiLSTM (van den Oord, Kalchbrenner and Kavukcuoglu 2016, figure 3): row r is moved by
 * r positions, so that what was a diagonal is a column, and the map of R rows and C columns has C + R - 1 columns.
 * Beside the image there are zeros.
 *
 * <p>Row r goes to the right by r, to the left by R - 1 - r, so that steps are taken from the last column to the first.
 * The image's positions are a view of the skewed map: one copy skews, none brings back. (A skewed map can also be a view
 * of one with R - 1 columns of zeros beside it, where the end of a row goes on in the next one; but then the rows of a
 * step lie far apart, and the steps' gradients need a copy more.)
 */
final class Skew {
  private Skew() {}

  /**
   * Skews a map.
   *
   * @param x [N, R, C, F]
   * @param left whether rows lead to the left
   * @return [C + R - 1, N, R, F]
   */
  static Value skew(Value x, boolean left) {
    return Tape.apply("skew", r -> {
      long columns = x.size(2);
      r.backward((dy, g) -> g.add(0, image(dy, columns, left)));
      return skewed(x.tensor(), left);
    }, x);
  }

  /**
   * The image's part of a skewed map.
   *
   * @param y [C + R - 1, N, R, F]
   * @return [N, R, C, F]
   */
  static Value unskew(Value y, boolean left) {
    return Tape.apply("unskew", r -> {
      long columns = y.size(0) - y.size(2) + 1;
      r.backward((dx, g) -> g.add(0, skewed(dx, left)));
      return image(y.tensor(), columns, left);
    }, y);
  }

  /** Zeros, with the map at its positions: dense, as the steps read and write it. */
  private static Tensor skewed(Tensor x, boolean left) {
    long rows = x.size(1);
    long columns = x.size(2);
    Tensor y = Tensor.zeros(x.device(), columns + rows - 1, x.size(0), rows, x.size(3));
    for (long r = 0; r < rows; r++) {
      long begin = left ? rows - 1 - r : r;
      y.select(2, r).slice(0, begin, begin + columns).transpose(0, 1).assign(x.select(1, r));
    }
    return y;
  }

  /** A view of the image's positions. */
  private static Tensor image(Tensor y, long columns, boolean left) {
    Tensor dense = y.contiguous();
    long n = dense.size(1);
    long rows = dense.size(2);
    long step = dense.stride(0);
    long row = dense.stride(2);
    long begin = left ? (rows - 1) * step : 0;
    return dense.view(dense.offset() + begin, new long[] {n, rows, columns, dense.size(3)},
        new long[] {dense.stride(1), left ? row - step : row + step, step, 1});
  }
}
