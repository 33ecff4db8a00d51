package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.RoiPlanes.PIECE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Pool;
import org.ondol.spi.RoiMaps;
import org.ondol.spi.RoiPoolArgs;
import org.ondol.spi.RoiPoolBackwardArgs;

/** Gradients of pooling of regions: a task owns a tile of some planes of dx and visits the regions of their map in order. */
final class RoiPoolGradient {
  /** Channels of a task that scatters maxima. */
  private static final int CHANNELS = 8;

  /** Cells of a tile of maxima. */
  private static final long CELLS = 1 << 15;

  /** Cells of a tile of averages, a block of channels side by side. */
  private static final long SUMS = 1 << 13;

  /** Results that are read at once. */
  private static final int RUN = 1024;

  private final RoiLoops loops;
  private final Turns turns;
  private final RoiPoolArgs args;
  private final RoiMaps maps;
  private final RoiRegions regions;
  private final Floats dy;
  private final Floats[] dx;
  private final MemorySegment indices;
  private final long indicesAt;
  private final boolean max;
  private final long row;
  private final int block;

  private RoiPoolGradient(Loops loops, RoiPoolBackwardArgs args) {
    this.loops = loops.roi();
    turns = loops.turns();
    this.args = args.forward();
    maps = this.args.x();
    regions = new RoiRegions(this.args.rois(), maps);
    dy = Floats.of(args.dy());
    dx = args.dx().stream().map(Floats::of).toArray(Floats[]::new);
    max = this.args.op() == Pool.Op.MAX;
    indices = max ? this.args.indices().segment() : null;
    indicesAt = max ? this.args.indices().offset() : 0;
    row = this.args.row();
    block = max ? CHANNELS : this.loops.block();
  }

