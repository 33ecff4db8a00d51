package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.BatchNorm;
import org.ondol.test.oracle.BatchNormOracle;
import org.ondol.test.oracle.Bound;
import org.ondol.test.page.PageBatchNorm;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random cases of batchnorm in training and inference, and of its gradient. */
final class BatchNormCases {
  private BatchNormCases() {}

  /** [n, c] and up to three more dimensions; few and many channels, planes of one and of several segments. */
  private record Geometry(int n, int c, int... plane) {
    static Geometry draw(Draw d) {
      int n = d.oneIn(25) ? 0 : d.between(1, 5);
      int c = d.oneIn(3) ? d.between(1, 3) : d.size(20);
      return switch (d.below(8)) {
        case 0 -> new Geometry(n, c);
        case 1 -> new Geometry(n, c, d.size(70));
        case 2 -> new Geometry(n, c, 2, d.size(9), d.size(9));
        case 3 -> new Geometry(d.between(1, 2), d.between(1, 5), d.between(60, 70), d.between(60, 70));
        default -> new Geometry(n, c, d.size(20), d.size(20));
      };
    }

    int size() {
      int size = 1;
      for (int p : plane) {
        size *= p;
      }
      return size;
    }

    int count() {
      return n * c * size();
    }

    long[] shape() {
      long[] shape = new long[2 + plane.length];
      shape[0] = n;
      shape[1] = c;
      for (int i = 0; i < plane.length; i++) {
        shape[2 + i] = plane[i];
      }
      return shape;
    }

    String text() {
      return java.util.Arrays.toString(shape());
    }

    PageBatchNorm page() {
      return new PageBatchNorm(n, c, size());
    }

    BatchNormOracle oracle() {
      return new BatchNormOracle(n, c, size());
    }
  }

  private static float[] positive(Draw d, int n) {
    float[] x = d.floats(Draw.Fill.TAME, n);
    for (int i = 0; i < n; i++) {
      x[i] = x[i] * x[i];
    }
    return x;
  }

  static ParityCase forward(Draw d) {
    return d.oneIn(2) ? train(d, Geometry.draw(d)) : infer(d, Geometry.draw(d));
  }

  /** Many channels of planes of several segments. */
  static ParityCase large(Draw d) {
    return train(d, new Geometry(2, 40, 80, 70));
  }

