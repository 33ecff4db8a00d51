package org.ondol.bench.stems;

import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.OndolContender;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.Winograd;

/** Ondol's conv, maskedconv and deconv: filters packed once for inference, plain where they are trained. */
abstract class OndolConv extends OndolContender<ConvCase> {
  ConvCase c;
  ConvGeometry geometry;
  FilterMask mask;
  Tensor x, weight;

  private OndolConv(String device, String variant) {
    super(device, variant);
  }

  /** The operation, and for 3 x 3 filters at stride 1 also the mode with other roundings. */
  static List<OndolConv> of(String device, ConvCase c) {
    if (c.backward) return List.of(new Training(device));
    boolean winograd = !c.transposed && c.mask == ConvCase.Mask.NONE && c.s.kernel() == 3 && c.s.stride() == 1 && c.s.groups() == 1;
    return winograd ? List.of(new Inference(device), new WinogradMode(device)) : List.of(new Inference(device));
  }

  @Override
  protected void load(ConvCase c) {
    this.c = c;
    geometry = ConvGeometry.UNIT.stride(c.s.stride()).padding(c.s.pad()).groups(c.s.groups());
    x = Tensor.of(device, c.x(), c.xShape());
    weight = Tensor.of(device, c.w(), c.weightShape());
    mask = switch (c.mask) {
      case NONE -> null;
      case A -> mask(FilterMask.Type.A);
      case B -> mask(FilterMask.Type.B);
    };
  }

  private FilterMask mask(FilterMask.Type type) {
    return FilterMask.raster(device, type, c.s.out(), c.s.in(), c.s.kernel(), c.s.kernel(), c.colours);
  }

  @Override
  public void close() {
    closeAll(x, weight, mask);
  }

  static void closeAll(AutoCloseable... things) {
    for (AutoCloseable thing : things) {
      switch (thing) {
        case null -> { }
        case Tensor t -> t.close();
        case FilterMask m -> m.close();
        case PackedFilter f -> f.close();
        case Winograd.Filter f -> f.close();
        case Conv.Gradients g -> g.close();
        default -> throw new IllegalArgumentException("not one of Ondol's: " + thing);
      }
    }
  }

  private static final class Inference extends OndolConv {
    private Tensor bias, y;
    private PackedFilter filter;
    private Conv.Epilogue epilogue;

    Inference(String device) {
      super(device, "");
    }

    @Override
    protected void load(ConvCase c) {
      super.load(c);
      bias = Tensor.of(device, c.bias(), c.s.out());
      epilogue = Conv.Epilogue.bias(bias);
      y = Tensor.empty(device, c.yShape());
      if (c.transposed) {
        filter = PackedFilter.deconv(weight, geometry);
      } else {
        filter = mask == null ? PackedFilter.conv(weight, geometry) : PackedFilter.maskedconv(weight, mask, geometry);
      }
    }

    @Override
    public void run() {
      if (c.transposed) {
        Deconv.into(x, filter, epilogue, y);
      } else if (mask != null) {
        MaskedConv.into(x, filter, epilogue, y);
      } else {
        Conv.into(x, filter, epilogue, y);
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", y.toFloats());
    }

    @Override
    public void close() {
      closeAll(filter, bias, y);
      super.close();
    }
  }

  private static final class WinogradMode extends OndolConv {
    private Tensor bias, y;
    private Winograd.Filter filter;
    private Conv.Epilogue epilogue;

    WinogradMode(String device) {
      super(device, "winograd");
    }

    @Override
    protected void load(ConvCase c) {
      super.load(c);
      bias = Tensor.of(device, c.bias(), c.s.out());
      epilogue = Conv.Epilogue.bias(bias);
      y = Tensor.empty(device, c.yShape());
      filter = Winograd.pack(weight, geometry);
    }

    @Override
    public void run() {
      Winograd.into(x, filter, epilogue, y);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", y.toFloats());
    }

    @Override
    public void close() {
      closeAll(filter, bias, y);
      super.close();
    }
  }

  /** Forward without a bias, then all three gradients; the peers compute no gradient of a bias. */
  private static final class Training extends OndolConv {
    private Tensor dy, y;
    private Conv.Gradients gradients;

    Training(String device) {
      super(device, "");
    }

    @Override
    protected void load(ConvCase c) {
      super.load(c);
      dy = Tensor.of(device, c.dy(), c.yShape());
    }

    @Override
    public void run() {
      release();
      if (c.transposed) {
        y = Deconv.apply(x, weight, geometry, Conv.Epilogue.NONE);
        gradients = Deconv.backward(x, weight, dy, geometry);
      } else if (mask != null) {
        y = MaskedConv.apply(x, weight, mask, geometry, Conv.Epilogue.NONE);
        gradients = MaskedConv.backward(x, weight, mask, dy, geometry);
      } else {
        y = Conv.apply(x, weight, geometry, Conv.Epilogue.NONE);
        gradients = Conv.backward(x, weight, dy, geometry);
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", y.toFloats(), "dx", gradients.dx().toFloats(), "dw", gradients.dw().toFloats(), "db",
          gradients.db().toFloats());
    }

    private void release() {
      closeAll(y, gradients);
      y = null;
      gradients = null;
    }

    @Override
    public void close() {
      release();
      closeAll(dy);
      super.close();
    }
  }
}
