package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Activation;
import org.ondol.spi.NadeArgs;
import org.ondol.spi.NadeBackwardArgs;

/**
 * The gradients of nade. Given dy, hidden units do not see each other on the way back: a task that sums over rows takes
 * a slice of them for all rows. dx and the scale's gradient are sums over hidden units: tasks of rows go back once more.
 */
final class NadeGradient {
  /** Hidden units of a slice. */
  private static final int SLICE = 64;

  /** Rows that a slice goes back with at a time. */
  private static final int BLOCK = 64;

  /** Rows of a task that sums over hidden units. */
  private static final int ROWS = 4;

  private final NadeLoops loops;
  private final Rows rowLoops;
  private final NadeBackwardArgs args;
  private final NadeArgs forward;
  private final int variables;
  private final int outputs;
  private final int hidden;
  private final Floats v;
  private final Floats w;
  private final Floats dy;
  private final Floats scale;

  private NadeGradient(Loops loops, NadeBackwardArgs args) {
    this.loops = loops.nade();
    rowLoops = loops.rows();
    this.args = args;
    forward = args.forward();
    variables = Math.toIntExact(forward.variables());
    outputs = Math.toIntExact(forward.outputs());
    hidden = Math.toIntExact(forward.hidden());
    v = Floats.of(forward.v());
    w = Floats.of(forward.w());
    dy = Floats.of(args.dy());
    scale = Floats.of(forward.scale());
  }

  static void run(Loops loops, NadeBackwardArgs args) {
    NadeGradient gradient = new NadeGradient(loops, args);
    if (args.dw() != null || args.dv() != null || args.dstart() != null) {
      int slice = ceilDiv(args.forward().hidden(), SLICE) >= 2L * Threads.count() ? SLICE : SLICE / 2;
      Threads.pool().run(ceilDiv(args.forward().hidden(), slice), (begin, end, thread) -> {
        try (Scratch scratch = Scratch.borrow()) {
          for (long task = begin; task < end; task++) {
            gradient.slice((int) task * slice, slice, scratch);
          }
        }
      });
    }
    if (args.dx() != null || args.dscale() != null) {
      Threads.pool().run(ceilDiv(args.forward().rows(), ROWS), (begin, end, thread) -> {
        try (Scratch scratch = Scratch.borrow()) {
          for (long task = begin; task < end; task++) {
            gradient.rows(task * ROWS, scratch);
          }
        }
      });
    }
  }

  /** The tree of 16 partial sums from {@code at} on. */
  static float tree(float[] p, int at) {
    for (int half = 8; half > 0; half >>= 1) {
      for (int j = at; j < at + half; j++) {
        p[j] += p[j + half];
      }
    }
    return p[at];
  }

  private NadeStep step(int rows, int width, Scratch scratch) {
    NadeStep step = new NadeStep();
    step.rows = rows;
    step.width = width;
    step.outputs = outputs;
    step.sigmoid = forward.activation() == Activation.SIGMOID;
    step.dy = scratch.floats(0, (long) rows * outputs);
    step.v = scratch.floats(1, (long) outputs * width);
    step.g = scratch.floats(2, (long) rows * width);
    step.e = scratch.floats(3, (long) rows * width);
    return step;
  }

  /** Operands of variable d: its dy, V and scale. */
  private void load(NadeStep step, long row, int d, int column, int units) {
    step.s = scale == null ? 1 : scale.get(scale.start + d);
    for (int r = 0; r < step.rows; r++) {
      dy.read(dy.start + ((row + r) * variables + d) * outputs, step.dy, r * outputs, outputs);
    }
    for (int o = 0; o < outputs; o++) {
      v.read(v.start + ((long) d * outputs + o) * hidden + column, step.v, o * step.width, units);
      Arrays.fill(step.v, o * step.width + units, (o + 1) * step.width, 0);
    }
  }

  private void start(NadeStep step, long row, int column, int units) {
    Arrays.fill(step.g, 0, step.rows * step.width, 0);
    if (args.dstate() == null) {
      return;
    }
    Floats dstate = Floats.of(args.dstate());
    for (int r = 0; r < step.rows; r++) {
      dstate.read(dstate.start + (row + r) * hidden + column, step.g, r * step.width, units);
    }
  }

  /** dW, dV and the start's gradient of some hidden units: chains over all rows, block by block. */
  private void slice(int column, int slice, Scratch scratch) {
    int units = Math.min(slice, hidden - column);
    int width = padded(units);
    float[] sum = scratch.floats(6, width);
    Arrays.fill(sum, 0, width, 0);
    if (forward.rows() == 0) {
      clear(column, units, sum);
    }
    for (long row = 0; row < forward.rows(); row += BLOCK) {
      int rows = (int) Math.min(BLOCK, forward.rows() - row);
      NadeReplay replay = new NadeReplay(loops, forward, false);
      replay.begin(row, rows, column, units, scratch);
      NadeStep step = step(rows, width, scratch);
      start(step, row, column, units);
      step.dv = scratch.floats(4, (long) outputs * width);
      step.slot = replay.slot;
      step.h = replay.h;
      for (int k = replay.segments - 1; k >= 0; k--) {
        replay.segment(k);
        for (int d = Math.min(variables, (k + 1) * replay.length) - 1; d >= k * replay.length; d--) {
          step.slotAt = (d - k * replay.length) * rows;
          inputWeights(step, replay, row, d, column, units, scratch.floats(5, width));
          load(step, row, d, column, units);
          outputWeights(step, row, d, column, units);
        }
      }
      startGradient(step, row, column, units, sum);
    }
    if (args.dstart() != null && forward.startRow() == 0) {
      Floats dstart = Floats.of(args.dstart());
      dstart.write(sum, 0, dstart.start + column, units);
    }
  }

