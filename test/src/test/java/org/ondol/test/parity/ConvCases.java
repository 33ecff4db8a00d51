package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Conv;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.ConvOracle;
import org.ondol.test.page.PageConv;
import org.ondol.test.parity.ConvProblem.Kind;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Convolutions forward, in every form that the contracts offer. */
final class ConvCases implements ParityCase {
  private enum Form { PLAIN, PACKED, PLAIN_INTO, PACKED_INTO, IN_PLACE, WINDOW }

  /** What stands in y outside a window, and must still stand there afterwards. */
  private static final float UNTOUCHED = -77.25f;

  private final ConvProblem p;
  private final Form form;
  private final Freedom xFreedom;
  private final boolean windowInPlace;
  private final int beginH;
  private final int endH;
  private final int beginW;
  private final int endW;

  ConvCases(Draw d, ConvProblem problem) {
    p = problem;
    form = switch (p.kind) {
      case CONV -> d.of(Form.PLAIN, Form.PACKED, Form.PLAIN_INTO, Form.PACKED_INTO, Form.IN_PLACE);
      case MASKED -> d.of(Form.PLAIN, Form.PACKED, Form.PACKED_INTO, Form.IN_PLACE, Form.WINDOW, Form.WINDOW);
      case DECONV -> d.of(Form.PLAIN, Form.PACKED, Form.PACKED_INTO, Form.IN_PLACE);
    };
    xFreedom = d.of(Freedom.PLANES, Freedom.PLANES, Freedom.CONTIGUOUS, Freedom.ANY);
    windowInPlace = p.residual != null && d.oneIn(2);
    int height = (int) p.shape.yHeight();
    int width = (int) p.shape.yWidth();
    boolean pixel = d.oneIn(3);
    beginH = d.below(height + 1);
    endH = pixel ? Math.min(beginH + 1, height) : d.between(beginH, height);
    beginW = d.below(width + 1);
    endW = pixel ? Math.min(beginW + 1, width) : d.between(beginW, width);
  }

  static ConvCases conv(Draw d) {
    return new ConvCases(d, new ConvProblem(d, d.oneIn(2) ? Kind.CONV : Kind.MASKED));
  }

  static ConvCases deconv(Draw d) {
    return new ConvCases(d, new ConvProblem(d, Kind.DECONV));
  }

  @Override
  public String describe() {
    return p.describe() + " " + form + (form == Form.WINDOW ? " rows " + beginH + ".." + endH + " columns " + beginW
        + ".."
        + endW + (windowInPlace ? " in place" : "") : "") + " x " + xFreedom;
  }

  private String activation() {
    return p.activation.name().toLowerCase(Locale.ROOT);
  }

  /** Only where y is the residual can a residual be had in place. */
  private float[] residual() {
    return form == Form.IN_PLACE && p.residual == null ? new float[p.yCount()] : p.residual;
  }

  @Override
  public Map<String, float[]> page() {
    PageConv.Epilogue epilogue = new PageConv.Epilogue(p.bias, residual(), activation(), (float) p.slope);
    boolean[] live = p.mask == null ? null : p.mask.live();
    float[] y = p.kind == Kind.DECONV ? PageConv.deconv(p.shape, p.x, p.w, live, epilogue)
        : PageConv.conv(p.shape, p.x, p.w, live, epilogue);
    for (int i = 0; form == Form.WINDOW && i < y.length; i++) {
      if (!inWindow(i)) {
        y[i] = windowInPlace ? p.residual[i] : UNTOUCHED;
      }
    }
    return results("y", y);
  }

