package org.ondol.models.segmentation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.DeconvUnit;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;
import org.ondol.models.layers.Units;
import org.ondol.models.segmentation.Placement.Axis;
import org.ondol.models.trunks.Trunk;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.PoolGeometry;

/**
 * Fully convolutional networks (J. Long, E. Shelhamer and T. Darrell, Fully Convolutional Networks for Semantic
 * Segmentation, CVPR 2015) on any trunk:
 *
 * <pre>
 * h = relu(fc7(relu(fc6(pool(trunk(x))))))                    1/32
 * FCN-32s:  scores = up32(score(h))
 * FCN-16s:  s = up2(score(h)) + score16(map of 1/16);         scores = up16(s)
 * FCN-8s:   s = up2(s) + score8(map of 1/8);                  scores = up8(s)
 * </pre>
 *
 * fc6 and fc7 are what the classifier's dense layers become (section 3.1; {@link DenseLayers} turns trained ones), with
 * dropout; score layers are convolutions of 1 x 1 that begin at zero; up f is a transposed convolution of 2 f x 2 f at
 * stride f that begins as bilinear interpolation and learns (section 3.3), cropped to what it is added to.
 *
 * <p>VGG ends at 1/16 and its fc6 sees that map pooled: so it is here, whatever the trunk. SqueezeNet's own last stage is
 * 1/16 too, where it has a classifier of 1 x 1; fc6 and fc7 take its place, of 3 x 3 and 1 x 1 with some hundred channels
 * instead of 7 x 7 and 1 x 1 with 4096, in proportion to the trunk. So 32s, 16s and 8s are steps of 32, 16 and 8 pixels.
 *
 * <p>The paper puts 100 zeros around an image and crops by offsets that were worked out for VGG. Here {@link Placement}
 * finds where the trunk's maps lie, each map is laid over the next with less than half a cell of error, and an image gets
 * only the zeros without which some of its pixels would lie under no cell: none with SqueezeNet, up to a multiple of the
 * step with VGG. Images may have any size.
 */
public final class Fcn implements AutoCloseable {
  /** The step at which fc6 and fc7 stand. */
  private static final int TOP = 32;
  private static final PoolGeometry POOL = PoolGeometry.tiles(2).ceil(true);
  private static final double DROPOUT = 0.5;

  /**
   * Sizes.
   *
   * @param stride 32, 16 or 8: which of the three nets
   * @param hidden channels of fc6 and fc7
   * @param kernel rows and columns of fc6, odd
   */
  public record Sizes(int classes, int stride, int hidden, int kernel) {
    public Sizes {
      if (classes < 2 || classes > 256) throw new InvalidArgumentException("classes", classes, "2 to 256");
      if (stride != 32 && stride != 16 && stride != 8) throw new InvalidArgumentException("stride", stride, "32, 16 or 8");
      if (hidden < 1) throw new InvalidArgumentException("hidden", hidden, "at least 1");
      if (kernel < 1 || kernel % 2 == 0) throw new InvalidArgumentException("kernel", kernel, "an odd number");
    }
  }

  /** @param stage the trunk's, by its place */
  private record Skip(int stage, ConvUnit score) {}

  private final Trunk trunk;
  private final Sizes sizes;
  private final Units units;
  private final boolean pooled;
  private final ConvUnit fc6;
  private final ConvUnit fc7;
  private final ConvUnit score;
  private final List<Skip> skips = new ArrayList<>();
  private final List<DeconvUnit> ups = new ArrayList<>();
  private final Map<List<Long>, Sized> bySize = new ConcurrentHashMap<>();
  private final Inference inference = new Inference();

