package org.ondol.test.pixels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.models.layers.PixelNetwork;
import org.ondol.models.layers.PixelSampler;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** A sampler against whole maps computed anew for every colour of every pixel, by plain calls of the operations: the same bits. */
class PixelSamplerTest {
  private record Size(long batch, long height, long width) {}

  private static final List<Size> SIZES = List.of(new Size(1, 5, 6), new Size(5, 4, 3), new Size(9, 3, 7), new Size(2, 1, 1));

  private record Layers(String name, int colours, ToIntFunction<PixelNet> make) {
    PixelNet on(Device device) {
      return PixelNet.of(device, colours, 11, make::applyAsInt);
    }
  }

  private static final List<Layers> NETS = List.of(
      new Layers("PixelCNN, grey", 1, PixelNet::pixelCnn), new Layers("PixelCNN, 3 colours", 3, PixelNet::pixelCnn),
      new Layers("wide, grey", 1, PixelNet::wide), new Layers("wide, 3 colours", 3, PixelNet::wide),
      new Layers("gated, grey", 1, PixelNet::gated), new Layers("gated, 3 colours", 3, PixelNet::gated));

  private interface Body {
    void run(PixelNet net) throws Exception;
  }

  /** On every device and with several numbers of threads. */
  private static List<DynamicTest> everywhere(Body body) {
    List<DynamicTest> tests = new ArrayList<>();
    for (Device device : TestDevices.available()) {
      for (Layers layers : NETS) {
        tests.add(DynamicTest.dynamicTest(device + ", " + layers.name, () -> {
          int before = Threads.count();
          try {
            for (int threads : new int[] {1, 2, 7}) {
              Threads.set(threads);
              try (PixelNet net = layers.on(device)) {
                body.run(net);
              }
            }
          } catch (UnsupportedOnDeviceException e) {
            TestDevices.incomplete(device, e);
          } finally {
            Threads.set(before);
          }
        }));
      }
    }
    return tests;
  }

  /** The images as the test itself keeps them, and the whole network computed anew for them. */
  private static final class Images {
    final PixelNet net;
    final Size size;
    final float[] values;

    Images(PixelNet net, Size size) {
      this.net = net;
      this.size = size;
      values = new float[(int) (size.batch * net.colours() * size.height * size.width)];
    }

    int at(long n, int colour, long row, long column) {
      return (int) (((n * net.colours() + colour) * size.height + row) * size.width + column);
    }

    Tensor tensor() {
      return Tensor.of(net.network().device(), values, size.batch, net.colours(), size.height, size.width);
    }

    /** What the whole network gives at a pixel: [N, outputs]. */
    float[] expected(long row, long column) {
      try (Scope scope = Scope.open()) {
        return net.whole(tensor()).select(3, column).select(2, row).toFloats();
      }
    }
  }

  /** A choice that depends on every output of its image and on nothing else. */
  private static float choose(float[] outputs, int image, long batch) {
    int channels = (int) (outputs.length / batch);
    float sum = 0;
    for (int c = 0; c < channels; c++) {
      sum += outputs[image * channels + c] * (1 + c % 3);
    }
    return (float) Math.sin(sum + image);
  }

  /** Compares at every step, and makes the choice from what the whole network gives. */
  private static void follow(Images images, long row, long column, int colour, Tensor output, float[] values) {
    float[] expected = images.expected(row, column);
    String difference = Bits.difference(output.toFloats(), expected);
    assertNull(difference, () -> images.size + ", pixel (" + row + ", " + column + "), colour " + colour + ": " + difference);
    for (int n = 0; n < values.length; n++) {
      values[n] = choose(expected, n, values.length);
      images.values[images.at(n, colour, row, column)] = values[n];
    }
  }

  @TestFactory
  List<DynamicTest> generatedPixelsHaveTheBitsOfAFullPass() {
    return everywhere(net -> {
      for (Size size : SIZES) {
        try (PixelSampler sampler = net.network().sampler(size.batch, size.height, size.width)) {
          for (int round = 0; round < 2; round++) { // the second over the maps of the first
            Images images = new Images(net, size);
            int[] asked = {0};
            try (Tensor all = sampler.generate((row, column, colour, output, values) -> {
              asked[0]++;
              follow(images, row, column, colour, output, values);
            })) {
              assertNull(Bits.difference(all.toFloats(), images.values), "the images returned");
            }
            assertEquals(net.colours() * size.height * size.width, asked[0]);
          }
        }
      }
    });
  }

