package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.BatchNormBackwardArgs;

/**
 * Batch normalisation where a plane is one element: then x is a matrix of images by channels, the sum16 of a plane is its
 * element, and blocks of neighbouring channels are worked on side by side.
 */
final class BatchNormColumns {
  /** Channels of a task. */
  private static final int BLOCK = 128;

  private final Loops loops;
  private final long batch;
  private final int channels;

  BatchNormColumns(Loops loops, long batch, int channels) {
    this.loops = loops;
    this.batch = batch;
    this.channels = channels;
  }

  /** Changes a row of a block, n elements from position {@code at} of the matrix, and returns where it then is. */
  @FunctionalInterface
  private interface Row {
    float[] of(int channel, long at, int n, Scratch scratch);
  }

  private void each(Row row, float[] sums) {
    Threads.pool().run(ceilDiv(channels, BLOCK), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (int channel = (int) begin * BLOCK; channel < Math.min(channels, end * BLOCK); channel += BLOCK) {
          int n = Math.min(BLOCK, channels - channel);
          float[] acc = scratch.floats(0, BLOCK);
          Arrays.fill(acc, 0, BLOCK, 0);
          for (long i = 0; i < batch; i++) {
            float[] values = row.of(channel, i * channels + channel, n, scratch);
            if (sums != null) {
              loops.elements().binary(Op.ADD, 0, acc, 0, values, 0, padded(n));
            }
          }
          if (sums != null) {
            System.arraycopy(acc, 0, sums, channel, n);
          }
        }
      }
    });
  }

  private static float[] read(Floats from, long at, int n, int number, Scratch scratch) {
    float[] values = scratch.floats(number, BLOCK);
    from.read(from.start + at, values, 0, n);
    return values;
  }

  /** x = op(x, the values of the block's channels). */
  private void apply(Op op, float[] x, float[] perChannel, int channel, int n) {
    loops.elements().binary(op, 0, x, 0, perChannel, channel, padded(n));
  }

  /** The sum of each channel; {@code minus} null, or of the squares of x - minus. Arrays of channels have room for whole vectors. */
  float[] sums(Floats x, float[] minus) {
    float[] sums = new float[padded(channels)];
    each((channel, at, n, scratch) -> {
      float[] values = read(x, at, n, 1, scratch);
      if (minus != null) {
        apply(Op.SUB, values, minus, channel, n);
        loops.elements().unary(Op.SQUARE, 0, values, 0, padded(n));
      }
      return values;
    }, sums);
    return sums;
  }

  /** y = fma(x - minus, scale, shift), then relu. */
  void normalize(Floats x, float[] minus, float[] scale, float[] shift, boolean relu, Floats y) {
    each((channel, at, n, scratch) -> {
      float[] values = read(x, at, n, 1, scratch);
      apply(Op.SUB, values, minus, channel, n);
      float[] out = scratch.floats(2, BLOCK);
      System.arraycopy(shift, channel, out, 0, padded(n));
      loops.rows().multiplyAdd(out, 0, values, 0, scale, channel, padded(n));
      if (relu) {
        loops.elements().unary(Op.RELU, 0, out, 0, padded(n));
      }
      y.write(out, 0, y.start + at, n);
      return out;
    }, null);
  }

  /** The gradient; dgamma and dbeta receive the sums, all arrays have room for whole vectors. */
  void gradient(BatchNormBackwardArgs args, float[] mean, float[] rstd, float[] gamma, float[] dgamma, float[] dbeta) {
    Floats x = Floats.of(args.x());
    Floats dy = Floats.of(args.dy());
    Floats y = Floats.of(args.y());
    Floats dx = Floats.of(args.dx());
    Row incoming = (channel, at, n, scratch) -> {
      float[] g = read(dy, at, n, 1, scratch);
      if (y == null) {
        return g;
      }
      float[] out = read(y, at, n, 2, scratch);
      loops.elements().binary(Op.RELU_GRAD, 0, out, 0, g, 0, padded(n));
      return out;
    };
    Row standard = (channel, at, n, scratch) -> {
      float[] h = read(x, at, n, 3, scratch);
      apply(Op.SUB, h, mean, channel, n);
      apply(Op.MUL, h, rstd, channel, n);
      return h;
    };
    each(incoming, dbeta);
    each((channel, at, n, scratch) -> {
      float[] h = standard.of(channel, at, n, scratch);
      loops.elements().binary(Op.MUL, 0, h, 0, incoming.of(channel, at, n, scratch), 0, padded(n));
      return h;
    }, dgamma);
    float[] factor = gamma.clone();
    loops.elements().binary(Op.MUL, 0, factor, 0, rstd, 0, padded(channels));
    float[] s1 = quotient(dbeta);
    float[] s2 = quotient(dgamma);
    each((channel, at, n, scratch) -> {
      float[] g = incoming.of(channel, at, n, scratch);
      if (args.training()) {
        float[] h = standard.of(channel, at, n, scratch);
        loops.elements().unary(Op.NEG, 0, h, 0, padded(n));
        apply(Op.SUB, g, s1, channel, n);
        loops.rows().multiplyAdd(g, 0, h, 0, s2, channel, padded(n));
      }
      apply(Op.MUL, g, factor, channel, n);
      dx.write(g, 0, dx.start + at, n);
      return g;
    }, null);
  }

  private float[] quotient(float[] sums) {
    float[] mean = sums.clone();
    for (int c = 0; c < mean.length; c++) {
      mean[c] /= (float) batch;
    }
    return mean;
  }
}
