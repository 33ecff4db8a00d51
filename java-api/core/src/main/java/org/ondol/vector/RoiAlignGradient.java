package org.ondol.vector;

import static org.ondol.vector.AlignLoops.LANES;
import static org.ondol.vector.Packing.ceilDiv;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.RoiAlign;
import org.ondol.spi.RoiAlignBackwardArgs;
import org.ondol.spi.RoiAlignShape;
import org.ondol.spi.RoiMaps;

/** The gradient of average. A task adds up a tile of dx: sixteen channels side by side of some rows and columns of a map. */
final class RoiAlignGradient {
  private static final int WIDTH = 4096;
  /** Cells of the lines L of some row bins, or of one. */
  private static final int LINE_CELLS = 1 << 14;

  private final AlignLoops loops;
  private final Turns turns;
  private final RoiAlignShape shape;
  private final RoiMaps maps;
  private final AlignGroups groups;
  private final Floats dy;
  private final Floats[] dx;
  private final long channels;
  private final int grid;
  private final long bins;
  private final long blocks;
  private final long parts;

  private RoiAlignGradient(Loops loops, RoiAlignBackwardArgs args) {
    this.loops = loops.align();
    turns = loops.turns();
    shape = args.shape();
    maps = args.x();
    groups = new AlignGroups(maps, args.rois());
    dy = Floats.of(args.dy());
    dx = args.dx().stream().map(Floats::of).toArray(Floats[]::new);
    channels = shape.channels(maps);
    grid = Math.toIntExact(shape.rows() * shape.columns());
    bins = shape.positionSensitive() ? grid : 1;
    blocks = ceilDiv(channels, LANES);
    parts = ceilDiv(Threads.pool().size(), Math.max(1, maps.batch() * blocks * bins));
  }

  static void run(Loops loops, RoiAlignBackwardArgs args) {
    if (args.shape().op() != RoiAlign.Op.AVERAGE) {
      RoiAlignMaximumGradient.run(args);
      return;
    }
    RoiAlignGradient kernel = new RoiAlignGradient(loops, args);
    for (int level = 0; level < kernel.maps.levels(); level++) {
      kernel.level(level);
    }
  }

