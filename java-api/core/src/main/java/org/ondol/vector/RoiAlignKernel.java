package org.ondol.vector;

import static org.ondol.vector.AlignLoops.LANES;
import static org.ondol.vector.Packing.ceilDiv;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.RoiAlign;
import org.ondol.spi.RoiAlignArgs;
import org.ondol.spi.RoiAlignShape;
import org.ondol.spi.RoiMaps;

/**
 * Samples of regions. A task takes sixteen channels of one level and image, lays them side by side where its regions cover more than
 * they hold, else what each region needs, and follows the regions.
 */
final class RoiAlignKernel {
  /** Cells side by side at most. */
  static final int CELLS = 1 << 18;

  /** Bins whose values are kept side by side. */
  static final int BINS = 1024;

  private final AlignLoops loops;
  private final Turns turns;
  private final RoiAlignShape shape;
  private final RoiMaps maps;
  private final AlignGroups groups;
  private final Floats[] x;
  private final Floats y;
  /** The bits of integers. */
  private final Floats indices;
  private final long channels;
  private final int grid;
  private final long blocks;
  private final long bins;
  private final long chunks;

  private RoiAlignKernel(Loops loops, RoiAlignArgs args) {
    this.loops = loops.align();
    turns = loops.turns();
    shape = args.shape();
    maps = args.x();
    groups = new AlignGroups(maps, args.rois());
    x = maps.x().stream().map(Floats::of).toArray(Floats[]::new);
    y = Floats.of(args.y());
    indices = Floats.of(args.indices());
    channels = shape.channels(maps);
    grid = Math.toIntExact(shape.rows() * shape.columns());
    blocks = ceilDiv(channels, LANES);
    bins = shape.positionSensitive() ? grid : 1;
    long tasks = Math.max(1, maps.batch() * blocks * bins);
    chunks = ceilDiv(Threads.pool().size(), tasks);
  }

