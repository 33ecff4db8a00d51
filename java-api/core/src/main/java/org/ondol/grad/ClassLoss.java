package org.ondol.grad;

import java.util.Arrays;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.ops.Embedding;
import org.ondol.ops.Softmax;

/**
 * Softmax cross-entropy. The log-probabilities of the targets that count are gathered as rows of width 1 of a table
 * ({@link Embedding}), and their gradient is scattered likewise: whatever stands at other places, infinite or not,
 * takes no part.
 */
final class ClassLoss {
  /** Positions in [0, limit) of the elements that count, in the order of the targets. */
  private record Positions(long[] at, long limit) {
    Tensor on(Device device) {
      return Tensor.of(device, at, at.length);
    }
  }

  private ClassLoss() {}

  static Value of(Value x, Tensor target, int dim, Long ignored, Reduction reduction) {
    Require.present("x", x);
    Require.present("reduction", reduction);
    int d = Shapes.dim("dim", dim, x.rank());
    long[] targets = targets(x, target, d, ignored);
    long[] shape = target.shape();
    Value losses = logProbabilities(x, d, classes(x, d, targets)).neg();
    return switch (reduction) {
      case MEAN -> losses.mean();
      case SUM -> losses.sum();
      case BATCH_MEAN -> losses.sum().scale(1.0 / x.size(0));
      case NONE -> spread(losses, places(targets), shape);
    };
  }

  /** A copy of the targets, checked; -1 where one does not count. */
  private static long[] targets(Value x, Tensor target, int dim, Long ignored) {
    Require.open("target", target);
    if (!target.dtype().isIndex()) throw new DTypeException("target", "of type " + target.dtype(), "INT32 or INT64");
    Require.on("target", target, x.tensor().device());
    long[] xShape = x.shape();
    long[] expected = new long[xShape.length - 1];
    for (int i = 0; i < expected.length; i++) expected[i] = xShape[i < dim ? i : i + 1];
    if (!Arrays.equals(target.shape(), expected)) {
      throw new ShapeException("target", "of shape " + Arrays.toString(target.shape()), Arrays.toString(expected));
    }
    long[] all = target.toLongs();
    for (int i = 0; i < all.length; i++) {
      if (ignored != null && all[i] == ignored) {
        all[i] = -1;
      } else if (all[i] < 0 || all[i] >= xShape[dim]) {
        throw new InvalidArgumentException("target", all[i] + " at position " + i, "0 to " + (xShape[dim] - 1));
      }
    }
    return all;
  }

  /** Where in x the target classes stand. */
  private static Positions classes(Value x, int dim, long[] targets) {
    long inner = 1;
    for (int i = dim + 1; i < x.rank(); i++) inner *= x.size(i);
    long size = x.size(dim);
    long[] at = new long[targets.length];
    int n = 0;
    for (int i = 0; i < targets.length; i++) {
      if (targets[i] >= 0) at[n++] = (i / inner * size + targets[i]) * inner + i % inner;
    }
    return new Positions(Arrays.copyOf(at, n), x.count());
  }

  /** Which targets count. */
  private static Positions places(long[] targets) {
    long[] at = new long[targets.length];
    int n = 0;
    for (int i = 0; i < targets.length; i++) {
      if (targets[i] >= 0) at[n++] = i;
    }
    return new Positions(Arrays.copyOf(at, n), targets.length);
  }

  /** log softmax(x) at the positions, [n]. */
  private static Value logProbabilities(Value x, int dim, Positions positions) {
    return Tape.apply("softmax loss", r -> {
      Tensor in = x.tensor();
      Tensor y = Softmax.logSoftmax(in, dim);
      Tensor ids = positions.on(in.device());
      r.save(y, ids);
      r.backward((dy, g) -> {
        Tensor sparse = Embedding.backward(dy.unsqueeze(1), ids, positions.limit);
        g.add(0, Softmax.logBackward(y, sparse.reshape(in.shape()), dim));
      });
      return Embedding.lookup(y.reshape(-1, 1), ids).squeeze(1);
    }, x);
  }

  /** The values at their places, zeros elsewhere. */
  private static Value spread(Value chosen, Positions places, long[] shape) {
    return Tape.apply("spread", r -> {
      Tensor t = chosen.tensor();
      Tensor ids = places.on(t.device());
      r.save(ids);
      r.backward((dy, g) -> g.add(0, Embedding.lookup(dy.reshape(-1, 1), ids).squeeze(1)));
      return Embedding.backward(t.unsqueeze(1), ids, places.limit).reshape(shape);
    }, chosen);
  }
}
