package org.ondol.vector;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;

/**
 * A zero-padded piece of some channels of one image, in an array. Its rows and columns are dealt out to parts, so that
 * positions that are neighbours in y are neighbours here whatever the stride: either by their number modulo the stride,
 * or, where that takes less room (few taps far apart), a part for each tap.
 */
final class ConvPatch {
  /** Whole vectors of positions are read: this many floats behind the last. */
  static final int SLACK = 160;

  /** Rows of a part, its columns, and floats from one channel to the next. */
  final int height;
  final int pitch;
  final int plane;

  private final Deal rows;
  private final Deal columns;
  private final int part;

  /**
   * How lines are dealt out.
   *
   * @param step from one part's first line to the next's
   * @param stride from one line of a part to the next
   */
  private record Deal(long parts, long length, long step, long stride) {
    static Deal of(ConvAxis axis, long count, long kernel, long dilation) {
      Deal byStride = new Deal(axis.stride(), count + (axis.span() - 1) / axis.stride(), 1, axis.stride());
      Deal byTap = new Deal(kernel, count, dilation, axis.stride());
      boolean conv = axis.step() == 1 && axis.tapShift() == 0;
      return conv && kernel * count < byStride.parts * byStride.length ? byTap : byStride;
    }

    boolean byTap() {
      return step != 1 || parts != stride;
    }

    long part(long tap) {
      return byTap() ? tap / step : tap % stride;
    }

    long index(long tap) {
      return byTap() ? 0 : tap / stride;
    }
  }

  /** For some consecutive positions of y's axis and of x's. */
  ConvPatch(ConvAxis y, ConvAxis x, long rowCount, long columnCount, long kernelH, long kernelW, long dilationH, long dilationW) {
    rows = Deal.of(y, rowCount, kernelH, dilationH);
    columns = Deal.of(x, columnCount, kernelW, dilationW);
    double floats = (double) rows.parts * rows.length * columns.parts * columns.length;
    if (floats > Integer.MAX_VALUE / 2) {
      throw new InvalidArgumentException("dilation", "reaching over a piece of the map of " + floats + " values",
          "at most " + Integer.MAX_VALUE / 2 + " on device java");
    }
    height = (int) rows.length;
    pitch = (int) columns.length;
    part = height * pitch;
    int lines = (int) Packing.ceilDiv(part * rows.parts * columns.parts, 16);
    // An odd number of cache lines: neighbouring channels do not compete for the same sets.
    plane = (lines | 1) * 16;
  }

  /** Where a tap lies in a channel, from the place of position (0, 0). */
  int offset(long tapY, long tapX) {
    return (int) ((rows.part(tapY) * columns.parts + columns.part(tapX)) * part + rows.index(tapY) * pitch + columns.index(tapX));
  }

  /** Floats of some channels. */
  long floats(long channels) {
    return channels * plane + SLACK;
  }

  /**
   * Fills the patch: its first row and column lie at (top, left) of the planes of {@code xHeight * xWidth} at {@code at}.
   *
   * @param number of a scratch array
   */
  void fill(ConvTiles tiles, Floats x, long at, long channelStride, int channels, long top, long left, long xHeight,
      long xWidth, float[] to, Scratch scratch, int number) {
    long last = top + (rows.parts - 1) * rows.step + (rows.length - 1) * rows.stride;
    long begin = Math.clamp(top, 0, xHeight);
    long end = Math.max(begin, Math.min(xHeight, last + 1));
    if (whole(top, left, last, xHeight, xWidth)) {
      for (int c = 0; c < channels; c++) {
        x.read(at + c * channelStride + top * xWidth, to, c * plane, part);
      }
      return;
    }
    boolean together = (end - begin) * xWidth <= 1 << 16;
    float[] lines = scratch.floats(number, (together ? (end - begin) * xWidth : xWidth) + ConvTiles.LINE_SLACK);
    Line[] parts = new Line[(int) columns.parts];
    for (int q = 0; q < parts.length; q++) {
      parts[q] = line(left + q * columns.step, (int) xWidth);
    }
    for (int c = 0; c < channels; c++) {
      long from = at + c * channelStride;
      if (together) x.read(from + begin * xWidth, lines, 0, (int) ((end - begin) * xWidth));
      if (together && parts.length == 1 && rows.parts == 1 && columns.stride == 1 && rows.stride == 1) {
        int above = (int) Math.clamp(begin - top, 0, height);
        lines(tiles, lines, parts[0], above, (int) (end - begin), (int) xWidth, to, c * plane);
        continue;
      }
      for (int p = 0; p < rows.parts; p++) {
        for (int r = 0; r < height; r++) {
          long row = top + p * rows.step + r * rows.stride;
          int target = c * plane + p * parts.length * part + r * pitch;
          if (row < begin || row >= end) {
            for (int q = 0; q < parts.length; q++) {
              Arrays.fill(to, target + q * part, target + q * part + pitch, 0);
            }
            continue;
          }
          if (!together) x.read(from + row * xWidth, lines, 0, (int) xWidth);
          int source = together ? (int) ((row - begin) * xWidth) : 0;
          for (int q = 0; q < parts.length; q++) {
            copy(lines, source, parts[q], to, target + q * part);
          }
        }
      }
    }
  }

  /** A channel without parts: {@code count} lines of x from line {@code first} on, zeros above and below. */
  private void lines(ConvTiles tiles, float[] from, Line line, int first, int count, int width, float[] to, int at) {
    if (first > 0) Arrays.fill(to, at, at + first * pitch, 0);
    int next = at + first * pitch;
    tiles.lines(from, line.start, width, count, line.begin, line.end, pitch, to, next);
    int end = next + count * pitch;
    if (end < at + part) Arrays.fill(to, end, at + part, 0);
  }

  /** Whether a channel's patch is a run of x's rows as they are. */
  private boolean whole(long top, long left, long last, long xHeight, long xWidth) {
    return rows.parts == 1 && columns.parts == 1 && rows.stride == 1 && columns.stride == 1 && left == 0 && pitch == xWidth
        && top >= 0 && last < xHeight;
  }

  /** Elements [begin, end) of a part's line come from x, the first of them from column {@code start}; the others are zero. */
  private record Line(int begin, int end, int start) {}

  private Line line(long first, int width) {
    long stride = columns.stride;
    int begin = first >= 0 ? 0 : (int) Math.min(pitch, Math.ceilDiv(-first, stride));
    int end = first >= width ? begin : (int) Math.max(begin, Math.min(pitch, Math.ceilDiv(width - first, stride)));
    return new Line(begin, end, begin < end ? (int) (first + begin * stride) : 0);
  }

  /** Every stride-th column of a row, zeros where there is none. */
  private void copy(float[] from, int source, Line line, float[] to, int at) {
    int begin = at + line.begin;
    int end = at + line.end;
    for (int i = at; i < begin; i++) {
      to[i] = 0;
    }
    if (columns.stride == 1) {
      System.arraycopy(from, source + line.start, to, begin, end - begin);
    } else {
      int step = (int) columns.stride;
      for (int i = begin, j = source + line.start; i < end; i++, j += step) {
        to[i] = from[j];
      }
    }
    for (int i = end; i < at + pitch; i++) {
      to[i] = 0;
    }
  }
}