  /**
   * First values.
   *
   * @param trunk is closed with the network
   * @param units make the parameters of what stands on the trunk, which belong to its model
   */
  public Fcn(Trunk trunk, Sizes sizes, Units units) {
    if (trunk == null) throw new InvalidArgumentException("trunk", "null", "a trunk");
    if (sizes == null) throw new InvalidArgumentException("sizes", "null", "sizes");
    if (units == null || units.parameters() != trunk.parameters()) {
      throw new InvalidArgumentException("units", units, "units of the trunk's model");
    }
    this.trunk = trunk;
    this.sizes = sizes;
    this.units = units;
    Trunk.Stage last = trunk.stages().getLast();
    if (last.stride() != TOP && last.stride() != TOP / 2) {
      throw new InvalidArgumentException("trunk", "of stride " + last.stride(), "one of stride 16 or 32");
    }
    pooled = last.stride() == TOP / 2;
    int k = sizes.kernel;
    fc6 = units.conv("fc6", last.channels(), sizes.hidden, k, ConvGeometry.UNIT.padding(k / 2)).relu();
    fc7 = units.conv("fc7", sizes.hidden, sizes.hidden, 1, ConvGeometry.UNIT).relu();
    score = scores("score", sizes.hidden);
    for (int stride = TOP / 2; stride >= sizes.stride; stride /= 2) {
      int stage = stage(stride);
      skips.add(new Skip(stage, scores("score" + stride, trunk.stages().get(stage).channels())));
      ups.add(up("up" + 2 * stride, 2));
    }
    ups.add(up("up", sizes.stride));
    border(8 * TOP); // refuses a trunk whose maps leave gaps
  }

  private ConvUnit scores(String name, long in) {
    return units.weights(layout -> Initializer.zeros()).conv(name, in, sizes.classes, 1, ConvGeometry.UNIT);
  }

  private DeconvUnit up(String name, int factor) {
    return units.weights(layout -> Initializer.bilinear()).deconv(name, sizes.classes, sizes.classes, 2L * factor,
        ConvGeometry.UNIT.stride(factor), false, null);
  }

  /** The trunk's last stage of a stride. */
  private int stage(int stride) {
    List<Trunk.Stage> stages = trunk.stages();
    for (int i = stages.size() - 1; i >= 0; i--) if (stages.get(i).stride() == stride) return i;
    throw new InvalidArgumentException("trunk", "without a map of stride " + stride, "one for FCN-" + sizes.stride + "s");
  }

  // ---- the network

  /** The scores of each stage, the coarsest first. */
  private <M> List<M> scores(Net<M> net, M image) {
    List<M> maps = trunk.maps(net, image);
    M x = pooled ? net.maxPool(maps.getLast(), POOL) : maps.getLast();
    M h = net.dropout(net.conv(x, fc6), DROPOUT);
    h = net.dropout(net.conv(h, fc7), DROPOUT);
    List<M> scores = new ArrayList<>(List.of(net.conv(h, score)));
    for (Skip skip : skips) scores.add(net.conv(maps.get(skip.stage), skip.score));
    return scores;
  }

  /** The network for images of one size. */
  private final class Sized {
    final long height;
    final long width;
    final Border border;
    final List<Placement.Map> places;

    Sized(long height, long width) {
      this.height = height;
      this.width = width;
      long[] rows = border(height);
      long[] columns = border(width);
      border = new Border(rows[0], columns[0], rows[1], columns[1]);
      places = scores(new Placement(),
          Placement.Map.image(rows[0] + height + rows[1], columns[0] + width + columns[1]));
    }

    /** Pictures as the trunk takes them, within their border. */
    Tensor image(Tensor rgb) {
      return border.around(trunk.preprocess(rgb));
    }

    /** The scores of classes, [N, classes, height, width], of such an image. */
    <M> M logits(Net<M> net, M image) {
      List<M> scores = scores(net, image);
      M y = scores.getFirst();
      for (int i = 1; i < scores.size(); i++) {
        y = net.add(laid(net, y, i - 1, places.get(i).rows(), places.get(i).columns()), scores.get(i));
      }
      return laid(net, y, scores.size() - 1, pixels(border.top(), height), pixels(border.left(), width));
    }

