package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.RoiPlanes.PIECE;

import org.ondol.Threads;
import org.ondol.ops.Pool;
import org.ondol.spi.RoiMaps;
import org.ondol.spi.RoiPoolArgs;

/**
 * Pooling of regions. A task has a block of channels of a map, or of one bin where maps are position-sensitive, lays the planes
 * out as [cell][channels] as far as regions reach, and visits the regions of the map: vectors run across channels.
 */
final class RoiPoolKernel {
  /** Cells of planes that are laid out as a whole. */
  private static final int CELLS = 1 << 16;

  /** Bins whose results are collected; at least a row of bins is. */
  private static final int BINS = 1024;

  /** The index of an empty bin. */
  private static final float NOTHING = Float.intBitsToFloat(-1);

  /** Regions of a task, at least, where blocks of channels are too few for the threads. */
  private static final long REGIONS = 64;

  private final RoiLoops loops;
  private final Turns turns;
  private final RoiPoolArgs args;
  private final RoiMaps maps;
  private final RoiRegions regions;
  private final Floats[] x;
  private final Floats y;
  /** The bits of integers. */
  private final Floats indices;
  private final long channels;
  private final long row;
  private final int block;

  private RoiPoolKernel(Loops loops, RoiPoolArgs args) {
    this.loops = loops.roi();
    turns = loops.turns();
    this.args = args;
    maps = args.x();
    regions = new RoiRegions(args.rois(), maps);
    x = maps.x().stream().map(Floats::of).toArray(Floats[]::new);
    y = Floats.of(args.y());
    indices = Floats.of(args.indices());
    channels = args.channels();
    row = args.row();
    block = this.loops.block();
  }

