package org.ondol.ops;

import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Tensor;

/** The table of one axis: which cells of the input an output cell is made of, and with which weights; computed in float64. */
final class ResizeAxis {
  final int in;
  final int out;
  private final double scale;
  private final double length;
  private final int[] cells;
  private final float[] weights;
  /** Output cells from this one on, up to {@link #insideEnd}, lie inside the input. */
  int insideBegin;
  int insideEnd;

  /**
   * @param length of the output, with its fraction where it follows from a scale
   * @param start of the region, as a part of the input; 0 but for TF_CROP_AND_RESIZE
   * @param end of the region; 1 likewise
   */
  ResizeAxis(Resize.Options options, int in, int out, double scale, double length, double start, double end) {
    this.in = in;
    this.out = out;
    this.scale = scale;
    this.length = length;
    boolean linear = options.mode() == Resize.Mode.LINEAR;
    cells = new int[linear ? 2 * out : out];
    weights = linear ? new float[2 * out] : null;
    insideBegin = out;
    for (int j = 0; j < out; j++) {
      double p = position(options.coordinates(), j, start, end);
      if (linear) linear(j, p); else cells[j] = nearest(options.rounding(), p);
      if (p >= 0 && p <= in - 1) {
        insideBegin = Math.min(insideBegin, j);
        insideEnd = j + 1;
      }
    }
    insideBegin = Math.min(insideBegin, insideEnd);
  }

  private double position(Resize.Coordinates coordinates, int j, double start, double end) {
    return switch (coordinates) {
      case HALF_PIXEL -> (j + 0.5) / scale - 0.5;
      case HALF_PIXEL_SYMMETRIC -> in / 2.0 * (1 - out / length) + (j + 0.5) / scale - 0.5;
      case PYTORCH_HALF_PIXEL -> out > 1 ? (j + 0.5) / scale - 0.5 : 0;
      case ALIGN_CORNERS -> out > 1 ? j * (in - 1.0) / (length - 1) : 0;
      case ASYMMETRIC -> j / scale;
      case TF_CROP_AND_RESIZE -> (out > 1 ? j * (end - start) * (in - 1) / (length - 1) : (end - start) * (in - 1) / 2)
          + start * (in - 1);
    };
  }

  private int nearest(Resize.Rounding rounding, double p) {
    double f = Math.floor(p);
    double r = p - f;
    boolean down = switch (rounding) {
      case ROUND_PREFER_FLOOR -> r <= 0.5;
      case ROUND_PREFER_CEIL -> r < 0.5;
      case FLOOR -> true;
      case CEIL -> r == 0;
    };
    return (int) Math.clamp(down ? f : f + 1, 0, in - 1.0);
  }

  private void linear(int j, double p) {
    double f = Math.floor(p);
    if (f < 0 || f >= in - 1) {
      cells[j] = f < 0 ? 0 : in - 1;
      cells[out + j] = cells[j];
      weights[j] = 1;
    } else {
      cells[j] = (int) f;
      cells[out + j] = (int) f + 1;
      weights[j] = (float) (1 - (p - f));
      weights[out + j] = (float) (p - f);
    }
  }

  Tensor cells(Device device) {
    return Tensor.of(device, cells, cells.length);
  }

  /** Null where the nearest cell is taken. */
  Tensor weights(Device device) {
    return weights == null ? null : Tensor.of(device, weights, weights.length);
  }
}
