package org.ondol.test.autoregressive;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/**
 * What a pixel may see. For every position (and colour) of a small image in turn, that input is changed, to another
 * number and to NaN, and every output must either keep its bits or, where the order of generation lets it see the
 * input, show the change. The order is written down here once, as a question about two positions, without a word about
 * kernels.
 */
class AutoregressiveTest {
  private static final int SIZE = 5;
  private static final int PER_COLOUR = 2;

  /** A place in an image that generation reaches at some time. */
  private record Site(int y, int x, int colour) {
    /** Whether this one comes earlier in raster order, colours being the fastest. */
    boolean before(Site other) {
      return y != other.y ? y < other.y : x != other.x ? x < other.x : colour < other.colour;
    }
  }

  /** Whether an output at a site depends on the input at another one. */
  private interface Sight {
    boolean sees(Site output, Site input);
  }

  private static final Sight STRICT = (output, input) -> input.before(output);
  private static final Sight SAME_TOO = (output, input) -> input.before(output) || input.equals(output);

  /** Within the reach of a kernel of 2 r + 1; beyond it nothing is seen. */
  private static Sight within(int rows, int columns, Sight order) {
    return (o, i) -> Math.abs(o.y - i.y) <= rows && Math.abs(o.x - i.x) <= columns && order.sees(o, i);
  }

  private static final Sight ROWS_ABOVE = (o, i) -> i.y < o.y;
  private static final Sight ROWS_ABOVE_AND_OWN = (o, i) -> i.y <= o.y;