  static void run(Loops loops, RoiPoolBackwardArgs args) {
    RoiPoolGradient kernel = new RoiPoolGradient(loops, args);
    long blocks = kernel.blocks();
    long perTile = kernel.maps.batch() * blocks;
    long tiles = 0;
    for (int l = 0; l < kernel.maps.levels(); l++) {
      tiles += kernel.down(l) * kernel.across(l);
    }
    Threads.pool().run(tiles * perTile, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          int level = 0;
          long tile = task / perTile;
          while (tile >= kernel.down(level) * kernel.across(level)) {
            tile -= kernel.down(level) * kernel.across(level);
            level++;
          }
          kernel.new Task(level, task % perTile / blocks, tile, scratch).run(task % blocks);
        }
      }
    });
  }

  private long bins() {
    return args.positionSensitive() ? args.rows()[0] * args.columns()[0] : 1;
  }

  private long blocks() {
    return max ? ceilDiv(maps.channels(), block) : ceilDiv(args.channels(), block) * bins();
  }

  private long tileWidth(int level) {
    return Math.min(maps.widths()[level], max ? CELLS : SUMS);
  }

  private long tileHeight(int level) {
    return Math.min(maps.heights()[level], (max ? CELLS : SUMS) / tileWidth(level));
  }

  private long down(int level) {
    return ceilDiv(maps.heights()[level], tileHeight(level));
  }

  private long across(int level) {
    return ceilDiv(maps.widths()[level], tileWidth(level));
  }

  private final class Task {
    private final int level;
    private final long image;
    private final int top;
    private final int bottom;
    private final int left;
    private final int right;
    private final int width;
    private final int cells;
    private final RoiSpans spans;
    private final Scratch scratch;
    private final float[] box = new float[4];
    /** Where the row of a cell begins, which saves a division a result; null where the tile has not all columns, which is rare. */
    private final int[] rows;

    Task(int level, long image, long tile, Scratch scratch) {
      this.level = level;
      this.image = image;
      this.scratch = scratch;
      top = (int) (tile / across(level) * tileHeight(level));
      left = (int) (tile % across(level) * tileWidth(level));
      bottom = (int) Math.min(maps.heights()[level], top + tileHeight(level));
      right = (int) Math.min(maps.widths()[level], left + tileWidth(level));
      width = right - left;
      cells = (bottom - top) * width;
      spans = new RoiSpans(args, scratch);
      rows = max && width == maps.widths()[level] ? scratch.ints(2, cells) : null;
      for (int y = 0; y < bottom - top && rows != null; y++) {
        Arrays.fill(rows, y * width, (y + 1) * width, y * width);
      }
    }

    void run(long b) {
      if (max) {
        scatter(b * block, (int) Math.min(block, maps.channels() - b * block));
        return;
      }
      long blocks = ceilDiv(args.channels(), block);
      long first = b % blocks * block;
      spread(first, (int) Math.min(block, args.channels() - first), b / blocks);
    }

    /** Whether a region is on this map and not void; sets its spans. */
    private boolean visits(long r, long bin) {
      if (regions.map(r) != level * maps.batch() + image) {
        return false;
      }
      regions.box(r, box);
      return bin < 0 ? spans.set(box, maps, level) : spans.setOne(box, maps, level, bin);
    }

    private long out(long channel, int y) {
      long plane = maps.heights()[level] * maps.widths()[level];
      return dx[level].start + (image * maps.channels() + channel) * plane + y * maps.widths()[level] + left;
    }

    /** Maxima: channels [first, first + count) of the map. */
    private void scatter(long first, int count) {
      float[] sums = scratch.floats(0, (long) count * cells);
      Arrays.fill(sums, 0, count * cells, 0);
      for (long r = 0; r < args.rois().count(); r++) {
        if (!visits(r, -1)) {
          continue;
        }
        for (int g = 0; g < args.rows().length; g++) {
          int p = (int) args.rows()[g];
          int q = (int) args.columns()[g];
          if (args.positionSensitive()) {
            sensitive(r * row, first, count, p, q, sums);
          } else {
            grid(r * row + args.base(g), first, count, spans.at(g), p, q, sums);
          }
        }
      }
      int run = run();
      for (int c = 0; c < count; c++) {
        for (int at = 0; at < cells; at += run) {
          dx[level].write(sums, c * cells + at, out(first + c, top + at / width), run);
        }
      }
    }

    /** Cells that lie side by side in dx. */
    private int run() {
      return width == maps.widths()[level] ? cells : width;
    }

    private void grid(long begin, long first, int count, int at, int p, int q, float[] sums) {
      int some = Math.min(p, Math.max(1, RUN / q));
      int together = some < p ? 1 : Math.min(count, Math.max(1, RUN / (p * q)));
      float[] g = scratch.floats(1, Math.max(RUN, q));
      int[] index = scratch.ints(1, Math.max(RUN, q));
      for (int c = 0; c < count; c += together) {
        int channels = Math.min(together, count - c);
        for (int i = 0; i < p; i += some) {
          int n = Math.min(some, p - i);
          long from = begin + (first + c) * p * q + (long) i * q;
          dy.read(dy.start + from, g, 0, channels * n * q);
          MemorySegment.copy(indices, ValueLayout.JAVA_INT_UNALIGNED, (indicesAt + from) * Integer.BYTES, index, 0, channels * n * q);
          for (int k = 0; k < channels * n; k++) {
            row(g, index, k * q, q, at + i + k % n, p, at + 2 * p, sums, (c + k / n) * cells);
          }
        }
      }
    }

    /** Each channel has one result of a region, and they lie side by side. */
    private void sensitive(long begin, long first, int count, int p, int q, float[] sums) {
      float[] g = scratch.floats(1, count);
      int[] index = scratch.ints(1, count);
      dy.read(dy.start + begin + first, g, 0, count);
      MemorySegment.copy(indices, ValueLayout.JAVA_INT_UNALIGNED, (indicesAt + begin + first) * Integer.BYTES, index, 0, count);
      for (int c = 0; c < count; c++) {
        int bin = (int) ((first + c) % ((long) p * q));
        one(g[c], index[c], spans.spans[bin / q], spans.spans[p + bin / q], spans.spans[2 * p + bin % q],
            spans.spans[2 * p + q + bin % q], sums, c * cells);
      }
    }

    /** The results of a row of bins. */
    private void row(float[] g, int[] index, int from, int q, int rowAt, int p, int columnAt, float[] sums, int plane) {
      int[] s = spans.spans;
      int low = Math.max(s[rowAt], top);
      int high = Math.min(s[rowAt + p], bottom);
      if (low >= high) {
        return;
      }
      if (rows == null) {
        for (int j = 0; j < q; j++) {
          one(g[from + j], index[from + j], low, high, s[columnAt + j], s[columnAt + q + j], sums, plane);
        }
        return;
      }
      int begin = (low - top) * width;
      int end = (high - top) * width;
      for (int j = 0; j < q; j++) {
        int cell = index[from + j] - top * width;
        if (cell >= begin && cell < end) {
          int x = cell - rows[cell];
          if (x >= s[columnAt + j] && x < s[columnAt + q + j]) {
            sums[plane + cell] += g[from + j];
          }
        }
      }
    }

    private void one(float g, int index, int low, int high, int from, int to, float[] sums, int plane) {
      if (index < 0) {
        return;
      }
      int across = (int) maps.widths()[level];
      int y = index / across;
      int x = index - y * across;
      if (y >= Math.max(low, top) && y < Math.min(high, bottom) && x >= Math.max(from, left) && x < Math.min(to, right)) {
        sums[plane + (y - top) * width + x - left] += g;
      }
    }

    /** Averages: channels [first, first + count) of y, of one bin where position-sensitive. */
    private void spread(long first, int count, long bin) {
      float[] sums = scratch.floats(0, (long) cells * block);
      Arrays.fill(sums, 0, cells * block, 0);
      for (long r = 0; r < args.rois().count(); r++) {
        if (!visits(r, args.positionSensitive() ? bin : -1)) {
          continue;
        }
        if (args.positionSensitive()) {
          one(r * row + first * bins() + bin, count, sums);
          continue;
        }
        for (int g = 0; g < args.rows().length; g++) {
          spreadGrid(r * row + args.base(g), first, count, spans.at(g), (int) args.rows()[g], (int) args.columns()[g], sums);
        }
      }
      int run = run();
      float[] rows = scratch.floats(1, (long) PIECE * count + 16);
      for (int at = 0; at < cells; at += run) {
        for (int k = 0; k < run; k += PIECE) {
          int n = Math.min(PIECE, run - k);
          RoiPlanes.turnBack(turns, sums, (at + k) * block, block, n, count, rows, scratch);
          for (int c = 0; c < count; c++) {
            dx[level].write(rows, c * n, out((first + c) * bins() + bin, top + at / width) + k, n);
          }
        }
      }
    }

    private void one(long begin, int count, float[] sums) {
      float[] g = scratch.floats(3, block);
      Arrays.fill(g, 0, block, 0);
      for (int c = 0; c < count; c++) {
        g[c] = dy.get(dy.start + begin + c * bins());
      }
      int[] s = spans.spans;
      add(g, 0, s[0], s[1], s[2], s[3], sums);
    }

    private void spreadGrid(long begin, long first, int count, int at, int p, int q, float[] sums) {
      int[] s = spans.spans;
      long n = (long) p * q;
      float[] g = scratch.floats(3, (long) PIECE * block);
      RoiPlanes planes = new RoiPlanes(turns, dy, count, block);
      for (long done = 0; done < n; done += PIECE) {
        int part = (int) Math.min(PIECE, n - done);
        planes.turn(dy.start + begin + first * n + done, n, part, g, 0, scratch);
        for (int b = 0; b < part; b++) {
          int i = at + (int) ((done + b) / q);
          int j = at + 2 * p + (int) ((done + b) % q);
          add(g, b * block, s[i], s[i + p], s[j], s[j + q], sums);
        }
      }
    }

    /** A bin's dy, over the count of its elements, to the elements in the tile. */
    private void add(float[] g, int at, int low, int high, int from, int to, float[] sums) {
      if (high <= low || to <= from) {
        return;
      }
      float elements = (float) ((long) (high - low) * (to - from));
      for (int c = 0; c < block; c++) {
        g[at + c] /= elements;
      }
      int y0 = Math.max(low, top) - top;
      int y1 = Math.min(high, bottom) - top;
      int x0 = Math.max(from, left) - left;
      int x1 = Math.min(to, right) - left;
      if (y1 > y0 && x1 > x0) {
        loops.spread(g, at, sums, width, y0, y1, x0, x1);
      }
    }
  }
}