  private void clear(int column, int units, float[] zeros) {
    Floats dw = Floats.of(args.dw());
    Floats dv = Floats.of(args.dv());
    for (long d = 0; d < variables; d++) {
      if (dw != null) {
        dw.write(zeros, 0, dw.start + d * hidden + column, units);
      }
      for (long o = 0; dv != null && o < outputs; o++) {
        dv.write(zeros, 0, dv.start + (d * outputs + o) * hidden + column, units);
      }
    }
  }

  private void inputWeights(NadeStep step, NadeReplay replay, long row, int d, int column, int units, float[] sum) {
    if (args.dw() == null) {
      return;
    }
    Floats dw = Floats.of(args.dw());
    long at = dw.start + (long) d * hidden + column;
    if (row == 0) {
      Arrays.fill(sum, 0, step.width, 0);
    } else {
      dw.read(at, sum, 0, units);
    }
    for (int r = 0; r < step.rows; r++) {
      float x = replay.x(r, d);
      if (x != 0) {
        loops.advance(x, step.g, r * step.width, sum, 0, step.width);
      }
    }
    dw.write(sum, 0, at, units);
  }

  private void outputWeights(NadeStep step, long row, int d, int column, int units) {
    Floats dv = Floats.of(args.dv());
    long at = dv == null ? 0 : dv.start + (long) d * outputs * hidden + column;
    Arrays.fill(step.dv, 0, outputs * step.width, 0);
    for (int o = 0; dv != null && row > 0 && o < outputs; o++) {
      dv.read(at + (long) o * hidden, step.dv, o * step.width, units);
    }
    loops.back(step);
    for (int o = 0; dv != null && o < outputs; o++) {
      dv.write(step.dv, o * step.width, at + (long) o * hidden, units);
    }
  }

  private void startGradient(NadeStep step, long row, int column, int units, float[] sum) {
    if (args.dstart() == null) {
      return;
    }
    Floats dstart = Floats.of(args.dstart());
    for (int r = 0; r < step.rows; r++) {
      if (forward.startRow() != 0) {
        dstart.write(step.g, r * step.width, dstart.start + (row + r) * hidden + column, units);
        continue;
      }
      for (int i = 0; i < units; i++) {
        sum[i] = sum[i] + step.g[r * step.width + i];
      }
    }
  }

  /** dx and the scale's gradient of some rows: sums over all hidden units. */
  private void rows(long row, Scratch scratch) {
    int rows = (int) Math.min(ROWS, forward.rows() - row);
    int width = padded(hidden);
    NadeReplay replay = new NadeReplay(loops, forward, args.dscale() != null);
    replay.begin(row, rows, 0, hidden, scratch);
    NadeStep step = step(rows, width, scratch);
    start(step, row, 0, hidden);
    step.slot = replay.slot;
    step.h = replay.h;
    step.products = args.dscale() != null;
    float[] weights = scratch.floats(4, width);
    Arrays.fill(weights, 0, width, 0);
    float[] p = scratch.floats(5, 16);
    for (int k = replay.segments - 1; k >= 0; k--) {
      replay.segment(k);
      for (int d = Math.min(variables, (k + 1) * replay.length) - 1; d >= k * replay.length; d--) {
        step.slotAt = (d - k * replay.length) * rows;
        if (args.dx() != null) {
          inputs(step, row, d, weights, p);
        }
        load(step, row, d, 0, hidden);
        loops.back(step);
        if (args.dscale() != null) {
          scales(step, replay.kept, row, d, p);
        }
      }
    }
  }

  private void inputs(NadeStep step, long row, int d, float[] weights, float[] p) {
    Floats dx = Floats.of(args.dx());
    w.read(w.start + (long) d * hidden, weights, 0, hidden);
    for (int r = 0; r < step.rows; r++) {
      // The padding adds -0.
      Arrays.fill(step.g, r * step.width + hidden, (r + 1) * step.width, -1);
      dx.set(dx.start + (row + r) * variables + d, dot(step.g, r * step.width, weights, 0, step.width, p));
    }
  }

  private void scales(NadeStep step, float[] activations, long row, int d, float[] p) {
    Floats dscale = Floats.of(args.dscale());
    for (int r = 0; r < step.rows; r++) {
      Arrays.fill(step.e, r * step.width + hidden, (r + 1) * step.width, -1);
      float sum = dot(step.e, r * step.width, activations, step.slot[step.slotAt + r], step.width, p);
      dscale.set(dscale.start + (row + r) * variables + d, sum);
    }
  }

  private float dot(float[] a, int aAt, float[] b, int bAt, int n, float[] p) {
    Arrays.fill(p, 0, 16, 0);
    rowLoops.dot(a, aAt, b, bAt, n, p);
    return tree(p, 0);
  }
}