  static void run(Loops loops, RoiAlignArgs args) {
    RoiAlignKernel kernel = new RoiAlignKernel(loops, args);
    Threads.pool().run((kernel.groups.groups + 1) * kernel.bins * kernel.blocks * kernel.chunks, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        Task task = kernel.new Task(scratch);
        for (long t = begin; t < end; t++) {
          task.run(t);
        }
      }
    });
  }

  private final class Task {
    private final Scratch scratch;
    private final AlignTable rows = new AlignTable();
    private final AlignTable columns = new AlignTable();
    private final float[] box = new float[4];
    private float[] side = new float[0];
    private long firstChannel;
    private int lanes;
    /** Of position-sensitive maps the only one, else -1. */
    private int bin;
    private int level;
    private AlignPlanes planes;
    private boolean whole;

    Task(Scratch scratch) {
      this.scratch = scratch;
    }

    void run(long task) {
      long chunk = task % chunks;
      firstChannel = task / chunks % blocks * LANES;
      lanes = (int) Math.min(LANES, channels - firstChannel);
      bin = shape.positionSensitive() ? (int) (task / chunks / blocks % bins) : -1;
      int group = (int) (task / chunks / blocks / bins);
      int from = groups.start[group];
      long count = groups.start[group + 1] - from;
      int begin = (int) (from + count * chunk / chunks);
      int end = (int) (from + count * (chunk + 1) / chunks);
      if (begin < end && group < groups.groups) {
        open(group);
      }
      for (int r = begin; r < end; r++) {
        if (group == groups.groups) {
          clear(groups.order[r]);
        } else {
          region(groups.order[r]);
        }
      }
    }

    private void open(int group) {
      level = groups.level(group);
      long size = maps.heights()[level] * maps.widths()[level];
      long apart = x[level].stride(1) * bins;
      long first = x[level].start + groups.image(group) * x[level].stride(0) + firstChannel * apart + Math.max(0, bin) * x[level].stride(1);
      planes = new AlignPlanes(turns, x[level], first, apart, lanes);
      whole = size <= CELLS && groups.cells[group] >= (double) size * chunks;
      if (whole) {
        side = scratch.floats(0, size * LANES);
        planes.gather(0, (int) size, side, 0, scratch);
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
      boolean fits = (long) rowBins * columnBins <= BINS && rows.fill(down, i, i + rowBins) && columns.fill(across, j, j + columnBins);
      if (fits && (rows.entries() == 0 || columns.entries() == 0)) {
        clear(r);
        return;
      }
      int width = (int) maps.widths()[level];
      if (fits && whole) {
        columns.origin(0, LANES);
      } else if (fits) {
        width = columns.lastCell - columns.firstCell + 1;
        fits = crop(width, rows.lastCell - rows.firstCell + 1);
      }
      if (!fits) {
        wide(r, down, across);
        return;
      }
      compute(width * LANES, rowBins, columnBins, AlignAxis.divisor(down, across));
      store(r);
    }

    /** Lays the cells of a region side by side. */
    private boolean crop(int width, int height) {
      if ((long) width * height > CELLS) {
        return false;
      }
      side = scratch.floats(0, (long) width * height * LANES);
      for (int row = 0; row < height; row++) {
        long at = (rows.firstCell + row) * maps.widths()[level] + columns.firstCell;
        planes.gather(at, width, side, row * width * LANES, scratch);
      }
      rows.origin(rows.firstCell, 1);
      columns.origin(columns.firstCell, LANES);
      return true;
    }

    private void compute(int pitch, int rowBins, int columnBins, float divisor) {
      float[] results = scratch.floats(1, (long) rowBins * columnBins * LANES);
      if (shape.op() == RoiAlign.Op.AVERAGE) {
        loops.average(side, pitch, rows, rowBins, columns, columnBins, divisor, scratch.floats(2, (long) AlignLoops.LINES * columnBins * LANES), results);
      } else {
        float[] numbers = indices == null ? null : scratch.floats(4, (long) rowBins * columnBins * LANES);
        float[] lines = scratch.floats(2, (long) AlignLoops.LINES * columns.entries() * LANES);
        loops.maximum(shape.op(), side, pitch, rows, rowBins, columns, columnBins, lines, results, numbers);
      }
    }

    /** Where the results of a region begin. */
    private long at(int r) {
      return (r * channels + firstChannel) * grid;
    }

    private void store(int r) {
      float[] results = scratch.floats(1, 0);
      float[] numbers = scratch.floats(4, 0);
      if (bin >= 0) {
        storeBin(r, bin, results, numbers);
        return;
      }
      float[] square = scratch.floats(9, Turns.SQUARE);
      float[] turned = scratch.floats(3, (long) LANES * grid);
      turns.turnBack(results, 0, LANES, LANES, grid, turned, 0, grid, square);
      y.write(turned, 0, y.start + at(r), lanes * grid);
      if (indices != null) {
        turns.turnBack(numbers, 0, LANES, LANES, grid, turned, 0, grid, square);
        indices.write(turned, 0, indices.start + at(r), lanes * grid);
      }
    }

    private void storeBin(int r, int to, float[] results, float[] numbers) {
      for (int l = 0; l < lanes; l++) {
        y.set(y.start + at(r) + (long) l * grid + to, results[l]);
        if (indices != null) {
          indices.set(indices.start + at(r) + (long) l * grid + to, numbers[l]);
        }
      }
    }

    private void clear(int r) {
      float[] zeros = scratch.floats(1, LANES);
      float[] none = scratch.floats(4, LANES);
      Arrays.fill(zeros, 0, LANES, 0);
      Arrays.fill(none, 0, LANES, Float.intBitsToFloat(-1));
      for (int b = Math.max(0, bin); b < (bin < 0 ? grid : bin + 1); b++) {
        storeBin(r, b, zeros, none);
      }
    }

    /** Without tables: bin after bin and channel after channel, straight from the planes. */
    private void wide(int r, AlignAxis down, AlignAxis across) {
      float[] results = scratch.floats(1, LANES);
      float[] numbers = scratch.floats(4, LANES);
      int q = (int) shape.columns();
      AlignWide region = new AlignWide(planes, down, across);
      for (int b = Math.max(0, bin); b < (bin < 0 ? grid : bin + 1); b++) {
        for (int l = 0; l < lanes; l++) {
          if (shape.op() == RoiAlign.Op.AVERAGE) {
            results[l] = region.average(b / q, b % q, l);
          } else {
            ScalarAlignLoops.Best best = region.maximum(shape.op(), b / q, b % q, l);
            results[l] = best.value;
            numbers[l] = Float.intBitsToFloat(best.index);
          }
        }
        storeBin(r, b, results, numbers);
      }
    }
  }
}
