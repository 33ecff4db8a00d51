package org.ondol.test.grad;

import java.util.function.IntBinaryOperator;

/** Operations on maps [N, C, H, W] in float64, for {@link TapeGradientTest}. */
final class WideMaps {
  /** Whether entry (out, in, ky, kx) of a filter takes part. */
  interface Live {
    boolean at(int out, int in, int ky, int kx);
  }

  static final Live ALL = (o, c, ky, kx) -> true;

  private WideMaps() {}

  /** Convolution with filters [out, in / groups, kh, kw]. */
  static Wide conv(Wide x, Wide w, int stride, int pad, int groups, Live live) {
    int[] k = w.shape;
    int outGroup = k[0] / groups;
    int[] y = {x.shape[0], k[0], (x.shape[2] + 2 * pad - k[2]) / stride + 1, (x.shape[3] + 2 * pad - k[3]) / stride
        + 1};
    return Wide.of(y, i -> {
      double s = 0;
      int first = i[1] / outGroup * k[1];
      for (int c = 0; c < k[1]; c++) {
        for (int ky = 0; ky < k[2]; ky++) {
          for (int kx = 0; kx < k[3]; kx++) {
            if (!live.at(i[1], first + c, ky, kx)) continue;
            s += x.padded(i[0], first + c, i[2] * stride - pad + ky, i[3] * stride - pad + kx) * w.at(i[1], c, ky, kx);
          }
        }
      }
      return s;
    });
  }

  /** Transposed convolution with filters [in, out, kh, kw], one group: every input is scattered. */
  static Wide deconv(Wide x, Wide w, int stride, int pad, int outputPad) {
    int[] k = w.shape;
    int h = (x.shape[2] - 1) * stride - 2 * pad + k[2] + outputPad;
    int width = (x.shape[3] - 1) * stride - 2 * pad + k[3] + outputPad;
    Wide y = new Wide(new double[x.shape[0] * k[1] * h * width], x.shape[0], k[1], h, width);
    Wide.of(new int[] {x.shape[0], k[0], x.shape[2], x.shape[3], k[1], k[2], k[3]}, i -> {
      int row = i[2] * stride - pad + i[5];
      int column = i[3] * stride - pad + i[6];
      if (row >= 0 && row < h && column >= 0 && column < width) {
        y.data[((i[0] * k[1] + i[4]) * h + row) * width + column] += x.at(i[0], i[1], i[2], i[3]) * w.at(i[1], i[4],
            i[5], i[6]);
      }
      return 0;
    });
    return y;
  }

  static Wide perChannel(Wide x, Wide c) {
    return c.reshape(1, c.shape[0], 1, 1).expand(x.shape);
  }

  /** Windows of the plane: rows first, then columns, as (output, 0 for the first and 1 for the one after the last). */
  private static Wide pool(Wide x, int rows, int columns, IntBinaryOperator row, IntBinaryOperator column,
      boolean max) {
    return Wide.of(new int[] {x.shape[0], x.shape[1], rows, columns}, i -> {
      double best = Double.NEGATIVE_INFINITY;
      double sum = 0;
      int n = 0;
      for (int a = row.applyAsInt(i[2], 0); a < row.applyAsInt(i[2], 1); a++) {
        for (int b = column.applyAsInt(i[3], 0); b < column.applyAsInt(i[3], 1); b++) {
          if (a < 0 || b < 0 || a >= x.shape[2] || b >= x.shape[3]) continue;
          best = Math.max(best, x.at(i[0], i[1], a, b));
          sum += x.at(i[0], i[1], a, b);
          n++;
        }
      }
      return max ? best : sum / n;
    });
  }

  static Wide window(Wide x, int kernel, int stride, int pad, boolean max) {
    int rows = (x.shape[2] + 2 * pad - kernel) / stride + 1;
    int columns = (x.shape[3] + 2 * pad - kernel) / stride + 1;
    IntBinaryOperator range = (o, end) -> o * stride - pad + end * kernel;
    return pool(x, rows, columns, range, range, max);
  }

  static Wide adaptive(Wide x, int rows, int columns, boolean max) {
    return pool(x, rows, columns, (o, end) -> end == 0 ? o * x.shape[2] / rows
        : ((o + 1) * x.shape[2] + rows - 1) / rows,
        (o, end) -> end == 0 ? o * x.shape[3] / columns : ((o + 1) * x.shape[3] + columns - 1) / columns, max);
  }

  /** Values to their places in planes of height x width. */
  static Wide unpool(Wide x, int[] indices, int height, int width) {
    int plane = x.shape[2] * x.shape[3];
    Wide y = new Wide(new double[x.shape[0] * x.shape[1] * height * width], x.shape[0], x.shape[1], height, width);
    for (int i = 0; i < x.data.length; i++) y.data[i / plane * height * width + indices[i]] = x.data[i];
    return y;
  }

  /** Bilinear with half-pixel centres, edges repeated. */
  static Wide bilinear(Wide x, int rows, int columns) {
    return Wide.of(new int[] {x.shape[0], x.shape[1], rows, columns}, i -> {
      double py = Math.clamp((i[2] + 0.5) * x.shape[2] / rows - 0.5, 0, x.shape[2] - 1);
      double px = Math.clamp((i[3] + 0.5) * x.shape[3] / columns - 0.5, 0, x.shape[3] - 1);
      int y0 = (int) py;
      int x0 = (int) px;
      int y1 = Math.min(y0 + 1, x.shape[2] - 1);
      int x1 = Math.min(x0 + 1, x.shape[3] - 1);
      double v = px - x0;
      double top = (1 - v) * x.at(i[0], i[1], y0, x0) + v * x.at(i[0], i[1], y0, x1);
      double bottom = (1 - v) * x.at(i[0], i[1], y1, x0) + v * x.at(i[0], i[1], y1, x1);
      return top + (py - y0) * (bottom - top);
    });
  }

  /** With given statistics, or, where they are null, those of the batch. */
  static Wide batchNorm(Wide x, Wide gamma, Wide beta, Wide mean, Wide variance, double eps, boolean relu) {
    int c = x.shape[1];
    Wide channels = x.permute(1, 0, 2, 3).reshape(c, x.data.length / c);
    Wide m = mean != null ? mean : channels.mean(1);
    Wide centred = x.sub(perChannel(x, m));
    Wide v = variance != null ? variance
        : centred.mul(centred).permute(1, 0, 2, 3).reshape(c, x.data.length / c).mean(1);
    Wide y = centred.zip(perChannel(x, v), (a, b) ->
        a / Math.sqrt(b + eps)).mul(perChannel(x, gamma)).add(perChannel(x, beta));
    return relu ? y.relu() : y;
  }
}
