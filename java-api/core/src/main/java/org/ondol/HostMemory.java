package org.ondol;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.ondol.spi.Memory;

/**
 * Off-heap memory of the process, shared by all host devices. Freed blocks are kept by size for the next allocation:
 * fresh memory costs a page fault every 4 KiB, which for activations is more than the operations that write them.
 */
public final class HostMemory implements Memory {
  /** The one instance. */
  public static final HostMemory INSTANCE = new HostMemory();

  /** Freed bytes kept at most; more is given back to the operating system. */
  private static final long KEEP = Long.getLong("ondol.host.cache.bytes", 512L << 20);

  private final Map<Long, ArrayDeque<Cached>> free = new HashMap<>();
  private final Map<Long, Arena> owners = new HashMap<>();
  private long kept;

  private record Cached(Arena arena, Block block) {}

  private HostMemory() {}

  @Override
  public boolean isHost() {
    return true;
  }

  @Override
  public Block allocate(long bytes) {
    long size = sizeClass(bytes);
    synchronized (this) {
      ArrayDeque<Cached> list = free.get(size);
      if (list != null && !list.isEmpty()) {
        Cached cached = list.pop();
        kept -= size;
        owners.put(cached.block.address(), cached.arena);
        return cached.block;
      }
    }
    Block block = fresh(size);
    if (block == null) {
      trim();
      block = fresh(size);
    }
    if (block == null) {
      throw new OutOfMemoryException("host", bytes, "off-heap memory is exhausted; its limit is -XX:MaxDirectMemorySize "
          + "(by default the maximum heap size)");
    }
    return block;
  }

  private Block fresh(long size) {
    Arena arena = Arena.ofShared();
    try {
      MemorySegment segment = arena.allocate(size, 64);
      synchronized (this) {
        owners.put(segment.address(), arena);
      }
      return new Block(segment.address(), segment, size);
    } catch (OutOfMemoryError e) {
      arena.close();
      return null;
    }
  }

  @Override
  public void free(Block block) {
    Arena arena;
    synchronized (this) {
      arena = owners.remove(block.address());
      if (kept + block.bytes() <= KEEP) {
        kept += block.bytes();
        free.computeIfAbsent(block.bytes(), s -> new ArrayDeque<>()).push(new Cached(arena, block));
        return;
      }
    }
    arena.close();
  }

  /** Gives all freed memory back to the operating system. */
  public void trim() {
    ArrayDeque<Cached> all = new ArrayDeque<>();
    synchronized (this) {
      free.values().forEach(all::addAll);
      free.clear();
      kept = 0;
    }
    all.forEach(c -> c.arena.close());
  }

  /** Rounds up to one of eight sizes per power of two (at most an eighth is wasted), never below 64. */
  static long sizeClass(long bytes) {
    if (bytes <= 64) return 64;
    if (bytes > 1L << 60) return bytes;
    long step = Math.max(64, Long.highestOneBit(bytes - 1) >> 3);
    return (bytes + step - 1) / step * step;
  }

  @Override
  public void upload(MemorySegment source, long target, long bytes) {
    throw new UnsupportedOperationException("host memory is read directly");
  }

  @Override
  public void download(long source, MemorySegment target, long bytes) {
    throw new UnsupportedOperationException("host memory is read directly");
  }
}