  @TestFactory
  List<DynamicTest> givenPixelsAreKeptAndSeen() {
    return everywhere(net -> {
      for (Size size : SIZES) {
        int pixels = (int) (size.height * size.width);
        Random random = new Random(3);
        boolean[] known = new boolean[pixels];
        for (int i = 0; i < pixels; i++) {
          known[i] = i < pixels / 3 || random.nextBoolean();
        }
        // What is given is in the images from the start: a pixel that is chosen must not see those that come later.
        Images images = new Images(net, size);
        float[] given = new float[images.values.length];
        for (int i = 0; i < given.length; i++) {
          given[i] = known[i % pixels] ? random.nextFloat() : Float.NaN;
          images.values[i] = known[i % pixels] ? given[i] : 0;
        }
        try (PixelSampler sampler = net.network().sampler(size.batch, size.height, size.width);
            Tensor start = Tensor.of(net.network().device(), given, size.batch, net.colours(), size.height, size.width);
            Tensor all = sampler.complete(start, known, (row, column, colour, output, values) -> {
              if (known[(int) (row * size.width + column)]) {
                throw new AssertionError("asked for a given pixel");
              }
              follow(images, row, column, colour, output, values);
            })) {
          assertNull(Bits.difference(all.toFloats(), images.values), "the images returned");
        }
      }
    });
  }

  @TestFactory
  List<DynamicTest> forwardIsThePlainCalls() {
    return everywhere(net -> {
      Images images = new Images(net, new Size(3, 6, 5));
      Random random = new Random(5);
      for (int i = 0; i < images.values.length; i++) {
        images.values[i] = random.nextFloat();
      }
      try (Scope scope = Scope.open()) {
        assertNull(Bits.difference(net.network().forward(images.tensor()).toFloats(), net.whole(images.tensor()).toFloats()));
      }
    });
  }

  /** The comparison notices a sampler whose maps belong to other images: one early pixel of one image differs. */
  @TestFactory
  List<DynamicTest> staleMapsShow() {
    return everywhere(net -> {
      Size size = new Size(5, 4, 4);
      Images images = new Images(net, size);
      try (PixelSampler sampler = net.network().sampler(size.batch, size.height, size.width)) {
        for (int i = 0; i < 5; i++) {
          for (int colour = 0; colour < net.colours(); colour++) {
            float[] values = new float[5];
            for (int n = 0; n < 5; n++) {
              values[n] = (float) Math.cos(i + n + colour);
              images.values[images.at(n, colour, i / 4, i % 4)] = values[n];
            }
            sampler.set(i / 4, i % 4, colour, values);
          }
        }
        try (Tensor output = sampler.step(1, 1)) {
          assertNull(Bits.difference(output.toFloats(), images.expected(1, 1)));
          images.values[images.at(3, 0, 0, 2)] += 0.5f;
          assertNotNull(Bits.difference(output.toFloats(), images.expected(1, 1)), "a changed pixel must show");
        }
      }
    });
  }

  /** Colours set without a step, between steps, or after only some of a pixel's steps. */
  @TestFactory
  List<DynamicTest> stepsMayBeLeftOutOrRepeated() {
    return everywhere(net -> {
      Size size = new Size(5, 4, 5);
      Images images = new Images(net, size);
      Random random = new Random(8);
      float[] values = new float[5];
      try (PixelSampler sampler = net.network().sampler(size.batch, size.height, size.width)) {
        for (int i = 0; i < 20; i++) {
          for (int colour = 0; colour < net.colours(); colour++) {
            for (int times = random.nextInt(3); times > 0; times--) {
              try (Tensor output = sampler.step(i / 5, i % 5)) {
                assertNull(Bits.difference(output.toFloats(), images.expected(i / 5, i % 5)), "pixel " + i);
              }
            }
            for (int n = 0; n < 5; n++) {
              values[n] = random.nextFloat();
              images.values[images.at(n, colour, i / 5, i % 5)] = values[n];
            }
            sampler.set(i / 5, i % 5, colour, values);
          }
        }
        try (Tensor all = sampler.images()) {
          assertNull(Bits.difference(all.toFloats(), images.values));
        }
      }
    });
  }

