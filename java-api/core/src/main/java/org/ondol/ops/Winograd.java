package org.ondol.ops;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.spi.ConvShape;
import org.ondol.spi.Kernels;

/**
 * Convolution of 3 × 3 filters at stride 1 by Winograd's minimal filtering, F(4 × 4, 3 × 3) (Lavin and Gray 2016): a mode
 * that is asked for by name, faster than {@link Conv} where there are many channels, with a quarter of the multiplications
 * and other roundings. Its transforms amplify them: over K input channels of normal values the largest error against the
 * exact result is about ten times that of {@link Conv}; docs/arithmetic.md has the formulas, the tests the bound.
 */
public final class Winograd {
  /** Filters that were transformed for this mode on one device: [36, ceil(out / 16), in, 16]. */
  public static final class Filter implements AutoCloseable {
    private final FilterShape shape;
    private final Tensor panels;

    private Filter(FilterShape shape, Tensor panels) {
      this.shape = shape;
      this.panels = panels;
    }

    public Device device() {
      return panels.device();
    }

    /** The same filters on another device. */
    public Filter to(Device device) {
      Check.present("device", device);
      return new Filter(shape, PackedFilter.place(panels.toFloats(), device));
    }

    @Override
    public void close() {
      panels.close();
    }
  }

  private static final int SIDE = 6;
  private static final int PANEL = PackedFilter.PANEL;

  /** G of F(4 × 4, 3 × 3). */
  private static final double[][] G = {
    {1 / 4.0, 0, 0}, {-1 / 6.0, -1 / 6.0, -1 / 6.0}, {-1 / 6.0, 1 / 6.0, -1 / 6.0},
    {1 / 24.0, 1 / 12.0, 1 / 6.0}, {1 / 24.0, -1 / 12.0, 1 / 6.0}, {0, 0, 1}
  };

  private Winograd() {}

  /** Transforms filters [out, in, 3, 3]; the geometry has stride 1, dilation 1 and one group. */
  public static Filter pack(Tensor weight, ConvGeometry geometry) {
    FilterShape s = FilterShape.of(weight, geometry, false);
    Check.floats("weight", weight, weight.device());
    if (s.oneDimensional() || s.kernelH() != 3 || s.kernelW() != 3) {
      throw new InvalidArgumentException("weight", "of " + s.kernelH() + " x " + s.kernelW() + " filters", "3 x 3 filters");
    }
    if (geometry.strideH() != 1 || geometry.strideW() != 1) {
      throw new InvalidArgumentException("stride", geometry.strideH() + " x " + geometry.strideW(), "1 x 1");
    }
    if (geometry.dilationH() != 1 || geometry.dilationW() != 1) {
      throw new InvalidArgumentException("dilation", geometry.dilationH() + " x " + geometry.dilationW(), "1 x 1");
    }
    if (geometry.groups() != 1) throw new InvalidArgumentException("groups", geometry.groups(), "1");
    return new Filter(s, PackedFilter.place(transform(weight.toFloats(), s), weight.device()));
  }

  private static float[] transform(float[] w, FilterShape s) {
    long panels = (s.yChannels() + PANEL - 1) / PANEL;
    long count = SIDE * SIDE * panels * s.xChannels() * PANEL;
    if (count > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException("weight", "of " + count + " transformed values", "at most " + (Integer.MAX_VALUE - 8));
    }
    int in = (int) s.xChannels();
    float[] out = new float[(int) count];
    double[] half = new double[SIDE * 3];
    for (int o = 0; o < s.yChannels(); o++) {
      for (int c = 0; c < in; c++) {
        int from = (o * in + c) * 9;
        for (int i = 0; i < SIDE; i++) {
          for (int j = 0; j < 3; j++) {
            half[i * 3 + j] = G[i][0] * w[from + j] + G[i][1] * w[from + 3 + j] + G[i][2] * w[from + 6 + j];
          }
        }
        for (int i = 0; i < SIDE; i++) {
          for (int j = 0; j < SIDE; j++) {
            double u = half[i * 3] * G[j][0] + half[i * 3 + 1] * G[j][1] + half[i * 3 + 2] * G[j][2];
            long panel = (long) (i * SIDE + j) * panels + o / PANEL;
            out[(int) ((panel * in + c) * PANEL + o % PANEL)] = (float) u;
          }
        }
      }
    }
    return out;
  }

  /** Convolves x [N, C, H, W]. */
  public static Tensor apply(Tensor x, Filter filter, Conv.Epilogue epilogue) {
    Check.present("filter", filter);
    Tensor y = Tensor.empty(filter.device(), Conv.outputShape(x, filter.shape, filter.device()));
    return Outputs.finish(y, () -> into(x, filter, epilogue, y));
  }

  /** Convolves into y, whose planes are contiguous; y may be exactly the residual. */
  public static void into(Tensor x, Filter filter, Conv.Epilogue epilogue, Tensor y) {
    Check.present("filter", filter);
    FilterShape s = filter.shape;
    ConvCall.result(y, s.type(), Conv.outputShape(x, s, filter.device()), filter.device());
    ConvCall.epilogue(epilogue, y, s.yChannels(), filter.device());
    Check.disjoint("y", y, "x", x);
    Check.disjoint("y", y, "filter", filter.panels);
    Precision.ofPacked(epilogue.precision(), filter.device());
    ConvShape sizes = Conv.shape(x, s);
    ConvCall.run(Kernels::winograd, sizes, x, new ConvCall.Filters(null, filter.panels, null, null), y, epilogue, ConvCall.all(sizes),
        Precision.EXACT);
  }
}