  static void run(Loops loops, RoiPoolArgs args) {
    RoiPoolKernel kernel = new RoiPoolKernel(loops, args);
    long blocks = ceilDiv(kernel.channels, kernel.block);
    long bins = args.positionSensitive() ? args.rows()[0] * args.columns()[0] : 1;
    long own = Math.max(1, args.x().batch() * args.x().levels()) * blocks * bins;
    long wanted = 4L * Threads.count();
    long pieces = own == 0 || own >= wanted ? 1 : Math.max(1, Math.min(ceilDiv(wanted, own), args.rois().count() / REGIONS));
    Threads.pool().run(own * pieces, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          long piece = task % pieces;
          long rest = task / pieces;
          Task t = kernel.new Task(rest / blocks / bins, rest % blocks * kernel.block, rest / blocks % bins, scratch);
          t.run(args.rois().count() * piece / pieces, args.rois().count() * (piece + 1) / pieces);
        }
      }
    });
  }

  /** Channels [first, first + count) of y on one map; bin where position-sensitive, else 0. */
  private final class Task {
    private final long map;
    private final int level;
    private final long first;
    private final long bin;
    private final int count;
    private final int width;
    private final int size;
    private final RoiSpans spans;
    private final Scratch scratch;
    private final boolean[] laid;
    private final RoiPlanes planes;
    private final float[] box = new float[4];
    private boolean careful;

    Task(long map, long first, long bin, Scratch scratch) {
      this.map = map;
      this.first = first;
      this.bin = bin;
      this.scratch = scratch;
      level = (int) (map / Math.max(1, maps.batch()));
      count = (int) Math.min(block, channels - first);
      width = (int) maps.widths()[level];
      size = (int) maps.heights()[level] * width;
      spans = new RoiSpans(args, scratch);
      planes = new RoiPlanes(turns, x[level], count, block);
      laid = new boolean[size <= CELLS ? (int) ceilDiv(size, PIECE) : 0];
    }

    void run(long from, long to) {
      for (long r = from; r < to; r++) {
        long on = regions.map(r);
        if (Math.max(on, 0) != map) {
          continue;
        }
        regions.box(r, box);
        if (on < 0 || !(args.positionSensitive() ? spans.setOne(box, maps, level, bin) : spans.set(box, maps, level))) {
          nothing(r);
        } else if (args.positionSensitive()) {
          grid(0, 1, 1, r * row + first * bins(0) + bin, bins(0));
        } else {
          for (int g = 0; g < args.rows().length; g++) {
            grid(spans.at(g), (int) args.rows()[g], (int) args.columns()[g], r * row + args.base(g) + first * bins(g), 1);
          }
        }
      }
    }

    private long bins(int grid) {
      return args.rows()[grid] * args.columns()[grid];
    }

    /** A region that reads nothing. */
    private void nothing(long r) {
      for (int g = 0; g < args.rows().length; g++) {
        long step = args.positionSensitive() ? bins(0) : 1;
        long begin = r * row + args.base(g) + first * bins(g) + bin;
        for (long i = 0; i < (args.positionSensitive() ? count : count * bins(g)); i++) {
          y.set(y.start + begin + i * step, 0);
          if (indices != null) {
            indices.set(indices.start + begin + i * step, NOTHING);
          }
        }
      }
    }

    /** A grid of p x q bins, some rows of bins at a time; position-sensitive results lie {@code step} apart. */
    private void grid(int at, int p, int q, long begin, long step) {
      int some = Math.max(1, BINS / q);
      if (p <= some) {
        part(spans.spans, at, p, q, begin, (long) p * q, step);
        return;
      }
      for (int i = 0; i < p; i += some) {
        int n = Math.min(some, p - i);
        int[] part = scratch.ints(3, 2 * (n + q));
        System.arraycopy(spans.spans, at + i, part, 0, n);
        System.arraycopy(spans.spans, at + p + i, part, n, n);
        System.arraycopy(spans.spans, at + 2 * p, part, 2 * n, 2 * q);
        part(part, 0, n, q, begin + (long) i * q, (long) p * q, step);
      }
    }

    private void part(int[] s, int at, int p, int q, long begin, long planeStep, long step) {
      int n = p * q;
      float[] results = scratch.floats(1, (long) Math.max(n, 16) * block); // of fewer than 16 bins too, squares are read
      float[] positions = indices == null ? null : scratch.floats(4, (long) Math.max(n, 16) * block);
      if (size <= CELLS) {
        pool(s, at, p, q, results, positions);
      } else {
        far(s, at, p, q, results, positions);
      }
      write(n, results, positions, begin, planeStep, step);
    }

    private void pool(int[] s, int at, int p, int q, float[] results, float[] positions) {
      float[] cells = scratch.floats(0, (long) size * block);
      reach(cells, s[at] * width, s[at + 2 * p - 1] * width);
      if (args.op() == Pool.Op.AVERAGE) {
        loops.average(cells, width, s, at, p, q, results);
      } else if (positions == null) {
        loops.max(cells, width, s, at, p, q, careful, results);
      } else {
        loops.index(cells, width, s, at, p, q, careful, results, positions);
      }
    }

    private long plane() {
      long channelStep = x[level].stride(1);
      long step = args.positionSensitive() ? bins(0) : 1;
      return x[level].start + map % maps.batch() * x[level].stride(0) + (first * step + bin) * channelStep;
    }

    private long planeStep() {
      return x[level].stride(1) * (args.positionSensitive() ? bins(0) : 1);
    }

    private void reach(float[] cells, int low, int high) {
      for (int piece = low / PIECE; piece * PIECE < high; piece++) {
        if (!laid[piece]) {
          laid[piece] = true;
          int at = piece * PIECE;
          int n = Math.min(PIECE, size - at);
          careful |= planes.turn(plane() + at, planeStep(), n, cells, at * block, scratch);
        }
      }
    }

    /** Planes too large to be laid out: element by element. */
    private void far(int[] s, int at, int p, int q, float[] results, float[] positions) {
      float[] line = scratch.floats(3, PIECE);
      for (int b = 0; b < p * q; b++) {
        int i = at + b / q;
        int j = at + 2 * p + b % q;
        for (int c = 0; c < count; c++) {
          bin(plane() + c * planeStep(), s[i], s[i + p], s[j], s[j + q], b * block + c, line, results, positions);
        }
      }
    }

    private void bin(long plane, int top, int bottom, int left, int right, int result, float[] line, float[] results, float[] positions) {
      boolean average = args.op() == Pool.Op.AVERAGE;
      float acc = average ? 0 : Float.NEGATIVE_INFINITY;
      int at = top * width + left;
      for (int iy = top; iy < bottom; iy++) {
        for (int ix = left; ix < right; ix += PIECE) {
          int n = Math.min(PIECE, right - ix);
          x[level].read(plane + (long) iy * width + ix, line, 0, n);
          for (int k = 0; k < n; k++) {
            float v = line[k];
            if (average) {
              acc += v;
            } else if (v > acc || v != v && acc == acc) {
              acc = v;
              at = iy * width + ix + k;
            }
          }
        }
      }
      boolean empty = bottom <= top || right <= left;
      results[result] = empty ? 0 : average ? acc / (float) ((long) (bottom - top) * (right - left)) : acc + 0f;
      if (positions != null) {
        positions[result] = empty ? NOTHING : Float.intBitsToFloat(at);
      }
    }

    private void write(int n, float[] results, float[] positions, long begin, long planeStep, long step) {
      if (step > 1) {
        for (int c = 0; c < count; c++) {
          y.set(y.start + begin + c * step, results[c]);
          if (positions != null) {
            indices.set(indices.start + begin + c * step, positions[c]);
          }
        }
        return;
      }
      writeRows(results, n, y, begin, planeStep);
      if (positions != null) {
        writeRows(positions, n, indices, begin, planeStep);
      }
    }

    private void writeRows(float[] bins, int n, Floats to, long begin, long planeStep) {
      float[] rows = scratch.floats(2, (long) n * count + 16);
      RoiPlanes.turnBack(turns, bins, 0, block, n, count, rows, scratch);
      int runs = n == planeStep ? 1 : count;
      int run = n * count / runs;
      for (int c = 0; c < runs; c++) {
        to.write(rows, c * run, to.start + begin + c * planeStep, run);
      }
    }
  }
}
