package org.ondol.vector;

import static org.ondol.vector.BatchNormKernel.SEGMENT;
import static org.ondol.vector.Packing.padded;

import java.util.Arrays;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.BatchNormBackwardArgs;

/** The gradient of {@link BatchNormKernel}. */
final class BatchNormGradient {
  private final Loops loops;
  private final BatchNormBackwardArgs args;
  private final BatchNormKernel.Planes planes;
  private final Floats x;
  private final Floats dy;
  private final Floats y;
  private final Floats dx;
  private final float[] mean;
  private final float[] rstd;
  private final float[] gamma;
  private final float[] dgamma;
  private final float[] dbeta;

  private BatchNormGradient(Loops loops, BatchNormBackwardArgs args) {
    this.loops = loops;
    this.args = args;
    int channels = Math.toIntExact(args.channels());
    planes = new BatchNormKernel.Planes(args.batch(), channels, args.size());
    x = Floats.of(args.x());
    dy = Floats.of(args.dy());
    y = Floats.of(args.y());
    dx = Floats.of(args.dx());
    mean = values(Floats.of(args.mean()), channels);
    rstd = values(Floats.of(args.rstd()), channels);
    gamma = values(Floats.of(args.gamma()), channels);
    dgamma = new float[padded(channels)];
    dbeta = new float[padded(channels)];
  }

  private static float[] values(Floats data, int channels) {
    float[] values = new float[padded(channels)]; // room for whole vectors
    Arrays.fill(values, 1);
    if (data != null) {
      data.read(data.start, values, 0, channels);
    }
    return values;
  }

  static void run(Loops loops, BatchNormBackwardArgs args) {
    BatchNormGradient kernel = new BatchNormGradient(loops, args);
    if (args.size() == 1) {
      BatchNormColumns matrix = new BatchNormColumns(loops, args.batch(), kernel.planes.channels());
      matrix.gradient(args, kernel.mean, kernel.rstd, kernel.gamma, kernel.dgamma, kernel.dbeta);
    } else {
      kernel.run();
    }
    kernel.write(kernel.dgamma, Floats.of(args.dgamma()));
    kernel.write(kernel.dbeta, Floats.of(args.dbeta()));
  }

  private void run() {
    if (planes.wide()) {
      planes.channels((c, scratch) -> {
        planes.each(c, (channel, at, n, s) -> {
          dbeta[c] += plain(c, at, n, s);
          dgamma[c] += weighted(c, at, n, s);
        }, scratch);
        planes.each(c, this::gradient, scratch);
      });
    } else {
      System.arraycopy(planes.sums(this::plain), 0, dbeta, 0, planes.channels());
      System.arraycopy(planes.sums(this::weighted), 0, dgamma, 0, planes.channels());
      planes.each(this::gradient);
    }
  }

  private void write(float[] values, Floats to) {
    to.write(values, 0, to.start, planes.channels());
  }

  /** The incoming gradient of a segment behind the relu, zero beyond its end. */
  private float[] incoming(long at, int n, Scratch scratch) {
    float[] g = scratch.floats(1, SEGMENT);
    dy.read(dy.start + at, g, 0, n);
    Arrays.fill(g, n, padded(n), 0);
    if (y == null) {
      return g;
    }
    float[] out = scratch.floats(2, SEGMENT);
    y.read(y.start + at, out, 0, n);
    loops.elements().binary(Op.RELU_GRAD, 0, out, 0, g, 0, padded(n));
    return out;
  }

  private float[] standard(int channel, long at, int n, Scratch scratch) {
    float[] h = scratch.floats(3, SEGMENT);
    x.read(x.start + at, h, 0, n);
    loops.rows().standardize(h, 0, padded(n), mean[channel], rstd[channel]);
    Arrays.fill(h, n, padded(n), 0);
    return h;
  }

  private float plain(int channel, long at, int n, Scratch scratch) {
    return loops.rows().sum16(incoming(at, n, scratch), padded(n), scratch.floats(0, 16));
  }

  private float weighted(int channel, long at, int n, Scratch scratch) {
    float[] h = standard(channel, at, n, scratch);
    return loops.rows().dot16(incoming(at, n, scratch), h, padded(n), scratch.floats(0, 16));
  }

  private void gradient(int channel, long at, int n, Scratch scratch) {
    float[] g = incoming(at, n, scratch);
    float a = gamma[channel] * rstd[channel];
    if (args.training()) {
      float[] h = standard(channel, at, n, scratch);
      float s1 = dbeta[channel] / planes.count();
      float s2 = dgamma[channel] / planes.count();
      loops.rows().layernormGradient(h, g, 0, padded(n), a, s1, s2);
    } else {
      loops.elements().unary(Op.SCALE, a, g, 0, padded(n));
    }
    dx.write(g, 0, dx.start + at, n);
  }
}