  private static void refused(String part, Runnable call) {
    InvalidArgumentException e = assertThrows(InvalidArgumentException.class, call::run);
    assertEquals(true, e.getMessage().contains(part), e.getMessage() + " must contain: " + part);
  }

  @Test
  void stepsOutOfOrderAreRefused() throws Exception {
    for (Device device : TestDevices.available()) {
      try (PixelNet net = NETS.get(1).on(device); PixelSampler s = net.network().sampler(2, 3, 4)) {
        refused("pixel is (0, 1), expected (0, 0)", () -> s.step(0, 1));
        refused("pixel is (1, 0)", () -> s.step(1, 0));
        refused("pixel is (0, -1)", () -> s.step(0, -1));
        refused("colour is 1, expected 0", () -> s.set(0, 0, 1, 1, 1));
        s.step(0, 0).close();
        refused("(0, 0), whose colour 0 is not set", () -> s.step(0, 1));
        s.set(0, 0, 0, 1, 1);
        refused("colour is 0, expected 1", () -> s.set(0, 0, 0, 1, 1));
        s.set(0, 0, 1, 1, 1);
        assertThrows(ShapeException.class, () -> s.set(0, 0, 2, 1, 1, 1));
        s.set(0, 0, 2, 1, 1);
        refused("which is set", () -> s.set(0, 0, 3, 1, 1));
        refused("expected (0, 1)", () -> s.step(0, 2));
        refused("expected (0, 1)", () -> s.set(1, 0, 0, 1, 1));
        s.generate((row, column, colour, output, values) -> {}).close();
        refused("reset()", () -> s.step(3, 0));
        refused("reset()", () -> s.step(0, 0));
        s.reset();
        s.step(0, 0).close();
        assertThrows(ShapeException.class, () -> s.complete(null, new boolean[12], (r, c, k, o, v) -> {}));
        assertThrows(InvalidArgumentException.class, () -> s.generate(null));
        refused("batch", () -> net.network().sampler(0, 3, 4));
        refused("height", () -> net.network().sampler(1, 0, 4));
      } catch (UnsupportedOnDeviceException e) {
        TestDevices.incomplete(device, e);
      }
    }
  }

  @Test
  void useAfterCloseThrows() throws Exception {
    for (Device device : TestDevices.available()) {
      try (PixelNet net = NETS.get(4).on(device)) {
        PixelSampler first = net.network().sampler(2, 3, 4);
        PixelSampler second = net.network().sampler(2, 3, 4);
        first.step(0, 0).close();
        first.close();
        assertThrows(ClosedException.class, () -> first.step(0, 0));
        assertThrows(ClosedException.class, () -> first.set(0, 0, 0, 1, 1));
        assertThrows(ClosedException.class, first::images);
        assertThrows(ClosedException.class, first::reset);
        second.step(0, 0).close();
        PixelNetwork network = net.network();
        network.close();
        second.set(0, 0, 0, 1, 1);
        assertThrows(ClosedException.class, () -> second.step(0, 1));
        assertThrows(ClosedException.class, () -> network.sampler(1, 1, 1));
        try (Tensor x = Tensor.zeros(device, 1, 1, 3, 3)) {
          assertThrows(ClosedException.class, () -> network.forward(x));
        }
        second.close();
        second.close();
      } catch (UnsupportedOnDeviceException e) {
        TestDevices.incomplete(device, e);
      }
    }
  }

  @Test
  void aCopyOnAnotherDeviceOutlivesTheFirst() throws Exception {
    List<Device> devices = TestDevices.available();
    Device target = devices.getLast();
    PixelNetwork copy;
    float[] expected;
    try (PixelNet net = NETS.get(1).on(devices.getFirst())) {
      Images images = new Images(net, new Size(2, 3, 3));
      expected = images.expected(2, 1);
      copy = net.network().to(target);
    } catch (UnsupportedOnDeviceException e) {
      TestDevices.incomplete(devices.getFirst(), e);
      return;
    }
    try (copy; Scope scope = Scope.open()) {
      Tensor y = copy.forward(Tensor.zeros(target, 2, 3, 3, 3));
      assertNull(Bits.difference(y.select(3, 1).select(2, 2).toFloats(), expected));
    }
  }
}
