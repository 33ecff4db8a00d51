package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Lstm;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.LstmOracle;
import org.ondol.test.page.PageLstm;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random recurrences: all steps, one step with its halo, and the gradient. */
final class LstmCases {
  private final PageLstm page;
  private final Draw.Fill fill;
  private final float[] x;
  private final float[] weight;
  private final float[] bias;
  private final float[] h0;
  private final float[] c0;

  /** @param step whether h0 is that of a step, which is always there and has a halo */
  private LstmCases(Draw d, PageLstm page, boolean step) {
    this.page = page;
    this.fill = d.fill();
    int rows = page.sequences() * page.positions();
    this.x = d.floats(fill, page.steps() * rows * 4 * page.hidden());
    this.weight = d.floats(fill, page.taps() * page.hidden() * 4 * page.hidden());
    // Of unit variance a state would saturate at once, and its error grow with every step.
    for (int i = 0; fill == Draw.Fill.TAME && i < weight.length; i++) {
      weight[i] /= page.taps() * page.hidden();
    }
    this.bias = d.oneIn(3) ? null : d.floats(Draw.Fill.TAME, 4 * page.hidden());
    int around = step ? page.positions() + page.taps() - 1 : page.positions();
    this.h0 = d.oneIn(3) && !step ? null : d.floats(fill, page.sequences() * around * page.hidden());
    this.c0 = d.oneIn(3) ? null : d.floats(fill, rows * page.hidden());
  }

  private static LstmCases draw(Draw d, boolean zero) {
    int taps = d.of(1, 1, 2, 2, 3, 4);
    int positions = d.oneIn(3) ? 1 : zero ? d.sizeOrZero(14) : d.size(14);
    int sequences = positions == 1 ? d.size(30) : d.size(5);
    PageLstm page = new PageLstm(zero ? d.sizeOrZero(6) : d.size(6), sequences, positions, d.size(40), taps,
        d.below(taps),
        d.oneIn(2));
    return new LstmCases(d, page, false);
  }

  private LstmOracle oracle() {
    return new LstmOracle(page.steps(), page.sequences(), page.positions(), page.hidden(), page.taps(), page.before(),
        page.reverse());
  }

  private String words(String name) {
    return name + " " + page + (bias == null ? "" : " bias") + (h0 == null ? "" : " h0") + (c0 == null ? "" : " c0")
        + " " + fill;
  }

  private Lstm.Options options(Operands o) {
    long[] state = {page.sequences(), page.positions(), page.hidden()};
    return Lstm.Options.bias(o.input("bias", bias, Freedom.ANY, 4 * page.hidden()))
        .state(o.input("h0", h0, Freedom.ANY, state), o.input("c0", c0, Freedom.ANY, state)).before(page.before())
        .reverse(page.reverse());
  }

  private Tensor weight(Operands o) {
    return o.input("weight", weight, Freedom.ANY, page.taps(), page.hidden(), 4 * page.hidden());
  }

  private long[] rows(int last) {
    return new long[] {page.steps(), page.sequences(), page.positions(), last};
  }

  static ParityCase forward(Draw d) {
    return d.oneIn(4) ? step(d) : forward(draw(d, true), d.oneIn(2));
  }

