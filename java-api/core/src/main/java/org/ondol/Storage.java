package org.ondol;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicInteger;
import org.ondol.spi.Memory;

/**
 * The memory under one or more tensors. It counts its users: every open tensor is one, every running operation another, so
 * that closing a tensor while a kernel reads it frees the memory only when the kernel is done.
 */
final class Storage {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final boolean TRACE = "trace".equals(System.getProperty("ondol.leaks"));

  final Memory memory;
  final Memory.Block block;
  /** Bytes that were asked for; the block may be larger. */
  final long bytes;
  /** Whether native code may use the address at any time: false for heap arrays and arenas that their owner can close. */
  final boolean nativeSafe;
  private final Release release;
  private final Cleaner.Cleanable cleanable;

  /** What frees the memory; must not refer to the storage, or the cleaner would never see it unreachable. */
  private static final class Release implements Runnable {
    final AtomicInteger users = new AtomicInteger(1);
    final Memory memory;
    final Memory.Block block;
    final Throwable site = TRACE ? new Throwable("allocated here") : null;

    Release(Memory memory, Memory.Block block) {
      this.memory = memory;
      this.block = block;
    }

    @Override
    public void run() {
      if (users.getAndSet(0) > 0) {
        memory.free(block);
        System.getLogger("org.ondol").log(System.Logger.Level.WARNING,
            "a tensor of " + block.bytes() + " bytes was never closed; its memory was freed by the garbage collector"
                + (TRACE ? "" : " (run with -Dondol.leaks=trace to see where it was made)"), site);
      }
    }
  }

  private Storage(Memory memory, Memory.Block block, long bytes, boolean owned, boolean nativeSafe) {
    this.memory = memory;
    this.block = block;
    this.bytes = bytes;
    this.nativeSafe = nativeSafe;
    this.release = new Release(memory, block);
    this.cleanable = owned ? CLEANER.register(this, release) : null;
  }

  static Storage allocate(Memory memory, long bytes) {
    return new Storage(memory, memory.allocate(Math.max(bytes, 1)), bytes, true, true);
  }

  /** Memory that somebody else owns and keeps alive for as long as the segment object is reachable. */
  static Storage wrap(Memory memory, MemorySegment segment, boolean nativeSafe) {
    Memory.Block block = new Memory.Block(segment.isNative() ? segment.address() : 0, segment, segment.byteSize());
    return new Storage(memory, block, segment.byteSize(), false, nativeSafe);
  }

  /** The Java array that holds the elements, or null. */
  Object heap() {
    MemorySegment segment = block.segment();
    return segment == null ? null : segment.heapBase().orElse(null);
  }

  /** The first byte of the memory, in the heap array or in the address space (of the device). */
  long start() {
    return heap() == null ? block.address() : block.segment().address();
  }

  boolean sameMemory(Storage other) {
    return block.segment() == other.block.segment() && block.address() == other.block.address();
  }

  /** Adds a user; false if the memory was freed already. */
  boolean retain() {
    AtomicInteger users = release.users;
    int n = users.get();
    while (n > 0) {
      if (users.compareAndSet(n, n + 1)) return true;
      n = users.get();
    }
    return false;
  }

  void release() {
    if (release.users.decrementAndGet() == 0 && cleanable != null) {
      memory.free(block);
      cleanable.clean();
    }
  }
}