  private static float[] random(long seed, int n) {
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = 0.25f + random.nextFloat(); // positive: no contribution cancels another, so what is seen shows
    }
    return x;
  }

  private static DynamicNode onEveryDevice(String name, int colours, Sight sight,
      BiFunction<Device, Tensor, Tensor> net) {
    return DynamicTest.dynamicTest(name, () -> {
      for (Device device : TestDevices.available()) {
        check(device, colours, sight, x -> net.apply(device, x));
      }
    });
  }

  private static void check(Device device, int colours, Sight sight, UnaryOperator<Tensor> net) {
    int channels = colours * PER_COLOUR;
    float[] image = random(5, channels * SIZE * SIZE);
    float[] before = run(device, channels, image, net);
    for (Site changed : sites(colours)) {
      for (float value : new float[] {7.5f, Float.NaN}) {
        float[] other = image.clone();
        for (int c = 0; c < PER_COLOUR; c++) {
          other[at(changed, c)] = value;
        }
        compare(device, colours, sight, changed, value, before, run(device, channels, other, net));
      }
    }
  }

  private static int at(Site s, int channel) {
    return ((s.colour * PER_COLOUR + channel) * SIZE + s.y) * SIZE + s.x;
  }

  private static List<Site> sites(int colours) {
    List<Site> sites = new ArrayList<>();
    for (int y = 0; y < SIZE; y++) {
      for (int x = 0; x < SIZE; x++) {
        for (int c = 0; c < colours; c++) {
          sites.add(new Site(y, x, c));
        }
      }
    }
    return sites;
  }

  private static float[] run(Device device, int channels, float[] image, UnaryOperator<Tensor> net) {
    try (Scope scope = Scope.open()) {
      return net.apply(Tensor.of(device, image, 1, channels, SIZE, SIZE)).toFloats();
    }
  }

  /** What may see the change must: with a dead pixel too many a test of hidden pixels alone would pass. */
  private static void compare(Device device, int colours, Sight sight, Site changed, float value, float[] before,
      float[] after) {
    for (Site output : sites(colours)) {
      for (int c = 0; c < PER_COLOUR; c++) {
        int i = at(output, c);
        boolean same = Bits.same(before[i], after[i]);
        boolean may = sight.sees(output, changed);
        if (same == may || may && Float.isNaN(value) != Float.isNaN(after[i])) {
          fail("%s: input %s set to %s, output %s channel %d %s: %s, then %s".formatted(device, changed, value,
              output, c, may ? "must see it" : "must not see it", before[i], after[i]));
        }
      }
    }
  }

  // ---- layers

  /** A layer in the form that is not tested elsewhere in the same net: plain or packed filters, or pixel by pixel. */
  private enum Form { PLAIN, PACKED, PIXELS }

  private static Tensor layer(Tensor x, FilterMask mask, ConvGeometry geometry, Form form, long seed) {
    long[] shape = {mask.outChannels(), mask.inChannels(), mask.kernelH(), mask.kernelW()};
    float[] values = random(seed, (int) (shape[0] * shape[1] * shape[2] * shape[3]));
    Tensor w = Tensor.of(x.device(), values, shape);
    if (form == Form.PLAIN) {
      return MaskedConv.apply(x, w, mask, geometry, Conv.Epilogue.NONE);
    }
    try (PackedFilter filter = PackedFilter.maskedconv(w, mask, geometry)) {
      if (form == Form.PACKED) {
        return MaskedConv.apply(x, filter, Conv.Epilogue.NONE);
      }
      Tensor y = Tensor.empty(x.device(), 1, mask.outChannels(), x.size(2), x.size(3));
      for (long row = 0; row < x.size(2); row++) {
        for (long column = 0; column < x.size(3); column++) {
          MaskedConv.into(x, filter, Conv.Epilogue.NONE, y, row, row + 1, column, column + 1);
        }
      }
      return y;
    }
  }

  private static Tensor raster(Tensor x, Type type, int kernel, int colours, Form form, long seed) {
    int channels = colours * PER_COLOUR;
    try (FilterMask mask = FilterMask.raster(x.device(), type, channels, channels, kernel, kernel, colours)) {
      return layer(x, mask, ConvGeometry.UNIT.padding(kernel / 2), form, seed);
    }
  }

  @TestFactory
  List<DynamicNode> oneLayer() {
    List<DynamicNode> tests = new ArrayList<>();
    for (int colours : new int[] {1, 3}) {
      for (int kernel : new int[] {1, 3, 5, 7}) {
        for (Form form : Form.values()) {
          String name = colours + " colours, kernel " + kernel + ", " + form;
          int reach = kernel / 2;
          tests.add(onEveryDevice("raster A, " + name, colours, within(reach, reach, STRICT),
              (device, x) -> raster(x, Type.A, kernel, colours, form, 1)));
          tests.add(onEveryDevice("raster B, " + name, colours, within(reach, reach, SAME_TOO),
              (device, x) -> raster(x, Type.B, kernel, colours, form, 1)));
        }
      }
    }
    return tests;
  }

  @TestFactory
  List<DynamicNode> stacks() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Form form : Form.values()) {
      // Strictly before, then "before or same" steps: paths of up to three steps reach every earlier site of 5 x 5.
      tests.add(onEveryDevice("grey: A 7, B 3, B 3, " + form, 1, reached(1, STRICT, 3, SAME_TOO, 1, SAME_TOO, 1),
          (device, x) -> {
            Tensor first = raster(raster(x, Type.A, 7, 1, form, 1), Type.B, 3, 1, form, 2);
            return raster(first, Type.B, 3, 1, form, 3);
          }));
      tests.add(onEveryDevice("colours: A 3, B 5, B 1, " + form, 3, reached(3, STRICT, 1, SAME_TOO, 2, SAME_TOO, 0),
          (device, x) -> {
            Tensor first = raster(raster(x, Type.A, 3, 3, form, 1), Type.B, 5, 3, form, 2);
            return raster(first, Type.B, 1, 3, form, 3);
          }));
    }
    return tests;
  }

  /** Sites that see an input through layers of given orders and reaches. */
  private static Sight reached(int colours, Sight first, int reach1, Sight second, int reach2, Sight third,
      int reach3) {
    Sight one = within(reach1, reach1, first);
    Sight two = within(reach2, reach2, second);
    Sight three = within(reach3, reach3, third);
    List<Site> all = sites(colours);
    return (output, input) -> all.stream().anyMatch(b -> three.sees(output, b)
        && all.stream().anyMatch(a -> two.sees(b, a) && one.sees(a, input)));
  }

  @TestFactory
  List<DynamicNode> verticalAndHorizontal() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Form form : Form.values()) {
      tests.add(onEveryDevice("vertical A, " + form, 1, within(1, 1, ROWS_ABOVE),
          (device, x) -> vertical(x, Type.A, 3, form, 1)));
      tests.add(onEveryDevice("vertical B, " + form, 1, within(1, 1, ROWS_ABOVE_AND_OWN),
          (device, x) -> vertical(x, Type.B, 3, form, 1)));
      tests.add(onEveryDevice("horizontal A, " + form, 1, within(0, 1, STRICT),
          (device, x) -> horizontal(x, Type.A, 3, 1, form, 1)));
      tests.add(onEveryDevice("horizontal A of 3 colours, " + form, 3, within(0, 2, STRICT),
          (device, x) -> horizontal(x, Type.A, 5, 3, form, 1)));
      tests.add(onEveryDevice("horizontal B of 3 colours, " + form, 3, within(0, 1, SAME_TOO),
          (device, x) -> horizontal(x, Type.B, 3, 3, form, 1)));
      tests.add(onEveryDevice("gated PixelCNN, " + form, 1, STRICT, (device, x) -> gated(x, form)));
    }
    return tests;
  }

  private static Tensor vertical(Tensor x, Type type, int kernel, Form form, long seed) {
    try (FilterMask mask = FilterMask.vertical(x.device(), type, x.size(1), x.size(1), kernel, kernel)) {
      return layer(x, mask, ConvGeometry.UNIT.padding(kernel / 2), form, seed);
    }
  }

  private static Tensor horizontal(Tensor x, Type type, int kernel, int colours, Form form, long seed) {
    try (FilterMask mask = FilterMask.horizontal(x.device(), type, x.size(1), x.size(1), kernel, colours)) {
      return layer(x, mask, ConvGeometry.UNIT.padding(0, kernel / 2), form, seed);
    }
  }

  /**
   * The two stacks of the gated PixelCNN: the vertical one sees the rows above, is handed to the horizontal one, which
   * sees what lies left of the pixel. Three layers with a kernel of 5 (rows above: 2, 4, 6) see all of 5 x 5 that comes
   * before.
   */
  private static Tensor gated(Tensor x, Form form) {
    Tensor v = vertical(x, Type.A, 5, form, 1);
    Tensor h = Elementwise.add(horizontal(x, Type.A, 5, 1, form, 2), v);
    for (int i = 0; i < 2; i++) {
      v = vertical(v, Type.B, 5, form, 3 + i);
      h = Elementwise.add(h, Elementwise.add(horizontal(h, Type.B, 5, 1, form, 5 + i), v));
    }
    return h;
  }
}
