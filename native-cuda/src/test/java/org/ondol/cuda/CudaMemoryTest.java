package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.ondol.OutOfMemoryException;
import org.ondol.spi.Memory;

class CudaMemoryTest {
  @Test
  void freedBlocksServeTheNextOfTheirSize() {
    EmulatedRuntime runtime = new EmulatedRuntime(1 << 20);
    CudaMemory memory = new CudaMemory("cuda:0", runtime);
    Memory.Block first = memory.allocate(1000);
    memory.free(first);
    assertEquals(first.address(), memory.allocate(900).address());
    assertEquals(1, runtime.blocks());
  }

  @Test
  void keptBlocksAreGivenBackBeforeAnAllocationFails() {
    EmulatedRuntime runtime = new EmulatedRuntime(1 << 20);
    CudaMemory memory = new CudaMemory("cuda:0", runtime);
    for (long bytes = 512; bytes <= 65536; bytes *= 2) memory.free(memory.allocate(bytes));
    memory.free(memory.allocate(1 << 20));
    assertEquals(1, runtime.blocks());
  }

  @Test
  void anAllocationThatFailsNamesTheSizes() {
    CudaMemory memory = new CudaMemory("cuda:0", new EmulatedRuntime(1 << 20));
    memory.allocate(4096);
    String message = assertThrows(OutOfMemoryException.class, () -> memory.allocate(2_000_000)).getMessage();
    assertTrue(message.contains("cuda:0") && message.contains("2000000 bytes"), message);
    assertTrue(message.contains((1 << 20) - 4096 + " bytes are free") && message.contains("4096 are held"), message);
    memory.allocate(4096);
  }
}
