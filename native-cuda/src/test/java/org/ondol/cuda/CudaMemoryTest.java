package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.ondol.OutOfMemoryException;
import org.ondol.spi.Memory;

class CudaMemoryTest {
  private static final long MB = 1 << 20;
  private static final long SEED = Long.getLong("ondol.test.seed", System.nanoTime());

  private static CudaMemory memory(EmulatedRuntime runtime) {
    return new CudaMemory(new CudaContext("cuda:0", runtime));
  }

  @Test
  void freedBlocksServeTheNext() {
    EmulatedRuntime runtime = new EmulatedRuntime(64 * MB);
    CudaMemory memory = memory(runtime);
    Memory.Block first = memory.allocate(1000);
    memory.free(first);
    assertEquals(first.address(), memory.allocate(900).address());
    Memory.Block large = memory.allocate(5 * MB);
    memory.free(large);
    assertEquals(large.address(), memory.allocate(4 * MB).address());
    assertEquals(2, runtime.blocks());
  }

  @Test
  void aLargeFreedBlockIsSplitAndJoinedAgain() {
    EmulatedRuntime runtime = new EmulatedRuntime(24 * MB);
    CudaMemory memory = memory(runtime);
    memory.free(memory.allocate(16 * MB));
    List<Memory.Block> parts = new ArrayList<>();
    for (int i = 0; i < 4; i++) parts.add(memory.allocate(4 * MB));
    assertEquals(1, runtime.blocks(), "all four come out of the one that was freed");
    for (int i : new int[] {1, 3, 0, 2}) memory.free(parts.get(i));
    assertEquals(parts.get(0).address(), memory.allocate(16 * MB).address());
    assertEquals(1, runtime.blocks());
  }

  @Test
  void keptBlocksAreGivenBackBeforeAnAllocationFails() {
    EmulatedRuntime runtime = new EmulatedRuntime(32 * MB);
    CudaMemory memory = memory(runtime);
    for (long bytes = 512; bytes <= 8 * MB; bytes *= 2) memory.free(memory.allocate(bytes));
    memory.allocate(32 * MB);
    assertEquals(1, runtime.blocks());
  }

  @Test
  void trimmingGivesBackWhatIsNotInUse() {
    EmulatedRuntime runtime = new EmulatedRuntime(64 * MB);
    CudaMemory memory = memory(runtime);
    Memory.Block held = memory.allocate(3 * MB);
    Memory.Block small = memory.allocate(100);
    memory.free(memory.allocate(8 * MB));
    assertEquals(64 * MB - 4 * MB - Heap.PIECE - 8 * MB, runtime.available());
    assertEquals(8 * MB, memory.trim());
    assertEquals(64 * MB - 4 * MB - Heap.PIECE, runtime.available());
    assertEquals(0, memory.trim());
    memory.free(held);
    memory.free(small);
    assertEquals(4 * MB + Heap.PIECE, memory.trim());
    assertEquals(64 * MB, runtime.available());
  }

  /** The limit is three quarters of the device. */
  @Test
  void noMoreThanTheLimitIsKept() {
    EmulatedRuntime runtime = new EmulatedRuntime(64 * MB);
    CudaMemory memory = memory(runtime);
    List<Memory.Block> blocks = new ArrayList<>();
    for (int i = 0; i < 8; i++) blocks.add(memory.allocate(8 * MB));
    assertEquals(0, runtime.available());
    blocks.forEach(memory::free);
    assertEquals(16 * MB, runtime.available());
  }

  @Test
  void anAllocationThatFailsNamesTheSizesAndTheNextOneSucceeds() {
    EmulatedRuntime runtime = new EmulatedRuntime(16 * MB);
    CudaMemory memory = memory(runtime);
    Memory.Block held = memory.allocate(4 * MB);
    memory.allocate(4096);
    String message = assertThrows(OutOfMemoryException.class, () -> memory.allocate(9_000_000)).getMessage();
    assertTrue(message.contains("cuda:0") && message.contains("9000000 bytes"), message);
    assertTrue(message.contains(8 * MB + " bytes are free on the device"), message);
    assertTrue(message.contains(4 * MB + 4096 + " are held by open tensors"), message);
    assertTrue(message.contains(Heap.PIECE - 4096 + " lie between them, at most " + (Heap.PIECE - 4096)), message);
    memory.free(memory.allocate(8 * MB));
    memory.free(held);
    memory.allocate(12 * MB);
  }

  @Test
  void ofASmallDeviceTheLastBytesAreHadToo() {
    EmulatedRuntime runtime = new EmulatedRuntime(MB);
    CudaMemory memory = memory(runtime);
    for (int i = 0; i < MB / 512; i++) memory.allocate(512);
    assertEquals(0, runtime.available());
    assertThrows(OutOfMemoryException.class, () -> memory.allocate(1));
  }

  @Test
  void sizesBeyondAllMemoryAreRefused() {
    CudaMemory memory = memory(new EmulatedRuntime(MB));
    for (long bytes : new long[] {1L << 40, Long.MAX_VALUE - 4096, Long.MAX_VALUE - 1, Long.MAX_VALUE}) {
      assertThrows(OutOfMemoryException.class, () -> memory.allocate(bytes));
    }
    memory.allocate(512);
  }

  /** Blocks in use never overlap, lie in what the driver gave, and when all are freed everything can be given back. */
  @Test
  void randomSizesComeAndGo() {
    EmulatedRuntime runtime = new EmulatedRuntime(256 * MB);
    CudaMemory memory = memory(runtime);
    Random random = new Random(SEED);
    TreeMap<Long, Memory.Block> open = new TreeMap<>();
    List<Memory.Block> order = new ArrayList<>();
    for (int i = 0; i < 4000; i++) {
      if (!order.isEmpty() && random.nextInt(100) < 48) {
        Memory.Block block = order.remove(random.nextInt(order.size()));
        open.remove(block.address());
        memory.free(block);
        continue;
      }
      long bytes = 1 + (random.nextInt(4) == 0 ? random.nextInt(4 << 20) : random.nextInt(20_000));
      Memory.Block block = memory.allocate(bytes);
      assertTrue(block.bytes() >= bytes && block.address() % 256 == 0, "seed " + SEED);
      var below = open.floorEntry(block.address());
      var above = open.ceilingEntry(block.address());
      assertFalse(below != null && below.getKey() + below.getValue().bytes() > block.address(), "seed " + SEED);
      assertFalse(above != null && block.address() + block.bytes() > above.getKey(), "seed " + SEED);
      open.put(block.address(), block);
      order.add(block);
    }
    order.forEach(memory::free);
    memory.trim();
    assertEquals(256 * MB, runtime.available(), "seed " + SEED);
    assertEquals(0, runtime.blocks());
  }

  @Test
  void blocksInUseAreNotHandedOutTwice() {
    CudaMemory memory = memory(new EmulatedRuntime(64 * MB));
    assertNotEquals(memory.allocate(512).address(), memory.allocate(512).address());
  }
}
