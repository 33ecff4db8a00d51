package org.ondol.spi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The memory of a device. */
public interface Memory {
  /**
   * A piece of device memory.
   *
   * @param address where it begins, as the device's kernels take it; 0 for a Java heap array
   * @param segment the same memory for the JVM, or null where the JVM cannot read it
   * @param bytes its size
   */
  record Block(long address, MemorySegment segment, long bytes) {}

  /** Whether the JVM reads this memory directly, so that all host devices share it without a copy. */
  boolean isHost();

  /**
   * Allocates at least {@code bytes} bytes, 64-byte aligned, contents undefined.
   *
   * @throws org.ondol.OutOfMemoryException if there is not enough
   */
  Block allocate(long bytes);

  /** Gives a block back. */
  void free(Block block);

  /**
   * Gives freed blocks that are kept for the next allocation back to the system.
   *
   * @return bytes that were given back
   */
  default long trim() {
    return 0;
  }

  /** Fills {@code bytes} bytes at a device address with zeros. */
  default void zero(long target, long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      upload(arena.allocate(bytes), target, bytes);
    }
  }

  /** Copies from the JVM's memory to {@code bytes} bytes at a device address; returns when the source may be reused. */
  void upload(MemorySegment source, long target, long bytes);

  /** Copies {@code bytes} bytes at a device address to the JVM's memory; returns when they are there. */
  void download(long source, MemorySegment target, long bytes);
}
