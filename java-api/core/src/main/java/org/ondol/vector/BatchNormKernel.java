package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.spi.BatchNormArgs;

/** Batch normalisation: sums over a channel's planes in segments, then one pass over the planes. */
final class BatchNormKernel {
  /** Elements of a plane that are summed by one sum16. */
  static final int SEGMENT = 4096;

  private static final long TASK = 1 << 14;

  /** A value of one segment of a channel's plane: n elements from position {@code at}. */
  @FunctionalInterface
  interface Part {
    float of(int channel, long at, int n, Scratch scratch);
  }

  /** Work on a segment. */
  @FunctionalInterface
  interface Visit {
    void of(int channel, long at, int n, Scratch scratch);
  }

  /** The segments of [batch, channels, size]. */
  record Planes(long batch, int channels, long size) {
    long segments() {
      return ceilDiv(size, SEGMENT);
    }

    /** The number of elements of a channel. */
    float count() {
      return (float) (batch * size);
    }

    /** Whether there are channels enough to give each to one thread, which then finds it in its cache again. */
    boolean wide() {
      return channels >= 2 * Threads.count();
    }

    private void visit(int channel, long part, Visit visit, Scratch scratch) {
      long first = part % segments() * SEGMENT;
      long at = (part / segments() * channels + channel) * size + first;
      visit.of(channel, at, (int) Math.min(SEGMENT, size - first), scratch);
    }

    /** All segments of a channel, in order. */
    void each(int channel, Visit visit, Scratch scratch) {
      for (long part = 0; part < batch * segments(); part++) {
        visit(channel, part, visit, scratch);
      }
    }

    /** The sum of a channel on this thread. */
    float sum(int channel, Part part, Scratch scratch) {
      float[] acc = {0};
      each(channel, (c, at, n, s) -> acc[0] += part.of(c, at, n, s), scratch);
      return acc[0];
    }

    /** The sums of all channels on all threads. */
    float[] sums(Part part) {
      long parts = batch * segments();
      float[] values = new float[Math.toIntExact(channels * parts)];
      all((unit, s) -> visit((int) (unit / parts), unit % parts,
          (c, at, n, same) -> values[(int) unit] = part.of(c, at, n, same), s));
      float[] sums = new float[channels];
      for (int i = 0; i < values.length; i++) {
        sums[(int) (i / parts)] += values[i];
      }
      return sums;
    }

    /** All segments on all threads, in the order of memory. */
    void each(Visit visit) {
      long segments = segments();
      all((unit, s) -> {
        long plane = unit / segments;
        visit((int) (plane % channels), plane / channels * segments + unit % segments, visit, s);
      });
    }

    @FunctionalInterface
    private interface Unit {
      void of(long unit, Scratch scratch);
    }

    private void all(Unit body) {
      long units = batch * channels * segments();
      long perTask = Math.max(1, TASK / Math.min(SEGMENT, size));
      Threads.pool().run(ceilDiv(units, perTask), (begin, end, thread) -> {
        try (Scratch scratch = Scratch.borrow()) {
          for (long unit = begin * perTask; unit < Math.min(units, end * perTask); unit++) {
            body.of(unit, scratch);
          }
        }
      });
    }

    /** Each channel on one thread. */
    void channels(Channel body) {
      Threads.pool().run(channels, (begin, end, thread) -> {
        try (Scratch scratch = Scratch.borrow()) {
          for (long c = begin; c < end; c++) {
            body.of((int) c, scratch);
          }
        }
      });
    }

    @FunctionalInterface
    interface Channel {
      void of(int channel, Scratch scratch);
    }
  }

  private final Loops loops;
  private final BatchNormArgs args;
  private final Planes planes;
  private final Floats x;
  private final Floats y;
  private final Floats mean;
  private final Floats variance;
  private final float[] minus;
  private final float[] scale;
  private final float[] shift;