    /** The i-th map enlarged and laid over another one. */
    private <M> M laid(Net<M> net, M x, int i, Axis rows, Axis columns) {
      Placement.Map from = places.get(i);
      DeconvUnit up = ups.get(i);
      return net.crop(net.deconv(x, up), cut(up, from.rows(), rows), cut(up, from.columns(), columns), rows.cells(),
          columns.cells());
    }
  }

  private static Axis pixels(long before, long size) {
    return new Axis(size, before, 1);
  }

  // ---- where maps lie

  /**
   * The first row of an enlarged map that lies on another one: cell i of the map has its centre at
   * factor · i + (kernel - 1) / 2 of the enlarged one.
   */
  private static long cut(DeconvUnit up, Axis from, Axis to) {
    return (long) Math.floor((kernel(up) - 1) / 2.0 - (from.first() - to.first()) / to.step());
  }

  private static long kernel(DeconvUnit up) {
    return up.weight().tensor().size(2);
  }

  /** Whether an enlarged map covers another one. */
  private static boolean covers(DeconvUnit up, Axis from, Axis to) {
    if (from.cells() < 1 || to.cells() < 1) return false;
    long enlarged = up.geometry().strideH() * (from.cells() - 1) + kernel(up);
    return enlarged - cut(up, from, to) >= to.cells();
  }

  /** The least zeros before and after so many pixels with which every pixel lies under a cell of each map. */
  private long[] border(long size) {
    long before = 0;
    for (long after = 0; after <= 8 * TOP; after++) {
      List<Axis> axes = scores(new Placement(), Placement.Map.image(before + size + after, before + size + after))
          .stream().map(Placement.Map::rows).toList();
      if (cut(ups.getLast(), axes.getLast(), pixels(before, size)) < 0) {
        before -= cut(ups.getLast(), axes.getLast(), pixels(before, size));
        after--;
        continue;
      }
      boolean covered = covers(ups.getLast(), axes.getLast(), pixels(before, size));
      for (int i = 1; i < axes.size(); i++) {
        DeconvUnit up = ups.get(i - 1);
        covered &= cut(up, axes.get(i - 1), axes.get(i)) >= 0 && covers(up, axes.get(i - 1), axes.get(i));
      }
      if (covered) return new long[] {before, after};
    }
    throw new InvalidArgumentException("trunk", trunk.stages(), "one of which each map covers the next finer one");
  }

  // ---- use

  private Sized sized(Tensor rgb) {
    if (rgb == null) throw new InvalidArgumentException("rgb", "null", "a tensor");
    if (rgb.rank() != 4 || rgb.size(1) != 3 || rgb.count() == 0) {
      throw new ShapeException("rgb", "of shape " + Arrays.toString(rgb.shape()), "[N, 3, H, W]");
    }
    return bySize.computeIfAbsent(List.of(rgb.size(2), rgb.size(3)), size -> new Sized(size.get(0), size.get(1)));
  }

  /**
   * The scores of classes before the softmax, [N, classes, H, W], for training.
   *
   * @param rgb [N, 3, H, W] of 0 to 1, red first
   * @param statistics {@link Statistics#RUNNING} leaves dropout out
   */
  public Value logits(Tape tape, Tensor rgb, Statistics statistics) {
    Sized sized = sized(rgb);
    return sized.logits(new Net.OnTape(tape, statistics), tape.constant(sized.image(rgb)));
  }

  /** The same at once, as a tensor of the current scope. */
  public Tensor scores(Tensor rgb) {
    Sized sized = sized(rgb);
    try (Scope scope = Scope.open()) {
      return scope.keep(inference.map(sized::logits, sized.image(rgb)));
    }
  }

  public Sizes sizes() {
    return sizes;
  }

  public Trunk trunk() {
    return trunk;
  }

  public Device device() {
    return trunk.device();
  }

  /** All parameters of the model, the trunk's first. */
  public Parameters parameters() {
    return trunk.parameters();
  }

  /** Frees the parameters. */
  @Override
  public void close() {
    inference.close();
    parameters().close();
  }
}
