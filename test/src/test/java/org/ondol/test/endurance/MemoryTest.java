package org.ondol.test.endurance;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.HostMemory;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Attention;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.KvCache;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PackedMatrix;
import org.ondol.test.support.TestDevices;

/** What is opened and closed a thousand times leaves nothing behind. */
class MemoryTest {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final int CYCLES = 1000;
  /** Until the Java heap has the size that it wants, some hundred MiB, each may grow it. */
  private static final int ROUNDS = 20;
  /** One leaked activation of 38 KB a cycle would be 37 MiB. */
  private static final long LIMIT_KIB = 24 * 1024;

  private static long residentKib() throws IOException {
    String line = Files.readAllLines(STATUS).stream().filter(l -> l.startsWith("VmRSS:")).findFirst().orElseThrow();
    return Long.parseLong(line.replaceAll("\\D+", ""));
  }

  private static void cycle(Device device, int i) {
    try (Scope scope = Scope.open(); PackedMatrix weight = PackedMatrix.of(Tensor.zeros(device, 96, 200))) {
      Tensor x = Tensor.zeros(device, 1, 4, 100, 24);
      Tensor y = Attention.apply(x, x, x, Attention.Options.DEFAULT);
      Tensor h = Gemm.linear(y.transpose(1, 2).reshape(100, 96), weight, Gemm.Epilogue.NONE);
      Elementwise.gelu(h).to(Device.of("java")).toFloats();
      try (KvCache cache = new KvCache(device, 1, 4, 24, 24, 1 + i % 7)) {
        cache.append(x, x);
      }
      convolve(device, x.slice(2, 0, 20), i);
      train(device, x.slice(2, 0, 20));
    }
    if (i % 10 == 0) {
      Threads.set(1 + i / 10 % 4);
    }
  }

  private static void convolve(Device device, Tensor x, int i) {
    Tensor w = Tensor.zeros(device, 8, 4, 3, 3);
    ConvGeometry same = ConvGeometry.UNIT.padding(1);
    try (FilterMask mask = FilterMask.raster(device, FilterMask.Type.B, 8, 4, 3, 3, 1 + i % 4); FilterMask copy = mask.to(device);
        PackedFilter masked = PackedFilter.maskedconv(w, mask, same); PackedFilter moved = masked.to(device, copy);
        PackedFilter up = PackedFilter.deconv(w, same.stride(2))) {
      Tensor y = MaskedConv.apply(x, moved, Conv.Epilogue.NONE);
      MaskedConv.backward(x, w, mask, y, same).close();
      Deconv.apply(y, up, 1, 1, Conv.Epilogue.NONE).close();
    }
  }

  private static void train(Device device, Tensor x) {
    try (Tape tape = Tape.open(new Generator(1)); Parameter w = new Parameter("w", Tensor.zeros(device, 24, 24));
        Adam adam = new Adam(List.of(w), Schedule.constant(0.1), Adam.Options.ADAM)) {
      Value in = tape.constant(x);
      Value h = tape.recompute(() -> in.linear(tape.parameter(w), null).tanh().dropout(0.5));
      tape.backward(h.add(in).square().mean());
      adam.step();
    }
  }

  /** One device of each backend: its variants differ in their kernels, which allocate nothing. */
  private static Collection<Device> backends() {
    Map<String, Device> devices = new LinkedHashMap<>();
    for (Device device : TestDevices.available()) devices.put(device.name().split(":")[0], device);
    return devices.values();
  }

  @Test
  void residentMemoryDoesNotGrow() throws IOException {
    Assumptions.assumeTrue(Files.exists(STATUS), "no " + STATUS);
    int threads = Threads.count();
    try {
      for (Device device : backends()) {
        long grown = Long.MAX_VALUE;
        // The compiler and a Java heap that is touched for the first time grow for a while; a leak grows in every round.
        for (int round = 0; round < ROUNDS && grown >= LIMIT_KIB; round++) {
          System.gc();
          long before = residentKib();
          for (int i = 0; i < CYCLES; i++) cycle(device, i);
          System.gc();
          grown = residentKib() - before;
          System.out.println("[memory] " + CYCLES + " cycles on " + device + ": resident memory grew by " + grown + " KiB");
        }
        assertTrue(grown < LIMIT_KIB, "resident memory grew by " + grown + " KiB over " + CYCLES + " cycles on " + device
            + ", and by " + LIMIT_KIB + " KiB or more in each round before");
      }
    } finally {
      Threads.set(threads);
      HostMemory.INSTANCE.trim();
    }
  }

  /** A tensor that nobody closes is freed by the collector; without that, this loop would need 16 GiB. */
  @Test
  void leakedTensorsAreFreed() throws Exception {
    System.Logger logger = System.getLogger("org.ondol");
    java.util.logging.Logger.getLogger(logger.getName()).setLevel(java.util.logging.Level.OFF);
    try {
      for (int i = 0; i < 1024; i++) {
        Tensor leaked = Tensor.empty(Device.of("java"), 4 << 20);
        assertTrue(leaked.count() > 0);
        if (i % 32 == 31) {
          System.gc();
          Thread.sleep(20);
        }
      }
    } finally {
      java.util.logging.Logger.getLogger(logger.getName()).setLevel(null);
      HostMemory.INSTANCE.trim();
    }
  }
}
