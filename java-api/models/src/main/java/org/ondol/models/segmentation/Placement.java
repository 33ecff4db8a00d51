package org.ondol.models.segmentation;

import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Parameter;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.DeconvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.NormUnit;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;

/**
 * Where the maps of a network lie on its image: the network is run on positions instead of numbers. What is found needs
 * no knowledge of the network's paddings, so that maps of any two strides can be laid over each other.
 */
final class Placement implements Net<Placement.Map> {
  /**
   * An axis of a map.
   *
   * @param cells 0 where the image is too small for one
   * @param first the image's row, or column, under the centre of the first cell
   * @param step rows, or columns, from one cell to the next
   */
  record Axis(long cells, double first, double step) {
    /** Of windows that slide over it. */
    Axis windows(long kernel, long stride, long dilation, long before, long after, boolean ceil) {
      long span = dilation * (kernel - 1) + 1;
      long room = cells + before + after - span;
      long n = room < 0 ? 0 : (ceil ? room + stride - 1 : room) / stride + 1;
      // A last window that would begin in the padding behind does not count.
      if (ceil && n > 1 && (n - 1) * stride >= cells + before) n--;
      return new Axis(cells == 0 ? 0 : n, first + step * ((span - 1) / 2.0 - before), step * stride);
    }
  }

  /** @param channels of the map */
  record Map(long channels, Axis rows, Axis columns) {
    /** An image. */
    static Map image(long height, long width) {
      return new Map(3, new Axis(height, 0, 1), new Axis(width, 0, 1));
    }

    private Map channels(long other) {
      return new Map(other, rows, columns);
    }
  }

  @Override
  public Map conv(Map x, ConvUnit unit) {
    var g = unit.geometry();
    long kernelH = unit.weight().tensor().size(2);
    long kernelW = unit.weight().tensor().size(3);
    return new Map(unit.channels(), x.rows.windows(kernelH, g.strideH(), g.dilationH(), g.padTop(), g.padBottom(), false),
        x.columns.windows(kernelW, g.strideW(), g.dilationW(), g.padLeft(), g.padRight(), false));
  }

  @Override
  public Map conv(Map x, ConvUnit unit, Map residual) {
    return conv(x, unit);
  }

  @Override
  public Map maxPool(Map x, PoolGeometry g) {
    return new Map(x.channels,
        x.rows.windows(g.kernelH(), g.strideH(), g.dilationH(), g.padTop(), g.padBottom(), g.ceil()),
        x.columns.windows(g.kernelW(), g.strideW(), g.dilationW(), g.padLeft(), g.padRight(), g.ceil()));
  }

  @Override
  public Map averagePool(Map x, PoolGeometry geometry) {
    return maxPool(x, geometry);
  }

  @Override
  public Map add(Map x, Map y) {
    return x;
  }

  @Override
  public Map concat(List<Map> maps) {
    return maps.getFirst().channels(maps.stream().mapToLong(Map::channels).sum());
  }

  @Override
  public Map channels(Map x, long from, long to) {
    return x.channels(to - from);
  }

  @Override
  public Map crop(Map x, long top, long left, long height, long width) {
    return new Map(x.channels, new Axis(height, x.rows.first + top * x.rows.step, x.rows.step),
        new Axis(width, x.columns.first + left * x.columns.step, x.columns.step));
  }

  @Override
  public Map apply(Op op, double param, Map x) {
    return x;
  }

  @Override
  public Map prelu(Map x, Parameter slope) {
    return x;
  }

  @Override
  public Map dropout(Map x, double probability) {
    return x;
  }

  @Override
  public Map batchNorm(Map x, NormUnit unit) {
    return x;
  }

  @Override
  public long size(Map x, int dim) {
    return switch (dim) {
      case 1, -3 -> x.channels;
      case 2, -2 -> x.rows.cells;
      case 3, -1 -> x.columns.cells;
      default -> 1;
    };
  }

  // ---- what a trunk does not do

  @Override
  public Map deconv(Map x, DeconvUnit unit) {
    throw unplaced("transposed convolution");
  }

  @Override
  public Map globalAverage(Map x) {
    throw unplaced("global average");
  }

  @Override
  public Map resize(Map x, Resize.Target target, Resize.Options options) {
    throw unplaced("resize");
  }

  private static InvalidArgumentException unplaced(String what) {
    return new InvalidArgumentException("trunk", "with a " + what, "convolutions and pools alone");
  }
}
