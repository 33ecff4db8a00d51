package org.ondol.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.ondol.OutOfMemoryException;
import org.ondol.spi.Memory;

/**
 * Memory of a CUDA device. Freed blocks are kept by size: cudaMalloc takes longer than most kernels, and cudaFree waits
 * for the device. A block may be handed out again while kernels that use it are still queued, because everything that
 * touches it next is queued behind them on the device's one stream.
 */
final class CudaMemory implements Memory {
  private static final long GRAIN = 512;

  private final String device;
  private final CudaRuntime runtime;
  private final Map<Long, ArrayDeque<Block>> free = new HashMap<>();
  private long kept;
  private long used;

  CudaMemory(String device, CudaRuntime runtime) {
    this.device = device;
    this.runtime = runtime;
  }

  @Override
  public boolean isHost() {
    return false;
  }

  @Override
  public synchronized Block allocate(long bytes) {
    long size = sizeClass(bytes);
    ArrayDeque<Block> list = free.get(size);
    if (list != null && !list.isEmpty()) {
      kept -= size;
      used += size;
      return list.pop();
    }
    long address = runtime.allocate(size);
    if (address == 0 && kept > 0) {
      trim();
      address = runtime.allocate(size);
    }
    if (address == 0) {
      throw new OutOfMemoryException(device, bytes, runtime.available() + " bytes are free on the device, "
          + used + " are held by open tensors of this process; close some or use a smaller batch");
    }
    used += size;
    return new Block(address, null, size);
  }

  @Override
  public synchronized void free(Block block) {
    used -= block.bytes();
    kept += block.bytes();
    free.computeIfAbsent(block.bytes(), s -> new ArrayDeque<>()).push(block);
  }

  /** Gives the kept blocks back to the driver. */
  private void trim() {
    for (ArrayDeque<Block> list : free.values()) {
      for (Block block : list) runtime.free(block.address());
    }
    free.clear();
    kept = 0;
  }

  /** One of eight sizes per power of two, so that blocks of about the same size serve each other. */
  private static long sizeClass(long bytes) {
    if (bytes <= GRAIN) return GRAIN;
    if (bytes > 1L << 60) return bytes;
    long step = Math.max(GRAIN, Long.highestOneBit(bytes - 1) >> 3);
    return (bytes + step - 1) / step * step;
  }

  @Override
  public void upload(MemorySegment source, long target, long bytes) {
    if (bytes > 0) runtime.upload(source, target, bytes);
  }

  @Override
  public void download(long source, MemorySegment target, long bytes) {
    if (bytes > 0) runtime.download(source, target, bytes);
  }
}