  private BatchNormKernel(Loops loops, BatchNormArgs args) {
    this.loops = loops;
    this.args = args;
    planes = new Planes(args.batch(), Math.toIntExact(args.channels()), args.size());
    x = Floats.of(args.x());
    y = Floats.of(args.y());
    mean = Floats.of(args.mean());
    variance = Floats.of(args.variance());
    // With room for whole vectors at the end.
    minus = new float[padded(planes.channels)];
    scale = new float[padded(planes.channels)];
    shift = new float[padded(planes.channels)];
  }

  static void run(Loops loops, BatchNormArgs args) {
    BatchNormKernel kernel = new BatchNormKernel(loops, args);
    if (args.size() == 1) {
      kernel.columns(new BatchNormColumns(loops, args.batch(), kernel.planes.channels));
    } else if (!args.training()) {
      kernel.finish(0, kernel.planes.channels);
      kernel.planes.each(kernel::normalize);
    } else if (kernel.planes.wide()) {
      kernel.planes.channels((c, scratch) -> {
        kernel.mean.set(kernel.mean.start + c, kernel.planes.sum(c, kernel::plain, scratch) / kernel.planes.count());
        float squares = kernel.planes.sum(c, kernel::squares, scratch);
        kernel.variance.set(kernel.variance.start + c, squares / kernel.planes.count());
        kernel.finish(c, c + 1);
        kernel.planes.each(c, kernel::normalize, scratch);
      });
    } else {
      kernel.store(kernel.planes.sums(kernel::plain), kernel.mean);
      kernel.store(kernel.planes.sums(kernel::squares), kernel.variance);
      kernel.finish(0, kernel.planes.channels);
      kernel.planes.each(kernel::normalize);
    }
  }

  private void columns(BatchNormColumns matrix) {
    if (args.training()) {
      store(matrix.sums(x, null), mean);
      float[] means = new float[minus.length];
      mean.read(mean.start, means, 0, planes.channels);
      store(matrix.sums(x, means), variance);
    }
    finish(0, planes.channels);
    matrix.normalize(x, minus, scale, shift, args.relu(), y);
  }

  private void store(float[] sums, Floats out) {
    for (int c = 0; c < planes.channels; c++) {
      out.set(out.start + c, sums[c] / planes.count());
    }
  }

  private float[] read(long at, int n, Scratch scratch) {
    float[] values = scratch.floats(1, SEGMENT);
    x.read(x.start + at, values, 0, n);
    return values;
  }

  private float plain(int channel, long at, int n, Scratch scratch) {
    float[] values = read(at, n, scratch);
    Arrays.fill(values, n, padded(n), 0);
    return loops.rows().sum16(values, padded(n), scratch.floats(0, 16));
  }

  private float squares(int channel, long at, int n, Scratch scratch) {
    float[] values = read(at, n, scratch);
    loops.rows().minus(values, 0, padded(n), mean.get(mean.start + channel), 0);
    Arrays.fill(values, n, padded(n), 0);
    return loops.rows().dot16(values, values, padded(n), scratch.floats(0, 16));
  }

  private void normalize(int channel, long at, int n, Scratch scratch) {
    float[] values = read(at, n, scratch);
    loops.lines().affine(values, padded(n), minus[channel], scale[channel], shift[channel], args.relu());
    y.write(values, 0, y.start + at, n);
  }

  /** From the statistics to y = fma(x - minus, scale, shift). */
  private void finish(int begin, int end) {
    Floats gamma = Floats.of(args.gamma());
    Floats beta = Floats.of(args.beta());
    Floats rstds = Floats.of(args.rstd());
    for (int c = begin; c < end; c++) {
      float m = mean.get(mean.start + c);
      float g = gamma == null ? 1 : gamma.get(gamma.start + c);
      float b = beta == null ? 0 : beta.get(beta.start + c);
      float root = (float) Math.sqrt(variance.get(variance.start + c) + args.eps());
      minus[c] = args.training() ? m : 0;
      scale[c] = args.training() ? g * (1 / root) : g / root;
      shift[c] = args.training() ? b : Math.fma(-m, scale[c], b);
      if (rstds != null) {
        rstds.set(rstds.start + c, 1 / root);
      }
    }
  }
}
