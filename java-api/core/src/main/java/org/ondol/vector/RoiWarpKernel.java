package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.spi.RoiWarpArgs;
import org.ondol.spi.RoiWarpBackwardArgs;

/**
 * Boxes of images resized. Forward, an image row is resized once along its columns and kept while output rows need it.
 * Backward, a task owns sixteen image rows and visits the boxes in ascending order: rows first, then the sixteen side by side
 * through the columns.
 */
final class RoiWarpKernel {
  /** Output elements of a task, about. */
  private static final long TASK = 1 << 16;

  private final RoiWarpArgs args;
  private final Lines lines;
  private final WarpTable rows;
  private final WarpTable columns;
  private final Floats boxes;
  private final MemorySegment images;
  private final long imagesAt;
  private final float[] box = new float[4];
  private final int height;
  private final int width;

  /** One thread's. */
  private RoiWarpKernel(Loops loops, RoiWarpArgs args) {
    this.args = args;
    this.lines = loops.lines();
    rows = new WarpTable(args.xHeight(), args.yHeight());
    columns = new WarpTable(args.xWidth(), args.yWidth());
    boxes = Floats.of(args.rois().boxes());
    images = args.rois().images().segment();
    imagesAt = args.rois().images().offset();
    height = (int) args.yHeight();
    width = (int) args.yWidth();
  }

