package org.ondol.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.RoiPool.Rounding;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiMaps;
import org.ondol.spi.RoiPoolArgs;
import org.ondol.spi.RoiPoolBackwardArgs;

/**
 * A pooling of regions: what {@link RoiPool}, {@link PsRoiPool} and {@link Spp} share.
 *
 * @param flat whether y is [R, all results] and not [R, C, rows, columns] of one grid
 */
record RoiCall(Pool.Op op, Rounding rounding, boolean positionSensitive, boolean flat, long[] rows, long[] columns) {
  private static final long BINS = 65536;

  static RoiCall grid(Pool.Op op, Rounding rounding, boolean positionSensitive, long height, long width) {
    Check.present("rounding", rounding);
    bins("height", height);
    bins("width", width);
    return new RoiCall(op, rounding, positionSensitive, false, new long[] {height}, new long[] {width});
  }

  /** The grid that gave a result. */
  static RoiCall like(Tensor dy, Pool.Op op, Rounding rounding, boolean positionSensitive) {
    Check.present("dy", dy);
    Check.floats("dy", dy, dy.device());
    Check.rank("dy", dy, 4, 4);
    Check.present("rounding", rounding);
    if (dy.size(2) < 1 || dy.size(2) > BINS || dy.size(3) < 1 || dy.size(3) > BINS) {
      throw new ShapeException("dy", "of shape " + Arrays.toString(dy.shape()), "[R, C, height, width] of 1 to " + BINS + " bins each way");
    }
    return grid(op, rounding, positionSensitive, dy.size(2), dy.size(3));
  }

  /** Square grids for maxima. */
  static RoiCall grids(Rounding rounding, int[] levels) {
    Check.present("levels", levels);
    if (levels.length < 1 || levels.length > RoiPoolArgs.GRIDS) {
      throw new InvalidArgumentException("levels", levels.length + " levels", "1 to " + RoiPoolArgs.GRIDS);
    }
    for (int n : levels) bins("levels", n);
    long[] sizes = Arrays.stream(levels).asLongStream().toArray();
    return new RoiCall(Pool.Op.MAX, rounding, false, true, sizes, sizes);
  }

  private static void bins(String name, long n) {
    if (n < 1 || n > BINS) throw new InvalidArgumentException(name, n, "1 to " + BINS + " bins");
  }

  private long[] result(String name, long regions, long channels) {
    long bins = 0;
    for (int g = 0; g < rows.length; g++) bins += rows[g] * columns[g];
    if (positionSensitive && channels % bins != 0) {
      throw new ShapeException(name, "with " + channels + " channels", "a multiple of the " + bins + " bins");
    }
    if (!flat) return new long[] {regions, positionSensitive ? channels / bins : channels, rows[0], columns[0]};
    if (channels > Long.MAX_VALUE / bins) throw new ShapeException(name, "with " + channels + " channels", "results that can be counted");
    return new long[] {regions, channels * bins};
  }

  Tensor apply(Pyramid x, Rois rois) {
    Check.present("x", x);
    Check.present("rois", rois);
    Device device = x.device();
    RoiList list = rois.checked(device, x.shape().batch(), x.maps().size());
    Tensor y = Tensor.empty(device, result("x", rois.count(), x.shape().channels()));
    return Outputs.finish(y, () -> launch(x, list, y, null));
  }

  Pool.Max withIndices(Pyramid x, Rois rois) {
    Check.present("x", x);
    Check.present("rois", rois);
    Device device = x.device();
    RoiList list = rois.checked(device, x.shape().batch(), x.maps().size());
    long[] shape = result("x", rois.count(), x.shape().channels());
    return Outputs.indexed(device, shape, (y, indices) -> launch(x, list, y, indices));
  }

  private void launch(Pyramid x, RoiList list, Tensor y, Tensor indices) {
    if (y.count() == 0) return;
    RoiMaps maps = x.open();
    try {
      var args = new RoiPoolArgs(op, rounding, maps, list, positionSensitive, rows, columns, y, indices);
      Check.launch(y.device(), k -> k.roipool(args), operands(maps.x(), list, y, indices));
    } finally {
      maps.x().forEach(Tensor::close);
    }
  }

  /** All tensors of a call. */
  static Tensor[] operands(List<Tensor> maps, RoiList list, Tensor... others) {
    List<Tensor> all = new ArrayList<>(maps);
    all.addAll(Arrays.asList(list.boxes(), list.images(), list.levels()));
    all.addAll(Arrays.asList(others));
    return all.toArray(new Tensor[0]);
  }

  List<Tensor> backward(Tensor dy, Tensor indices, Rois rois, Pyramid.Shape x) {
    Check.present("dy", dy);
    Check.present("rois", rois);
    Check.present("x", x);
    Device device = dy.device();
    Check.floats("dy", dy, device);
    RoiList list = rois.checked(device, x.batch(), x.maps().size());
    long[] shape = result("xShape", rois.count(), x.channels());
    Check.shape("dy", dy, shape);
    if (op == Pool.Op.MAX) PoolCall.indices(indices, device, shape);
    return Outputs.maps(device, x.maps(), dx -> launch(dy, indices, list, x, dx));
  }

  private void launch(Tensor dy, Tensor indices, RoiList list, Pyramid.Shape x, List<Tensor> dx) {
    try (Tensor dense = dy.contiguous(); Tensor at = op == Pool.Op.MAX ? indices.contiguous() : null) {
      var forward = new RoiPoolArgs(op, rounding, x.of(null), list, positionSensitive, rows, columns, null, at);
      var args = new RoiPoolBackwardArgs(forward, dense, dx);
      Check.launch(dy.device(), k -> k.roipoolBackward(args), operands(dx, list, dense, at));
    }
  }
}
