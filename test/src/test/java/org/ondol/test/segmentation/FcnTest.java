package org.ondol.test.segmentation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Losses;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.LeNet;
import org.ondol.models.layers.Statistics;
import org.ondol.models.layers.Units;
import org.ondol.models.segmentation.DenseLayers;
import org.ondol.models.segmentation.Fcn;
import org.ondol.models.trunks.SqueezeNet;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Gemm;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** FCN: where scores lie, any size, gradients, and classifiers made convolutional. */
class FcnTest {
  private static final Device JAVA = Device.of("java");

  private static Fcn pools(Parameters parameters, PoolGeometry pool, long channels, int stride, Device device) {
    Generator random = new Generator(5);
    return new Fcn(new PoolTrunk(Units.of(parameters, "trunk.", device, random), pool, channels),
        new Fcn.Sizes(3, stride, 4, 3), Units.of(parameters, "", device, random));
  }

  private static Fcn squeezed(Parameters parameters, int stride, Device device) {
    Generator random = new Generator(5);
    return new Fcn(new SqueezeNet(Units.of(parameters, "trunk.", device, random), 0), new Fcn.Sizes(4, stride, 8, 3),
        Units.of(parameters, "", device, random));
  }

  /** Scores and biases other than zero, which they begin as: a relu that sees a bias alone would lie on its kink. */
  private static void stir(Parameters parameters) {
    Generator random = new Generator(9);
    for (Parameter p : parameters) {
      if (!p.name().startsWith("score") && !p.name().endsWith(".bias")) continue;
      try (Tensor t = random.normal(p.tensor().device(), 0, 1, p.tensor().shape())) {
        p.assign(t);
      }
    }
  }

  private static Tensor picture(Device device, int height, int width) {
    float[] v = new float[3 * height * width];
    SplittableRandom random = new SplittableRandom(height * 1000L + width);
    for (int i = 0; i < v.length; i++) v[i] = random.nextInt(256) / 255f;
    return Tensor.of(device, v, 1, 3, height, width);
  }

  /** Enlarged averages of a slope are that slope, where the cells' whole surroundings are within the image. */
  @ParameterizedTest
  @CsvSource({"16, 128, 96", "8, 128, 96", "8, 117, 91", "16, 150, 77", "8, 101, 103"})
  void scoresLieWhereTheImageDoes(int stride, int height, int width) {
    try (Scope scope = Scope.open(); Parameters parameters = new Parameters();
        Fcn net = pools(parameters, PoolGeometry.tiles(2), 0, stride, JAVA)) {
      float[] x = new float[3 * height * width];
      for (int i = 0; i < height * width; i++) {
        x[i] = i % width;
        x[height * width + i] = (int) (i / width);
      }
      float[] unit = {1, 0, 0, 0, 1, 0, 0, 0, 1};
      parameters.get("score" + stride + ".weight").assign(Tensor.of(JAVA, unit, 3, 3, 1, 1));
      float[] y = net.scores(Tensor.of(JAVA, x, 1, 3, height, width)).toFloats();
      int edge = stride + stride / 2;
      for (int row = edge; row < height - edge - stride; row++) {
        for (int column = edge; column < width - edge - stride; column++) {
          assertEquals(column, y[row * width + column], 1e-3, "column of " + row + ", " + column);
          assertEquals(row, y[(height + row) * width + column], 1e-3, "row of " + row + ", " + column);
        }
      }
    }
  }

  /** Windows of 3 without padding: maps begin stride - 1 pixels from the edge, which crops meet to half a pixel. */
  @Test
  void scoresOfMapsWithoutPaddingLieWhereTheImageDoes() {
    int size = 200;
    try (Scope scope = Scope.open(); Parameters parameters = new Parameters();
        Fcn net = pools(parameters, PoolGeometry.window(3, 3).stride(2), 0, 8, JAVA)) {
      float[] x = new float[3 * size * size];
      for (int i = 0; i < size * size; i++) x[i] = i % size;
      parameters.get("score8.weight").assign(Tensor.of(JAVA, new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3, 1, 1));
      float[] y = net.scores(Tensor.of(JAVA, x, 1, 3, size, size)).toFloats();
      for (int column = 30; column < size - 30; column++) {
        assertEquals(column, y[100 * size + column], 0.5 + 1e-3, "column " + column);
      }
    }
  }

