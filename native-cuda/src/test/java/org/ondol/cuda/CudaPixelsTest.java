package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.Recording;
import org.ondol.Tensor;
import org.ondol.natives.Family;
import org.ondol.ops.Activation;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PixelProgram;

/** Sampling pixel by pixel by recordings that are moved over the maps, with the bits of the Java backend. */
class CudaPixelsTest {
  private static final int BATCH = 3;
  private static final int HEIGHT = 5;
  private static final int WIDTH = 4;

  private EmulatedRuntime runtime;
  private Device device;
  private int started;

  @BeforeEach
  void open() {
    runtime = new EmulatedRuntime(256L << 20) {
      @Override
      public synchronized long run(Family family, long args, long queue, long error) {
        started++;
        return super.run(family, args, queue, error);
      }
    };
    device = EmulatedBackend.open(runtime);
  }

  /** A gated network of two stacks in small: two maps of whole rows, and gates, sums and units of pixels. */
  private static final class Net implements AutoCloseable {
    final PixelProgram program;
    final int[] rows;
    final int[] pixels;
    final int output;
    private final List<AutoCloseable> parts = new ArrayList<>();
    private final Random random = new Random(5);

    Net(Device device) {
      program = new PixelProgram(device, BATCH, 1, HEIGHT, WIDTH);
      ConvGeometry three = ConvGeometry.UNIT.padding(1);
      FilterMask above = part(FilterMask.vertical(device, FilterMask.Type.A, 40, 1, 3, 3));
      int v = program.conv(0, pack(device, above, three, 40, 1, 3), bias(device, 40), Activation.RELU, 0.1, -1);
      FilterMask again = part(FilterMask.vertical(device, FilterMask.Type.B, 6, 40, 3, 3));
      int w = program.conv(v, pack(device, again, three, 6, 40, 3), null, Activation.NONE, 0, -1);
      FilterMask left = part(FilterMask.raster(device, FilterMask.Type.A, 6, 1, 3, 3, 1));
      int h = program.conv(0, pack(device, left, three, 6, 1, 3), bias(device, 6), Activation.NONE, 0, w);
      int gate = program.gate(h);
      FilterMask one = part(FilterMask.raster(device, FilterMask.Type.B, 6, 3, 1, 1, 1));
      int g = program.conv(gate, pack(device, one, ConvGeometry.UNIT, 6, 3, 1), null, Activation.NONE, 0, h);
      int gate2 = program.gate(g);
      int sum = program.add(gate, gate2);
      output = program.apply(Elementwise.Op.SCALE, 0.5, sum);
      rows = new int[] {v, w};
      pixels = new int[] {h, gate, g, gate2, sum, output};
    }

    private <T extends AutoCloseable> T part(T part) {
      parts.addFirst(part);
      return part;
    }

    private Tensor bias(Device device, int n) {
      return part(numbers(device, n));
    }

    private Tensor numbers(Device device, long... shape) {
      long count = 1;
      for (long s : shape) count *= s;
      float[] values = new float[(int) count];
      for (int i = 0; i < values.length; i++) values[i] = (float) random.nextGaussian() / 2;
      return Tensor.of(device, values, shape);
    }

    private PackedFilter pack(Device device, FilterMask mask, ConvGeometry geometry, long out, long in, long kernel) {
      try (Tensor weight = numbers(device, out, in, kernel, kernel)) {
        return part(PackedFilter.maskedconv(weight, mask, geometry));
      }
    }

    /** Everything that a run shows: the output at each pixel, and at last two whole maps. */
    float[][] sample() {
      float[][] seen = new float[HEIGHT * WIDTH + 2][];
      program.clear(0);
      for (int r = 0; r < HEIGHT; r++) {
        program.run(rows, r, 0, WIDTH);
        for (int c = 0; c < WIDTH; c++) {
          program.run(pixels, r, c, c + 1);
          program.run(pixels, r, c, c + 1); // a second colour would ask again at the same place
          float[] out;
          try (Tensor t = program.read(output, r, c)) {
            out = t.toFloats();
          }
          seen[r * WIDTH + c] = out;
          float[] chosen = new float[BATCH];
          for (int n = 0; n < BATCH; n++) chosen[n] = (float) Math.sin(3 * out[3 * n] + out[3 * n + 2] + n);
          program.write(0, 0, r, c, chosen);
        }
      }
      try (Tensor image = program.read(0); Tensor last = program.read(output)) {
        seen[HEIGHT * WIDTH] = image.toFloats();
        seen[HEIGHT * WIDTH + 1] = last.toFloats();
      }
      return seen;
    }

