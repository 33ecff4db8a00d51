package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.LayerNorm;
import org.ondol.ops.Reduce;
import org.ondol.ops.Softmax;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.LayerNormOracle;
import org.ondol.test.oracle.ReduceOracle;
import org.ondol.test.oracle.SoftmaxOracle;
import org.ondol.test.page.PageRows;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random cases of softmax, layernorm and reduce and their gradients. */
final class RowCases {
  private RowCases() {}

  /** A tensor [outer, n, inner] of which the middle is reduced, written as rank 1 to 3 around it. */
  private record Geometry(int outer, int n, int inner) {
    static Geometry draw(Draw d, boolean zero) {
      int inner = d.oneIn(3) ? d.size(20) : 1;
      return new Geometry(d.sizeOrZero(40), zero ? d.sizeOrZero(200) : d.size(200), inner);
    }

    int count() {
      return outer * n * inner;
    }

    long[] shape() {
      return new long[] {outer, n, inner};
    }
  }

  static ParityCase softmax(Draw d) {
    Geometry g = Geometry.draw(d, true);
    boolean log = d.oneIn(3);
    Draw.Fill fill = d.fill();
    float[] x = d.floats(fill, g.count());
    return new ParityCase() {
      @Override
      public String describe() {
        return (log ? "log softmax " : "softmax ") + g + " " + fill;
      }

      @Override
      public Map<String, float[]> page() {
        return results("y", PageRows.softmax(x, g.outer, g.n, g.inner, log));
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        return fill.finite() ? Map.of("y", SoftmaxOracle.softmax(x, g.outer, g.n, g.inner, log)) : Map.of();
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        Tensor t = o.input("x", x, Freedom.ANY, g.shape());
        o.poison(g.shape());
        return results("y", o.adopt(log ? Softmax.logSoftmax(t, 1) : Softmax.softmax(t, -2)));
      }
    };
  }

  static ParityCase softmaxBackward(Draw d) {
    Geometry g = Geometry.draw(d, true);
    boolean log = d.oneIn(3);
    Draw.Fill fill = d.fill();
    float[] y = PageRows.softmax(d.floats(Draw.Fill.TAME, g.count()), g.outer, g.n, g.inner, log);
    float[] dy = d.floats(fill, g.count());
    return new ParityCase() {
      @Override
      public String describe() {
        return "gradient of " + (log ? "log softmax " : "softmax ") + g + " " + fill;
      }

      @Override
      public Map<String, float[]> page() {
        return results("dx", PageRows.softmaxBackward(y, dy, g.outer, g.n, g.inner, log));
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        return fill.finite() ? Map.of("dx", SoftmaxOracle.backward(y, dy, g.outer, g.n, g.inner, log)) : Map.of();
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        Tensor ty = o.input("y", y, Freedom.ANY, g.shape());
        Tensor tdy = o.input("dy", dy, Freedom.ANY, g.shape());
        o.poison(g.shape());
        return results("dx", o.adopt(log ? Softmax.logBackward(ty, tdy, 1) : Softmax.backward(ty, tdy, 1)));
      }
    };
  }

  static ParityCase layernorm(Draw d) {
    int rows = d.sizeOrZero(40);
    int n = d.size(200);
    Draw.Fill fill = d.fill();
    float[] x = d.floats(fill, rows * n);
    float[] gamma = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, n);
    float[] beta = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, n);
    double eps = d.of(1e-5, 1e-12, 0.1);
    return new ParityCase() {
      @Override
      public String describe() {
        return "layernorm rows=" + rows + " n=" + n + " eps=" + eps + (gamma == null ? "" : " gamma")
            + (beta == null ? "" : " beta") + " " + fill;
      }

      @Override
      public Map<String, float[]> page() {
        PageRows.LayerNorm f = PageRows.layernorm(x, rows, n, gamma, beta, (float) eps);
        return results("y", f.y(), "mean", f.mean(), "rstd", f.rstd());
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!fill.finite()) {
          return Map.of();
        }
        LayerNormOracle.Forward f = LayerNormOracle.layernorm(x, rows, n, gamma, beta, (float) eps);
        return Map.of("y", f.y(), "mean", f.mean(), "rstd", f.rstd());
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        o.poison(rows);
        o.poison(rows, n);
        LayerNorm.Result r = LayerNorm.forward(o.input("x", x, Freedom.ANY, rows, n),
            o.input("gamma", gamma, Freedom.ANY, n), o.input("beta", beta, Freedom.ANY, n), eps);
        return results("y", o.adopt(r.y()), "mean", o.adopt(r.mean()), "rstd", o.adopt(r.rstd()));
      }
    };
  }

  static ParityCase layernormBackward(Draw d) {
    int rows = d.sizeOrZero(40);
    int n = d.size(200);
    Draw.Fill fill = d.fill();
    float[] x = d.floats(Draw.Fill.TAME, rows * n);
    float[] dy = d.floats(fill, rows * n);
    float[] gamma = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, n);
    PageRows.LayerNorm f = PageRows.layernorm(x, rows, n, null, null, 1e-5f);
    return new ParityCase() {
      @Override
      public String describe() {
        return "gradient of layernorm rows=" + rows + " n=" + n + (gamma == null ? "" : " gamma") + " " + fill;
      }

      @Override
      public Map<String, float[]> page() {
        PageRows.LayerNormGradient g = PageRows.layernormBackward(x, gamma, dy, f.mean(), f.rstd(), rows, n);
        return results("dx", g.dx(), "dgamma", g.dgamma(), "dbeta", g.dbeta());
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!fill.finite()) {
          return Map.of();
        }
        LayerNormOracle.Gradient g = LayerNormOracle.backward(x, gamma, dy, f.mean(), f.rstd(), rows, n);
        return Map.of("dx", g.dx(), "dgamma", g.dgamma(), "dbeta", g.dbeta());
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        Tensor tx = o.input("x", x, Freedom.ANY, rows, n);
        Tensor tdy = o.input("dy", dy, Freedom.ANY, rows, n);
        Tensor tg = o.input("gamma", gamma, Freedom.ANY, n);
        Tensor mean = o.input("mean", f.mean(), Freedom.ANY, rows);
        Tensor rstd = o.input("rstd", f.rstd(), Freedom.ANY, rows);
        o.poison(rows, n);
        o.poison(n);
        LayerNorm.Gradients g = LayerNorm.backward(tx, tg, tdy, mean, rstd);
        return results("dx", o.adopt(g.dx()), "dgamma", o.adopt(g.dgamma()), "dbeta", o.adopt(g.dbeta()));
      }
    };
  }

  static ParityCase reduce(Draw d) {
    Geometry g = Geometry.draw(d, true);
    Reduce.Op op = d.of(Reduce.Op.values());
    String name = op.name().toLowerCase(Locale.ROOT);
    Draw.Fill fill = d.fill();
    float[] x = d.floats(fill, g.count());
    boolean keep = d.oneIn(2);
    return new ParityCase() {
      @Override
      public String describe() {
        return "reduce " + name + " " + g + " " + fill;
      }

      @Override
      public Map<String, float[]> page() {
        return results("y", PageRows.reduce(name, x, g.outer, g.n, g.inner));
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        return fill.finite() ? Map.of("y", ReduceOracle.reduce(name, x, g.outer, g.n, g.inner)) : Map.of();
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        Tensor t = o.input("x", x, Freedom.ANY, g.shape());
        o.poison(g.outer, g.inner);
        return results("y", o.adopt(Reduce.apply(op, t, 1, keep)));
      }
    };
  }
}
