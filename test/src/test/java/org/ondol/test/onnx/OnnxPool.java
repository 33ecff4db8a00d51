package org.ondol.test.onnx;

import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;

/** ONNX's MaxPool and AveragePool of one and two dimensions, with their attributes, as calls of Ondol's operations. */
final class OnnxPool {
  private OnnxPool() {}

  static Tensor[] max(OnnxCase c, Tensor x) {
    PoolGeometry g = geometry(c, x);
    if (!c.wants(1)) return new Tensor[] {Pool.max(x, g)};
    Pool.Max max = Pool.maxWithIndices(x, g);
    return new Tensor[] {max.y(), Pool.flatIndices(max.indices(), c.intAttribute("storage_order", 0) != 0, x.shape())};
  }

  static Tensor average(OnnxCase c, Tensor x) {
    return Pool.average(x, geometry(c, x));
  }

  private static PoolGeometry geometry(OnnxCase c, Tensor x) {
    int dims = x.rank() - 2;
    long[] kernel = c.intsAttribute("kernel_shape");
    long[] strides = c.intsAttribute("strides", 1, 1);
    long[] dilations = c.intsAttribute("dilations", 1, 1);
    long[] pads = c.intsAttribute("pads", new long[2 * dims]);
    PoolGeometry g = dims == 1
        ? PoolGeometry.window(1, kernel[0]).stride(1, strides[0]).dilation(1, dilations[0]).padding(0, pads[0], 0, pads[1])
        : PoolGeometry.window(kernel[0], kernel[1]).stride(strides[0], strides[1]).dilation(dilations[0], dilations[1])
            .padding(pads[0], pads[1], pads[2], pads[3]);
    String auto = c.stringAttribute("auto_pad", "NOTSET");
    if (auto.startsWith("SAME")) g = g.same(dims == 1 ? 1 : x.size(2), x.size(-1), auto.equals("SAME_UPPER"));
    return g.ceil(c.intAttribute("ceil_mode", 0) != 0).countPadding(c.intAttribute("count_include_pad", 0) != 0);
  }
}
