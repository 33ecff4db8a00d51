package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.RoiAlign;
import org.ondol.spi.RoiAlignBackwardArgs;
import org.ondol.spi.RoiAlignShape;
import org.ondol.spi.RoiMaps;

/** The gradient of a maximum: each channel has samples of its own. A task adds up some planes of dx, where they are. */
final class RoiAlignMaximumGradient {
  private static final int CHANNELS = 4;
  private static final int PIECE = 2048;

  private final RoiAlignShape shape;
  private final RoiMaps maps;
  private final AlignGroups groups;
  private final Floats dy;
  private final Floats[] dx;
  private final MemorySegment indices;
  private final long indicesStart;
  private final long channels;
  private final int grid;
  private final long bins;
  private final long blocks;

  private RoiAlignMaximumGradient(RoiAlignBackwardArgs args) {
    shape = args.shape();
    maps = args.x();
    groups = new AlignGroups(maps, args.rois());
    dy = Floats.of(args.dy());
    dx = args.dx().stream().map(Floats::of).toArray(Floats[]::new);
    indices = args.indices().segment();
    indicesStart = args.indices().offset();
    channels = shape.channels(maps);
    grid = Math.toIntExact(shape.rows() * shape.columns());
    bins = shape.positionSensitive() ? grid : 1;
    blocks = ceilDiv(channels, CHANNELS);
  }

  static void run(RoiAlignBackwardArgs args) {
    RoiAlignMaximumGradient kernel = new RoiAlignMaximumGradient(args);
    Threads.pool().run(kernel.groups.groups * kernel.bins * kernel.blocks, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long t = begin; t < end; t++) {
          kernel.new Task(scratch, t).run();
        }
      }
    });
  }

  /** Some channels of one level and image. */
  private final class Task {
    private final int group;
    private final int level;
    private final long firstChannel;
    private final int lanes;
    private final int bin;
    private final long size;
    private final float[] box = new float[4];
    private final float[] piece;
    private final Floats to;

    Task(Scratch scratch, long task) {
      firstChannel = task % blocks * CHANNELS;
      lanes = (int) Math.min(CHANNELS, channels - firstChannel);
      bin = shape.positionSensitive() ? (int) (task / blocks % bins) : -1;
      group = (int) (task / blocks / bins);
      level = groups.level(group);
      size = maps.heights()[level] * maps.widths()[level];
      piece = scratch.floats(0, PIECE);
      to = dx[level];
    }

    /** Where the plane of a channel begins. */
    private long plane(int lane) {
      long channel = bin < 0 ? firstChannel + lane : (firstChannel + lane) * grid + bin;
      return to.start + (groups.image(group) * maps.channels() + channel) * size;
    }

    void run() {
      Arrays.fill(piece, 0, PIECE, 0);
      for (int l = 0; l < lanes; l++) {
        for (long k = 0; k < size; k += PIECE) {
          to.write(piece, 0, plane(l) + k, (int) Math.min(PIECE, size - k));
        }
      }
      for (int r = groups.start[group]; r < groups.start[group + 1]; r++) {
        region(groups.order[r]);
      }
      for (int l = 0; l < lanes; l++) {
        positiveZeros(plane(l));
      }
    }

    private void positiveZeros(long plane) {
      for (long k = 0; k < size; k += PIECE) {
        int n = (int) Math.min(PIECE, size - k);
        to.read(plane + k, piece, 0, n);
        for (int i = 0; i < n; i++) {
          piece[i] = piece[i] + 0f;
        }
        to.write(piece, 0, plane + k, n);
      }
    }

    private void region(int r) {
      groups.scaled(r, level, box);
      AlignAxis down = AlignAxis.rows(shape, maps, level, box);
      AlignAxis across = AlignAxis.columns(shape, maps, level, box);
      int q = (int) shape.columns();
      int last = bin < 0 ? (int) shape.rows() : bin / q + 1;
      for (int i = bin < 0 ? 0 : bin / q; i < last; i++) {
        AlignAxis.Run rows = down.run(i);
        for (int j = bin < 0 ? 0 : bin % q; j < (bin < 0 ? q : bin % q + 1); j++) {
          AlignAxis.Run columns = across.run(j);
          for (int l = 0; l < lanes && columns.count() > 0; l++) {
            long at = (r * channels + firstChannel + l) * grid + (long) i * q + j;
            add(down, i, rows, across, j, columns, plane(l), indices.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, indicesStart + at), at);
          }
        }
      }
    }

    /** One bin of one channel. */
    private void add(AlignAxis down, int i, AlignAxis.Run rows, AlignAxis across, int j, AlignAxis.Run columns, long plane, int index,
        long at) {
      boolean corners = shape.op() == RoiAlign.Op.MAX_CORNERS;
      int number = corners ? index >> 2 : index;
      if (number < 0 || number >= (long) rows.count() * columns.count()) {
        return;
      }
      float py = down.position(i, rows.first() + number / columns.count());
      float px = across.position(j, columns.first() + number % columns.count());
      int top = down.cell(py);
      int left = across.cell(px);
      float u1 = down.weight(py, top);
      float v1 = across.weight(px, left);
      float g = dy.get(dy.start + at);
      int width = across.size();
      for (int corner = 0; corner < 4; corner++) {
        if (corners && (index & 3) != corner) {
          continue;
        }
        long cell = plane + (long) (corner < 2 ? top : down.next(top)) * width + ((corner & 1) == 0 ? left : across.next(left));
        float weight = (corner < 2 ? 1 - u1 : u1) * ((corner & 1) == 0 ? 1 - v1 : v1);
        to.set(cell, Math.fma(weight, g, to.get(cell)));
      }
    }
  }
}
