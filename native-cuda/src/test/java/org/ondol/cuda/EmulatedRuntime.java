package org.ondol.cuda;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.ondol.HostMemory;
import org.ondol.spi.Memory;

/** A device whose memory is the host's, of limited size. */
final class EmulatedRuntime implements CudaRuntime {
  private final Map<Long, Memory.Block> blocks = new HashMap<>();
  private long available;

  EmulatedRuntime(long available) {
    this.available = available;
  }

  @Override
  public int ordinal() {
    return 0;
  }

  @Override
  public long stream() {
    return 0;
  }

  /** Filled with NaN: contents of fresh memory must not matter. */
  @Override
  public long allocate(long bytes) {
    if (bytes > available) return 0;
    available -= bytes;
    Memory.Block block = HostMemory.INSTANCE.allocate(bytes);
    block.segment().fill((byte) 0xFF);
    blocks.put(block.address(), new Memory.Block(block.address(), block.segment(), bytes));
    return block.address();
  }

  @Override
  public void free(long address) {
    Memory.Block block = blocks.remove(address);
    available += block.bytes();
    HostMemory.INSTANCE.free(new Memory.Block(address, block.segment(), block.segment().byteSize()));
  }

  @Override
  public long available() {
    return available;
  }

  int blocks() {
    return blocks.size();
  }

  @Override
  public void upload(MemorySegment source, long target, long bytes) {
    MemorySegment.copy(source, 0, MemorySegment.ofAddress(target).reinterpret(bytes), 0, bytes);
  }

  @Override
  public void download(long source, MemorySegment target, long bytes) {
    MemorySegment.copy(MemorySegment.ofAddress(source).reinterpret(bytes), 0, target, 0, bytes);
  }
}