  private static ParityCase infer(Draw d, Geometry g) {
    Draw.Fill fill = d.fill();
    float[] x = d.floats(fill, g.count());
    float[] gamma = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, g.c);
    float[] beta = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, g.c);
    float[] mean = d.floats(Draw.Fill.TAME, g.c);
    float[] variance = positive(d, g.c);
    double eps = d.of(1e-5, 1e-3, 0.1);
    boolean relu = d.oneIn(3);
    return new ParityCase() {
      @Override
      public String describe() {
        return "batchnorm " + g.text() + " eps=" + eps + (gamma == null ? "" : " gamma") + (beta == null ? "" : " beta")
            + (relu ? " relu " : " ") + fill;
      }

      @Override
      public Map<String, float[]> page() {
        return results("y", g.page().infer(x, gamma, beta, mean, variance, (float) eps, relu));
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        return fill.finite() ? Map.of("y", g.oracle().infer(x, gamma, beta, mean, variance, eps, relu)) : Map.of();
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        o.poison(g.shape());
        return results("y", o.adopt(BatchNorm.apply(o.input("x", x, Freedom.ANY, g.shape()),
            o.input("gamma", gamma, Freedom.ANY, g.c), o.input("beta", beta, Freedom.ANY, g.c),
            o.input("mean", mean, Freedom.ANY, g.c), o.input("variance", variance, Freedom.ANY, g.c), eps, relu)));
      }
    };
  }

  private static ParityCase train(Draw d, Geometry drawn) {
    // A channel without elements has no mean; one element has no unbiased variance.
    Geometry g = drawn.n == 0 ? new Geometry(2, drawn.c, drawn.plane) : drawn;
    Draw.Fill fill = d.fill();
    float[] x = d.floats(fill, g.count());
    float[] gamma = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, g.c);
    float[] beta = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, g.c);
    float[] oldMean = d.floats(Draw.Fill.TAME, g.c);
    float[] oldVariance = positive(d, g.c);
    double eps = d.of(1e-5, 1e-3, 0.1);
    double momentum = d.of(0.1, 0.01, 1.0);
    boolean relu = d.oneIn(3);
    boolean unbiased = d.oneIn(2) && g.n * g.size() > 1;
    return new ParityCase() {
      @Override
      public String describe() {
        return "batchnorm training " + g.text() + " eps=" + eps + " momentum=" + momentum + (gamma == null ? "" : " gamma")
            + (beta == null ? "" : " beta") + (unbiased ? " unbiased" : "") + (relu ? " relu " : " ") + fill;
      }

      @Override
      public Map<String, float[]> page() {
        PageBatchNorm.Forward f = g.page().train(x, gamma, beta, (float) eps, relu);
        int m = g.n * g.size();
        return results("y", f.y(), "mean", f.mean(), "variance", f.variance(), "rstd", f.rstd(), "running mean",
            PageBatchNorm.running(oldMean, f.mean(), momentum, false, m), "running variance",
            PageBatchNorm.running(oldVariance, f.variance(), momentum, unbiased, m));
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!fill.finite()) {
          return Map.of();
        }
        BatchNormOracle.Forward f = g.oracle().train(x, gamma, beta, eps, relu);
        Map<String, Bound.Values> all = new LinkedHashMap<>();
        all.put("y", f.y());
        all.put("mean", f.mean());
        all.put("variance", f.variance());
        all.put("rstd", f.rstd());
        return all;
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        o.poison(g.c);
        o.poison(g.shape());
        Tensor mean = o.adopt(Tensor.of(o.device(), oldMean, g.c));
        Tensor variance = o.adopt(Tensor.of(o.device(), oldVariance, g.c));
        BatchNorm.Running running = unbiased ? BatchNorm.Running.pytorch(mean, variance, momentum)
            : new BatchNorm.Running(mean, variance, momentum, false);
        BatchNorm.Result r = BatchNorm.train(o.input("x", x, Freedom.ANY, g.shape()), o.input("gamma", gamma, Freedom.ANY, g.c),
            o.input("beta", beta, Freedom.ANY, g.c), eps, relu, running);
        return results("y", o.adopt(r.y()), "mean", o.adopt(r.mean()), "variance", o.adopt(r.variance()), "rstd",
            o.adopt(r.rstd()), "running mean", mean, "running variance", variance);
      }
    };
  }

  static ParityCase backward(Draw d) {
    Geometry g = Geometry.draw(d);
    Draw.Fill fill = d.fill();
    float[] x = d.floats(Draw.Fill.TAME, g.count());
    float[] dy = d.floats(fill, g.count());
    float[] gamma = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, g.c);
    float[] y = d.oneIn(3) ? d.floats(Draw.Fill.INTEGER, g.count()) : null;
    boolean training = !d.oneIn(3);
    PageBatchNorm.Forward f = g.page().train(x, null, null, 1e-5f, false);
    float[] mean = g.count() == 0 ? new float[g.c] : f.mean();
    float[] rstd = g.count() == 0 ? new float[g.c] : f.rstd();
    return new ParityCase() {
      @Override
      public String describe() {
        return "gradient of batchnorm " + g.text() + (training ? " training" : "") + (gamma == null ? "" : " gamma")
            + (y == null ? " " : " relu ") + fill;
      }

      @Override
      public Map<String, float[]> page() {
        PageBatchNorm.Gradient r = g.page().backward(x, gamma, dy, y, mean, rstd, training);
        return results("dx", r.dx(), "dgamma", r.dgamma(), "dbeta", r.dbeta());
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!fill.finite()) {
          return Map.of();
        }
        BatchNormOracle.Gradient r = g.oracle().backward(x, gamma, dy, y, mean, rstd, training);
        return Map.of("dx", r.dx(), "dgamma", r.dgamma(), "dbeta", r.dbeta());
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        o.poison(g.c);
        o.poison(g.shape());
        BatchNorm.Gradients r = BatchNorm.backward(o.input("x", x, Freedom.ANY, g.shape()),
            o.input("gamma", gamma, Freedom.ANY, g.c), o.input("dy", dy, Freedom.ANY, g.shape()),
            o.input("y", y, Freedom.ANY, g.shape()), o.input("mean", mean, Freedom.ANY, g.c),
            o.input("rstd", rstd, Freedom.ANY, g.c), training);
        return results("dx", o.adopt(r.dx()), "dgamma", o.adopt(r.dgamma()), "dbeta", o.adopt(r.dbeta()));
      }
    };
  }
}
