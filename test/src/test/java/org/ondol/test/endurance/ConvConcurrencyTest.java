package org.ondol.test.endurance;

import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Packed filters and masks that many threads share, and that one of them closes. */
class ConvConcurrencyTest {
  private static final int CHANNELS = 24;
  private static final int SIZE = 20;
  private static final ConvGeometry SAME = ConvGeometry.UNIT.padding(2);

  private static Tensor random(Device device, long seed, long... shape) {
    int n = 1;
    for (long size : shape) {
      n *= (int) size;
    }
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return Tensor.of(device, x, shape);
  }

  private static Tensor map(Device device) {
    return random(device, 1, 2, CHANNELS, SIZE, SIZE);
  }

  private static FilterMask mask(Device device) {
    return FilterMask.raster(device, FilterMask.Type.B, CHANNELS, CHANNELS, 5, 5, 3);
  }

  private static PackedFilter filter(Device device, FilterMask mask) {
    try (Tensor w = random(device, 2, CHANNELS, CHANNELS, 5, 5)) {
      return PackedFilter.maskedconv(w, mask, SAME);
    }
  }

  private static List<DynamicNode> onEveryDevice(java.util.function.Consumer<Device> test) {
    List<DynamicNode> tests = new ArrayList<>();
    for (String name : TestDevices.NAMES) {
      tests.add(DynamicTest.dynamicTest(name, () -> test.accept(TestDevices.require(name))));
    }
    return tests;
  }

  /** Each thread computes single pixels and rows of one y with one filter; together they are the whole pass. */
  @TestFactory
  List<DynamicNode> windowsFromManyThreadsMakeTheWholePass() {
    return onEveryDevice(device -> {
      Conv.Epilogue epilogue = Conv.Epilogue.NONE.activation(Activation.TANH);
      try (FilterMask mask = mask(device); PackedFilter filter = filter(device, mask); Tensor x = map(device);
          Tensor whole = MaskedConv.apply(x, filter, epilogue); Tensor y = Tensor.zeros(device, 2, CHANNELS, SIZE,
              SIZE);
          ExecutorService pool = Executors.newFixedThreadPool(6)) {
        List<Callable<Void>> calls = new ArrayList<>();
        for (int row = 0; row < SIZE; row++) {
          for (int column = 0; column < SIZE; column += row % 2 == 0 ? SIZE : 1) {
            int r = row;
            int c = column;
            calls.add(() -> {
              MaskedConv.into(x, filter, epilogue, y, r, r + 1, c, r % 2 == 0 ? SIZE : c + 1);
              return null;
            });
          }
        }
        for (Future<Void> call : pool.invokeAll(calls)) {
          call.get();
        }
        assertNull(Bits.difference(y.toFloats(), whole.toFloats()));
      } catch (Exception e) {
        throw new AssertionError(device + ": " + e, e);
      }
    });
  }

  @TestFactory
  List<DynamicNode> closingAFilterWhileAnotherThreadComputes() {
    return onEveryDevice(device -> race(device, "a filter", (filter, mask) -> filter.close()));
  }

  @TestFactory
  List<DynamicNode> closingAMaskWhileAnotherThreadComputes() {
    return onEveryDevice(device -> race(device, "a mask", (filter, mask) -> mask.close()));
  }

  /** The reader gets its result or a ClosedException, never a crash or other numbers. */
  private static void race(Device device, String what, BiConsumer<PackedFilter, FilterMask> close) {
    int refused = 0;
    try (Tensor x = map(device); ExecutorService pool = Executors.newFixedThreadPool(1)) {
      float[] expected;
      try (FilterMask mask = mask(device); PackedFilter filter = filter(device, mask)) {
        expected = apply(x, filter);
      }
      for (int i = 0; i < 60; i++) {
        try (FilterMask mask = mask(device); PackedFilter filter = filter(device, mask)) {
          Future<float[]> reader = pool.submit(() -> apply(x, filter));
          Thread.sleep(0, 1000 * (5 * i));
          close.accept(filter, mask);
          float[] result = reader.get();
          refused += result == null ? 1 : 0;
          assertNull(result == null ? null : Bits.difference(result, expected), device + ", run " + i);
        }
      }
    } catch (Exception e) {
      throw new AssertionError(device + ": " + e, e);
    }
    System.out.println("[close] " + device + ": " + refused + " of 60 convolutions came after " + what + " was closed");
  }

  private static float[] apply(Tensor x, PackedFilter filter) {
    try (Tensor y = MaskedConv.apply(x, filter, Conv.Epilogue.NONE)) {
      return y.toFloats();
    } catch (ClosedException e) {
      return null;
    }
  }
}
