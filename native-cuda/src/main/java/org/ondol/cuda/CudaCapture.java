package org.ondol.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.ondol.OutOfMemoryException;
import org.ondol.natives.Words;

/**
 * What one thread records. Its calls go to a stream of their own, which is captured and never runs anything, so that other
 * threads work on meanwhile. It owns what its work needs whenever that runs again: a heap for what is allocated, a hold on
 * memory that is used, and page-locked copies of what was copied to the device.
 */
final class CudaCapture {
  private static final long PINNED = 256 << 10;

  final Heap heap = new Heap();
  final long stream;
  /** Where the numbers are that the work is moved by, or 0. */
  final long shift;
  private final CudaContext context;
  private final CudaMemory memory;
  private final Set<Heap.Block> held = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<MemorySegment> pinned = new ArrayList<>();
  private long pinnedUsed;

  /** Begins to record on the calling thread. */
  CudaCapture(CudaContext context, CudaMemory memory, long shift) {
    this.context = context;
    this.memory = memory;
    this.shift = shift;
    stream = context.runtime.createStream();
    try {
      context.runtime.beginCapture(stream);
    } catch (CudaFailure e) {
      context.runtime.destroyStream(stream);
      throw e;
    }
    context.enter(this);
    if (shift != 0) hold(shift);
  }

  /** Ends the recording: what runs it. */
  CudaGraph end() {
    context.leave();
    long graph = 0;
    try {
      graph = context.runtime.endCapture(stream);
    } finally {
      if (graph == 0) release();
      context.runtime.destroyStream(stream);
    }
    return new CudaGraph(context, this, graph);
  }

  /** Ends the recording for nothing. */
  void cancel() {
    context.leave();
    try {
      context.runtime.destroyGraph(context.runtime.endCapture(stream));
    } catch (CudaFailure e) {
      context.errors.of(e, "ending a recording"); // for its loss; the body's own exception is on its way
    }
    try {
      context.runtime.destroyStream(stream);
    } catch (CudaFailure e) {
      context.errors.of(e, "ending a recording");
    }
    release();
  }

  boolean holds(Heap.Block block) {
    return held.contains(block);
  }

  /** Keeps the memory that an address lies in. */
  void hold(long address) {
    Heap.Block block = memory.hold(address, this);
    if (block != null) held.add(block);
  }

  /** Keeps the memory under a call's operands: any word that would be an address there is taken for one. */
  void hold(Words args) {
    for (long i = 0; i < args.written(); i++) hold(args.get(i));
  }

  /** Records a copy of what the source holds now. */
  void upload(MemorySegment source, long target, long bytes) {
    hold(target);
    long size = (bytes + 63) / 64 * 64;
    if (pinned.isEmpty() || pinned.getLast().byteSize() - pinnedUsed < size) {
      long asked = Math.max(PINNED, size);
      MemorySegment fresh = context.runtime.pin(asked);
      if (fresh == null) throw new OutOfMemoryException(context.device, asked, "page-locked host memory for a recording's copies");
      pinned.add(fresh);
      pinnedUsed = 0;
    }
    MemorySegment kept = pinned.getLast().asSlice(pinnedUsed, bytes);
    pinnedUsed += size;
    MemorySegment.copy(source, 0, kept, 0, bytes);
    context.runtime.upload(kept, target, bytes, stream);
  }

  /** Gives everything back. Runs that are queued go on: what is allocated next is used behind them. */
  void release() {
    memory.release(held, heap);
    held.clear();
    if (pinned.isEmpty() || context.errors.isLost()) return;
    try {
      context.runtime.synchronize(context.stream);
      for (MemorySegment segment : pinned) context.runtime.unpin(segment);
    } catch (CudaFailure e) {
      context.errors.of(e, "ending a recording");
    }
    pinned.clear();
  }
}
