package org.ondol.test.parity;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.ondol.Tensor;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.test.oracle.RoiAlignOracle;
import org.ondol.test.page.PageRoiAlign;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Maps, regions and what is asked of them. */
final class RoiAlignProblem {
  private static final float[] UGLY = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1e9f, -0f, -1, 5e4f, -5e4f};

  final RoiAlign.Options options;
  final boolean positionSensitive;
  final int batch;
  final int channels;
  final int rows;
  final int columns;
  final int[][] sizes;
  final double[] scales;
  final float[] boxes;
  final int[] images;
  final int[] levels;
  /** Whether float32 coordinates are exact. */
  final boolean exact;

  RoiAlignProblem(Draw d) {
    exact = d.oneIn(2);
    int samplingH = exact ? d.of(1, 2, 4) : d.of(0, 0, 1, 2, 3);
    options = new RoiAlign.Options(d.of(RoiAlign.Op.values()), d.oneIn(2), samplingH, d.oneIn(3) ? exact ? 2 : d.of(0, 1, 5) : samplingH);
    positionSensitive = d.oneIn(4);
    batch = d.between(1, 3);
    rows = exact ? d.of(1, 2, 4, 8) : d.between(1, 8);
    columns = exact ? d.of(1, 2, 4, 8) : d.between(1, 8);
    int outputs = positionSensitive ? d.between(1, 1 + 40 / (rows * columns)) : d.size(40);
    channels = positionSensitive ? outputs * rows * columns : outputs;
    sizes = new int[d.oneIn(3) ? d.between(2, 4) : 1][];
    scales = new double[sizes.length];
    for (int l = 0; l < sizes.length; l++) {
      sizes[l] = new int[] {d.size(24), d.size(50)};
      scales[l] = exact || d.oneIn(2) ? Math.scalb(1.0, -d.below(5)) : 0.3;
    }
    int count = d.sizeOrZero(12);
    images = d.random().ints(count, 0, batch).toArray();
    levels = d.random().ints(count, 0, sizes.length).toArray();
    boxes = new float[4 * count];
    for (int r = 0; r < count; r++) {
      draw(d, r);
    }
  }

  private void draw(Draw d, int r) {
    float[] box = new float[4];
    for (int k = 0; k < 4; k++) {
      double extent = sizes[levels[r]][1 - k % 2] / scales[levels[r]];
      double at = (d.random().nextDouble() * 1.6 - 0.3) * extent;
      box[k] = exact ? (float) (Math.rint(at * scales[levels[r]] * 8) / 8 / scales[levels[r]]) : (float) at;
      box[k] = !exact && d.oneIn(40) ? UGLY[d.below(UGLY.length)] : box[k];
    }
    if (!d.oneIn(6)) {
      boxes[4 * r] = Math.min(box[0], box[2]);
      boxes[4 * r + 1] = Math.min(box[1], box[3]);
      boxes[4 * r + 2] = Math.max(box[0], box[2]);
      boxes[4 * r + 3] = Math.max(box[1], box[3]);
    } else {
      System.arraycopy(box, 0, boxes, 4 * r, 4);
    }
    if (d.oneIn(10)) {
      boxes[4 * r + 2] = boxes[4 * r];
    }
  }

  int count() {
    return images.length;
  }

  int grid() {
    return rows * columns;
  }

  /** Channels of the result. */
  int outputs() {
    return positionSensitive ? channels / grid() : channels;
  }

  int results() {
    return count() * outputs() * grid();
  }

  int plane(int level) {
    return sizes[level][0] * sizes[level][1];
  }

  int elements(int level) {
    return batch * channels * plane(level);
  }

  boolean corners() {
    return options.op() == RoiAlign.Op.MAX_CORNERS;
  }

  boolean average() {
    return options.op() == RoiAlign.Op.AVERAGE;
  }

  long[] resultShape() {
    return new long[] {count(), outputs(), rows, columns};
  }

  long[] shape(int level) {
    return new long[] {batch, channels, sizes[level][0], sizes[level][1]};
  }

  @Override
  public String toString() {
    return (positionSensitive ? "position-sensitive " : "") + options + " " + rows + " x " + columns + " of " + count() + " regions, N "
        + batch + ", C " + channels + ", maps " + Arrays.deepToString(sizes) + " scales " + Arrays.toString(scales) + ", boxes "
        + Arrays.toString(boxes) + " levels " + Arrays.toString(levels) + " images " + Arrays.toString(images);
  }

  /** Where the plane begins that bin {@code bin} of channel c of region r reads. */
  int planeOf(int r, int c, int bin) {
    return (images[r] * channels + (positionSensitive ? c * grid() + bin : c)) * plane(levels[r]);
  }

  /** Rows and columns of a region as the page has them; null where it is void. */
  PageRoiAlign.Axis[] axes(int r) {
    float[] p = new float[4];
    for (int k = 0; k < 4; k++) {
      p[k] = boxes[4 * r + k] * (float) scales[levels[r]];
    }
    int[] size = sizes[levels[r]];
    return !PageRoiAlign.legal(p) ? null : new PageRoiAlign.Axis[] {
        PageRoiAlign.axis(p[1], p[3], size[0], rows, (int) options.samplingH(), options.aligned()),
        PageRoiAlign.axis(p[0], p[2], size[1], columns, (int) options.samplingW(), options.aligned())};
  }

  RoiAlignOracle.Region region(int r) {
    double[] box = new double[4];
    for (int k = 0; k < 4; k++) {
      box[k] = boxes[4 * r + k] * scales[levels[r]];
    }
    String op = average() ? "average" : options.op().name().toLowerCase(Locale.ROOT).replace("max_", "");
    return new RoiAlignOracle.Region(op, options.aligned(), (int) options.samplingH(), (int) options.samplingW(), rows, columns,
        sizes[levels[r]][0], sizes[levels[r]][1], box);
  }

  Pyramid pyramid(Operands o, List<float[]> x) {
    List<Tensor> maps = new ArrayList<>();
    for (int l = 0; l < sizes.length; l++) {
      maps.add(o.input("x" + l, x.get(l), Freedom.ANY, shape(l)));
    }
    return new Pyramid(maps, Arrays.stream(scales).boxed().toList());
  }

  Pyramid.Shape shape() {
    List<long[]> shapes = new ArrayList<>();
    for (int l = 0; l < sizes.length; l++) {
      shapes.add(shape(l));
    }
    return new Pyramid.Shape(shapes, Arrays.stream(scales).boxed().toList());
  }

  /** To be closed. */
  Rois rois(Operands o) {
    Rois plain = Rois.of(o.input("boxes", boxes, Freedom.ANY, count(), 4), o.ints(images, count()));
    if (sizes.length == 1) {
      return plain;
    }
    try (plain) {
      return plain.onLevels(o.longs(Arrays.stream(levels).asLongStream().toArray(), count()));
    }
  }
}