  /** From the smallest images on, one size after the other; the last pixels are covered as the first ones are. */
  @ParameterizedTest
  @ValueSource(ints = {32, 16, 8})
  void imagesOfAnySize(int stride) {
    List<PoolGeometry> pools = List.of(PoolGeometry.tiles(2), PoolGeometry.tiles(2).ceil(true),
        PoolGeometry.window(3, 3).stride(2).ceil(true), PoolGeometry.window(3, 3).stride(2).padding(1),
        PoolGeometry.window(4, 4).stride(2));
    for (PoolGeometry pool : pools) {
      try (Parameters parameters = new Parameters(); Fcn net = pools(parameters, pool, 2, stride, JAVA)) {
        stir(parameters);
        for (int[] size : new int[][] {{1, 1}, {1, 40}, {7, 31}, {32, 33}, {63, 64}, {65, 95}, {97, 130}}) {
          try (Scope scope = Scope.open()) {
            Tensor y = net.scores(picture(JAVA, size[0], size[1]));
            assertArrayEquals(new long[] {1, 3, size[0], size[1]}, y.shape(), pool.toString());
          }
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"32, 180, 240", "16, 90, 121", "8, 61, 83", "8, 5, 9"})
  void theSameBitsEverywhereOnATapeAndAtOnce(int stride, int height, int width) {
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Parameters parameters = new Parameters();
          Fcn net = squeezed(parameters, stride, device); Tape tape = Tape.open()) {
        stir(parameters);
        Tensor x = picture(device, height, width);
        float[] atOnce = net.scores(x).toFloats();
        assertEquals(4 * height * width, atOnce.length);
        if (first == null) first = atOnce;
        assertNull(Bits.difference(atOnce, first), device.toString());
        float[] onTape = net.logits(tape, x, Statistics.RUNNING).tensor().toFloats();
        assertNull(Bits.difference(onTape, first), "on a tape on " + device);
      }
    }
  }

  private static Value loss(Fcn net, Tape tape, Tensor x, Tensor target) {
    return Losses.softmax(net.logits(tape, x, Statistics.RUNNING), target, 1, 3, Reduction.MEAN);
  }

  /** Along a random direction of all parameters at once, for each of the nets. */
  @ParameterizedTest
  @ValueSource(ints = {32, 16, 8})
  void gradientsOfTheWholeLoss(int stride) {
    Tensor x = picture(JAVA, 37, 45);
    long[] classes = new SplittableRandom(3).longs(37 * 45, 0, 4).toArray(); // 3 is ignored
    try (Scope scope = Scope.open(); Parameters parameters = new Parameters();
        Fcn net = pools(parameters, PoolGeometry.tiles(2), 5, stride, JAVA)) {
      stir(parameters);
      Tensor target = Tensor.of(JAVA, classes, 1, 37, 45);
      try (Tape tape = Tape.open()) {
        tape.backward(loss(net, tape, x, target));
      }
      double steepest = 0;
      for (int seed = 11; seed < 16; seed++) {
        Generator random = new Generator(seed);
        List<Tensor> directions = new ArrayList<>();
        double slope = 0;
        for (Parameter p : parameters) {
          Tensor d = random.normal(JAVA, 0, 1, p.tensor().shape());
          directions.add(d);
          float[] g = p.gradient().toFloats();
          float[] v = d.toFloats();
          for (int i = 0; i < g.length; i++) slope += (double) g[i] * v[i];
        }
        double h = 5e-4; // few relus and maxima turn within it
        double above = moved(net, parameters, directions, h, x, target);
        double below = moved(net, parameters, directions, -h, x, target);
        double difference = (above - below) / (2 * h);
        assertEquals(difference, slope, 0.01 * Math.abs(difference) + 3e-3, "direction " + seed);
        steepest = Math.max(steepest, Math.abs(slope));
      }
      assertTrue(steepest > 0.1, "the loss moves: " + steepest);
    } finally {
      x.close();
    }
  }

  private static double moved(Fcn net, Parameters parameters, List<Tensor> directions, double h, Tensor x, Tensor target) {
    List<Parameter> all = parameters.all();
    List<Tensor> before = all.stream().map(p -> p.tensor().copy()).toList();
    for (int i = 0; i < all.size(); i++) {
      all.get(i).assign(Elementwise.apply(Op.AXPY, directions.get(i), before.get(i), h));
    }
    try (Tape tape = Tape.open()) {
      return loss(net, tape, x, target).item();
    } finally {
      for (int i = 0; i < all.size(); i++) all.get(i).assign(before.get(i));
    }
  }

