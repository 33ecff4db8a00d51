package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Winograd;
import org.ondol.spi.ConvShape;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.WinogradOracle;
import org.ondol.test.page.PageConv;
import org.ondol.test.page.PageWinograd;
import org.ondol.test.parity.ConvProblem.Sizes;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/**
 * Convolutions of 3 x 3 by Winograd's filtering: tiles that are cut off, paddings beyond the kernel, panels that are
 * not full.
 */
final class WinogradCases implements ParityCase {
  private final ConvProblem p;
  private final boolean into;
  private final boolean inPlace;
  private final Freedom freedom;

  WinogradCases(Draw d) {
    p = new ConvProblem(d, sizes(d));
    into = d.oneIn(2);
    inPlace = into && p.residual != null && d.oneIn(2);
    freedom = d.of(Freedom.PLANES, Freedom.PLANES, Freedom.ANY);
  }

  private static Sizes sizes(Draw d) {
    if (d.oneIn(15)) {
      return sizes(2, 70, 28, 29, 100, 1, 1, 1, 1); // a layer of a network
    }
    if (d.oneIn(15)) {
      return d.oneIn(2) ? sizes(1, 33, 5, 400, 17, 1, 2, 1, 0) : sizes(1, 9, 4, 7, 100, 1, 1, 1, 1); // wide; small and deep
    }
    int height = 3 + d.below(d.oneIn(3) ? 30 : 9);
    int width = 3 + d.below(d.oneIn(3) ? 40 : 9);
    boolean wide = d.oneIn(2);
    return sizes(d.oneIn(12) ? 0 : d.between(1, 3), wide ? d.of(1, 7, 16, 17, 33) : d.between(1, 4), height, width,
        wide ? d.of(1, 8, 15, 16, 17, 32, 33) : d.between(1, 4), d.below(5), d.below(5), d.below(5), d.below(5));
  }

  private static Sizes sizes(long batch, long in, long height, long width, long out, long top, long left,
      long bottom, long right) {
    ConvShape s = new ConvShape(batch, 1, in, height, width, out, height + top + bottom - 2, width + left
        + right - 2, 3, 3, 1, 1,
        1, 1, top, left);
    return new Sizes(s, ConvGeometry.UNIT.padding(top, left, bottom, right), 0, 0);
  }

  private String activation() {
    return p.activation.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String describe() {
    return "winograd " + p.describe() + (inPlace ? " in place " : into ? " into " : " ") + freedom;
  }

  @Override
  public Map<String, float[]> page() {
    return results("y", PageWinograd.conv(p.shape, p.x, p.w, new PageConv.Epilogue(p.bias, p.residual, activation(),
        (float) p.slope)));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    return p.fill.finite() && !p.tiny ? Map.of("y", WinogradOracle.conv(p.shape, p.x, p.w, p.bias, p.residual,
        activation(),
        (float) p.slope)) : Map.of();
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor x = o.input("x", p.x, freedom, p.xShape());
    Tensor w = o.input("w", p.w, Freedom.ANY, p.weightShape());
    Tensor bias = o.input("bias", p.bias, Freedom.ANY, p.shape.yChannels());
    Tensor y = into ? o.output("y", Freedom.PLANES, p.yShape()) : null;
    if (inPlace) {
      y.assign(o.adopt(Tensor.of(o.device(), p.residual, p.yShape())));
    }
    Tensor residual = inPlace ? y : o.input("residual", p.residual, freedom, p.yShape());
    Conv.Epilogue epilogue = new Conv.Epilogue(bias, p.activation, p.slope, residual);
    try (Winograd.Filter filter = Winograd.pack(w, p.geometry)) {
      if (into) {
        Winograd.into(x, filter, epilogue, y);
        return results("y", y);
      }
      o.poison(p.yShape());
      return results("y", o.adopt(Winograd.apply(x, filter, epilogue)));
    }
  }
}
