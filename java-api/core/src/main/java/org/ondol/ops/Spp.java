package org.ondol.ops;

import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.RoiPool.Rounding;

/**
 * Spatial pyramid pooling (SPPNet, He et al. 2014): the greatest elements of n x n bins for each n of a pyramid, {1, 2, 3, 6}
 * in the paper, over whole maps or over regions of them, as one row of fixed length; all of it in one pass.
 */
public final class Spp {
  private Spp() {}

  private static RoiCall call(int[] levels) {
    return RoiCall.grids(Rounding.SPP, levels);
  }

  /** A region for each image that is its whole map, which maps at scale 1 onto elements 0 to size - 1. */
  private static Rois whole(Device device, long[] x) {
    if (x[0] > Integer.MAX_VALUE / 4) throw new ShapeException("x", "of shape " + Arrays.toString(x), "less than 2^29 images");
    int n = (int) x[0];
    float[] boxes = new float[4 * n];
    int[] images = new int[n];
    for (int i = 0; i < n; i++) {
      boxes[4 * i] = -1;
      boxes[4 * i + 1] = -1;
      boxes[4 * i + 2] = x[3];
      boxes[4 * i + 3] = x[2];
      images[i] = i;
    }
    try (Tensor corners = Tensor.of(device, boxes, n, 4); Tensor numbers = Tensor.of(device, images, n)) {
      return Rois.of(corners, numbers);
    }
  }

  /** Of whole maps [N, C, H, W]: [N, C (n1 n1 + n2 n2 + ...)], level after level. */
  public static Tensor apply(Tensor x, int... levels) {
    Pyramid map = Pyramid.of(x, 1);
    try (Rois rois = whole(map.device(), x.shape())) {
      return call(levels).apply(map, rois);
    }
  }

  /** The same with the elements' positions in their planes, INT32, for {@link #backward}. */
  public static Pool.Max withIndices(Tensor x, int... levels) {
    Pyramid map = Pyramid.of(x, 1);
    try (Rois rois = whole(map.device(), x.shape())) {
      return call(levels).withIndices(map, rois);
    }
  }

  /** dx of {@link #withIndices} over whole maps. */
  public static Tensor backward(Tensor dy, Tensor indices, long[] xShape, int... levels) {
    Pyramid.Shape shape = Pyramid.Shape.of(1, xShape);
    Check.present("dy", dy);
    try (Rois rois = whole(dy.device(), xShape)) {
      return call(levels).backward(dy, indices, rois, shape).get(0);
    }
  }

  /** Of regions: [R, C (n1 n1 + n2 n2 + ...)], level after level. */
  public static Tensor apply(Pyramid x, Rois rois, int... levels) {
    return call(levels).apply(x, rois);
  }

  public static Pool.Max withIndices(Pyramid x, Rois rois, int... levels) {
    return call(levels).withIndices(x, rois);
  }

  /** dx of each map. */
  public static List<Tensor> backward(Tensor dy, Tensor indices, Rois rois, Pyramid.Shape x, int... levels) {
    return call(levels).backward(dy, indices, rois, x);
  }
}
