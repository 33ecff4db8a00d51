package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Nade;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.NadeCase;
import org.ondol.test.oracle.NadeOracle;
import org.ondol.test.page.PageNade;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random cases of nade: the pass, its gradient, sampling and the state alone. */
final class NadeCases implements ParityCase {
  private enum Kind { PASS, GRADIENT, SAMPLE, ADVANCE }

  private final Kind kind;
  private final NadeCase c = new NadeCase();
  private final boolean finite;
  private final boolean input;
  private final boolean withState;
  private float[] uniform;
  private boolean[] known;
  private float[] given;

  private NadeCases(Draw d, Kind kind, int rows, int variables, int hidden) {
    this.kind = kind;
    c.rows = rows;
    c.variables = variables;
    c.outputs = kind == Kind.SAMPLE || d.oneIn(2) ? 1 : d.between(1, 6);
    c.hidden = hidden;
    c.relu = d.oneIn(3);
    Draw.Fill fill = d.fill();
    finite = fill.finite();
    int binary = d.oneIn(3) ? 2 : 5;
    c.x = d.floats(fill, rows * variables);
    for (int i = 0; i < c.x.length; i++) {
      if (!d.oneIn(binary)) {
        c.x[i] = d.oneIn(9) ? -0f : 0f;
      } else if (binary == 5) {
        c.x[i] = 1;
      }
    }
    c.w = d.floats(fill, variables * hidden);
    c.v = d.floats(fill, variables * c.outputs * hidden);
    c.bias = d.oneIn(3) ? null : d.floats(fill, variables * c.outputs);
    c.scale = d.oneIn(3) ? d.floats(fill, variables) : null;
    for (int i = 1; c.scale != null && i < variables; i++) {
      c.scale[i] = d.oneIn(2) ? c.scale[i - 1] : c.scale[i];
    }
    c.ownStart = d.oneIn(3);
    c.start = d.floats(fill, (c.ownStart ? rows : 1) * hidden);
    c.dy = d.floats(fill, rows * variables * c.outputs);
    c.dstate = d.oneIn(3) ? d.floats(fill, rows * hidden) : null;
    input = d.oneIn(2);
    withState = d.oneIn(2);
    if (kind == Kind.SAMPLE) {
      sampling(d);
    }
  }

  private void sampling(Draw d) {
    uniform = new float[c.rows * c.variables];
    for (int i = 0; i < uniform.length; i++) {
      uniform[i] = d.oneIn(20) ? d.of(0f, 1f) : d.random().nextFloat();
    }
    if (d.oneIn(2)) {
      known = new boolean[uniform.length];
      for (int i = 0; i < known.length; i++) {
        known[i] = d.oneIn(3);
      }
      given = d.floats(finite ? Draw.Fill.TAME : Draw.Fill.EXTREME, uniform.length);
    }
  }

  static ParityCase forward(Draw d) {
    Kind kind = d.of(Kind.PASS, Kind.PASS, Kind.SAMPLE, Kind.ADVANCE);
    return new NadeCases(d, kind, d.sizeOrZero(20), d.sizeOrZero(d.oneIn(4) ? 130 : 30), d.sizeOrZero(70));
  }

  static ParityCase backward(Draw d) {
    return new NadeCases(d, Kind.GRADIENT, d.sizeOrZero(d.oneIn(4) ? 140 : 20), d.sizeOrZero(30), d.sizeOrZero(d.oneIn(4) ? 140 : 40));
  }

  /** Several blocks of rows, slices of hidden units and segments of variables. */
  static ParityCase[] large(Draw d) {
    return new ParityCase[] {new NadeCases(d, Kind.PASS, 37, 200, 333), new NadeCases(d, Kind.PASS, 2, 300, 500),
      new NadeCases(d, Kind.GRADIENT, 150, 120, 300), new NadeCases(d, Kind.GRADIENT, 3, 784, 100),
      new NadeCases(d, Kind.SAMPLE, 21, 150, 200)};
  }

  @Override
  public String describe() {
    return "nade " + kind + " " + c + (known == null ? "" : " known") + (finite ? "" : " extreme");
  }

