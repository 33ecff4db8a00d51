package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.ops.Activation;
import org.ondol.spi.NadeArgs;

/**
 * A pass over the variables of nade, and sampling. A task does some rows. Where there are too few for all threads, the
 * variables are cut too: a task then only adds up the activations before its part, which costs a multiply-add where an
 * output costs an activation.
 */
final class NadeKernel {
  /** Rows that share a reading of the weights. */
  private static final int ROWS = 16;

  /** Variables below which a pass is not cut. */
  private static final long PART = 32;

  private final NadeLoops loops;
  private final NadeArgs args;
  private final int hidden;
  private final int width;
  private final Floats x;
  private final Floats w;
  private final Floats v;
  private final Floats bias;
  private final Floats scale;
  private final Floats y;
  private final Floats uniform;
  private final Floats given;
  private final MemorySegment known;
  private final long knownAt;

  private NadeKernel(NadeLoops loops, NadeArgs args) {
    this.loops = loops;
    this.args = args;
    hidden = Math.toIntExact(args.hidden());
    width = padded(hidden);
    x = Floats.of(args.x());
    w = Floats.of(args.w());
    v = Floats.of(args.v());
    bias = Floats.of(args.bias());
    scale = Floats.of(args.scale());
    y = Floats.of(args.y());
    uniform = Floats.of(args.uniform());
    given = Floats.of(args.given());
    Tensor mask = args.known();
    known = mask == null ? null : mask.segment();
    knownAt = mask == null ? 0 : mask.offset();
  }

  static void run(Loops loops, NadeArgs args) {
    NadeKernel kernel = new NadeKernel(loops.nade(), args);
    long threads = Threads.count();
    int rows = (int) Math.max(1, Math.min(ROWS, ceilDiv(args.rows(), threads)));
    long blocks = ceilDiv(args.rows(), rows);
    boolean whole = args.uniform() != null || args.outputs() == 0 || blocks == 0 || blocks >= threads;
    long parts = whole ? 1 : Math.max(1, Math.min(ceilDiv(threads, blocks), args.variables() / PART));
    long part = Math.max(1, ceilDiv(args.variables(), parts));
    Threads.pool().run(blocks * parts, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          long row = task / parts * rows;
          long first = Math.min(args.variables(), task % parts * part);
          long last = task % parts == parts - 1 ? args.variables() : Math.min(args.variables(), first + part);
          kernel.rows(row, (int) Math.min(rows, args.rows() - row), first, last, scratch);
        }
      }
    });
  }

  /** The outputs of the variables from first to before last; the state where last is the end. */
  private void rows(long row, int rows, long first, long last, Scratch scratch) {
    int held = (rows + 3) & -4;
    float[] a = scratch.floats(0, held * width);
    float[] h = scratch.floats(1, held * width);
    float[] weights = scratch.floats(2, width);
    float[] xs = scratch.floats(3, rows);
    float[] p = scratch.floats(4, 64);
    Arrays.fill(a, 0, held * width, 0);
    Arrays.fill(h, 0, held * width, 0);
    Arrays.fill(weights, 0, width, 0);
    Floats start = Floats.of(args.start());
    for (int r = 0; r < rows; r++) {
      start.read(start.start + (row + r) * args.startRow(), a, r * width, hidden);
    }
    boolean stale = true;
    for (long d = 0; d < last; d++) {
      if (d >= first && args.outputs() > 0) {
        boolean all = stale || scale != null && bits(d) != bits(d - 1);
        for (int r = 0; r < rows; r++) {
          if (all || xs[r] != 0) {
            activate(d, a, h, r * width);
          }
        }
        stale = false;
        outputs(row, rows, d, h, scratch.floats(5, width), p);
      }
      advance(row, rows, d, xs, weights, a);
    }
    if (args.state() != null && last == args.variables()) {
      Floats state = Floats.of(args.state());
      for (int r = 0; r < rows; r++) {
        state.write(a, r * width, state.start + (row + r) * hidden, hidden);
      }
    }
  }

  private int bits(long d) {
    return Float.floatToRawIntBits(scale.get(scale.start + d));
  }

  /** The padding becomes -1: with weights of +0 it adds -0, which changes no partial sum. */
  private void activate(long d, float[] a, float[] h, int at) {
    float s = scale == null ? 1 : scale.get(scale.start + d);
    loops.activate(args.activation() == Activation.SIGMOID, scale != null, s, a, at, h, at, width);
    Arrays.fill(h, at + hidden, at + width, -1);
  }

  private void outputs(long row, int rows, long d, float[] h, float[] weights, float[] p) {
    Arrays.fill(weights, hidden, width, 0);
    for (long o = 0; o < args.outputs(); o++) {
      long at = d * args.outputs() + o;
      v.read(v.start + at * hidden, weights, 0, hidden);
      float b = bias == null ? 0 : bias.get(bias.start + at);
      for (int r = 0; r < rows; r += 4) {
        loops.dots(weights, 0, h, r * width, width, width, p);
        for (int i = 0; i < Math.min(4, rows - r); i++) {
          float sum = NadeGradient.tree(p, 16 * i);
          y.set(y.start + (row + r + i) * args.variables() * args.outputs() + at, bias == null ? sum : sum + b);
        }
      }
    }
  }

  /** Adds variable d, which is drawn first where this samples. */
  private void advance(long row, int rows, long d, float[] xs, float[] weights, float[] a) {
    boolean read = false;
    for (int r = 0; r < rows; r++) {
      long at = (row + r) * args.variables() + d;
      xs[r] = uniform == null ? x.get(x.start + at) : draw(at);
      if (xs[r] == 0) {
        continue;
      }
      if (!read) {
        w.read(w.start + d * hidden, weights, 0, hidden);
        read = true;
      }
      loops.advance(xs[r], weights, 0, a, r * width, width);
    }
  }

  private float draw(long at) {
    boolean fixed = known != null && known.getAtIndex(ValueLayout.JAVA_BYTE, knownAt + at) != 0;
    float drawn = fixed ? given.get(given.start + at)
        : uniform.get(uniform.start + at) < ScalarMath.sigmoid(y.get(y.start + at)) ? 1 : 0;
    x.set(x.start + at, drawn);
    return drawn;
  }
}