    @Override
    public void close() throws Exception {
      program.close();
      for (AutoCloseable part : parts) part.close();
    }
  }

  private static float[][] expected() throws Exception {
    try (Net net = new Net(Devices.get("java:scalar"))) {
      return net.sample();
    }
  }

  private static void same(float[][] expected, float[][] actual) {
    for (int i = 0; i < expected.length; i++) assertArrayEquals(expected[i], actual[i], 0, "at " + i);
  }

  @Test
  void samplesHaveTheBitsOfOtherDevicesAndTheCallsAreRecordedOnce() throws Exception {
    float[][] expected = expected();
    try (Net net = new Net(device)) {
      same(expected, net.sample());
      assertEquals(2, runtime.graphs(), "rows and pixels");
      int before = started;
      same(expected, net.sample());
      int pixels = HEIGHT * WIDTH;
      // The image is cleared, every pixel is read, and two whole maps are.
      assertEquals(1 + pixels + 2, started - before, "kernels that were started one by one");
    }
    assertEquals(0, runtime.graphs());
  }

  /** Parts of rows, as where pixels are given: each length is a recording of its own, up to a limit. */
  @Test
  void partsOfRowsAreMovedToo() throws Exception {
    try (Net here = new Net(device); Net there = new Net(Devices.get("java:scalar"))) {
      Random random = new Random(7);
      for (int i = 0; i < 60; i++) {
        int row = random.nextInt(HEIGHT);
        int begin = random.nextInt(WIDTH);
        int end = begin + 1 + random.nextInt(WIDTH - begin);
        float[] values = {random.nextFloat(), random.nextFloat(), random.nextFloat()};
        for (Net net : new Net[] {here, there}) {
          net.program.write(0, 0, row, begin, values);
          net.program.run(net.rows, row, 0, WIDTH);
          net.program.run(net.pixels, row, begin, end);
        }
      }
      for (int map : new int[] {here.rows[0], here.rows[1], here.output}) {
        try (Tensor a = here.program.read(map); Tensor b = there.program.read(map)) {
          assertArrayEquals(b.toFloats(), a.toFloats());
        }
      }
      assertTrue(runtime.graphs() >= WIDTH, "recordings: " + runtime.graphs());
    }
  }

  @Test
  void aProgramCanBeRecordedByItsCaller() throws Exception {
    float[][] expected = expected();
    try (Net net = new Net(device)) {
      same(expected, net.sample());
      try (Recording first = Recording.of(device, () -> net.program.run(net.pixels, 2, 1, 2))) {
        net.program.clear(net.output);
        first.replay();
        try (Tensor t = net.program.read(net.output, 2, 1); Tensor o = net.program.read(net.output, 2, 2)) {
          assertArrayEquals(new float[3 * BATCH], o.toFloats(), "no other pixel is touched");
          try (Tensor whole = Tensor.of(Devices.get("java"), expected[HEIGHT * WIDTH + 1], BATCH, 3, HEIGHT, WIDTH);
              Tensor pixel = whole.select(3, 1); Tensor at = pixel.select(2, 2)) {
            assertArrayEquals(at.toFloats(), t.toFloats());
          }
        }
      }
    }
  }

  @Test
  void afterAFilterIsClosedNothingIsRunFromARecording() {
    PackedFilter filter;
    try (FilterMask mask = FilterMask.raster(device, FilterMask.Type.A, 4, 1, 3, 3, 1);
        Tensor weight = Tensor.zeros(device, 4, 1, 3, 3);
        PixelProgram program = new PixelProgram(device, 1, 1, 3, 3)) {
      filter = PackedFilter.maskedconv(weight, mask, ConvGeometry.UNIT.padding(1));
      int map = program.conv(0, filter, null, Activation.NONE, 0, -1);
      for (int i = 0; i < 3; i++) program.run(new int[] {map}, 0, i, i + 1);
      filter.close();
      assertThrows(ClosedException.class, () -> program.run(new int[] {map}, 1, 0, 1));
    }
  }
}
