package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.LstmArgs;

/**
 * The steps of an LSTM. A task takes some sequences through all steps, which wait for no other task; its state stays in
 * the caches.
 */
final class LstmKernel {
  private final Loops loops;
  private final LstmArgs args;
  private final int hidden;
  /** Channels padded to whole panels; a row of gates is four times as many. */
  private final int width;
  private final Floats x;
  private final Floats h0;
  private final Floats c0;
  private final Floats h;
  private final Floats c;
  private final Floats gates;
  private final Floats cells;
  private final float[] bias;
  private final float[] panels;

  private LstmKernel(Loops loops, LstmArgs args, float[] panels) {
    this.loops = loops;
    this.args = args;
    this.hidden = (int) args.hidden();
    this.width = padded(hidden);
    this.x = Floats.of(args.x());
    this.h0 = Floats.of(args.h0());
    this.c0 = Floats.of(args.c0());
    this.h = Floats.of(args.h());
    this.c = Floats.of(args.c());
    this.gates = Floats.of(args.gates());
    this.cells = Floats.of(args.cells());
    this.bias = args.bias() == null ? null : new float[4 * width];
    if (bias != null) {
      readGates(Floats.of(args.bias()), Floats.of(args.bias()).start, bias, 0);
    }
    this.panels = LstmRows.gatePanels(Floats.of(args.weight()), (int) args.taps(), hidden, panels);
  }

  static void run(Loops loops, LstmArgs args) {
    long floats = 4L * padded(Math.toIntExact(args.hidden())) * args.taps() * args.hidden();
    try (Scratch shared = Scratch.borrow()) {
      LstmKernel kernel = new LstmKernel(loops, args, shared.floats(0, floats));
      int group = LstmRows.group(args.sequences(), args.positions());
      Threads.pool().run(ceilDiv(args.sequences(), group), (begin, end, thread) -> {
        try (Scratch scratch = Scratch.borrow()) {
          for (long task = begin; task < end; task++) {
            long first = task * group;
            kernel.new Group(first, (int) Math.min(group, args.sequences() - first), scratch).steps();
          }
        }
      });
    }
  }

  /** A row of gates; the ends of padded gates are left as they are. */
  private void readGates(Floats from, long at, float[] to, int toAt) {
    if (width == hidden) {
      from.read(at, to, toAt, 4 * hidden);
      return;
    }
    for (int gate = 0; gate < 4; gate++) {
      from.read(at + (long) gate * hidden, to, toAt + gate * width, hidden);
    }
  }

  /** Some sequences. */
  private final class Group {
    private final long first;
    private final LstmRows rows;
    private final float[] state;
    private final float[] product;
    private final float[] cell;
    private final float[] left;
    private final float[] temporary;

    Group(long first, int count, Scratch scratch) {
      this.first = first;
      this.rows = new LstmRows(count, Math.toIntExact(args.positions()), Math.toIntExact(args.taps()),
          hidden, 4 * width);
      this.state = scratch.floats(1, rows.stateFloats());
      this.product = scratch.floats(2, (long) rows.rows() * 4 * width);
      this.cell = scratch.floats(3, (long) rows.rows() * width);
      this.left = scratch.floats(4, rows.leftFloats());
      this.temporary = scratch.floats(5, width);
    }

    void steps() {
      begin();
      for (long i = 0; i < args.steps(); i++) {
        long t = args.reverse() ? args.steps() - 1 - i : i;
        inputs(t);
        rows.multiply(loops.tiles(), state, panels, product, left);
        for (int s = 0; s < rows.count(); s++) {
          for (int r = 0; r < rows.positions(); r++) {
            finish(t, s, r);
          }
        }
      }
      for (int s = 0; c != null && s < rows.count(); s++) {
        for (int r = 0; r < rows.positions(); r++) {
          c.write(cell, rows.row(s, r) * width, c.start + (first + s) * c.stride(0) + r * c.stride(1), hidden);
        }
      }
    }

    private void begin() {
      Arrays.fill(product, 0, rows.rows() * 4 * width, 0);
      Arrays.fill(cell, 0, rows.rows() * width, 0);
      Arrays.fill(state, 0, rows.stateFloats(), 0);
      int from = args.halo() ? 0 : (int) args.before();
      int given = h0 == null ? 0 : args.halo() ? rows.around() : rows.positions();
      for (int s = 0; s < rows.count(); s++) {
        for (int r = 0; r < given; r++) {
          h0.read(h0.start + (first + s) * h0.stride(0) + r * h0.stride(1), state, rows.place(s, from + r), hidden);
        }
        for (int r = 0; c0 != null && r < rows.positions(); r++) {
          c0.read(c0.start + (first + s) * c0.stride(0) + r * c0.stride(1), cell, rows.row(s, r) * width, hidden);
        }
      }
    }

    /** The product starts from what the input gives. */
    private void inputs(long t) {
      for (int s = 0; s < rows.count(); s++) {
        long at = x.start + t * x.stride(0) + (first + s) * x.stride(1);
        for (int r = 0; r < rows.positions(); r++) {
          int row = rows.row(s, r) * 4 * width;
          readGates(x, at + r * x.stride(2), product, row);
          if (bias != null) {
            loops.elements().binary(Op.ADD, 0, product, row, bias, 0, 4 * width);
          }
        }
      }
    }

    private void finish(long t, int s, int r) {
      int row = rows.row(s, r);
      int at = row * 4 * width;
      loops.lstm().activate(product, at, width, temporary);
      long place = ((t * args.sequences() + first + s) * args.positions() + r) * hidden;
      if (gates != null) {
        save(place, at);
      }
      loops.lstm().cell(product, at, cell, row * width, width, temporary);
      if (cells != null) {
        cells.write(cell, row * width, cells.start + place, hidden);
      }
      h.write(product, at, h.start + t * h.stride(0) + (first + s) * h.stride(1) + r * h.stride(2), hidden);
      if (args.steps() > 1) {
        System.arraycopy(product, at, state, rows.place(s, (int) args.before() + r), hidden);
      }
    }

    private void save(long place, int at) {
      for (int gate = 0; gate < 4; gate++) {
        gates.write(product, at + gate * width, gates.start + 4 * place + (long) gate * hidden, hidden);
      }
    }
  }
}
