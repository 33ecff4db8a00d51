package org.ondol.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.RoiMaps;

/**
 * The maps that regions are pooled from: one, or the levels of a feature pyramid with the same images and channels.
 *
 * @param maps [N, C, H_l, W_l] with positive heights and widths
 * @param scales from image coordinates to each map's, 1/16 for a map of stride 16
 */
public record Pyramid(List<Tensor> maps, List<Double> scales) {
  private static final long LIMIT = 1 << 22;

  /**
   * The sizes of maps that are not there, for gradients.
   *
   * @param maps shapes [N, C, H_l, W_l]
   */
  public record Shape(List<long[]> maps, List<Double> scales) {
    public Shape {
      Check.present("maps", maps);
      maps = maps.stream().map(m -> m == null ? null : m.clone()).toList();
      scales = checked(maps.size(), scales);
      for (int i = 0; i < maps.size(); i++) size(maps.size() == 1 ? "xShape" : "maps[" + i + "]", maps.get(i), maps.get(0));
    }

    /** Of one map. */
    public static Shape of(double scale, long... xShape) {
      Check.present("xShape", xShape);
      return new Shape(List.<long[]>of(xShape), List.of(scale));
    }

    long batch() {
      return maps.get(0)[0];
    }

    long channels() {
      return maps.get(0)[1];
    }

    RoiMaps of(List<Tensor> x) {
      float[] floats = new float[scales.size()];
      for (int i = 0; i < floats.length; i++) floats[i] = (float) (double) scales.get(i);
      return new RoiMaps(x, batch(), channels(), maps.stream().mapToLong(m -> m[2]).toArray(),
          maps.stream().mapToLong(m -> m[3]).toArray(), floats);
    }
  }

  public Pyramid {
    Check.present("maps", maps);
    maps = Collections.unmodifiableList(new ArrayList<>(maps));
    scales = checked(maps.size(), scales);
    for (int i = 0; i < maps.size(); i++) map(maps.size() == 1 ? "x" : "maps[" + i + "]", maps.get(i), maps.get(0));
  }

  /** One map. */
  public static Pyramid of(Tensor x, double scale) {
    Check.present("x", x);
    return new Pyramid(List.of(x), List.of(scale));
  }

  Device device() {
    return maps.get(0).device();
  }

  /** The sizes of the maps. */
  public Shape shape() {
    return new Shape(maps.stream().map(Tensor::shape).toList(), scales);
  }

  /** Maps with contiguous planes: views of those that have them, else copies; to be closed. */
  RoiMaps open() {
    return shape().of(maps.stream().map(ConvCall::planes).toList());
  }

  private static List<Double> checked(int maps, List<Double> scales) {
    if (maps < 1 || maps > RoiMaps.LEVELS) throw new InvalidArgumentException("maps", maps + " maps", "1 to " + RoiMaps.LEVELS);
    Check.present("scales", scales);
    if (scales.size() != maps) throw new InvalidArgumentException("scales", scales.size() + " scales", maps + ", one a map");
    for (Double scale : scales) {
      if (scale == null || !((float) (double) scale > 0) || scale > Float.MAX_VALUE) {
        throw new InvalidArgumentException(maps == 1 ? "scale" : "scales", scale, "a positive float32 number");
      }
    }
    return List.copyOf(scales);
  }

  private static void map(String name, Tensor x, Tensor first) {
    Check.present(name, x);
    Check.floats(name, x, x.device());
    Check.rank(name, x, 4, 4);
    if (!x.device().equals(first.device())) throw new DeviceMismatchException(name, x.device(), first.device());
    size(name, x.shape(), first.shape());
  }

  private static void size(String name, long[] shape, long[] first) {
    boolean fits = shape != null && shape.length == 4 && shape[0] >= 0 && shape[1] >= 0 && shape[2] >= 1 && shape[2] <= LIMIT
        && shape[3] >= 1 && shape[3] <= LIMIT && shape[2] * shape[3] <= Integer.MAX_VALUE;
    if (!fits) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape),
          "[N, C, H, W] with heights and widths of 1 to 2^22 and planes of less than 2^31 elements");
    }
    if (shape[0] != first[0] || shape[1] != first[1]) {
      throw new ShapeException(name, "of shape " + Arrays.toString(shape), first[0] + " images and " + first[1]
          + " channels as the first map has");
    }
  }
}
