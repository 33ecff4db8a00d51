package org.ondol.test.endurance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.ondol.ClosedException;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.OndolException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.ops.Attention;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Many Java threads at once: the same bits, no crash when one closes what another reads, no work while idle. */
class ConcurrencyTest {
  private static float[] random(long seed, int n) {
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static float[] work(Device device, int seed) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(device, random(seed, 2 * 4 * 70 * 32), 2, 4, 70, 32);
      Tensor y = Attention.apply(x, x, x, Attention.Options.causal(Attention.Alignment.TOP_LEFT));
      Tensor w = Tensor.of(device, random(seed + 1, 32 * 50), 32, 50);
      Tensor filters = Tensor.of(device, random(seed + 2, 4 * 4 * 9), 4, 4, 3, 3);
      Tensor smooth = Conv.apply(y, filters, ConvGeometry.UNIT.padding(1), Conv.Epilogue.NONE);
      return Elementwise.gelu(Gemm.matmul(smooth, w)).toFloats();
    }
  }

  @TestFactory
  List<DynamicNode> tenThreadsGiveTheBitsOfOne() {
    List<DynamicNode> tests = new ArrayList<>();
    for (String name : TestDevices.NAMES) {
      tests.add(DynamicTest.dynamicTest(name, () -> {
        Device device = TestDevices.require(name);
        List<float[]> alone = new ArrayList<>();
        for (int seed = 0; seed < 4; seed++) {
          alone.add(work(device, seed));
        }
        try (ExecutorService pool = Executors.newFixedThreadPool(10)) {
          List<Callable<float[]>> calls = new ArrayList<>();
          for (int i = 0; i < 120; i++) {
            int seed = i % 4;
            calls.add(() -> work(device, seed));
          }
          List<Future<float[]>> results = pool.invokeAll(calls);
          for (int i = 0; i < results.size(); i++) {
            assertNull(Bits.difference(results.get(i).get(), alone.get(i % 4)), "call " + i);
          }
        }
      }));
    }
    return tests;
  }

  @Test
  void differentDevicesRunBesideEachOther() throws Exception {
    List<Device> devices = TestDevices.available();
    float[] expected = work(devices.getFirst(), 5);
    try (ExecutorService pool = Executors.newFixedThreadPool(devices.size())) {
      List<Callable<float[]>> calls = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        Device device = devices.get(i % devices.size());
        calls.add(() -> work(device, 5));
      }
      for (Future<float[]> result : pool.invokeAll(calls)) {
        assertNull(Bits.difference(result.get(), expected));
      }
    }
  }

  @Test
  void threadCountChangesWhileOthersCompute() throws Exception {
    Device device = Device.of("best");
    float[] expected = work(device, 6);
    int before = Threads.count();
    AtomicBoolean stop = new AtomicBoolean();
    try (ExecutorService pool = Executors.newFixedThreadPool(3)) {
      Future<?> changer = pool.submit(() -> {
        for (int i = 0; !stop.get(); i++) {
          Threads.set(1 + i % 4);
        }
      });
      for (int i = 0; i < 60; i++) {
        assertNull(Bits.difference(work(device, 6), expected));
      }
      stop.set(true);
      changer.get();
    } finally {
      Threads.set(before);
    }
  }

  /** Memory must outlive the operation that reads it: the reader gets its result or a ClosedException, never a crash. */
  @TestFactory
  List<DynamicNode> closingWhileAnotherThreadComputes() {
    List<DynamicNode> tests = new ArrayList<>();
    for (String name : TestDevices.NAMES) {
      tests.add(DynamicTest.dynamicTest(name, () -> closeRace(TestDevices.require(name))));
    }
    return tests;
  }

  private static void closeRace(Device device) throws Exception {
    float[] data = random(3, 200 * 64);
    float[] expected;
    try (Tensor x = Tensor.of(device, data, 1, 1, 200, 64); Tensor y = Attention.apply(x, x, x, Attention.Options.DEFAULT)) {
      expected = y.toFloats();
    }
    int closed = 0;
    try (ExecutorService pool = Executors.newFixedThreadPool(2)) {
      for (int i = 0; i < 200; i++) {
        Tensor x = Tensor.of(device, data, 1, 1, 200, 64);
        Future<float[]> reader = pool.submit(() -> {
          try (Tensor y = Attention.apply(x, x, x, Attention.Options.DEFAULT)) {
            return y.toFloats();
          } catch (ClosedException e) {
            return null;
          }
        });
        Thread.sleep(0, 1000 * (i % 200));
        x.close();
        float[] result = reader.get();
        closed += result == null ? 1 : 0;
        if (result != null) {
          assertNull(Bits.difference(result, expected), "run " + i);
        }
      }
    }
    System.out.println("[close] " + device + ": " + closed + " of 200 calls came too late and were refused");
  }

  /** The owner of wrapped memory may close its arena at any time; that must never take the JVM down. */
  @TestFactory
  List<DynamicNode> closingTheArenaOfWrappedMemory() {
    List<DynamicNode> tests = new ArrayList<>();
    for (String name : TestDevices.NAMES) {
      tests.add(DynamicTest.dynamicTest(name, () -> arenaRace(TestDevices.require(name))));
    }
    return tests;
  }

  private static void arenaRace(Device device) throws Exception {
    try (ExecutorService pool = Executors.newFixedThreadPool(1)) {
      for (int i = 0; i < 50; i++) {
        Arena arena = Arena.ofShared();
        MemorySegment memory = arena.allocate(4L * 200 * 64, 64);
        Tensor x = Tensor.wrap(memory, DType.FLOAT32, 1, 1, 200, 64);
        Future<?> reader = pool.submit(() -> {
          try (Tensor there = x.to(device); Tensor y = Attention.apply(there, there, there, Attention.Options.DEFAULT)) {
            y.toFloats();
          } catch (OndolException | IllegalStateException e) {
            // Refused because the memory is gone: as documented.
          }
        });
        Thread.sleep(0, 1000 * (4 * i));
        try {
          arena.close();
        } catch (IllegalStateException e) {
          reader.get(); // in use at this moment: the platform says so, and the owner tries again
          arena.close();
        }
        reader.get();
        x.close();
      }
    }
  }

  @Test
  void interruptedCallersGetTheirResult() {
    Device device = Device.of("best");
    float[] expected = work(device, 8);
    Thread.currentThread().interrupt();
    float[] actual = work(device, 8);
    assertTrue(Thread.interrupted(), "the interrupt is kept for the caller");
    assertNull(Bits.difference(actual, expected));
  }

  @Test
  void idleThreadsUseNoProcessor() throws Exception {
    int before = Threads.count();
    var beans = ManagementFactory.getThreadMXBean();
    try {
      Threads.set(4);
      for (Device device : TestDevices.available()) {
        work(device, 9);
      }
      Thread.sleep(200);
      long begin = System.nanoTime();
      long cpu = cpuOfWorkers(beans);
      Thread.sleep(1000);
      long used = cpuOfWorkers(beans) - cpu;
      double share = (double) used / (System.nanoTime() - begin);
      System.out.printf("[idle] Ondol's threads used %.3f %% of one processor over a second of rest%n", 100 * share);
      assertTrue(share < 0.01, "idle threads use " + 100 * share + " % of a processor");
    } finally {
      Threads.set(before);
    }
  }

  private static long cpuOfWorkers(java.lang.management.ThreadMXBean beans) {
    long total = 0;
    for (long id : beans.getAllThreadIds()) {
      var info = beans.getThreadInfo(id);
      if (info != null && info.getThreadName().startsWith("ondol")) {
        total += Math.max(0, beans.getThreadCpuTime(id));
      }
    }
    return total;
  }

  @Test
  void scopesBelongToTheirThreads() throws Exception {
    try (Scope outer = Scope.open(); ExecutorService pool = Executors.newFixedThreadPool(1)) {
      Tensor there = pool.submit(() -> Tensor.zeros(Device.of("java"), 3)).get();
      outer.close();
      assertEquals(3, there.toFloats().length, "a tensor of another thread is not in this thread's scope");
      there.close();
    }
  }
}