  private void level(int level) {
    int width = (int) Math.min(WIDTH, maps.widths()[level]);
    int height = (int) Math.min(Math.max(1, RoiAlignKernel.CELLS / width), ceilDiv(maps.heights()[level], parts));
    long across = ceilDiv(maps.widths()[level], width);
    long down = ceilDiv(maps.heights()[level], height);
    Threads.pool().run(maps.batch() * bins * blocks * down * across, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long t = begin; t < end; t++) {
          int left = (int) (t % across) * width;
          int top = (int) (t / across % down) * height;
          long rest = t / across / down;
          Tile tile = new Tile(scratch, level, rest / blocks / bins, rest % blocks, (int) (rest / blocks % bins));
          tile.run(top, (int) Math.min(maps.heights()[level], top + height), left, (int) Math.min(maps.widths()[level], left + width));
        }
      }
    });
  }

  private final class Tile {
    private final Scratch scratch;
    private final int level;
    private final long image;
    private final long firstChannel;
    private final int lanes;
    /** Of position-sensitive maps the only one, else -1. */
    private final int bin;
    private final float[] box = new float[4];
    private final AlignTable rows = new AlignTable();
    private final AlignTable columns = new AlignTable();
    private int top;
    private int bottom;
    private int left;
    private int width;
    private float[] sum;

    Tile(Scratch scratch, int level, long image, long block, int bin) {
      this.scratch = scratch;
      this.level = level;
      this.image = image;
      this.bin = shape.positionSensitive() ? bin : -1;
      firstChannel = block * LANES;
      lanes = (int) Math.min(LANES, channels - firstChannel);
    }

    void run(int top, int bottom, int left, int right) {
      this.top = top;
      this.bottom = bottom;
      this.left = left;
      width = right - left;
      int group = (int) (level * maps.batch() + image);
      int n = (bottom - top) * width * LANES;
      sum = scratch.floats(0, n);
      Arrays.fill(sum, 0, n, 0);
      for (int r = groups.start[group]; r < groups.start[group + 1]; r++) {
        region(groups.order[r]);
      }
      loops.positiveZeros(sum, n);
      write();
    }

    private void write() {
      long mapWidth = maps.widths()[level];
      long size = maps.heights()[level] * mapWidth;
      long channel = bin < 0 ? firstChannel : firstChannel * grid + bin;
      AlignPlanes planes = new AlignPlanes(turns, dx[level], dx[level].start + (image * maps.channels() + channel) * size, bins * size, lanes);
      if (width == mapWidth) {
        planes.scatter(sum, 0, top * mapWidth, (bottom - top) * width, scratch);
        return;
      }
      for (int r = top; r < bottom; r++) {
        planes.scatter(sum, (r - top) * width * LANES, r * mapWidth + left, width, scratch);
      }
    }

    private void region(int r) {
      groups.scaled(r, level, box);
      AlignAxis down = AlignAxis.rows(shape, maps, level, box);
      AlignAxis across = AlignAxis.columns(shape, maps, level, box);
      int q = (int) shape.columns();
      int i = bin < 0 ? 0 : bin / q;
      int j = bin < 0 ? 0 : bin % q;
      int rowBins = bin < 0 ? (int) shape.rows() : 1;
      int columnBins = bin < 0 ? q : 1;
      boolean tabled = width == maps.widths()[level] && (long) rowBins * columnBins <= RoiAlignKernel.BINS
          && rows.fill(down, i, i + rowBins);
      if (tabled && (rows.entries() == 0 || rows.firstCell >= bottom || rows.lastCell < top)) {
        return;
      }
      if (!tabled || !columns.fill(across, j, j + columnBins)) {
        wide(r, down, across);
      } else if (columns.entries() > 0) {
        int first = columns.firstCell;
        int reach = columns.lastCell - first + 1;
        columns.origin(first, LANES);
        float[] d = read(r, rowBins * columnBins, AlignAxis.divisor(down, across));
        float[] lines = scratch.floats(2, LINE_CELLS * LANES);
        int some = Math.max(1, LINE_CELLS / reach);
        for (int from = 0; from < rowBins; from += some) {
          int to = Math.min(rowBins, from + some);
          loops.spread(d, from, to, columns, columnBins, reach, lines);
          for (int b = from; b < to; b++) {
            rows(b, lines, (b - from) * reach * LANES, first, reach * LANES);
          }
        }
      }
    }

    /** dy / M of all bins of a region, or of the one. */
    private float[] read(int r, int count, float divisor) {
      float[] d = scratch.floats(1, (long) count * LANES);
      long at = dy.start + (r * channels + firstChannel) * grid + Math.max(0, bin);
      new AlignPlanes(turns, dy, at, grid, lanes).gather(0, count, d, 0, scratch);
      loops.divide(d, 0, count * LANES, divisor);
      return d;
    }

    /** Adds the line of a row bin, whose first cell is {@code first}, to the rows of its samples. */
    private void rows(int bin, float[] lines, int at, int first, int n) {
      for (int s = rows.begin[bin]; s < rows.begin[bin + 1]; s++) {
        int low = rows.low[s];
        if (rows.high[s] == low + 1 && low >= top && low + 1 < bottom) {
          loops.add(sum, ((low - top) * width + first) * LANES, width * LANES, rows.lowWeight[s], rows.highWeight[s], lines, at, n);
          continue;
        }
        add(low, rows.lowWeight[s], lines, at, first, n);
        add(rows.high[s], rows.highWeight[s], lines, at, first, n);
      }
    }

    private void add(int row, float weight, float[] lines, int at, int first, int n) {
      if (row >= top && row < bottom) {
        loops.add(sum, ((row - top) * width + first) * LANES, weight, lines, at, n);
      }
    }

    /** Without tables, or where the tile has some of the columns only. */
    private void wide(int r, AlignAxis down, AlignAxis across) {
      int q = (int) shape.columns();
      float divisor = AlignAxis.divisor(down, across);
      for (int i = bin < 0 ? 0 : bin / q; i < (bin < 0 ? shape.rows() : bin / q + 1); i++) {
        AlignAxis.Run run = down.run(i);
        if (run.count() == 0 || !reaches(down, i, run)) {
          continue;
        }
        float[] line = wideLine(r, i, across, divisor);
        for (int k = run.first(); k < run.limit(); k++) {
          float p = down.position(i, k);
          int cell = down.cell(p);
          float weight = down.weight(p, cell);
          add(cell, 1 - weight, line, 0, 0, width * LANES);
          add(down.next(cell), weight, line, 0, 0, width * LANES);
        }
      }
    }

    /** Whether a row bin may have samples in the tile. */
    private boolean reaches(AlignAxis down, int i, AlignAxis.Run run) {
      int one = down.cell(down.position(i, run.first()));
      int other = down.cell(down.position(i, run.limit() - 1));
      return down.next(Math.max(one, other)) >= top && Math.min(one, other) < bottom;
    }

    private float[] wideLine(int r, int i, AlignAxis across, float divisor) {
      int q = (int) shape.columns();
      float[] line = scratch.floats(2, LINE_CELLS * LANES);
      float[] x = scratch.floats(1, LANES);
      Arrays.fill(line, 0, width * LANES, 0);
      for (int j = bin < 0 ? 0 : bin % q; j < (bin < 0 ? q : bin % q + 1); j++) {
        AlignAxis.Run run = across.run(j);
        Arrays.fill(x, 0, LANES, 0);
        for (int l = 0; l < lanes; l++) {
          x[l] = dy.get(dy.start + (r * channels + firstChannel + l) * grid + (long) i * q + j) / divisor;
        }
        for (int k = run.first(); k < run.limit(); k++) {
          float p = across.position(j, k);
          int cell = across.cell(p);
          float weight = across.weight(p, cell);
          addCell(line, cell, 1 - weight, x);
          addCell(line, across.next(cell), weight, x);
        }
      }
      return line;
    }

    private void addCell(float[] line, int column, float weight, float[] x) {
      if (column >= left && column < left + width) {
        loops.add(line, (column - left) * LANES, weight, x, 0, LANES);
      }
    }
  }
}
