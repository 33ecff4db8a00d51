package org.ondol.models.autoregressive;

import org.ondol.Tensor;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * The skewed map of the Diagonal BiLSTM (van den Oord, Kalchbrenner and Kavukcuoglu 2016, figure 3): row r is moved by
 * r positions, so that what was a diagonal is a column, and the map of R rows and C columns has C + R - 1 columns.
 * Beside the image there are zeros.
 *
 * <p>Nothing is moved: a skewed map is a view, with other strides, of a map that has R - 1 columns of zeros on one
 * side, where the end of a row goes on in the next one. To the right row r goes by r; to the left by R - 1 - r, so
 * that steps are taken from the last column to the first.
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

  /** A view of a copy with zeros beside it. */
  private static Tensor skewed(Tensor x, boolean left) {
    long n = x.size(0);
    long rows = x.size(1);
    long columns = x.size(2);
    long f = x.size(3);
    long steps = columns + rows - 1;
    // To the left, the last row goes on for R - 1 positions beyond the map: a row more serves.
    Tensor padded = Tensor.zeros(x.device(), n, left ? rows + 1 : rows, steps, f);
    long begin = left ? rows - 1 : 0;
    padded.slice(1, 0, rows).slice(2, begin, begin + columns).assign(x);
    long own = steps * f;
    return padded.view(padded.offset(), new long[] {steps, n, rows, f},
        new long[] {f, padded.stride(0), left ? own + f : own - f, 1});
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