  private boolean inWindow(int i) {
    long ox = i % p.shape.yWidth();
    long oy = i / p.shape.yWidth() % p.shape.yHeight();
    return oy >= beginH && oy < endH && ox >= beginW && ox < endW;
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    if (!p.fill.finite() || form == Form.WINDOW) {
      return Map.of();
    }
    boolean[] live = p.mask == null ? null : p.mask.live();
    return Map.of("y", p.kind == Kind.DECONV
        ? ConvOracle.deconv(p.shape, p.x, p.w, live, p.bias, residual(), activation(), (float) p.slope)
        : ConvOracle.conv(p.shape, p.x, p.w, live, p.bias, residual(), activation(), (float) p.slope));
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor x = o.input("x", p.x, xFreedom, p.xShape());
    Tensor w = o.input("w", p.w, Freedom.ANY, p.weightShape());
    Tensor bias = o.input("bias", p.bias, Freedom.ANY, p.shape.yChannels());
    boolean inPlace = form == Form.IN_PLACE || form == Form.WINDOW && windowInPlace;
    Tensor y = form == Form.PLAIN || form == Form.PACKED ? null : o.output("y", Freedom.PLANES, p.yShape());
    if (inPlace) {
      fill(o, y, residual());
    } else if (form == Form.WINDOW) {
      float[] pattern = new float[p.yCount()];
      java.util.Arrays.fill(pattern, UNTOUCHED);
      fill(o, y, pattern);
    }
    Tensor residual = inPlace ? y : o.input("residual", p.residual, xFreedom, p.yShape());
    Conv.Epilogue epilogue = new Conv.Epilogue(bias, p.activation, p.slope, residual);
    try (FilterMask mask = p.mask == null ? null : p.mask.maker().on(o.device())) {
      return results("y", p.kind == Kind.DECONV ? deconv(o, x, w, epilogue, y) : p.kind == Kind.MASKED
          ? masked(o, x, w, mask, epilogue, y) : conv(o, x, w, epilogue, y));
    }
  }

  private void fill(Operands o, Tensor y, float[] values) {
    y.assign(o.adopt(Tensor.of(o.device(), values, p.yShape())));
  }

  private Tensor conv(Operands o, Tensor x, Tensor w, Conv.Epilogue epilogue, Tensor y) {
    if (form == Form.PLAIN) {
      o.poison(p.yShape());
      return o.adopt(Conv.apply(x, w, p.geometry, epilogue));
    }
    if (form == Form.PLAIN_INTO) {
      Conv.into(x, w, p.geometry, epilogue, y);
      return y;
    }
    try (PackedFilter filter = PackedFilter.conv(w, p.geometry)) {
      if (y == null) {
        o.poison(p.yShape());
        return o.adopt(Conv.apply(x, filter, epilogue));
      }
      Conv.into(x, filter, epilogue, y);
      return y;
    }
  }

  private Tensor masked(Operands o, Tensor x, Tensor w, FilterMask mask, Conv.Epilogue epilogue, Tensor y) {
    if (form == Form.PLAIN) {
      o.poison(p.yShape());
      return o.adopt(MaskedConv.apply(x, w, mask, p.geometry, epilogue));
    }
    try (PackedFilter filter = PackedFilter.maskedconv(w, mask, p.geometry)) {
      if (form == Form.PACKED) {
        o.poison(p.yShape());
        return o.adopt(MaskedConv.apply(x, filter, epilogue));
      }
      if (form == Form.WINDOW) {
        MaskedConv.into(x, filter, epilogue, y, beginH, endH, beginW, endW);
      } else {
        MaskedConv.into(x, filter, epilogue, y);
      }
      return y;
    }
  }

  private Tensor deconv(Operands o, Tensor x, Tensor w, Conv.Epilogue epilogue, Tensor y) {
    if (form == Form.PLAIN) {
      o.poison(p.yShape());
      return o.adopt(Deconv.apply(x, w, p.geometry, p.outputPaddingH, p.outputPaddingW, epilogue));
    }
    try (PackedFilter filter = PackedFilter.deconv(w, p.geometry)) {
      if (form == Form.PACKED) {
        o.poison(p.yShape());
        return o.adopt(Deconv.apply(x, filter, p.outputPaddingH, p.outputPaddingW, epilogue));
      }
      Deconv.into(x, filter, epilogue, y);
      return y;
    }
  }
}
