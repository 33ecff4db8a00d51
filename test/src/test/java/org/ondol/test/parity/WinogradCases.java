package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Winograd;
import org.ondol.spi.ConvShape;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.WinogradOracle;
import org.ondol.test.page.PageConv;
import org.ondol.test.page.PageWinograd;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** 3 x 3 convolutions in Winograd's mode: sizes around tiles of 4 and panels of 16, uneven padding, every epilogue. */
final class WinogradCases implements ParityCase {
  private final ConvShape s;
  private final ConvGeometry geometry;
  private final Draw.Fill fill;
  private final float[] x;
  private final float[] w;
  private final float[] bias;
  private final float[] residual;
  private final Activation activation;
  private final boolean inPlace;

  WinogradCases(Draw d) {
    int in = d.of(1, 2, 3, 5, 16, 17);
    int out = d.of(1, 3, 15, 16, 17, 33);
    int height = d.between(1, 14);
    int width = d.of(1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 33);
    geometry = ConvGeometry.UNIT.padding(d.between(height < 3 ? 2 : 0, 3), d.between(width < 3 ? 2 : 0, 3), d.between(0, 2),
        d.between(0, 2));
    s = new ConvShape(d.between(0, 2), 1, in, height, width, out, height + geometry.padTop() + geometry.padBottom() - 2,
        width + geometry.padLeft() + geometry.padRight() - 2, 3, 3, 1, 1, 1, 1, geometry.padTop(), geometry.padLeft());
    fill = d.of(Draw.Fill.TAME, Draw.Fill.INTEGER);
    int yCount = (int) (s.batch() * out * s.yHeight() * s.yWidth());
    x = d.floats(fill, (int) s.batch() * in * height * width);
    w = d.floats(fill, out * in * 9);
    bias = d.oneIn(2) ? null : d.floats(Draw.Fill.TAME, out);
    residual = d.oneIn(2) ? null : d.floats(Draw.Fill.TAME, yCount);
    activation = d.of(Activation.NONE, Activation.NONE, Activation.RELU, Activation.SILU, Activation.TANH);
    inPlace = residual != null && d.oneIn(2);
  }

  @Override
  public String describe() {
    return "winograd " + s + " " + activation + (bias == null ? "" : " bias") + (residual == null ? "" : " residual")
        + (inPlace ? " in place" : "") + " " + fill;
  }

  private String activationName() {
    return activation.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public Map<String, float[]> page() {
    return results("y", PageWinograd.winograd(s, x, w, new PageConv.Epilogue(bias, residual, activationName(), 0f)));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    boolean plain = activation == Activation.NONE || activation == Activation.RELU;
    return plain ? Map.of("y", WinogradOracle.winograd(s, x, w, bias, residual, activationName())) : Map.of();
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    long[] shape = {s.batch(), s.yChannels(), s.yHeight(), s.yWidth()};
    Tensor tx = o.input("x", x, Freedom.PLANES, s.batch(), s.xChannels(), s.xHeight(), s.xWidth());
    Tensor tw = o.input("w", w, Freedom.ANY, s.yChannels(), s.xChannels(), 3, 3);
    Tensor tbias = o.input("bias", bias, Freedom.ANY, s.yChannels());
    try (Winograd.Filter filter = Winograd.pack(tw, geometry)) {
      if (inPlace) {
        Tensor y = o.adopt(Tensor.of(o.device(), residual, shape));
        Winograd.into(tx, filter, new Conv.Epilogue(tbias, activation, 0, y), y);
        return results("y", y);
      }
      o.poison(shape);
      Tensor tresidual = o.input("residual", residual, Freedom.PLANES, shape);
      return results("y", o.adopt(Winograd.apply(tx, filter, new Conv.Epilogue(tbias, activation, 0, tresidual))));
    }
  }
}
