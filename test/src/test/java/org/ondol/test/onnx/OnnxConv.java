package org.ondol.test.onnx;

import org.ondol.Tensor;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;

/** ONNX's Conv and ConvTranspose of one and two dimensions, with their attributes, as calls of Ondol's operations. */
final class OnnxConv {
  private OnnxConv() {}

  static Tensor conv(OnnxCase c, Tensor x, Tensor w, Tensor bias) {
    ConvGeometry g = geometry(c, x.rank() - 2);
    String auto = c.stringAttribute("auto_pad", "NOTSET");
    if (auto.startsWith("SAME")) {
      g = g.same(height(x), x.size(-1), height(w), w.size(-1), auto.equals("SAME_UPPER"));
    }
    return Conv.apply(x, w, g, Conv.Epilogue.bias(bias));
  }

  static Tensor convTranspose(OnnxCase c, Tensor x, Tensor w, Tensor bias) {
    int dims = x.rank() - 2;
    ConvGeometry g = geometry(c, dims);
    long[] extra = c.intsAttribute("output_padding", new long[dims]);
    long extraH = dims == 1 ? 0 : extra[0];
    long extraW = extra[dims - 1];
    String auto = c.stringAttribute("auto_pad", "NOTSET");
    long[] wanted = c.intsAttribute("output_shape", new long[0]);
    if (wanted.length == 0 && auto.startsWith("SAME")) {
      wanted = dims == 1 ? new long[] {x.size(2) * g.strideW()}
          : new long[] {x.size(2) * g.strideH(), x.size(3) * g.strideW()};
    }
    if (wanted.length > 0) {
      // More than the kernels reach is output padding, less is padding.
      long[] full = Deconv.outputShape(x, w, g.padding(0), 0, 0);
      long height = dims == 1 ? 1 : wanted[0];
      long width = wanted[dims - 1];
      extraH = Math.max(extraH, height - (dims == 1 ? 1 : full[2]));
      extraW = Math.max(extraW, width - full[full.length - 1]);
      g = Deconv.geometryFor(x, w, g, height - extraH, width - extraW, auto.equals("SAME_UPPER"));
    }
    return Deconv.apply(x, w, g, extraH, extraW, Conv.Epilogue.bias(bias));
  }

  private static long height(Tensor t) {
    return t.rank() == 3 ? 1 : t.size(2);
  }

  /** Strides, dilations, groups and explicit pads. */
  private static ConvGeometry geometry(OnnxCase c, int dims) {
    long[] strides = c.intsAttribute("strides", 1, 1);
    long[] dilations = c.intsAttribute("dilations", 1, 1);
    long[] pads = c.intsAttribute("pads", new long[2 * dims]);
    ConvGeometry g = ConvGeometry.UNIT.groups(c.intAttribute("group", 1));
    return dims == 1 ? g.stride(strides[0]).dilation(dilations[0]).padding(0, pads[0], 0, pads[1])
        : g.stride(strides[0], strides[1]).dilation(dilations[0], dilations[1]).padding(pads[0], pads[1], pads[2],
        pads[3]);
  }
}
