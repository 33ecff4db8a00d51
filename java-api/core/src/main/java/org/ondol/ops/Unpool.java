package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.UnpoolArgs;
import org.ondol.spi.UnpoolBackwardArgs;

/**
 * The partial inverse of max pooling (Zeiler and Fergus 2014): each value goes back to where its index says, all else is
 * zero. Where indices repeat, the last value of the plane counts.
 */
public final class Unpool {
  private Unpool() {}

  /**
   * Values to their places in larger planes.
   *
   * @param x [N, C, H, W] or [N, C, L]
   * @param indices of x's shape, INT32 or INT64: positions within a plane of the result, as {@link Pool} gives them
   * @param height of the result; 1 for [N, C, L]
   */
  public static Tensor apply(Tensor x, Tensor indices, long height, long width) {
    PoolCall.map("x", x);
    if (height < 1 || x.rank() == 3 && height != 1) throw new InvalidArgumentException("height", height, "at least 1, and 1 for [N, C, L]");
    if (width < 1) throw new InvalidArgumentException("width", width, "at least 1");
    long[] shape = x.rank() == 3 ? new long[] {x.size(0), x.size(1), width} : new long[] {x.size(0), x.size(1), height, width};
    PoolCall.sizes("height, width", shape);
    long plane = PoolCall.plane("height, width", shape);
    PoolCall.plane("x", x.shape());
    Device device = x.device();
    try (Tensor checked = PoolCall.checkedIndices(indices, device, x.shape(), plane)) {
      Tensor y = Tensor.empty(device, shape);
      return Outputs.finish(y, () -> {
        if (y.count() == 0) return;
        try (Tensor x4 = ConvCall.planes(x); Tensor y4 = ConvCall.planes(y)) {
          var args = new UnpoolArgs(x4, checked, y4);
          Check.launch(device, k -> k.unpool(args), x4, checked, y4);
        }
      });
    }
  }

  /** To the size that the windows of a max pooling imply, (size - 1) stride - padding + kernel, as in PyTorch and ONNX. */
  public static Tensor apply(Tensor x, Tensor indices, PoolGeometry geometry) {
    PoolCall.map("x", x);
    Check.present("geometry", geometry);
    PoolGeometry g = x.rank() == 3 ? geometry.flat() : geometry;
    long height = x.rank() == 3 ? 1 : x.size(2);
    return apply(x, indices, (height - 1) * g.strideH() - g.padTop() - g.padBottom() + g.kernelH(),
        (x.size(-1) - 1) * g.strideW() - g.padLeft() - g.padRight() + g.kernelW());
  }

  /** dx from dy, of the result's shape: what each value that counts gets. */
  public static Tensor backward(Tensor dy, Tensor indices) {
    PoolCall.map("dy", dy);
    long plane = PoolCall.plane("dy", dy.shape());
    Check.present("indices", indices);
    long[] shape = indices.shape();
    PoolCall.sizes("indices", shape);
    PoolCall.plane("indices", shape);
    if (shape.length != dy.rank() || shape[0] != dy.size(0) || shape[1] != dy.size(1)) {
      throw new ShapeException("indices", "of shape " + Arrays.toString(shape), "planes as in dy, " + Arrays.toString(dy.shape()));
    }
    Device device = dy.device();
    try (Tensor checked = PoolCall.checkedIndices(indices, device, shape, plane)) {
      Tensor dx = Tensor.empty(device, shape);
      return Outputs.finish(dx, () -> {
        if (dx.count() == 0) return;
        try (Tensor dy4 = ConvCall.planes(dy); Tensor dx4 = ConvCall.planes(dx)) {
          var args = new UnpoolBackwardArgs(dy4, checked, dx4);
          Check.launch(device, k -> k.unpoolBackward(args), dy4, checked, dx4);
        }
      });
    }
  }

  /**
   * Positions within planes, INT32, of ONNX's indices, which count through all of a map.
   *
   * @param flat INT64; each must lie in its own plane of the map
   * @param shape of the map that they count through
   */
  public static Tensor planeIndices(Tensor flat, long... shape) {
    PoolCall.sizes("shape", shape);
    long plane = PoolCall.plane("shape", shape);
    Check.present("flat", flat);
    if (flat.isClosed()) flat.acquire(); // throws the ClosedException that names it
    if (flat.dtype() != DType.INT64) throw new DTypeException("flat", "of type " + flat.dtype(), "INT64");
    long[] planes = flat.shape();
    if (planes.length != shape.length || planes[0] != shape[0] || planes[1] != shape[1]) {
      throw new ShapeException("flat", "of shape " + Arrays.toString(planes), "planes as in " + Arrays.toString(shape));
    }
    long[] all = flat.toLongs();
    int[] within = new int[all.length];
    long perPlane = Math.max(1, planes.length == 3 ? planes[2] : planes[2] * planes[3]);
    for (int i = 0; i < all.length; i++) {
      long index = all[i] - i / perPlane * plane;
      if (index < 0 || index >= plane) {
        throw new InvalidArgumentException("flat", all[i] + " at position " + i, "an index into plane " + i / perPlane + " of "
            + plane + " elements");
      }
      within[i] = (int) index;
    }
    return Tensor.of(flat.device(), within, planes);
  }
}