  @Override
  public Map<String, float[]> page() {
    if (kind == Kind.GRADIENT) {
      PageNade.Gradient g = PageNade.backward(c);
      return results("dx", input ? g.dx() : null, "dw", g.dw(), "dv", g.dv(), "dbias", c.bias == null ? null : g.dbias(),
          "dscale", g.dscale(), "dstart", g.dstart());
    }
    PageNade.Forward f = PageNade.forward(c, uniform, known, given);
    return switch (kind) {
      case SAMPLE -> results("x", f.x(), "y", f.y(), "state", f.state());
      case ADVANCE -> results("state", f.state());
      default -> results("y", f.y(), "state", withState ? f.state() : null);
    };
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!finite) {
      return Map.of();
    }
    Map<String, Bound.Values> all = new LinkedHashMap<>();
    NadeOracle oracle = new NadeOracle(c, PageNade.forward(c, uniform, known, given).x());
    switch (kind) {
      case GRADIENT -> {
        NadeOracle.Gradient g = oracle.gradient();
        all.putAll(Map.of("dx", g.dx(), "dw", g.dw(), "dv", g.dv(), "dbias", g.dbias(), "dscale", g.dscale(), "dstart", g.dstart()));
      }
      case ADVANCE -> all.put("state", oracle.state());
      case SAMPLE -> all.putAll(Map.of("x", oracle.drawn(uniform, known, given), "y", oracle.y(), "state", oracle.state()));
      default -> all.putAll(Map.of("y", oracle.y(), "state", oracle.state()));
    }
    all.keySet().retainAll(page().keySet());
    return all;
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    long[] each = {c.rows, c.variables};
    Nade.Weights weights = new Nade.Weights(o.input("w", c.w, Freedom.ANY, c.variables, c.hidden),
        o.input("v", c.v, Freedom.ANY, c.variables, c.outputs, c.hidden),
        o.input("bias", c.bias, Freedom.ANY, c.variables, c.outputs), o.input("scale", c.scale, Freedom.ANY, c.variables),
        c.relu ? Activation.RELU : Activation.SIGMOID);
    Tensor start = c.ownStart ? o.input("start", c.start, Freedom.ANY, c.rows, c.hidden)
        : o.input("start", c.start, Freedom.ANY, c.hidden);
    o.poison(c.rows, c.variables, c.outputs);
    o.poison(c.rows, c.hidden);
    if (kind == Kind.SAMPLE) {
      o.poison(each);
      Nade.Sample s = Nade.sample(o.input("uniform", uniform, Freedom.ANY, each), o.booleans(known, each),
          o.input("given", given, Freedom.ANY, each), weights, start);
      return results("x", o.adopt(s.x()), "y", o.adopt(s.y()), "state", o.adopt(s.state()));
    }
    Tensor x = o.input("x", c.x, Freedom.ANY, each);
    if (kind == Kind.ADVANCE) {
      return results("state", o.adopt(Nade.advance(x, weights.w(), start)));
    }
    if (kind == Kind.PASS && !withState) {
      return results("y", o.adopt(Nade.apply(x, weights, start)));
    }
    if (kind == Kind.PASS) {
      Nade.Result r = Nade.forward(x, weights, start);
      return results("y", o.adopt(r.y()), "state", o.adopt(r.state()));
    }
    return gradient(o, x, weights, start);
  }

  private Map<String, float[]> gradient(Operands o, Tensor x, Nade.Weights weights, Tensor start) {
    Tensor dy = o.input("dy", c.dy, Freedom.ANY, c.rows, c.variables, c.outputs);
    Tensor dstate = o.input("dstate", c.dstate, Freedom.ANY, c.rows, c.hidden);
    o.poison(c.variables, c.outputs, c.hidden);
    o.poison(c.variables, c.hidden);
    o.poison(c.rows, c.variables);
    Nade.Gradients g = Nade.backward(x, weights, start, dy, dstate, input);
    for (Tensor t : new Tensor[] {g.dx(), g.dw(), g.dv(), g.dbias(), g.dscale(), g.dstart()}) {
      if (t != null) {
        o.adopt(t);
      }
    }
    return results("dx", g.dx(), "dw", g.dw(), "dv", g.dv(), "dbias", g.dbias(), "dscale", g.dscale(), "dstart", g.dstart());
  }
}
