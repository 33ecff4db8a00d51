package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.LstmBackwardArgs;

/** The way back through the steps of an LSTM, with tasks like {@link LstmKernel}. */
final class LstmGradient {
  private final Loops loops;
  private final LstmBackwardArgs args;
  private final int hidden;
  private final int width;
  private final Floats gates;
  private final Floats cells;
  private final Floats c0;
  private final Floats dh;
  private final Floats dc;
  private final Floats dx;
  private final Floats dh0;
  private final Floats dc0;
  private final float[] panels;

  private LstmGradient(Loops loops, LstmBackwardArgs args, float[] panels) {
    this.loops = loops;
    this.args = args;
    this.hidden = (int) args.hidden();
    this.width = padded(hidden);
    this.gates = Floats.of(args.gates());
    this.cells = Floats.of(args.cells());
    this.c0 = Floats.of(args.c0());
    this.dh = Floats.of(args.dh());
    this.dc = Floats.of(args.dc());
    this.dx = Floats.of(args.dx());
    this.dh0 = Floats.of(args.dh0());
    this.dc0 = Floats.of(args.dc0());
    this.panels = LstmRows.channelPanels(Floats.of(args.weight()), (int) args.taps(), hidden, panels);
  }

  static void run(Loops loops, LstmBackwardArgs args) {
    long floats = 4L * padded(Math.toIntExact(args.hidden())) * args.taps() * args.hidden();
    try (Scratch shared = Scratch.borrow()) {
      LstmGradient kernel = new LstmGradient(loops, args, shared.floats(0, floats));
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

  /** Some sequences. */
  private final class Group {
    private final long first;
    private final LstmRows rows;
    /** Gradients of the gates of the step after, between zeros. */
    private final float[] state;
    private final float[] product;
    private final float[] cell;
    private final float[] left;
    private final float[] gate;
    private final float[] squashed;
    private final float[] before;

    Group(long first, int count, Scratch scratch) {
      this.first = first;
      this.rows = new LstmRows(count, Math.toIntExact(args.positions()), Math.toIntExact(args.taps()),
          4 * hidden, width);
      this.state = scratch.floats(1, rows.stateFloats());
      this.product = scratch.floats(2, (long) rows.rows() * width);
      this.cell = scratch.floats(3, (long) rows.rows() * width);
      this.left = scratch.floats(4, rows.leftFloats());
      this.gate = scratch.floats(5, 4L * width);
      this.squashed = scratch.floats(6, width);
      this.before = scratch.floats(7, width);
    }

    void steps() {
      Arrays.fill(product, 0, rows.rows() * width, 0);
      Arrays.fill(cell, 0, rows.rows() * width, 0);
      Arrays.fill(state, 0, rows.stateFloats(), 0);
      Arrays.fill(gate, 0, 4 * width, 0);
      Arrays.fill(squashed, 0, width, 0);
      Arrays.fill(before, 0, width, 0);
      if (dc != null) {
        read(dc, dc.start + first * args.positions() * hidden, cell);
      }
      for (long i = args.steps() - 1; i >= 0; i--) {
        long t = args.reverse() ? args.steps() - 1 - i : i;
        read(dh, dh.start + place(t, 0, 0) * hidden, product);
        if (i < args.steps() - 1) {
          rows.multiply(loops.tiles(), state, panels, product, left);
        }
        for (int s = 0; s < rows.count(); s++) {
          for (int r = 0; r < rows.positions(); r++) {
            finish(i, t, s, r);
          }
        }
      }
      if (dh0 != null) {
        Arrays.fill(product, 0, rows.rows() * width, 0);
        rows.multiply(loops.tiles(), state, panels, product, left);
        write(product, dh0);
      }
      if (dc0 != null) {
        write(cell, dc0);
      }
    }

    /** The number of a row of contiguous tensors. */
    private long place(long t, int s, int r) {
      return (t * args.sequences() + first + s) * args.positions() + r;
    }

    private void read(Floats from, long at, float[] to) {
      for (int s = 0; s < rows.count(); s++) {
        for (int r = 0; r < rows.positions(); r++) {
          from.read(at + ((long) s * rows.positions() + r) * hidden, to, rows.row(s, r) * width, hidden);
        }
      }
    }

    private void write(float[] from, Floats to) {
      for (int s = 0; s < rows.count(); s++) {
        for (int r = 0; r < rows.positions(); r++) {
          to.write(from, rows.row(s, r) * width, to.start + place(0, s, r) * hidden, hidden);
        }
      }
    }

    private void finish(long i, long t, int s, int r) {
      int row = rows.row(s, r);
      long place = place(t, s, r);
      for (int q = 0; q < 4; q++) {
        gates.read(gates.start + (4 * place + q) * hidden, gate, q * width, hidden);
      }
      cells.read(cells.start + place * hidden, squashed, 0, hidden);
      loops.elements().unary(Op.TANH, 0, squashed, 0, width);
      if (i > 0) {
        cells.read(cells.start + place(args.reverse() ? t + 1 : t - 1, s, r) * hidden, before, 0, hidden);
      } else if (c0 != null) {
        c0.read(c0.start + place(0, s, r) * hidden, before, 0, hidden);
      } else {
        Arrays.fill(before, 0, width, 0);
      }
      loops.lstm().gradient(gate, 0, squashed, product, row * width, before, cell, row * width, width);
      // The window of the way back begins as far to the left as the forward one ends to the right.
      int to = rows.place(s, rows.taps() - 1 - (int) args.before() + r);
      for (int q = 0; q < 4; q++) {
        System.arraycopy(gate, q * width, state, to + q * hidden, hidden);
      }
      dx.write(state, to, dx.start + 4 * place * hidden, 4 * hidden);
    }
  }
}
