package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.ondol.OutOfMemoryException;
import org.ondol.spi.Memory;

/** Copies to and from a device that does nothing before it must. */
class CudaCopiesTest {
  private static final long DEVICE = 256L << 20;

  private static CudaMemory memory(EmulatedRuntime runtime) {
    return new CudaMemory(new CudaContext("cuda:0", runtime));
  }

  private static byte[] bytes(int count, int seed) {
    byte[] values = new byte[count];
    new Random(seed).nextBytes(values);
    return values;
  }

  @Test
  void aSourceMayBeChangedAfterTheCopyReturns() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    CudaMemory memory = memory(runtime);
    byte[] expected = bytes(1000, 1);
    byte[] source = expected.clone();
    Memory.Block block = memory.allocate(1000);
    memory.upload(MemorySegment.ofArray(source), block.address(), 1000);
    assertEquals(1, runtime.waiting(), "the copy has not run yet");
    Arrays.fill(source, (byte) 0);
    byte[] result = new byte[1000];
    memory.download(block.address(), MemorySegment.ofArray(result), 1000);
    assertArrayEquals(expected, result);
  }

  /** Sizes around those of the buffers, from heap and native memory. */
  @Test
  void everySizeArrivesWhole() {
    int up = Uploads.BYTES;
    int down = Downloads.BYTES;
    for (int size : new int[] {1, 63, 64, 65, down - 1, down, down + 1, up - 1, up, up + 1, 3 * down + 5, 9 * up + 77}) {
      CudaMemory memory = memory(new EmulatedRuntime(DEVICE));
      byte[] expected = bytes(size, size);
      Memory.Block block = memory.allocate(size);
      byte[] result = new byte[size];
      try (Arena arena = Arena.ofConfined()) {
        memory.upload(arena.allocate(size).copyFrom(MemorySegment.ofArray(expected)), block.address(), size);
        MemorySegment there = arena.allocate(size);
        memory.download(block.address(), there, size);
        MemorySegment.copy(there, 0, MemorySegment.ofArray(result), 0, size);
      }
      assertArrayEquals(expected, result, "of " + size + " bytes");
      memory.download(block.address(), MemorySegment.ofArray(result), size);
      assertArrayEquals(expected, result, "of " + size + " bytes, to an array");
    }
  }

  /** More small copies than the ring holds, none of them waited for. */
  @Test
  void aBufferIsNotUsedAgainBeforeItWasRead() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    CudaMemory memory = memory(runtime);
    int size = 300_000;
    int count = Uploads.BUFFERS * Uploads.BYTES / size * 3;
    List<Memory.Block> blocks = new ArrayList<>();
    byte[] source = new byte[size];
    for (int i = 0; i < count; i++) {
      blocks.add(memory.allocate(size));
      Arrays.fill(source, (byte) i);
      memory.upload(MemorySegment.ofArray(source), blocks.get(i).address(), size);
    }
    assertEquals(Uploads.BUFFERS, runtime.pins());
    assertTrue(runtime.waiting() > count / 3, "copies wait for their turn: " + runtime.waiting());
    byte[] result = new byte[size];
    for (int i = 0; i < count; i++) {
      memory.download(blocks.get(i).address(), MemorySegment.ofArray(result), size);
      Arrays.fill(source, (byte) i);
      assertArrayEquals(source, result, "copy " + i);
    }
  }

  @Test
  void aReadWaitsForNothingThatIsQueuedBehindIt() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE) {
      @Override
      public synchronized void record(long event, long stream) {
        super.record(event, stream);
        if (behind != 0) zero(behind, 64, stream); // another thread's work that comes just after
      }
    };
    CudaMemory memory = memory(runtime);
    Memory.Block block = memory.allocate(64);
    runtime.behind = block.address();
    memory.download(block.address(), MemorySegment.ofArray(new byte[64]), 64);
    assertEquals(1, runtime.waiting());
  }

  @Test
  void tenThreadsCopyAtOnce() throws Exception {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    CudaMemory memory = memory(runtime);
    try (ExecutorService threads = Executors.newFixedThreadPool(10)) {
      List<Future<?>> all = new ArrayList<>();
      for (int t = 0; t < 10; t++) {
        int thread = t;
        all.add(threads.submit(() -> {
          for (int i = 0; i < 12; i++) {
            int size = i % 4 == 0 ? Downloads.BYTES * 2 + 13 * thread : 1000 * (thread + 1);
            byte[] expected = bytes(size, 100 * thread + i);
            Memory.Block block = memory.allocate(size);
            memory.upload(MemorySegment.ofArray(expected), block.address(), size);
            byte[] result = new byte[size];
            memory.download(block.address(), MemorySegment.ofArray(result), size);
            memory.free(block);
            assertArrayEquals(expected, result);
          }
          return null;
        }));
      }
      for (Future<?> f : all) f.get();
    }
    assertTrue(runtime.pins() <= Uploads.BUFFERS + Downloads.BUFFERS);
  }

  @Test
  void withoutPageLockedMemoryACopyIsRefusedAndTheNextOneSucceeds() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    CudaMemory memory = memory(runtime);
    Memory.Block block = memory.allocate(64);
    byte[] data = bytes(64, 3);
    runtime.refusePins(1);
    String message = assertThrows(OutOfMemoryException.class,
        () -> memory.upload(MemorySegment.ofArray(data), block.address(), 64)).getMessage();
    assertTrue(message.contains("page-locked"), message);
    memory.upload(MemorySegment.ofArray(data), block.address(), 64);
    byte[] result = new byte[64];
    runtime.refusePins(1);
    assertThrows(OutOfMemoryException.class, () -> memory.download(block.address(), MemorySegment.ofArray(result), 64));
    memory.download(block.address(), MemorySegment.ofArray(result), 64);
    assertArrayEquals(data, result);
  }

  @Test
  void zerosAreFilledOnTheDevice() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    CudaMemory memory = memory(runtime);
    Memory.Block block = memory.allocate(4096);
    memory.zero(block.address(), 4096);
    byte[] result = bytes(4096, 1);
    memory.download(block.address(), MemorySegment.ofArray(result), 4096);
    assertArrayEquals(new byte[4096], result);
  }
}
