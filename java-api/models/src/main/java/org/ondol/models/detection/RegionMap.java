package org.ondol.models.detection;

import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.models.trunks.Trunk;
import org.ondol.ops.Boxes;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Resize;

/**
 * The map that regions are pooled from: a trunk's coarsest, as Fast R-CNN and Faster R-CNN take it; or, for objects of
 * a few cells of it, the two coarsest joined at the finer one's stride, as a feature pyramid joins two of its levels
 * (Lin et al. 2017): relu(1 x 1 of the finer + 1 x 1 of the coarser, resized).
 */
final class RegionMap {
  /**
   * Where the cells of a map lie on its image. The map is centred upon the image, whatever its trunk pads.
   *
   * @param image its size
   */
  record Cells(long rows, long columns, int stride, Boxes.Size image) {
    /** Of the first row's centre, in pixels. */
    double y() {
      return (image.height() - (rows - 1.0) * stride) / 2;
    }

    /** Of the first column's centre. */
    double x() {
      return (image.width() - (columns - 1.0) * stride) / 2;
    }

    long count() {
      return rows * columns;
    }
  }

  private final Trunk trunk;
  private final int stride;
  private final long channels;
  private final ConvUnit fine;
  private final ConvUnit coarse;

  /** @param joined channels of the joined map, or 0 for the coarsest one as it is */
  RegionMap(Units units, Trunk trunk, long joined) {
    this.trunk = trunk;
    List<Trunk.Stage> stages = trunk.stages();
    Trunk.Stage last = stages.getLast();
    if (joined == 0) {
      stride = last.stride();
      channels = last.channels();
      fine = null;
      coarse = null;
      return;
    }
    if (stages.size() < 2) throw new InvalidArgumentException("joined", joined, "0 with a trunk of one map");
    Trunk.Stage before = stages.get(stages.size() - 2);
    stride = before.stride();
    channels = joined;
    fine = units.conv("fine", before.channels(), joined, 1, ConvGeometry.UNIT).relu();
    coarse = units.conv("coarse", last.channels(), joined, 1, ConvGeometry.UNIT);
  }

  long channels() {
    return channels;
  }

  /** @param image [N, 3, H, W] as the trunk's {@link Trunk#preprocess} makes it */
  <M> M run(Net<M> net, M image) {
    List<M> maps = trunk.maps(net, image);
    if (fine == null) return maps.getLast();
    M x = maps.get(maps.size() - 2);
    Resize.Target size = Resize.Target.size(net.size(x, 2), net.size(x, 3));
    return net.conv(x, fine, net.resize(net.conv(maps.getLast(), coarse), size, Resize.Options.BILINEAR));
  }

  /** Where the cells of a map [N, C, rows, columns] of an image lie. */
  Cells cells(long rows, long columns, long height, long width) {
    return new Cells(rows, columns, stride, new Boxes.Size(height, width));
  }
}
