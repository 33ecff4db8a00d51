package org.ondol.grad;

import java.util.Arrays;
import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.RoiPool;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;

/**
 * Pooling of regions of interest on a tape; the contracts of {@link org.ondol.ops} say what is computed. Gradients go to the maps;
 * the regions count as constant, as Fast R-CNN and Faster R-CNN have it.
 *
 * <p>The tape keeps the regions' memory open. Only where a part is recomputed they must stay open until backward.
 */
public final class Regions {
  /** The maxima of some pyramid's regions. */
  @FunctionalInterface
  private interface Maxima {
    Pool.Max of(Pyramid x);
  }

  /** Their gradients, map by map. */
  @FunctionalInterface
  private interface MaximaBackward {
    List<Tensor> of(Tensor dy, Tensor indices, Rois rois, Pyramid.Shape x);
  }

  private Regions() {}

  /**
   * The greatest element of each bin of each region (Fast R-CNN, Girshick 2015), [R, C, height, width].
   *
   * @param x [N, C, H, W]
   * @param scale from the boxes' coordinates to the map's
   */
  public static Value roiPool(Value x, double scale, Rois rois, long height, long width) {
    return roiPool(one(x), List.of(scale), rois, height, width);
  }

  /** The same over the levels of a pyramid. */
  public static Value roiPool(List<Value> maps, List<Double> scales, Rois rois, long height, long width) {
    return maxima("roipool", maps, scales, rois, x -> RoiPool.maxWithIndices(x, rois, height, width), RoiPool::maxBackward);
  }

  /**
   * Interpolated samples of each bin of each region (Mask R-CNN, He et al. 2017), averaged or their maximum, [R, C, rows, columns].
   *
   * @param x [N, C, H, W]
   * @param scale from the boxes' coordinates to the map's
   */
  public static Value roiAlign(Value x, double scale, Rois rois, long rows, long columns, RoiAlign.Options options) {
    return roiAlign(one(x), List.of(scale), rois, rows, columns, options);
  }

  /** The same over the levels of a pyramid. */
  public static Value roiAlign(List<Value> maps, List<Double> scales, Rois rois, long rows, long columns,
      RoiAlign.Options options) {
    Require.present("options", options);
    if (options.op() != RoiAlign.Op.AVERAGE) {
      return maxima("roialign", maps, scales, rois, x -> RoiAlign.maxWithIndices(x, rois, rows, columns, options),
          (dy, indices, mine, x) -> RoiAlign.maxBackward(dy, indices, mine, x, options));
    }
    Value[] inputs = inputs(maps, rois);
    return Tape.apply("roialign", r -> {
      Pyramid x = pyramid(inputs, scales);
      Tensor y = RoiAlign.apply(x, rois, rows, columns, options);
      Rois mine = save(r, rois);
      Pyramid.Shape shape = x.shape();
      r.backward((dy, g) -> add(g, RoiAlign.averageBackward(dy, mine, shape, options)));
      return y;
    }, inputs);
  }

  /**
   * Spatial pyramid pooling of whole maps (SPPNet, He et al. 2014), [N, C (n1 n1 + n2 n2 + ...)].
   *
   * @param x [N, C, H, W]
   * @param levels n1, n2 ...: the sides of the grids
   */
  public static Value spp(Value x, int... levels) {
    Require.present("x", x);
    int[] grids = Require.present("levels", levels).clone();
    return Tape.apply("spp", r -> {
      Pool.Max max = Spp.withIndices(x.tensor(), grids);
      r.save(max.indices());
      r.backward((dy, g) -> g.add(0, Spp.backward(dy, max.indices(), x.shape(), grids)));
      return max.y();
    }, x);
  }

  /** The same of regions, [R, C (n1 n1 + n2 n2 + ...)]. */
  public static Value spp(Value x, double scale, Rois rois, int... levels) {
    return spp(one(x), List.of(scale), rois, levels);
  }

  /** The same of regions of a pyramid. */
  public static Value spp(List<Value> maps, List<Double> scales, Rois rois, int... levels) {
    int[] grids = Require.present("levels", levels).clone();
    return maxima("spp", maps, scales, rois, x -> Spp.withIndices(x, rois, grids),
        (dy, indices, mine, x) -> Spp.backward(dy, indices, mine, x, grids));
  }

  private static Value maxima(String name, List<Value> maps, List<Double> scales, Rois rois, Maxima forward,
      MaximaBackward backward) {
    Value[] inputs = inputs(maps, rois);
    return Tape.apply(name, r -> {
      Pyramid x = pyramid(inputs, scales);
      Pool.Max max = forward.of(x);
      r.save(max.indices());
      Rois mine = save(r, rois);
      Pyramid.Shape shape = x.shape();
      r.backward((dy, g) -> add(g, backward.of(dy, max.indices(), mine, shape)));
      return max.y();
    }, inputs);
  }

  private static List<Value> one(Value x) {
    return List.of(Require.present("x", x));
  }

  private static Value[] inputs(List<Value> maps, Rois rois) {
    Require.present("rois", rois);
    Value[] inputs = Require.present("maps", maps).toArray(Value[]::new);
    for (Value map : inputs) Require.present("maps", map);
    return inputs;
  }

  private static Pyramid pyramid(Value[] maps, List<Double> scales) {
    return new Pyramid(Arrays.stream(maps).map(Value::tensor).toList(), scales);
  }

  /** The regions once more, as the tape's own. */
  private static Rois save(Operation.Recording r, Rois rois) {
    if (!r.needed()) return null;
    Rois mine = Rois.of(rois.boxes(), rois.images());
    if (rois.levels() != null) mine = mine.onLevels(rois.levels());
    r.save(mine.boxes(), mine.images(), mine.levels());
    return mine;
  }

  private static void add(Gradients g, List<Tensor> dx) {
    for (int i = 0; i < dx.size(); i++) g.add(i, dx.get(i));
  }
}