  private static ParityCase forward(LstmCases l, boolean training) {
    return new ParityCase() {
      @Override
      public String describe() {
        return l.words(training ? "lstm for training" : "lstm");
      }

      @Override
      public Map<String, float[]> page() {
        PageLstm.Forward f = l.page.forward(l.x, l.weight, l.bias, l.h0, l.c0);
        return results("h", f.h(), "c", f.c(), "gates", training ? f.gates() : null, "cells",
            training ? f.cells() : null);
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!l.fill.finite()) {
          return Map.of();
        }
        LstmOracle.Forward f = l.oracle().forward(l.x, l.weight, l.bias, l.h0, l.c0);
        return training ? Map.of("h", f.h(), "c", f.c(), "gates", f.gates(), "cells", f.cells()) : Map.of("h", f.h(),
            "c", f.c());
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        Tensor x = o.input("x", l.x, Freedom.ANY, l.rows(4 * l.page.hidden()));
        o.poison(l.rows(l.page.hidden()));
        o.poison(l.page.sequences(), l.page.positions(), l.page.hidden());
        if (!training) {
          Lstm.Result r = Lstm.apply(x, l.weight(o), l.options(o));
          return results("h", o.adopt(r.h()), "c", o.adopt(r.c()));
        }
        Lstm.Training r = Lstm.forward(x, l.weight(o), l.options(o));
        return results("h", o.adopt(r.h()), "c", o.adopt(r.c()), "gates", o.adopt(r.gates()), "cells",
            o.adopt(r.cells()));
      }
    };
  }

  private static ParityCase step(Draw d) {
    int taps = d.between(1, 4);
    int positions = d.of(1, 1, d.size(14));
    LstmCases l = new LstmCases(d, new PageLstm(1, d.size(9), positions, d.size(40), taps, 0, false), true);
    return new ParityCase() {
      @Override
      public String describe() {
        return l.words("a step of lstm");
      }

      @Override
      public Map<String, float[]> page() {
        PageLstm.Forward f = l.page.step(l.x, l.weight, l.bias, l.h0, l.c0);
        return results("h", f.h(), "c", f.cells());
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        return Map.of(); // the same formula as with all steps
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        int n = l.page.sequences();
        int w = l.page.positions();
        int m = l.page.hidden();
        Tensor h = o.output("h", Freedom.UNIT_LAST, n, w, m);
        Tensor c = o.output("c", Freedom.UNIT_LAST, n, w, m);
        Lstm.step(o.input("x", l.x, Freedom.UNIT_LAST, n, w, 4 * m), l.weight(o), o.input("bias", l.bias, Freedom.ANY,
            4 * m),
            o.input("h0", l.h0, Freedom.UNIT_LAST, n, w + l.page.taps() - 1, m), o.input("c0", l.c0, Freedom.UNIT_LAST,
                n, w, m),
            h, c);
        return results("h", h, "c", c);
      }
    };
  }

  static ParityCase backward(Draw d) {
    return backward(draw(d, true), d);
  }

  private static ParityCase backward(LstmCases l, Draw d) {
    PageLstm.Forward f = l.page.forward(l.x, l.weight, l.bias, l.h0, l.c0);
    float[] dh = d.floats(l.fill, f.h().length);
    float[] dc = d.oneIn(2) ? null : d.floats(l.fill, f.c().length);
    return new ParityCase() {
      @Override
      public String describe() {
        return l.words("gradient of lstm") + (dc == null ? "" : " dc");
      }

      @Override
      public Map<String, float[]> page() {
        PageLstm.Gradient g = l.page.backward(l.weight, l.h0, l.c0, f, dh, dc);
        return results("dx", g.dx(), "dh0", g.dh0(), "dc0", g.dc0(), "dweight", g.dweight(), "dbias", g.dbias());
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!l.fill.finite()) {
          return Map.of();
        }
        LstmOracle.Gradient g = l.oracle().backward(l.weight, l.h0, l.c0, f.h(), f.gates(), f.cells(), dh, dc);
        return Map.of("dx", g.dx(), "dh0", g.dh0(), "dc0", g.dc0(), "dweight", g.dweight(), "dbias", g.dbias());
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        int m = l.page.hidden();
        long[] state = {l.page.sequences(), l.page.positions(), m};
        Lstm.Training pass = new Lstm.Training(o.input("h", f.h(), Freedom.ANY, l.rows(m)), o.input("c", f.c(),
            Freedom.ANY, state),
            o.input("gates", f.gates(), Freedom.ANY, l.rows(4 * m)), o.input("cells", f.cells(), Freedom.ANY,
                l.rows(m)));
        Tensor tdh = o.input("dh", dh, Freedom.ANY, l.rows(m));
        Tensor tdc = o.input("dc", dc, Freedom.ANY, state);
        o.poison(l.rows(4 * m));
        o.poison(state);
        Lstm.Gradients g = Lstm.backward(l.weight(o), l.options(o), pass, tdh, tdc);
        return results("dx", o.adopt(g.dx()), "dh0", o.adopt(g.dh0()), "dc0", o.adopt(g.dc0()), "dweight",
            o.adopt(g.dweight()),
            "dbias", o.adopt(g.dbias()));
      }
    };
  }

  /** A diagonal and a row of a picture's size, and wide states that leave the caches. */
  static ParityCase[] large(Draw d) {
    LstmCases diagonal = of(d, new PageLstm(9, 3, 28, 64, 2, 1, false));
    LstmCases row = of(d, new PageLstm(4, 5, 28, 32, 3, 1, true));
    LstmCases plain = of(d, new PageLstm(3, 33, 1, 150, 1, 0, false));
    return new ParityCase[] {forward(diagonal, true), forward(row, false), forward(plain, false), backward(diagonal, d),
      backward(of(d, new PageLstm(2, 3, 20, 100, 3, 2, true)), d)};
  }

  private static LstmCases of(Draw d, PageLstm page) {
    return new LstmCases(d, page, false);
  }
}