  private long image(long roi) {
    return images.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, imagesAt + roi);
  }

  private void place(long roi) {
    boxes.read(boxes.start + 4 * roi, box, 0, 4);
    WarpTable.place(args, box, rows, columns);
  }

  static void run(Loops loops, RoiWarpArgs args) {
    long perTask = Math.max(1, Math.min(args.channels(), TASK / (args.yHeight() * args.yWidth())));
    long groups = ceilDiv(args.channels(), perTask);
    Threads.pool().run(args.rois().count() * groups, (begin, end, thread) -> {
      RoiWarpKernel kernel = new RoiWarpKernel(loops, args);
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          long channel = task % groups * perTask;
          kernel.roi(task / groups, channel, Math.min(channel + perTask, args.channels()), scratch);
        }
      }
    });
  }

  private void roi(long roi, long first, long last, Scratch scratch) {
    long image = image(roi);
    place(roi);
    rows.empty();
    columns.empty();
    if (image >= 0 && image < args.batch()) {
      rows.fill();
      columns.fill();
    }
    Floats x = Floats.of(args.x());
    Floats y = Floats.of(args.y());
    Tensor fill = args.fill();
    for (long c = first; c < last; c++) {
      float value = fill == null ? 0 : Floats.of(fill).get(fill.offset() + c);
      plane(x, (image * args.channels() + c) * args.xHeight(), y, y.start + (roi * args.channels() + c) * height * width, value,
          scratch);
    }
  }

  private void plane(Floats x, long firstRow, Floats y, long at, float value, Scratch scratch) {
    int n = padded(columns.count());
    float[] outside = scratch.floats(0, width);
    Arrays.fill(outside, 0, width, value);
    float[] out = scratch.floats(1, width + 16L);
    float[] source = scratch.floats(2, padded((int) args.xWidth()));
    float[][] line = {scratch.floats(3, padded(width)), scratch.floats(4, padded(width))};
    int[] kept = {-1, -1};
    boolean nothing = columns.count() == 0;
    for (int i = 0; i < height; i++) {
      int k = i - rows.begin;
      if (nothing || k < 0 || i >= rows.end) {
        y.write(outside, 0, at + (long) i * width, width);
        continue;
      }
      float[] a = through(x, firstRow, rows.first[k], rows.second[k], source, line, kept);
      float[] b = through(x, firstRow, rows.second[k], rows.first[k], source, line, kept);
      lines.blend(a, rows.firstWeight[k], b, rows.secondWeight[k], out, columns.begin, n);
      Arrays.fill(out, 0, columns.begin, value);
      Arrays.fill(out, columns.end, Math.max(columns.end, width), value);
      y.write(out, 0, at + (long) i * width, width);
    }
  }

  /** A row of the image resized along its columns; the row {@code other} is left where it is. */
  private float[] through(Floats x, long firstRow, int row, int other, float[] source, float[][] line, int[] kept) {
    int slot = kept[0] == row ? 0 : kept[1] == row ? 1 : -1;
    if (slot < 0) {
      slot = kept[0] == other ? 1 : 0;
      kept[slot] = row;
      x.read(x.start + (firstRow + row) * args.xWidth(), source, 0, (int) args.xWidth());
      lines.mix(source, columns.first, columns.firstWeight, columns.second, columns.secondWeight, line[slot],
          padded(columns.count()));
    }
    return line[slot];
  }

  static void backward(Loops loops, RoiWarpBackwardArgs args) {
    RoiWarpArgs f = args.forward();
    long blocks = ceilDiv(f.xHeight(), Lines.ROWS);
    int together = together(f);
    long groups = ceilDiv(f.channels(), together);
    Threads.pool().run(f.batch() * groups * blocks, (begin, end, thread) -> {
      RoiWarpKernel kernel = new RoiWarpKernel(loops, f);
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          kernel.block(args, task / blocks / groups, (int) (task / blocks % groups) * together,
              (int) (task % blocks) * Lines.ROWS, scratch);
        }
      }
    });
  }

  /** Channels of a task of the gradient: the tables of a box serve them all, and their image rows should not be too many. */
  private static int together(RoiWarpArgs f) {
    return (int) Math.max(1, Math.min(4, 4096 / f.xWidth()));
  }

  private void block(RoiWarpBackwardArgs a, long image, int channel, int top, Scratch scratch) {
    int channels = (int) Math.min(together(args), args.channels() - channel);
    int count = (int) Math.min(Lines.ROWS, args.xHeight() - top);
    int w = (int) args.xWidth();
    Floats dy = Floats.of(a.dy());
    float[][] acc = new float[channels][];
    for (int c = 0; c < channels; c++) {
      acc[c] = scratch.floats(4 + c, (long) w * Lines.ROWS);
      Arrays.fill(acc[c], 0, w * Lines.ROWS, 0);
    }
    for (long roi = 0; roi < args.rois().count(); roi++) {
      if (image(roi) != image) continue;
      place(roi);
      rows.fill();
      int n = rows.count();
      if (n == 0 || rows.second[n - 1] < top || rows.first[0] >= top + count) continue;
      columns.fill();
      for (int c = 0; c < channels && columns.count() > 0; c++) {
        add(dy, dy.start + (roi * args.channels() + channel + c) * height * width, top, count, acc[c], scratch);
      }
    }
    Floats dx = Floats.of(a.dx());
    float[] line = scratch.floats(0, w);
    for (int c = 0; c < channels; c++) {
      for (int k = 0; k < count; k++) {
        for (int x = 0; x < w; x++) {
          line[x] = acc[c][x * Lines.ROWS + k] + 0f;
        }
        dx.write(line, 0, dx.start + ((image * args.channels() + channel + c) * args.xHeight() + top + k) * w, w);
      }
    }
  }

  /** Rows that the box does not touch take steps with zeros, which the final + 0 hides. */
  private void add(Floats dy, long at, int top, int count, float[] acc, Scratch scratch) {
    int n = columns.count();
    float[] sum = scratch.floats(1, padded(width));
    float[] line = scratch.floats(2, padded(width));
    float[] side = scratch.floats(3, (long) width * Lines.ROWS);
    int from = 0;
    for (int k = 0; k < Lines.ROWS; k++) {
      Arrays.fill(sum, 0, padded(n), 0);
      int row = top + k;
      while (from < rows.count() && rows.second[from] < row) from++;
      for (int i = from; k < count && i < rows.count() && rows.first[i] <= row; i++) {
        dy.read(at + (long) (rows.begin + i) * width + columns.begin, line, 0, n);
        if (rows.first[i] == row) lines.accumulate(sum, line, rows.firstWeight[i], padded(n));
        if (rows.second[i] == row) lines.accumulate(sum, line, rows.secondWeight[i], padded(n));
      }
      Packing.column(sum, 0, n, side, k, Lines.ROWS);
    }
    lines.spread(side, n, columns.first, columns.firstWeight, columns.second, columns.secondWeight, acc);
  }
}
