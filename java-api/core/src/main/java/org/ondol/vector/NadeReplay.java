package org.ondol.vector;

import java.util.Arrays;
import org.ondol.ops.Activation;
import org.ondol.spi.NadeArgs;

/**
 * The forward pass again, for going back: some rows, some hidden units. The activations are kept at the beginning of
 * every segment of about √D variables and computed again from there, a segment at a time. Going back step by step,
 * a - x W, would give other numbers. A row's hidden units are kept once for as long as they stay the same.
 */
final class NadeReplay {
  private final NadeLoops loops;
  private final NadeArgs args;
  private final Floats w;
  private final Floats scale;
  private final int variables;
  /** Variables of a segment. */
  final int length;
  final int segments;
  private final boolean keepActivations;
  private int column;
  private int units;
  private int width;
  private int rows;
  private float[] xs;
  private float[] check;
  private float[] a;
  private float[] weights;
  /** Kept hidden units, and the activations that they are of, where those are kept. */
  float[] h;
  float[] kept;
  /** By variable of the segment and row, where in h its hidden units begin. */
  int[] slot;

  NadeReplay(NadeLoops loops, NadeArgs args, boolean keepActivations) {
    this.loops = loops;
    this.args = args;
    this.keepActivations = keepActivations;
    w = Floats.of(args.w());
    scale = Floats.of(args.scale());
    variables = Math.toIntExact(args.variables());
    length = Math.max(1, (int) Math.round(Math.sqrt(variables)));
    segments = (int) Packing.ceilDiv(variables, length);
  }

  /** Takes {@code units} hidden units from {@code column} on of rows from {@code row} on; uses arrays 8 to 13. */
  void begin(long row, int rows, int column, int units, Scratch scratch) {
    this.rows = rows;
    this.column = column;
    this.units = units;
    width = Packing.padded(units);
    xs = scratch.floats(8, (long) rows * variables);
    check = scratch.floats(9, (long) segments * rows * width);
    a = scratch.floats(10, (long) rows * width);
    weights = scratch.floats(11, width);
    h = scratch.floats(12, (long) length * rows * width);
    kept = keepActivations ? scratch.floats(13, (long) length * rows * width) : null;
    slot = scratch.ints(0, length * rows);
    Floats x = Floats.of(args.x());
    x.read(x.start + row * variables, xs, 0, rows * variables);
    Arrays.fill(a, 0, rows * width, 0);
    Arrays.fill(weights, 0, width, 0);
    Floats start = Floats.of(args.start());
    for (int r = 0; r < rows; r++) {
      start.read(start.start + (row + r) * args.startRow() + column, a, r * width, units);
    }
    for (int k = 0; k < segments; k++) {
      System.arraycopy(a, 0, check, k * rows * width, rows * width);
      for (int d = k * length; k + 1 < segments && d < (k + 1) * length; d++) {
        advance(d);
      }
    }
  }

  float x(int row, int d) {
    return xs[row * variables + d];
  }

  /** Computes the hidden units of segment k, variables [k length, min((k + 1) length, D)). */
  void segment(int k) {
    System.arraycopy(check, k * rows * width, a, 0, rows * width);
    int used = 0;
    int end = Math.min(variables, (k + 1) * length);
    for (int d = k * length; d < end; d++) {
      int at = (d - k * length) * rows;
      boolean all = d == k * length || scale != null && bits(d) != bits(d - 1);
      for (int r = 0; r < rows; r++) {
        if (all || x(r, d - 1) != 0) {
          activate(d, r, used);
          slot[at + r] = used;
          used += width;
        } else {
          slot[at + r] = slot[at + r - rows];
        }
      }
      if (d + 1 < end) {
        advance(d);
      }
    }
  }

  private void activate(int d, int r, int to) {
    float s = scale == null ? 1 : scale.get(scale.start + d);
    loops.activate(args.activation() == Activation.SIGMOID, scale != null, s, a, r * width, h, to, width);
    if (kept != null) {
      System.arraycopy(a, r * width, kept, to, units);
      Arrays.fill(kept, to + units, to + width, 0);
    }
  }

  private int bits(long d) {
    return Float.floatToRawIntBits(scale.get(scale.start + d));
  }

  private void advance(int d) {
    boolean read = false;
    for (int r = 0; r < rows; r++) {
      if (x(r, d) == 0) {
        continue;
      }
      if (!read) {
        w.read(w.start + d * args.hidden() + column, weights, 0, units);
        read = true;
      }
      loops.advance(x(r, d), weights, 0, a, r * width, width);
    }
  }
}
