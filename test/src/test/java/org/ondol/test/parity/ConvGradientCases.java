package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.LinkedHashMap;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Conv;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.ConvOracle;
import org.ondol.test.page.PageConv;
import org.ondol.test.parity.ConvProblem.Kind;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Gradients of the map, the filters and the bias; the maps' own gradients are the other kind of convolution. */
final class ConvGradientCases implements ParityCase {
  private final ConvProblem p;
  private final float[] dy;
  private final Freedom freedom;

  ConvGradientCases(Draw d) {
    this(d, new ConvProblem(d, d.of(Kind.values())));
  }

  ConvGradientCases(Draw d, ConvProblem problem) {
    p = problem;
    dy = d.floats(p.fill.finite() || d.oneIn(4) ? p.fill : Draw.Fill.TAME, p.yCount());
    for (int i = 0; p.tiny && i < dy.length; i++) {
      dy[i] *= 0x1p-76f;
    }
    freedom = d.of(Freedom.PLANES, Freedom.PLANES, Freedom.CONTIGUOUS, Freedom.ANY);
  }

  @Override
  public String describe() {
    return "gradient of " + p.describe() + " " + freedom;
  }

  private boolean[] live() {
    return p.mask == null ? null : p.mask.live();
  }

  private int positions() {
    return (int) (p.shape.yHeight() * p.shape.yWidth());
  }

  @Override
  public Map<String, float[]> page() {
    float[] dx = p.kind == Kind.DECONV ? PageConv.conv(p.back(), dy, p.w, null, PageConv.Epilogue.NONE)
        : PageConv.deconv(p.back(), dy, p.w, live(), PageConv.Epilogue.NONE);
    float[] dw = p.kind == Kind.DECONV ? PageConv.convweight(p.back(), dy, p.x, null)
        : PageConv.convweight(p.shape, p.x, dy, live());
    return results("dx", dx, "dw", dw, "db",
        PageConv.dbias(dy, (int) p.shape.batch(), (int) p.shape.yChannels(), positions()));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    Map<String, Bound.Values> values = new LinkedHashMap<>();
    if (p.fill.finite()) {
      values.put("dx", p.kind == Kind.DECONV ? ConvOracle.conv(p.back(), dy, p.w, null, null, null, "none", 0)
          : ConvOracle.deconv(p.back(), dy, p.w, live(), null, null, "none", 0));
      values.put("dw", p.kind == Kind.DECONV ? ConvOracle.convweight(p.back(), dy, p.x, null)
          : ConvOracle.convweight(p.shape, p.x, dy, live()));
      values.put("db", ConvOracle.dbias(dy, (int) p.shape.batch(), (int) p.shape.yChannels(), positions()));
    }
    return values;
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor x = o.input("x", p.x, freedom, p.xShape());
    Tensor w = o.input("w", p.w, Freedom.ANY, p.weightShape());
    Tensor tdy = o.input("dy", dy, freedom, p.yShape());
    o.poison(p.xShape());
    o.poison(p.weightShape());
    try (FilterMask mask = p.mask == null ? null : p.mask.maker().on(o.device());
        Conv.Gradients g = switch (p.kind) {
          case CONV -> Conv.backward(x, w, tdy, p.geometry);
          case MASKED -> MaskedConv.backward(x, w, mask, tdy, p.geometry);
          case DECONV -> Deconv.backward(x, w, tdy, p.geometry);
        }) {
      return results("dx", g.dx(), "dw", g.dw(), "db", g.db());
    }
  }
}
