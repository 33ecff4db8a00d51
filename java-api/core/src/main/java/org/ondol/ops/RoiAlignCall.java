package org.ondol.ops;

import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.RoiAlignArgs;
import org.ondol.spi.RoiAlignBackwardArgs;
import org.ondol.spi.RoiAlignShape;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiMaps;

/** The checked calls of {@link RoiAlign} and {@link PsRoiAlign}. */
final class RoiAlignCall {
  private static final long MAX_BINS = 1 << 20;
  private static final long MAX_GRID = 1 << 24;
  private static final long MAX_REGIONS = 1 << 28;
  private static final long MAX_IMAGES = 1 << 27;

  private final Pyramid x;
  private final RoiList rois;
  private final RoiAlignShape shape;
  private final Device device;
  private final long[] result;

  RoiAlignCall(Pyramid x, Rois rois, long rows, long columns, RoiAlign.Options options, boolean positionSensitive) {
    Check.present("x", x);
    Check.present("rois", rois);
    this.x = x;
    shape = shape(rows, columns, options, positionSensitive, x.shape());
    device = x.device();
    this.rois = checked(rois, device, x.shape());
    long channels = x.shape().channels();
    result = new long[] {rois.count(), positionSensitive ? channels / (rows * columns) : channels, rows, columns};
  }

  private static RoiAlignShape shape(long rows, long columns, RoiAlign.Options options, boolean positionSensitive, Pyramid.Shape maps) {
    if (rows < 1 || rows > MAX_BINS) throw new InvalidArgumentException("rows", rows, "1 to " + MAX_BINS);
    if (columns < 1 || columns > MAX_BINS) throw new InvalidArgumentException("columns", columns, "1 to " + MAX_BINS);
    if (rows * columns > MAX_GRID) throw new InvalidArgumentException("rows", rows + " of " + columns + " bins", MAX_GRID + " bins at most");
    if (maps.batch() > MAX_IMAGES) throw new ShapeException("x", "of " + maps.batch() + " images", MAX_IMAGES + " images at most");
    Check.present("options", options);
    if (positionSensitive && maps.channels() % (rows * columns) != 0) {
      throw new ShapeException("x", "of " + maps.channels() + " channels", "a multiple of rows * columns = " + rows * columns);
    }
    return new RoiAlignShape(options.op(), options.aligned(), options.samplingH(), options.samplingW(), positionSensitive, rows, columns);
  }

  private static RoiList checked(Rois rois, Device device, Pyramid.Shape maps) {
    if (rois.count() > MAX_REGIONS) throw new InvalidArgumentException("rois", rois.count() + " regions", MAX_REGIONS + " at most");
    return rois.checked(device, maps.batch(), maps.maps().size());
  }

  Tensor apply() {
    Tensor y = Tensor.empty(device, result);
    return Outputs.finish(y, () -> launch(y, null));
  }

  Pool.Max withIndices() {
    if (shape.op() == RoiAlign.Op.AVERAGE) throw new InvalidArgumentException("options", "of AVERAGE", "a maximum");
    countable(shape, x.shape());
    return Outputs.indexed(device, result, this::launch);
  }

  private void launch(Tensor y, Tensor indices) {
    if (y.count() == 0) return;
    RoiMaps maps = x.open();
    try {
      var args = new RoiAlignArgs(shape, maps, rois, y, indices);
      Check.launch(device, k -> k.roialign(args), RoiCall.operands(maps.x(), rois, y, indices));
    } finally {
      maps.x().forEach(Tensor::close);
    }
  }

  /** Where adaptive, samples of a bin are at least half an element apart, and within one of where exact arithmetic puts them. */
  private static void countable(RoiAlignShape s, Pyramid.Shape maps) {
    for (int level = 0; level < maps.maps().size(); level++) {
      long rows = s.samplingH() > 0 ? s.samplingH() : 2 * (maps.maps().get(level)[2] + 4);
      long columns = s.samplingW() > 0 ? s.samplingW() : 2 * (maps.maps().get(level)[3] + 4);
      if (rows * columns > Integer.MAX_VALUE / 4) {
        throw new InvalidArgumentException("x", "with up to " + rows + " x " + columns + " samples of a bin", "at most 2^29 - 1 where indices"
            + " are wanted, which are INT32");
      }
    }
  }

  static List<Tensor> backward(Tensor dy, Tensor indices, Rois rois, Pyramid.Shape maps, RoiAlign.Options options, boolean positionSensitive) {
    Check.present("dy", dy);
    Device device = dy.device();
    Check.floats("dy", dy, device);
    Check.rank("dy", dy, 4, 4);
    Check.present("rois", rois);
    Check.present("shape", maps);
    RoiAlignShape shape = shape(dy.size(2), dy.size(3), options, positionSensitive, maps);
    if ((shape.op() == RoiAlign.Op.AVERAGE) != (indices == null)) {
      throw new InvalidArgumentException("options", "of " + shape.op(), indices == null ? "AVERAGE" : "a maximum");
    }
    RoiMaps sizes = maps.of(null);
    Check.shape("dy", dy, rois.count(), shape.channels(sizes), shape.rows(), shape.columns());
    if (indices != null) {
      countable(shape, maps);
      PoolCall.indices(indices, device, dy.shape());
    }
    RoiList list = checked(rois, device, maps);
    return Outputs.maps(device, maps.maps(), dx -> launch(shape, sizes, list, dy, indices, dx));
  }

  private static void launch(RoiAlignShape shape, RoiMaps sizes, RoiList rois, Tensor dy, Tensor indices, List<Tensor> dx) {
    try (Tensor dense = dy.contiguous(); Tensor at = indices == null ? null : indices.contiguous()) {
      var args = new RoiAlignBackwardArgs(shape, sizes, rois, dense, at, dx);
      Check.launch(dy.device(), k -> k.roialignBackward(args), RoiCall.operands(dx, rois, dense, at));
    }
  }
}