  @Test
  void refused() {
    try (Parameters parameters = new Parameters(); Parameters others = new Parameters();
        Fcn net = squeezed(parameters, 8, JAVA)) {
      Units units = Units.of(others, "", JAVA, new Generator(1));
      assertThrows(InvalidArgumentException.class, () -> new Fcn(null, net.sizes(), units));
      assertThrows(InvalidArgumentException.class, () -> new Fcn(net.trunk(), net.sizes(), units));
      assertThrows(InvalidArgumentException.class, () -> new Fcn(net.trunk(), null, units));
      try (Parameters more = new Parameters()) { // whose maps of 1/16 begin two cells inside those of 1/8
        assertThrows(InvalidArgumentException.class,
            () -> pools(more, PoolGeometry.window(7, 7).stride(2), 2, 8, JAVA));
      }
      assertThrows(InvalidArgumentException.class, () -> new Fcn.Sizes(3, 4, 8, 3));
      assertThrows(InvalidArgumentException.class, () -> new Fcn.Sizes(1, 8, 8, 3));
      assertThrows(InvalidArgumentException.class, () -> new Fcn.Sizes(3, 8, 8, 2));
      assertThrows(InvalidArgumentException.class, () -> net.scores(null));
      assertThrows(ShapeException.class, () -> net.scores(Tensor.zeros(JAVA, 1, 1, 8, 8)));
      assertThrows(ShapeException.class, () -> net.scores(Tensor.zeros(JAVA, 1, 3, 0, 8)));
    }
  }

  // ---- dense layers as convolutions

  private static void near(float[] expected, float[] actual, double tolerance, String what) {
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) assertEquals(expected[i], actual[i], tolerance, what + " at " + i);
  }

  /** At the classifier's size its answer, on a larger picture its answer for each place. */
  @Test
  void leNetAsAHeatMap() {
    try (Scope scope = Scope.open(); LeNet net = new LeNet(JAVA, new long[] {1, 28, 28}, 10, new Generator(3))) {
      Tensor large = new Generator(4).uniform(JAVA, 0, 1, 2, 1, 36, 41);
      Tensor map = net.heatMap(large);
      assertArrayEquals(new long[] {2, 10, 3, 4}, map.shape());
      for (int y = 0; y < 3; y++) {
        for (int x = 0; x < 4; x++) {
          Tensor part = large.slice(2, 4 * y, 4 * y + 28).slice(3, 4 * x, 4 * x + 28).contiguous();
          near(net.probabilities(part).toFloats(), map.select(3, x).select(2, y).contiguous().toFloats(), 1e-5,
              "place " + y + ", " + x);
        }
      }
      assertThrows(ShapeException.class, () -> net.heatMap(large.slice(2, 0, 27)));
    }
  }

  /** Padded convolutions and pools before three dense layers, as in AlexNet and VGG-16, whose fc6 reads 512 x 7 x 7. */
  @Test
  void aNetworkOfVggsFormAsAHeatMap() {
    try (Scope scope = Scope.open()) {
      Generator random = new Generator(8);
      Tensor conv = random.normal(JAVA, 0, 0.3, 6, 3, 3, 3);
      Tensor fc6 = random.normal(JAVA, 0, 0.1, 6 * 7 * 7, 20);
      Tensor fc7 = random.normal(JAVA, 0, 0.2, 20, 16);
      Tensor fc8 = random.normal(JAVA, 0, 0.2, 16, 5);
      Tensor x = random.uniform(JAVA, 0, 1, 2, 3, 28, 28);
      Tensor dense = relu(Gemm.matmul(maps(x, conv).reshape(2, 6 * 7 * 7), fc6));
      float[] expected = Gemm.matmul(relu(Gemm.matmul(dense, fc7)), fc8).toFloats();
      near(expected, convolutional(x, conv, fc6, fc7, fc8).toFloats(), 1e-4, "scores");
      assertArrayEquals(new long[] {1, 5, 4, 6},
          convolutional(random.uniform(JAVA, 0, 1, 1, 3, 40, 48), conv, fc6, fc7, fc8).shape());
      assertThrows(ShapeException.class, () -> DenseLayers.filters(fc6, 6, 7, 8));
      assertThrows(InvalidArgumentException.class, () -> DenseLayers.filters(fc6, 0, 7, 7));
      assertThrows(InvalidArgumentException.class, () -> DenseLayers.filters(null, 6, 7, 7));
    }
  }

  private static Tensor relu(Tensor x) {
    return Elementwise.apply(Op.RELU, x);
  }

  private static Tensor maps(Tensor x, Tensor conv) {
    Tensor y = relu(Conv.apply(x, conv, ConvGeometry.UNIT.padding(1), Conv.Epilogue.NONE));
    return Pool.max(Pool.max(y, PoolGeometry.tiles(2)), PoolGeometry.tiles(2));
  }

  private static Tensor convolutional(Tensor x, Tensor conv, Tensor fc6, Tensor fc7, Tensor fc8) {
    Tensor y = relu(plain(maps(x, conv), DenseLayers.filters(fc6, 6, 7, 7)));
    y = relu(plain(y, DenseLayers.filters(fc7, 20, 1, 1)));
    return plain(y, DenseLayers.filters(fc8, 16, 1, 1));
  }

  private static Tensor plain(Tensor x, Tensor filters) {
    return Conv.apply(x, filters, ConvGeometry.UNIT, Conv.Epilogue.NONE);
  }
}
