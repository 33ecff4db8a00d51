package org.ondol;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /** From this size on, what the machine has left is looked up first. */
  private static final long LARGE = 64L << 20;

  private final Map<Long, ArrayDeque<Cached>> free = new HashMap<>();
  private final Map<Long, Arena> owners = new HashMap<>();
  private long kept;
  /** Bytes of all blocks, in use and kept. */
  private long total;
  /** What {@link #total} may reach; read when the first large block is asked for. */
  private long limit;

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
      throw new OutOfMemoryException("host", bytes, "the machine has not that much left, or the limit of off-heap tensors "
          + "(-Dondol.host.bytes, by default three quarters of the memory) is reached");
    }
    return block;
  }

  private Block fresh(long size) {
    if (size >= LARGE && !affordable(size)) return null;
    Arena arena = Arena.ofShared();
    try {
      MemorySegment segment = arena.allocate(size, 64);
      synchronized (this) {
        owners.put(segment.address(), arena);
        total += size;
      }
      return new Block(segment.address(), segment, size);
    } catch (OutOfMemoryError e) {
      arena.close();
      return null;
    }
  }

  /**
   * Whether a large block fits. Linux hands out more memory than there is and ends the process when it is written (arenas are
   * filled with zeros), so the question has to be asked before.
   */
  private boolean affordable(long size) {
    long available = meminfo("MemAvailable:");
    synchronized (this) {
      if (limit == 0) {
        long machine = meminfo("MemTotal:");
        // Elsewhere than on Linux: a maximum heap is by default a quarter of the memory.
        long memory = machine > 0 ? machine : 4 * Runtime.getRuntime().maxMemory();
        limit = Long.getLong("ondol.host.bytes", memory / 4 * 3);
      }
      return total + size <= limit && (available < 0 || size < available);
    }
  }

  /** A line of /proc/meminfo in bytes, or -1. */
  private static long meminfo(String key) {
    try (BufferedReader reader = Files.newBufferedReader(Path.of("/proc/meminfo"))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (line.startsWith(key)) return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    } catch (IOException e) {
      // Not Linux.
    }
    return -1;
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
      total -= block.bytes();
    }
    arena.close();
  }

  /** Bytes of the blocks that are in use, those kept for the next allocation not counted. */
  public synchronized long inUse() {
    return total - kept;
  }

  /** Gives all freed memory back to the operating system. */
  @Override
  public long trim() {
    ArrayDeque<Cached> all = new ArrayDeque<>();
    long bytes;
    synchronized (this) {
      free.values().forEach(all::addAll);
      free.clear();
      bytes = kept;
      total -= kept;
      kept = 0;
    }
    all.forEach(c -> c.arena.close());
    return bytes;
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
